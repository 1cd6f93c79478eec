/* What must hold, at each write and at each quiet moment (lifecycle 7). */
#pragma once

#include "model.h"

enum { EFFECTS_MAX = 5000 };

struct sim {
	struct world w;
	struct rng rng;
	struct ipam_config config;
	unsigned fault_percent, n_writes, n_quiet;
	bool failed, quiet, trace, faultless, with_policies;
	bool late; /* answers may come after others have acted */
	/* Ever since the core last rested: what it could give to each Service, and what it could give back.
	 */
	addr_set steady_free[SERVICES], steady_cooling[SERVICES];
	/* When the core last rested the Service wanted an address of the family and had none; `unchanged`:
	 * and it is as it was; `got`: it has had one since, and if it lost that, it waits anew. */
	bool waits[SERVICES][FAMILIES], got[SERVICES][FAMILIES], unchanged[SERVICES];
	addr_set had[SERVICES]; /* then, and whether it asked for certain ones */
	bool asked[SERVICES];
};

[[gnu::format(printf, 2, 3)]] void broken(struct sim *x, const char *fmt, ...);
/* A cluster_fault_fn; arg is a struct sim. Makes faults, and looks at what is about to be written. */
enum outcome check_effect(void *arg, const struct effect *e, bool *carry_out);
/* What of the Service's status is of us. */
addr_set served(const struct sim *x, int s);
addr_set in_statuses(const struct sim *x);
/* Has the object a condition of this type, status and, if not NULL, message? */
bool condition_is(const struct js *o, const char *type, const char *status, const char *message);
/* As cluster_run(); that it goes on without end is a fault. */
void run_for(struct sim *x, size_t limit, msec patience);
/* Lets everything come to rest, without faults, and looks at all there is. */
void check_quiet(struct sim *x);
