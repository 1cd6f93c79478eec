/* What may be given to whom, and who comes first. */
#pragma once

#include "check.h"

/* What each Service has: in its status, or by a record. */
void all_held(const struct world *w, addr_set ret_held[SERVICES]);
/* Does the quota of its namespace allow the Service the address from the pool? */
bool quota_leaves(const struct world *w, int p, int s, int a, const addr_set held[SERVICES]);
/* Does some pool give the address to the Service? `by_name`: not any, but this very one. */
bool some_pool_offers(const struct world *w, int s, int a, bool by_name, const addr_set held[SERVICES]);
/* It cools, and is kept for those who had it. */
bool is_locked(const struct world *w, int a);
/* Is it ours, and to be given any address of a family? */
bool takes_any(const struct world *w, int s);

/* Looks at what each Service could have had ever since the core last rested: whatever it decides next, it
 * knew of that. */
void order_observe(struct sim *x);
/* At rest: who waits now comes before all who come later. */
void order_at_rest(struct sim *x);
/* A record or status that is about to be written gives the address to the Service. */
void check_grant(struct sim *x, int s, int a);
/* The same for all whom the record names for the first time. */
void check_grants(struct sim *x, const struct effect *e);
