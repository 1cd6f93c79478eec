#include "view/view.h"

/* Of managed fields it is asked who wrote the ingress and our condition; the rest is most of an object. */
static const struct js_keep ingress_field[] = { JS_KEEP("f:ingress", js_keep_presence), JS_KEEP_END };
static const struct js_keep condition_field[] = {
	JS_KEEP("k:{\\\"type\\\":\\\"cilium.io/IPAMRequestSatisfied\\\"}", js_keep_presence),
	JS_KEEP_END,
};
static const struct js_keep managed_status[] = {
	JS_KEEP("f:loadBalancer", ingress_field),
	JS_KEEP("f:conditions", condition_field),
	JS_KEEP_END,
};
static const struct js_keep status_fields[] = { JS_KEEP("f:status", managed_status), JS_KEEP_END };
static const struct js_keep managed_fields[] = { JS_KEEP("manager", NULL), JS_KEEP("fieldsV1", status_fields),
						 JS_KEEP_END };
static const struct js_keep metadata[] = {
	JS_KEEP("name", NULL),
	JS_KEEP("namespace", NULL),
	JS_KEEP("uid", NULL),
	JS_KEEP("resourceVersion", NULL),
	JS_KEEP("generation", NULL),
	JS_KEEP("creationTimestamp", NULL),
	JS_KEEP("deletionTimestamp", NULL),
	JS_KEEP("labels", NULL),
	JS_KEEP("annotations", NULL),
	JS_KEEP_END,
};
static const struct js_keep managed_conditions[] = { JS_KEEP("f:conditions", js_keep_presence), JS_KEEP_END };
static const struct js_keep pool_status_fields[] = { JS_KEEP("f:status", managed_conditions), JS_KEEP_END };
static const struct js_keep pool_managed_fields[] = { JS_KEEP("manager", NULL),
						      JS_KEEP("fieldsV1", pool_status_fields), JS_KEEP_END };
static const struct js_keep pool_metadata[] = {
	JS_KEEP("name", NULL),
	JS_KEEP("uid", NULL),
	JS_KEEP("resourceVersion", NULL),
	JS_KEEP("generation", NULL),
	JS_KEEP("creationTimestamp", NULL),
	JS_KEEP("deletionTimestamp", NULL),
	JS_KEEP("labels", NULL),
	JS_KEEP("finalizers", NULL),
	JS_KEEP("managedFields", pool_managed_fields),
	JS_KEEP_END,
};
static const struct js_keep namespace_metadata[] = { JS_KEEP("name", NULL), JS_KEEP("labels", NULL),
						     JS_KEEP_END };
static const struct js_keep service_metadata[] = {
	JS_KEEP("name", NULL),
	JS_KEEP("namespace", NULL),
	JS_KEEP("uid", NULL),
	JS_KEEP("resourceVersion", NULL),
	JS_KEEP("creationTimestamp", NULL),
	JS_KEEP("deletionTimestamp", NULL),
	JS_KEEP("labels", NULL),
	JS_KEEP("annotations", NULL),
	JS_KEEP("managedFields", managed_fields),
	JS_KEEP_END,
};
static const struct js_keep port[] = { JS_KEEP("port", NULL), JS_KEEP("protocol", NULL), JS_KEEP_END };
static const struct js_keep service_spec[] = {
	JS_KEEP("type", NULL),           JS_KEEP("loadBalancerClass", NULL),
	JS_KEEP("loadBalancerIP", NULL), JS_KEEP("externalTrafficPolicy", NULL),
	JS_KEEP("ipFamilyPolicy", NULL), JS_KEEP("ipFamilies", NULL),
	JS_KEEP("externalIPs", NULL),    JS_KEEP("ports", port),
	JS_KEEP("selector", NULL),       JS_KEEP_END,
};
static const struct js_keep condition[] = {
	JS_KEEP("type", NULL), JS_KEEP("status", NULL), JS_KEEP("reason", NULL), JS_KEEP("message", NULL),
	JS_KEEP_END,
};
static const struct js_keep service_status[] = {
	JS_KEEP("loadBalancer", NULL),
	JS_KEEP("conditions", condition),
	JS_KEEP_END,
};
static const struct js_keep service[] = {
	JS_KEEP("metadata", service_metadata),
	JS_KEEP("spec", service_spec),
	JS_KEEP("status", service_status),
	JS_KEEP_END,
};
static const struct js_keep pool[] = {
	JS_KEEP("metadata", pool_metadata),
	JS_KEEP("spec", NULL),
	JS_KEEP("status", NULL),
	JS_KEEP_END,
};
/* Policies and reservations, which are small. */
static const struct js_keep rule[] = {
	JS_KEEP("metadata", metadata),
	JS_KEEP("spec", NULL),
	JS_KEEP("status", NULL),
	JS_KEEP_END,
};
static const struct js_keep namespace[] = { JS_KEEP("metadata", namespace_metadata), JS_KEEP_END };
static const struct js_keep record[] = { JS_KEEP("metadata", metadata), JS_KEEP_END };

/* A Node's status names every image it has. */
static const struct js_keep node_status[] = { JS_KEEP("addresses", NULL), JS_KEEP_END };
static const struct js_keep managed_ipam[] = { JS_KEEP("f:podCIDRs", js_keep_presence), JS_KEEP_END };
static const struct js_keep managed_node_spec[] = {
	JS_KEEP("f:podCIDR", js_keep_presence),
	JS_KEEP("f:podCIDRs", js_keep_presence),
	JS_KEEP("f:ipam", managed_ipam),
	JS_KEEP_END,
};
static const struct js_keep managed_node[] = { JS_KEEP("f:spec", managed_node_spec), JS_KEEP_END };
static const struct js_keep node_managed_fields[] = { JS_KEEP("manager", NULL),
						      JS_KEEP("fieldsV1", managed_node), JS_KEEP_END };
static const struct js_keep node_metadata[] = {
	JS_KEEP("name", NULL),
	JS_KEEP("uid", NULL),
	JS_KEEP("resourceVersion", NULL),
	JS_KEEP("creationTimestamp", NULL),
	JS_KEEP("deletionTimestamp", NULL),
	JS_KEEP("ownerReferences", NULL),
	JS_KEEP("managedFields", node_managed_fields),
	JS_KEEP_END,
};
static const struct js_keep node_spec[] = { JS_KEEP("podCIDR", NULL), JS_KEEP("podCIDRs", NULL),
					    JS_KEEP_END };
static const struct js_keep node[] = {
	JS_KEEP("metadata", node_metadata),
	JS_KEEP("spec", node_spec),
	JS_KEEP("status", node_status),
	JS_KEEP_END,
};
static const struct js_keep ipam[] = { JS_KEEP("podCIDRs", NULL), JS_KEEP_END };
static const struct js_keep cilium_node_spec[] = { JS_KEEP("ipam", ipam), JS_KEEP_END };
static const struct js_keep ipam_error[] = { JS_KEEP("error", NULL), JS_KEEP_END };
static const struct js_keep ipam_status[] = { JS_KEEP("operator-status", ipam_error), JS_KEEP_END };
static const struct js_keep cilium_node_status[] = { JS_KEEP("ipam", ipam_status), JS_KEEP_END };
static const struct js_keep cilium_node[] = {
	JS_KEEP("metadata", node_metadata),
	JS_KEEP("spec", cilium_node_spec),
	JS_KEEP("status", cilium_node_status),
	JS_KEEP_END,
};
static const struct js_keep service_cidr_spec[] = { JS_KEEP("cidrs", NULL), JS_KEEP_END };
static const struct js_keep service_cidr[] = {
	JS_KEEP("metadata", metadata),
	JS_KEEP("spec", service_cidr_spec),
	JS_KEEP_END,
};

const struct js_keep *view_fields(enum ipam_kind k)
{
	static const struct js_keep *const fields[IPAM_KINDS] = {
		[KIND_SERVICE] = service,
		[KIND_POOL] = pool,
		[KIND_RECORD] = record,
		[KIND_NODE] = node,
		[KIND_SERVICE_CIDR] = service_cidr,
		[KIND_POLICY] = rule,
		[KIND_RESERVATION] = rule,
		[KIND_NAMESPACE] = namespace,
		[KIND_CILIUM_NODE] = cilium_node,
	};
	return k < IPAM_KINDS ? fields[k] : NULL;
}
