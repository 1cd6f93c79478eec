/* Bodies of the cluster pool: records that claim blocks, PodCIDRs, errors of nodes. */
#include "view/body_parts.h"

/* Who owns the block, for people; what counts is the annotation. The API wants a parent for each record, and
 * the external side is no object, so it gets a resource of our group. */
static void add_parent(const struct effect *e, struct buf *out)
{
	const bool cilium = e->record.side == SIDE_CILIUM;
	buf_add_str(out, "\"spec\":{\"parentRef\":{");
	add_member(out, "group", !e->record.node ? "berth.dev" : cilium ? "cilium.io" : "");
	buf_add_char(out, ',');
	add_member(out, "resource", !e->record.node ? "clusterpools" : cilium ? "ciliumnodes" : "nodes");
	buf_add_char(out, ',');
	add_member(out, "name", e->record.node ? e->record.node : "external");
	buf_add_str(out, "}}");
}

void body_claim_create(const struct effect *e, const struct body_context *x, struct buf *out)
{
	char label[LABEL_VALUE_MAX], now[RFC3339_MAX];
	buf_add_str(out, "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IPAddress\",\"metadata\":{");
	add_member(out, "name", e->name);
	buf_add_str(out, ",\"labels\":{\"ipaddress.kubernetes.io/managed-by\":\"berth\",");
	add_member(out, "berth.dev/pool", pool_label(e->record.pool, label));
	buf_add_str(out, "},\"annotations\":{");
	add_member(out, "berth.dev/block", e->record.block);
	buf_add_char(out, ',');
	add_member(out, "berth.dev/owner", e->record.owner);
	buf_add_char(out, ',');
	if (e->record.owner_uid) {
		add_member(out, "berth.dev/owner-uid", e->record.owner_uid);
		buf_add_char(out, ',');
	}
	if (e->record.found)
		buf_add_str(out, "\"berth.dev/found\":\"true\",");
	add_member(out, "berth.dev/allocated-at", time_format(x->wall, now));
	buf_add_str(out, "}},");
	add_parent(e, out);
	buf_add_char(out, '}');
}

void body_claim_patch(const struct effect *e, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_addf(out, ",\"annotations\":{\"berth.dev/state\":%s,",
		 e->record.phase == RECORD_RELEASED ? "\"releasing\"" : "null");
	if (e->record.owner_uid)
		add_member(out, "berth.dev/owner-uid", e->record.owner_uid);
	else
		buf_add_str(out, "\"berth.dev/owner-uid\":null");
	buf_add_str(out, "}}}");
}

/* A network as the API wants it: also one of a single address has its prefix length. */
static void add_cidr(struct buf *out, struct range r)
{
	char ip[IP_TEXT_MAX];
	int prefix = 0;
	(void)range_is_cidr(r, &prefix);
	buf_addf(out, "\"%s/%d\"", ip_format(r.lo, ip), prefix);
}

void body_pod_cidrs(const struct effect *e, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_add_str(out, "},\"spec\":{");
	if (e->kind == EFFECT_NODE_PATCH) {
		buf_add_str(out, "\"podCIDR\":");
		add_cidr(out, e->node.cidrs[0]);
		buf_add_char(out, ',');
	} else {
		buf_add_str(out, "\"ipam\":{");
	}
	buf_add_str(out, "\"podCIDRs\":[");
	for (size_t i = 0; i < e->node.n; i++) {
		if (i)
			buf_add_char(out, ',');
		add_cidr(out, e->node.cidrs[i]);
	}
	buf_add_str(out, e->kind == EFFECT_NODE_PATCH ? "]}}" : "]}}}");
}

void body_node_error(const struct effect *e, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_add_str(out, "},\"status\":{\"ipam\":{\"operator-status\":{\"error\":");
	if (e->node.error[0])
		buf_add_json(out, slice_of(e->node.error));
	else
		buf_add_str(out, "null");
	buf_add_str(out, "}}}}");
}
