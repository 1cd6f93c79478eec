/* Quotas: how many addresses of a pool a namespace may have (lifecycle.md 3). Counted as Services come to
 * hold addresses and leave them, so that asking costs O(1); an address that several Services of one namespace
 * share counts once, and one that is about to be given back counts until it is. */
#pragma once

#include "core/state.h"

/* What the namespaces have of one pool; made and freed with the pool. */
struct quota_book *quota_book_new(void);
/* Everybody who waits for a quota of the pool waits for any pool from now on. */
void quota_book_free(struct ipam *m, struct quota_book *b);
/* One namespace in it. */
struct quota_use;

/* The Service has come to hold the address, or is about to be taken from its holders. Called by the ledger
 * after and before the change; counts only where it is the first or last of its namespace. */
void quota_held(struct ipam *m, const struct service *s, const struct addr *a);
void quota_left(struct ipam *m, const struct service *s, const struct addr *a);
/* May the Service come to hold one more address of the pool? `a`: the very address, if it has an entry
 * (whoever shares it in the same namespace has paid for it); NULL = a fresh one. What the Service itself is
 * about to give back does not count. */
bool quota_allows(const struct ipam *m, const struct service *s, const struct pool *p, const struct addr *a);
/* Why not: `its namespace has 3 of the 3 addresses that it may have of pool "blue"`. */
void quota_text(const struct ipam *m, const struct service *s, const struct pool *p, struct buf *out);
/* The same behind the pool's name: `has given the namespace 3 of the 3 addresses that it may have`. */
void quota_answer(const struct ipam *m, const struct service *s, const struct pool *p, struct buf *out);
/* The Service waits until its namespace may have more of the pool. */
void quota_wait(struct ipam *m, struct service *s, const struct pool *p);
/* The same for each pool that would give the address but for its quota. */
void quota_wait_at(struct ipam *m, struct service *s, struct ip ip);
/* One who waited has what it wants, or wants it no more: the next one may have something. */
void quota_pass_on(struct ipam *m, struct quota_use *u);

/* Counts anew when asked next: the pool or its policy has changed. */
void quota_reset(struct pool *p);
/* Wakes all who wait for a quota of the pool. */
void quota_wake(struct ipam *m, struct pool *p);
/* The labels of a Namespace are others now, or it has gone. */
void quota_relabelled(struct ipam *m, const char *namespace);
void namespace_free(struct ipam *m, struct namespace *x);
