#include "view/parts.h"

size_t read_texts(const struct js *list, const char ***ret)
{
	size_t n = js_type(list) == JS_ARRAY ? js_len(list) : 0;
	*ret = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *s = js_str(js_item(list, i));
		(*ret)[i] = s ? s : "";
	}
	return n;
}

size_t read_labels(const struct js *labels, struct label **ret)
{
	size_t n = 0;
	*ret = xcalloc(js_len(labels), sizeof(**ret));
	for (struct js_iter it = js_iter(labels); js_next(&it);) {
		const char *value = js_str(it.value);
		if (value)
			(*ret)[n++] = (struct label){ it.key, value };
	}
	return n;
}

void read_selector(const struct js *selector, struct selector_view *ret)
{
	const struct js *equals = js_get(selector, "matchLabels"),
			*terms = js_get(selector, "matchExpressions");
	size_t n_equals = js_type(equals) == JS_OBJECT ? js_len(equals) : 0;
	size_t n_terms = js_type(terms) == JS_ARRAY ? js_len(terms) : 0, at = 0;
	ret->matches = xcalloc(n_equals + n_terms, sizeof(*ret->matches));
	ret->values = xcalloc(n_equals + n_terms, sizeof(char **));
	for (struct js_iter it = js_iter(equals); js_next(&it); at++) {
		const char *value = js_str(it.value);
		ret->values[at] = xcalloc(1, sizeof(char *));
		ret->values[at][0] = value ? value : "";
		ret->matches[at] = (struct match_in){ it.key, NULL, ret->values[at], 1 };
	}
	for (size_t i = 0; i < n_terms; i++, at++) {
		const struct js *t = js_item(terms, i);
		const char *key = js_str(js_get(t, "key")), *op = js_str(js_get(t, "operator"));
		size_t n = read_texts(js_get(t, "values"), &ret->values[at]);
		ret->matches[at] = (struct match_in){ key ? key : "", op ? op : "", ret->values[at], n };
	}
	ret->n = at;
}

void selector_view_done(struct selector_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->values[i]);
	free(v->matches);
	free(v->values);
	*v = (struct selector_view){ 0 };
}

bool is_our_manager(const struct view_config *c, const char *name)
{
	for (const char *const *m = c->managers; m && *m; m++)
		if (name && strcmp(*m, name) == 0)
			return true;
	return false;
}

void read_conditions(const struct js *list, struct conditions_view *ret)
{
	size_t n = js_type(list) == JS_ARRAY ? js_len(list) : 0;
	ret->items = xcalloc(n, sizeof(*ret->items));
	ret->raws = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const struct js *c = js_item(list, i);
		struct slice status = js_text(js_get(c, "status"));
		struct buf raw = BUF_INIT(JS_SIZE_MAX);
		js_write(c, &raw);
		ret->raws[i] = raw.overflow ? NULL : buf_take(&raw);
		buf_done(&raw);
		ret->items[i] = (struct condition_in){
			.type = js_str(js_get(c, "type")),
			.reason = js_str(js_get(c, "reason")),
			.message = js_str(js_get(c, "message")),
			.transition = js_str(js_get(c, "lastTransitionTime")),
			.status = slice_is(status, "True")    ? COND_TRUE
				  : slice_is(status, "False") ? COND_FALSE
							      : COND_UNKNOWN,
			.generation = js_int(js_get(c, "observedGeneration"), 0),
			.raw = ret->raws[i],
		};
	}
	ret->n = n;
}

void conditions_view_done(struct conditions_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->raws[i]);
	free(v->items);
	free(v->raws);
	*v = (struct conditions_view){ 0 };
}
