/* The flags of `berth explain`. */
#pragma once

#include "cmd/cluster_pool_options.h"
#include "plan/print.h"

struct explain_options {
	struct allocation_options allocation;
	struct cluster_pool_options pool;
	struct cluster_options cluster;
	char *against; /* "cluster", file or folder; never NULL */
	char *ns;      /* NULL = not given */
	enum plan_form output;
};

extern const struct flag_set explain_flags;

/* As operator_options_parse(); ret_args: what stands beside the flags, owned by the caller. */
int explain_options_parse(int argc, char **argv, struct explain_options *ret, struct flag_list *ret_args);
void explain_options_done(struct explain_options *o);
