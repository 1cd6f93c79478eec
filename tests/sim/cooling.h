/* Addresses that were released lately (lifecycle 2), and what the numbers of a pool must be (7). */
#pragma once

#include "check.h"

/* Is the address kept for those whom its record names, and its time not over? */
bool cools(const struct world *w, int a);
addr_set cooling(const struct world *w);
/* Does the record of the address name the Service? */
bool names(const struct world *w, int a, int s);

/* Looks at what each Service could have had ever since the core last rested: whatever it decides next, it
 * knew of that. */
void cooling_observe(struct sim *x);
/* A record that is about to be written: who had it comes first, others only for want of a free one. */
void check_reuse(struct sim *x, const struct effect *e);
/* At rest: nothing cools that should not. */
void check_cooling_record(struct sim *x, int a);
/* At rest, when nothing cools that would be free within this time; lets so much time pass. */
void cooling_let_pass(struct sim *x, msec time);
/* At rest: the sums of each pool and family. `held`: in a status, by our doing. */
void check_counts(struct sim *x, addr_set held);
