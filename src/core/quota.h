/* Quotas: how many addresses of a pool a namespace may have (lifecycle.md 3). Counted as Services come to
 * hold addresses and leave them, so that asking costs O(1); an address that several Services of one namespace
 * share counts once. */
#pragma once

#include "core/state.h"

/* A Service has come to hold the address, or is about to leave it. Called by the ledger after and before the
 * change; counts only where it is the first or last of its namespace. */
void quota_held(struct ipam *m, const struct service *s, const struct addr *a);
void quota_left(struct ipam *m, const struct service *s, const struct addr *a);
/* May the Service come to hold one more address of the pool? `a`: the very address, if it has an entry
 * (whoever shares it in the same namespace has paid for it); NULL = a fresh one. False: *ret_used of *ret_max
 * are used. */
bool quota_allows(struct ipam *m, const struct service *s, struct pool *p, const struct addr *a,
		  uint64_t *ret_used, uint64_t *ret_max);
/* The Service waits until its namespace may have more of the pool. */
void quota_wait(struct ipam *m, struct service *s, struct pool *p);
/* Counts anew when asked next: the pool, its policy or the labels of a Namespace have changed. Wakes all who
 * wait for a quota of the pool. */
void quota_reset(struct ipam *m, struct pool *p);
void quota_done(struct pool *p);
