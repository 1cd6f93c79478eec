/* Objects of the Kubernetes API as the core wants them. Whatever a document holds, reading it never
 * fails but for a missing name: what is of the wrong type counts as absent. */
#pragma once

#include "core/ipam.h"
#include "data/json_keep.h"

struct view_config {
	/* Field managers that are ours: the present one first, then those of earlier configurations. */
	const char *const *managers; /* NULL-terminated, borrowed */
	bool metallb;                /* --accept-metallb-annotations */
};

/* The texts in `in` are borrowed from the document; the arrays are owned here. */
struct service_view {
	struct service_in in;
	struct label *labels;
	struct port_in *ports;
	struct ingress_in *ingress;
	char **ingress_extra;
	struct ip *external_ips;
	char *pods;
};
int view_service(const struct js *object, const struct view_config *c, struct service_view *ret,
		 struct err *e);
void service_view_done(struct service_view *v);

struct pool_view {
	struct pool_in in;
	struct block_in *blocks;
	struct match_in *matches;
	const char ***values; /* per match */
	struct condition_in *conditions;
	char **raws;
};
int view_pool(const struct js *object, struct pool_view *ret, struct err *e);
void pool_view_done(struct pool_view *v);

/* -EINVAL where the name is no address. */
int view_record(const struct js *object, struct record_in *ret, struct err *e);

/* Addresses of a Node, ranges of a ServiceCIDR; *ret is owned by the caller, who frees it. */
size_t view_node(const struct js *object, struct ip **ret);
size_t view_service_cidr(const struct js *object, struct range **ret);

/* What the functions above read of an object: all else need not be parsed. */
const struct js_keep *view_fields(enum ipam_kind k);

/* metadata.name, NULL if it has none. */
const char *view_name(const struct js *object);
const char *view_namespace(const struct js *object); /* "" if it has none */
