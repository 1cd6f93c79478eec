/* The kinds of the Kubernetes API that berth uses, and the paths of their objects. */
#pragma once

#include "base/buf.h"

enum { RESOURCE_VERSIONS_MAX = 3 };

struct resource {
	const char *group;                               /* "" for the core group */
	const char *versions[RESOURCE_VERSIONS_MAX + 1]; /* that we can work with, best first; NULL ends */
	const char *plural;
	const char *kind;
	bool namespaced;
};

enum resource_id {
	RES_NAMESPACES,
	RES_NODES,
	RES_SERVICES,
	RES_CONFIGMAPS,
	RES_SECRETS,
	RES_EVENTS,
	RES_ENDPOINTSLICES,
	RES_LEASES,
	RES_IPADDRESSES,
	RES_SERVICECIDRS,
	RES_CRDS,
	RES_VALIDATING_WEBHOOKS,
	RES_CILIUM_POOLS,
	RES_CILIUM_NODES,
	RES_POOL_POLICIES,
	RES_RESERVATIONS,
	RES_COUNT
};

/* One row for each kind; never NULL. */
const struct resource *resource(enum resource_id id);
/* By group and plural ("cilium.io", "ciliumloadbalancerippools"); NULL if it is none of ours. */
const struct resource *resource_find(struct slice group, struct slice plural);
/* By what stands in an object: apiVersion ("v1", "cilium.io/v2", any version of the group) and kind. */
const struct resource *resource_of_object(struct slice api_version, struct slice kind);

/* "networking.k8s.io/v1", "v1". version NULL = the first. */
void resource_api_version(struct buf *out, const struct resource *r, const char *version);

/* "/api/v1/namespaces/a/services/b/status". version NULL = the first; ns NULL = all namespaces or
 * cluster-scoped; name NULL = the collection; sub NULL = the object itself. Names are escaped. */
void resource_path(struct buf *out, const struct resource *r, const char *version, const char *ns,
		   const char *name, const char *sub);
/* Adds "?key=value", or "&key=value" where there is a query already; the value is escaped. */
void path_add_query(struct buf *path, const char *key, const char *value);
