/* The flags of `berth plan`. */
#pragma once

#include "cmd/cluster_pool_options.h"
#include "plan/print.h"

/* Bits of --allow: what may happen to a Service without the exit code 1. */
enum plan_allow { PLAN_MOVES = 1 << 0, PLAN_LOSES = 1 << 1, PLAN_WAITS = 1 << 2 };

struct plan_options {
	struct allocation_options allocation;
	struct cluster_pool_options pool;
	struct flag_list filename; /* manifests: files, folders, "-" */
	struct cluster_options cluster;
	char *against;  /* "cluster", file or folder; NULL = nothing */
	char *ns;       /* of manifests that name none; NULL = not given */
	unsigned allow; /* of enum plan_allow */
	enum plan_form output;
};

extern const struct flag_set plan_flags;

/* As operator_options_parse(). */
int plan_options_parse(int argc, char **argv, struct plan_options *ret);
void plan_options_done(struct plan_options *o);
