/* The flags of `berth status` and `berth history`, which look at a cluster as it stands, and of `berth
 * cleanup`. */
#pragma once

#include "cmd/cluster_pool_options.h"
#include "plan/print.h"

struct standing_options {
	struct allocation_options allocation;
	struct cluster_pool_options pool;
	struct cluster_options cluster;
	char *ns;    /* of the operator; NULL = not given */
	char *lease; /* never NULL */
	enum plan_form output;
	bool watch;
	bool leader_elect;
};

extern const struct flag_set status_flags, history_flags, cleanup_flags;

/* As args_parse(). For cleanup only `cluster` is set. */
int standing_options_parse(const struct flag_set *set, int argc, char **argv, struct standing_options *ret,
			   struct flag_list *ret_args);
void standing_options_done(const struct flag_set *set, struct standing_options *o);
