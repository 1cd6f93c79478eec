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

/* Parts of the views below. */
struct selector_view {
	struct match_in *matches;
	const char ***values; /* per match */
	size_t n;
};
struct conditions_view {
	struct condition_in *items;
	char **raws; /* their texts */
	size_t n;
};

struct pool_view {
	struct pool_in in;
	struct block_in *blocks;
	struct selector_view selector;
	struct label *labels;
	const char **finalizers;
	struct conditions_view conditions;
};
int view_pool(const struct js *object, const struct view_config *c, struct pool_view *ret, struct err *e);
void pool_view_done(struct pool_view *v);

struct record_view {
	struct record_in in;
	struct holding history[HOLDINGS_MAX];
	struct js *document; /* the history annotation as a document: its texts lie here */
};
/* -EINVAL where the name is no address. `in` points into *ret: it is not to be moved. */
int view_record(const struct js *object, struct record_view *ret, struct err *e);
void record_view_done(struct record_view *v);

enum { WATERMARK_MAX = 24 };
struct quota_view {
	struct selector_view selector;
	const char **namespaces;
};
struct policy_view {
	struct policy_in in;
	struct selector_view selector;
	const char **exclude;
	struct quota_in *quotas;
	struct quota_view *quota_parts;
	struct conditions_view conditions;
	char watermark[WATERMARK_MAX];
};
/* `in` points into *ret: it is not to be moved. */
int view_policy(const struct js *object, struct policy_view *ret, struct err *e);
void policy_view_done(struct policy_view *v);

struct reservation_view {
	struct reservation_in in;
	const char **addresses;
};
int view_reservation(const struct js *object, struct reservation_view *ret, struct err *e);
void reservation_view_done(struct reservation_view *v);

/* A Node or a CiliumNode. */
struct node_view {
	struct node_in in;
	struct ip *addresses;
	const char **cidrs;
};
int view_node(const struct js *object, enum node_side side, const struct view_config *c,
	      struct node_view *ret, struct err *e);
void node_view_done(struct node_view *v);

/* Ranges of a ServiceCIDR; *ret is owned by the caller, who frees it. */
size_t view_service_cidr(const struct js *object, struct range **ret);
/* Labels of a Namespace; *ret is owned by the caller, the texts by the document. */
size_t view_namespace_labels(const struct js *object, struct label **ret);

/* What the functions above read of an object: all else need not be parsed. */
const struct js_keep *view_fields(enum ipam_kind k);

/* metadata.name, NULL if it has none. */
const char *view_name(const struct js *object);
const char *view_namespace(const struct js *object); /* "" if it has none */
