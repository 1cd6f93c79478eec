/* A plan made from the flags: its base read from a cluster, a file, or nothing. What `berth plan` and
 * `berth explain` have in common. */
#pragma once

#include "cmd/cluster_pool_options.h"
#include "plan/plan.h"
#include "plan/print.h"

struct planning_options {
	const char *verb;
	const struct allocation_options *allocation;
	const struct cluster_pool_options *pool;
	const struct cluster_options *cluster;
	const char *against; /* "cluster", a path, or NULL = nothing is there */
	const char *ns;      /* --namespace; NULL = not given */
};

struct planning {
	struct plan *plan;
	struct view_config view; /* which the plan borrows */
	char *ns;                /* of what names none; owned */
};

/* The base is there and the core has settled on it. 0, or the exit code after lines on standard error.
 * Borrows the options' texts until planning_done(). */
int planning_begin(const struct planning_options *o, struct planning *ret);
void planning_done(struct planning *p);
