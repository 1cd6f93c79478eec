/* What must hold, at each write and at each quiet moment (lifecycle 7). */
#pragma once

#include "model.h"

enum { EFFECTS_MAX = 100000 };

struct sim {
	struct world w;
	struct rng rng;
	struct ipam_config config;
	unsigned fault_percent, n_writes, n_quiet;
	bool failed, quiet, trace, faultless;
	/* Ever since the core last rested: what it could give to each Service, and what it could give back.
	 */
	addr_set steady_free[SERVICES], steady_cooling[SERVICES];
};

[[gnu::format(printf, 2, 3)]] void broken(struct sim *x, const char *fmt, ...);
/* A cluster_fault_fn; arg is a struct sim. Makes faults, and looks at what is about to be written. */
enum outcome check_effect(void *arg, const struct effect *e, bool *carry_out);
/* Lets everything come to rest, without faults, and looks at all there is. */
void check_quiet(struct sim *x);
