#include "kube/resource.h"

#include "base/mem.h"

static const struct resource table[RES_COUNT] = {
	[RES_NAMESPACES] = { "", { "v1" }, "namespaces", "Namespace", false },
	[RES_NODES] = { "", { "v1" }, "nodes", "Node", false },
	[RES_SERVICES] = { "", { "v1" }, "services", "Service", true },
	[RES_CONFIGMAPS] = { "", { "v1" }, "configmaps", "ConfigMap", true },
	[RES_SECRETS] = { "", { "v1" }, "secrets", "Secret", true },
	[RES_EVENTS] = { "", { "v1" }, "events", "Event", true },
	[RES_ENDPOINTSLICES] = { "discovery.k8s.io", { "v1" }, "endpointslices", "EndpointSlice", true },
	[RES_LEASES] = { "coordination.k8s.io", { "v1" }, "leases", "Lease", true },
	/* IPAddress and ServiceCIDR: alpha in 1.27 and 1.28 with another shape, beta from 1.31, GA in 1.33.
	 */
	[RES_IPADDRESSES] = { "networking.k8s.io", { "v1", "v1beta1" }, "ipaddresses", "IPAddress", false },
	[RES_SERVICECIDRS] = { "networking.k8s.io",
			       { "v1", "v1beta1" },
			       "servicecidrs",
			       "ServiceCIDR",
			       false },
	[RES_CRDS] = { "apiextensions.k8s.io",
		       { "v1" },
		       "customresourcedefinitions",
		       "CustomResourceDefinition",
		       false },
	[RES_VALIDATING_WEBHOOKS] = { "admissionregistration.k8s.io",
				      { "v1" },
				      "validatingwebhookconfigurations",
				      "ValidatingWebhookConfiguration",
				      false },
	[RES_CILIUM_POOLS] = { "cilium.io",
			       { "v2", "v2alpha1" },
			       "ciliumloadbalancerippools",
			       "CiliumLoadBalancerIPPool",
			       false },
	[RES_CILIUM_NODES] = { "cilium.io", { "v2" }, "ciliumnodes", "CiliumNode", false },
	[RES_POOL_POLICIES] = { "berth.dev", { "v1alpha1" }, "ippoolpolicies", "IPPoolPolicy", false },
	[RES_RESERVATIONS] = { "berth.dev", { "v1alpha1" }, "ipreservations", "IPReservation", false },
};

const struct resource *resource(enum resource_id id)
{
	return &table[id];
}

const struct resource *resource_find(struct slice group, struct slice plural)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (slice_is(group, table[i].group) && slice_is(plural, table[i].plural))
			return &table[i];
	return NULL;
}

const struct resource *resource_of_object(struct slice api_version, struct slice kind)
{
	struct slice group = { "", 0 };
	const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
	if (slash)
		group = (struct slice){ api_version.ptr, (size_t)(slash - api_version.ptr) };
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (slice_is(group, table[i].group) && slice_is(kind, table[i].kind))
			return &table[i];
	return NULL;
}

void resource_api_version(struct buf *out, const struct resource *r, const char *version)
{
	if (r->group[0])
		buf_addf(out, "%s/", r->group);
	buf_add_str(out, version ? version : r->versions[0]);
}

void resource_path(struct buf *out, const struct resource *r, const char *version, const char *ns,
		   const char *name, const char *sub)
{
	buf_add_str(out, r->group[0] ? "/apis/" : "/api/");
	resource_api_version(out, r, version);
	if (r->namespaced && ns) {
		buf_add_str(out, "/namespaces/");
		buf_add_url(out, slice_of(ns));
	}
	buf_addf(out, "/%s", r->plural);
	if (name) {
		buf_add_char(out, '/');
		buf_add_url(out, slice_of(name));
	}
	if (sub)
		buf_addf(out, "/%s", sub);
}

void path_add_query(struct buf *path, const char *key, const char *value)
{
	bool first = !strchr(buf_str(path), '?');
	buf_addf(path, "%c%s=", first ? '?' : '&', key);
	buf_add_url(path, slice_of(value));
}
