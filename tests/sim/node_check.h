/* What must hold where nodes and Services draw from one cluster pool (cluster-pool.md). */
#pragma once

#include "node_world.h"

enum { EFFECTS_MAX = 5000 };

/* A cluster_fault_fn; arg is a struct node_sim. */
enum outcome check_effect(void *arg, const struct effect *e, bool *carry_out);
/* Lets everything come to rest, without faults, and looks at all there is. */
void check_quiet(struct node_sim *x);
/* Deletes all that people made: nothing of ours may stay. */
void check_drained(struct node_sim *x);
