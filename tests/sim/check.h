/* What must hold, at each write and at each quiet moment (lifecycle 7). */
#pragma once

#include "model.h"

enum { EFFECTS_MAX = 100000 };

struct sim {
	struct world w;
	struct rng rng;
	struct ipam_config config;
	unsigned fault_percent, n_writes, n_quiet;
	bool failed, quiet, trace;
};

[[gnu::format(printf, 2, 3)]] void broken(struct sim *x, const char *fmt, ...);
/* A cluster_fault_fn; arg is a struct sim. Makes faults, and looks at what is about to be written. */
enum outcome check_effect(void *arg, const struct effect *e, bool *carry_out);
/* Lets everything come to rest, without faults, and looks at all there is. */
void check_quiet(struct sim *x);
