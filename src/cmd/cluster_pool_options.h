/* The flags of the cluster pool. `berth plan` and `berth explain` say what the operator would do, so they
 * read the very same rows. */
#pragma once

#include "cmd/common_options.h"

struct cluster_pool_options {
	char *ipam; /* "cluster-pool", "none"; NULL = not given */
	struct flag_list cidrs[FAMILIES];
	int mask[FAMILIES];
	struct flag_list pod_cidrs;
	bool external;
	enum node_resource node_resource;
	struct flag_list service_ranges;
	msec nodes_gc_interval;
	/* Not flags: what they come to; owned. */
	struct range *entries[FAMILIES], *pods[FAMILIES], *services;
	size_t n_services;
	struct cluster_pool_config config;
	bool on;
};
enum { CLUSTER_POOL_FLAGS = 10 };
extern const struct flag cluster_pool_flags[CLUSTER_POOL_FLAGS];

/* For the check of a flag_set: reads the networks, one mistake for each thing that is wrong. */
void cluster_pool_check(struct cluster_pool_options *o, const struct allocation_options *a,
			struct flag_mistakes *m);
void cluster_pool_options_done(struct cluster_pool_options *o);

/* For struct ipam_config; NULL = there is no cluster pool. Borrowed from the options. */
const struct cluster_pool_config *cluster_pool_config(const struct cluster_pool_options *o);
