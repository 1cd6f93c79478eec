#include "view/parts.h"

#include <errno.h>

static bool cidrs_ours(const struct js *managed, const struct view_config *c, enum node_side side)
{
	for (size_t i = 0; i < js_len(managed); i++) {
		const struct js *entry = js_item(managed, i), *spec = js_path(entry, "fieldsV1", "f:spec");
		bool has = side == SIDE_NODE ? js_has(spec, "f:podCIDRs") || js_has(spec, "f:podCIDR")
					     : js_has(js_get(spec, "f:ipam"), "f:podCIDRs");
		if (has && is_our_manager(c, js_str(js_get(entry, "manager"))))
			return true;
	}
	return false;
}

static void read_addresses(const struct js *list, struct node_view *v)
{
	v->addresses = xcalloc(js_len(list), sizeof(*v->addresses));
	/* Host names and DNS names do not parse, and are not meant. */
	for (size_t i = 0; i < js_len(list); i++)
		if (ip_parse(js_text(js_get(js_item(list, i), "address")), &v->addresses[v->in.n_addresses],
			     NULL) == 0)
			v->in.n_addresses++;
	v->in.addresses = v->addresses;
}

static void read_cidrs(const struct js *list, const struct js *single, struct node_view *v)
{
	v->cidrs = xcalloc(js_len(list) + 1, sizeof(*v->cidrs));
	for (size_t i = 0; i < js_len(list); i++) {
		const char *text = js_str(js_item(list, i));
		if (text && text[0])
			v->cidrs[v->in.n_cidrs++] = text;
	}
	const char *text = js_str(single);
	if (v->in.n_cidrs == 0 && text && text[0])
		v->cidrs[v->in.n_cidrs++] = text;
	v->in.cidrs = v->cidrs;
}

int view_node(const struct js *object, enum node_side side, const struct view_config *c,
	      struct node_view *ret, struct err *e)
{
	const struct js *meta = js_get(object, "metadata"), *spec = js_get(object, "spec");
	if (!view_name(object))
		return err_set(e, EINVAL, "a node without name");
	*ret = (struct node_view){ 0 };
	struct node_in *in = &ret->in;
	in->side = side;
	in->name = view_name(object);
	in->uid = js_str(js_get(meta, "uid"));
	in->resource_version = js_str(js_get(meta, "resourceVersion"));
	(void)time_parse(js_text(js_get(meta, "creationTimestamp")), &in->created);
	in->deleting = js_has(meta, "deletionTimestamp");
	in->owned = js_len(js_get(meta, "ownerReferences")) > 0;
	in->cidrs_ours = cidrs_ours(js_get(meta, "managedFields"), c, side);
	if (side == SIDE_NODE) {
		read_addresses(js_path(object, "status", "addresses"), ret);
		read_cidrs(js_get(spec, "podCIDRs"), js_get(spec, "podCIDR"), ret);
	} else {
		read_cidrs(js_path(spec, "ipam", "podCIDRs"), NULL, ret);
		in->error = js_str(js_path(object, "status", "ipam", "operator-status", "error"));
	}
	return 0;
}

void node_view_done(struct node_view *v)
{
	free(v->addresses);
	free(v->cidrs);
	*v = (struct node_view){ 0 };
}
