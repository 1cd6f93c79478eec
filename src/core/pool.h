/* Pools: their blocks, which of them may give, and which pool an address is in. */
#pragma once

#include "core/state.h"

struct pool *pool_find(const struct ipam *m, const char *name);
/* May it give out new addresses? */
bool pool_usable(const struct ipam *m, const struct pool *p);
/* Why not, as a clause ("is disabled"); NULL if it may. */
const char *pool_unusable_why(const struct ipam *m, const struct pool *p);
bool pool_selects(const struct pool *p, const struct service *s);
/* The Service names its pools (berth.dev/pool) and this one is not among them. */
bool pool_name_not_named(const char *pool, const struct service *s);
bool pool_not_named(const struct pool *p, const struct service *s);
bool pool_has_family(const struct pool *p, enum family f);
bool pool_contains(const struct pool *p, struct ip ip);
/* Not only in a block, but one that is given out: no reserved first or last, not excluded. */
bool pool_gives(const struct pool *p, struct ip ip);
/* The lowest free address of the first block that has one. */
bool pool_find_free(const struct ipam *m, struct pool *p, enum family f, struct ip *ret);

/* Is there one, or for the cluster pool a block to take one from? */
bool pool_has_free(const struct ipam *m, struct pool *p, enum family f);

/* for (size_t at = 0; (p = pools_at(m, ip, &at));) : each pool with a block that contains the address. */
struct pool *pools_at(const struct ipam *m, struct ip ip, size_t *at);
/* The name of the pool that an address is counted to: one that selects its first holder, else the one that
 * it came from by its record, else any that contains it, else "". */
const char *pool_of(const struct ipam *m, const struct addr *a);
/* The address is taken, is free. */
void pools_taken(struct ipam *m, struct ip ip);
void pools_freed(struct ipam *m, struct ip ip);
/* Works out conflicts, what each pool gives, and the index, if a pool has changed. */
void pools_refresh(struct ipam *m);
/* Something that is no pool changed what may be given out. */
void pools_recarve(struct ipam *m);
/* Those that a change of this pool could help. */
void pool_wake_waiters(struct ipam *m, struct pool *p);
/* Queues every Service that holds an address in a block of the pool. */
void pool_revalidate(struct ipam *m, const struct pool *p);

/* An empty one. */
struct pool *pool_add(struct ipam *m, const char *name);
/* The deletion is real: its holders are looked at again, the pool is freed. */
void pool_remove(struct ipam *m, struct pool *p);
void pool_free(struct ipam *m, struct pool *p);
void pool_finalizers_done(struct pool *p);
