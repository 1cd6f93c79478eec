/* Addresses that were released lately (lifecycle 2), and what the numbers of a pool must be (7). */
#pragma once

#include "check.h"

/* Is the address kept for those whom its record names, and its time not over? */
bool cools(const struct world *w, int a);
addr_set cooling(const struct world *w);
/* Does the record of the address name the Service? */
bool names(const struct world *w, int a, int s);

/* At rest: nothing cools that should not. */
void check_cooling_record(struct sim *x, int a);
/* At rest, when nothing cools that would be free within this time; lets so much time pass. */
void cooling_let_pass(struct sim *x, msec time);
/* At rest: the sums of each pool and family. `held`: in a status, by our doing. */
void check_counts(struct sim *x, addr_set held);
