#include "view/parts.h"

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

/* Another manager of conditions; NULL = none. */
static const char *other_manager(const struct js *list, const struct view_config *c)
{
	const char *found = NULL;
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *entry = js_item(list, i);
		const char *manager = js_str(js_get(entry, "manager"));
		if (!is_our_manager(c, manager) &&
		    js_has(js_path(entry, "fieldsV1", "f:status"), "f:conditions"))
			found = manager;
	}
	return found;
}

int view_pool(const struct js *object, const struct view_config *c, struct pool_view *ret, struct err *e)
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
	read_selector(js_get(spec, "serviceSelector"), &ret->selector);
	in->matches = ret->selector.matches;
	in->n_matches = ret->selector.n;
	in->n_labels = read_labels(js_get(meta, "labels"), &ret->labels);
	in->labels = ret->labels;
	in->n_finalizers = read_texts(js_get(meta, "finalizers"), &ret->finalizers);
	in->finalizers = ret->finalizers;
	read_conditions(js_path(object, "status", "conditions"), &ret->conditions);
	in->conditions = ret->conditions.items;
	in->n_conditions = ret->conditions.n;
	in->condition_manager = other_manager(js_get(meta, "managedFields"), c);
	return 0;
}

void pool_view_done(struct pool_view *v)
{
	selector_view_done(&v->selector);
	conditions_view_done(&v->conditions);
	free(v->blocks);
	free(v->labels);
	free(v->finalizers);
	*v = (struct pool_view){ 0 };
}
