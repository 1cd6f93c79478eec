#include "view/tell.h"

static int tell_service(struct ipam *m, const struct js *object, const struct view_config *c, enum told_by by,
			struct moment now, struct err *e)
{
	CLEANUP(service_view_done) struct service_view v = { 0 };
	int r = view_service(object, c, &v, e);
	v.in.by = by;
	if (r == 0)
		ipam_service(m, &v.in, now);
	return r;
}

static int tell_pool(struct ipam *m, const struct js *object, const struct view_config *c, enum told_by by,
		     struct moment now, struct err *e)
{
	CLEANUP(pool_view_done) struct pool_view v = { 0 };
	int r = view_pool(object, c, &v, e);
	v.in.by = by;
	if (r == 0)
		ipam_pool(m, &v.in, now);
	return r;
}

static int tell_record(struct ipam *m, const struct js *object, enum told_by by, struct moment now,
		       struct err *e)
{
	CLEANUP(record_view_done) struct record_view v = { 0 };
	int r = view_record(object, &v, e);
	v.in.by = by;
	if (r == 0)
		ipam_record(m, &v.in, now);
	return r;
}

static int tell_policy(struct ipam *m, const struct js *object, enum told_by by, struct moment now,
		       struct err *e)
{
	CLEANUP(policy_view_done) struct policy_view v = { 0 };
	int r = view_policy(object, &v, e);
	v.in.by = by;
	if (r == 0)
		ipam_policy(m, &v.in, now);
	return r;
}

static int tell_reservation(struct ipam *m, const struct js *object, enum told_by by, struct moment now,
			    struct err *e)
{
	CLEANUP(reservation_view_done) struct reservation_view v = { 0 };
	int r = view_reservation(object, &v, e);
	v.in.by = by;
	if (r == 0)
		ipam_reservation(m, &v.in, now);
	return r;
}

static void tell_namespace(struct ipam *m, const struct js *object, struct moment now)
{
	CLEANUP(freep) struct label *labels = NULL;
	size_t n = view_namespace_labels(object, &labels);
	ipam_namespace(m, view_name(object), labels, n, now);
}

static int tell_node(struct ipam *m, enum node_side side, const struct js *object,
		     const struct view_config *c, enum told_by by, struct moment now, struct err *e)
{
	CLEANUP(node_view_done) struct node_view v = { 0 };
	int r = view_node(object, side, c, &v, e);
	v.in.by = by;
	if (r == 0)
		ipam_node(m, &v.in, now);
	return r;
}

static void tell_service_cidr(struct ipam *m, const struct js *object, struct moment now)
{
	CLEANUP(freep) struct range *ranges = NULL;
	size_t n = view_service_cidr(object, &ranges);
	ipam_service_cidr(m, view_name(object), ranges, n, now);
}

int view_tell(struct ipam *m, enum ipam_kind kind, const struct js *object, const struct view_config *c,
	      enum told_by by, struct moment now, struct err *e)
{
	switch (kind) {
	case KIND_SERVICE:
		return tell_service(m, object, c, by, now, e);
	case KIND_POOL:
		return tell_pool(m, object, c, by, now, e);
	case KIND_RECORD:
		return tell_record(m, object, by, now, e);
	case KIND_NODE:
		return tell_node(m, SIDE_NODE, object, c, by, now, e);
	case KIND_CILIUM_NODE:
		return tell_node(m, SIDE_CILIUM, object, c, by, now, e);
	case KIND_SERVICE_CIDR:
		tell_service_cidr(m, object, now);
		break;
	case KIND_POLICY:
		return tell_policy(m, object, by, now, e);
	case KIND_NAMESPACE:
		tell_namespace(m, object, now);
		break;
	case KIND_RESERVATION:
		return tell_reservation(m, object, by, now, e);
	case IPAM_KINDS:
		break;
	}
	return 0;
}

bool view_known(const struct ipam *m, enum ipam_kind kind, const char *namespace, const char *name,
		const char *uid, const char *resource_version)
{
	struct ip ip;
	if (kind == KIND_SERVICE)
		return ipam_service_known(m, namespace, name, uid, resource_version);
	return kind == KIND_RECORD && ip_parse(slice_of(name), &ip, NULL) == 0 &&
	       ipam_record_known(m, ip, uid, resource_version);
}

void view_tell_deleted(struct ipam *m, enum ipam_kind kind, const struct js *object, struct moment now)
{
	const char *name = view_name(object), *uid = js_str(js_path(object, "metadata", "uid"));
	struct ip ip;
	switch (kind) {
	case KIND_SERVICE:
		ipam_service_deleted(m, view_namespace(object), name, uid, now);
		break;
	case KIND_POOL:
		ipam_pool_deleted(m, name, uid, now);
		break;
	case KIND_RECORD:
		if (ip_parse(slice_of(name), &ip, NULL) == 0)
			ipam_record_deleted(m, ip, now);
		break;
	case KIND_NODE:
		ipam_node_deleted(m, SIDE_NODE, name, uid, now);
		break;
	case KIND_CILIUM_NODE:
		ipam_node_deleted(m, SIDE_CILIUM, name, uid, now);
		break;
	case KIND_SERVICE_CIDR:
		ipam_service_cidr(m, name, NULL, 0, now);
		break;
	case KIND_POLICY:
		ipam_policy_deleted(m, name, now);
		break;
	case KIND_NAMESPACE:
		ipam_namespace_deleted(m, name, now);
		break;
	case KIND_RESERVATION:
		ipam_reservation_deleted(m, name, now);
		break;
	case IPAM_KINDS:
		break;
	}
}
