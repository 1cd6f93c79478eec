#include "view/view.h"

#include <errno.h>

static void read_blocks(const struct js *list, struct pool_view *v)
{
	v->blocks = xcalloc(js_len(list), sizeof(*v->blocks));
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *b = js_item(list, i);
		v->blocks[i] = (struct block_in){
			js_str(js_get(b, "cidr")),
			js_str(js_get(b, "start")),
			js_str(js_get(b, "stop")),
		};
	}
	v->in.blocks = v->blocks;
	v->in.n_blocks = js_len(list);
}

/* Texts of the array; a value that is no text becomes "". */
static size_t texts(const struct js *list, const char ***ret)
{
	size_t n = js_len(list);
	*ret = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *s = js_str(js_item(list, i));
		(*ret)[i] = s ? s : "";
	}
	return n;
}

static void read_selector(const struct js *selector, struct pool_view *v)
{
	const struct js *equals = js_get(selector, "matchLabels"),
			*terms = js_get(selector, "matchExpressions");
	size_t n = js_len(equals) + js_len(terms), at = 0;
	v->matches = xcalloc(n, sizeof(*v->matches));
	v->values = xcalloc(n, sizeof(char **));
	for (struct js_iter it = js_iter(equals); js_next(&it); at++) {
		const char *value = js_str(it.value);
		v->values[at] = xcalloc(1, sizeof(char *));
		v->values[at][0] = value ? value : "";
		v->matches[at] = (struct match_in){ it.key, NULL, v->values[at], 1 };
	}
	for (size_t i = 0; i < js_len(terms); i++, at++) {
		const struct js *t = js_item(terms, i);
		const char *key = js_str(js_get(t, "key")), *op = js_str(js_get(t, "operator"));
		size_t n_values = texts(js_get(t, "values"), &v->values[at]);
		v->matches[at] = (struct match_in){ key ? key : "", op ? op : "", v->values[at], n_values };
	}
	v->in.matches = v->matches;
	v->in.n_matches = at;
}

static void read_conditions(const struct js *list, struct pool_view *v)
{
	size_t n = js_len(list);
	v->conditions = xcalloc(n, sizeof(*v->conditions));
	v->raws = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const struct js *c = js_item(list, i);
		struct slice status = js_text(js_get(c, "status"));
		struct buf raw = BUF_INIT(64 * 1024);
		js_write(c, &raw);
		v->raws[i] = raw.overflow ? NULL : buf_take(&raw);
		buf_done(&raw);
		v->conditions[i] = (struct condition_in){
			.type = js_str(js_get(c, "type")),
			.reason = js_str(js_get(c, "reason")),
			.message = js_str(js_get(c, "message")),
			.transition = js_str(js_get(c, "lastTransitionTime")),
			.status = slice_is(status, "True")    ? COND_TRUE
				  : slice_is(status, "False") ? COND_FALSE
							      : COND_UNKNOWN,
			.generation = js_int(js_get(c, "observedGeneration"), 0),
			.raw = v->raws[i],
		};
	}
	v->in.conditions = v->conditions;
	v->in.n_conditions = n;
}

int view_pool(const struct js *object, struct pool_view *ret, struct err *e)
{
	const struct js *meta = js_get(object, "metadata"), *spec = js_get(object, "spec");
	if (!view_name(object))
		return err_set(e, EINVAL, "a pool without name");
	*ret = (struct pool_view){ 0 };
	struct pool_in *in = &ret->in;
	in->name = view_name(object);
	in->uid = js_str(js_get(meta, "uid"));
	in->resource_version = js_str(js_get(meta, "resourceVersion"));
	(void)time_parse(js_text(js_get(meta, "creationTimestamp")), &in->created);
	in->generation = js_int(js_get(meta, "generation"), 0);
	in->deleting = js_has(meta, "deletionTimestamp");
	in->disabled = js_bool(js_get(spec, "disabled"), false);
	in->reserve_first_last = slice_is(js_text(js_get(spec, "allowFirstLastIPs")), "No");
	read_blocks(js_get(spec, "blocks"), ret);
	read_selector(js_get(spec, "serviceSelector"), ret);
	read_conditions(js_path(object, "status", "conditions"), ret);
	return 0;
}

void pool_view_done(struct pool_view *v)
{
	for (size_t i = 0; i < v->in.n_matches && v->values; i++)
		free(v->values[i]);
	for (size_t i = 0; i < v->in.n_conditions && v->raws; i++)
		free(v->raws[i]);
	free(v->blocks);
	free(v->matches);
	free(v->values);
	free(v->conditions);
	free(v->raws);
	*v = (struct pool_view){ 0 };
}
