/* Addresses that were released lately (lifecycle.md 2). Their records stay for the time that their pool says
 * (reuseAfter). So long an address goes to others only when no other is free, the longest-cooling first, or
 * when one asks for it by name, or not at all (reuseEarly: false); but whoever had it gets it back at once.
 */
#pragma once

#include "core/state.h"

struct cooling;
struct cooling_list;

/* The record of the address was told, has changed or vanished: puts it into the lists or takes it out. An
 * address cools while its record says so and nobody holds it. */
void cooling_settle(struct ipam *m, struct addr *a, struct moment now);
bool addr_is_cooling(const struct addr *a);
/* The pool whose rules hold for an address that cools or is released now; NULL = none contains it. */
struct pool *cooling_pool(const struct ipam *m, const struct addr *a);
/* Is an address that is released now to cool, and not to be free at once? */
bool cooling_wanted(const struct ipam *m, const struct addr *a);

/* One that cools for the Service, of this family, that it may have again; the one that was released last. */
struct addr *cooling_for(struct ipam *m, const struct service *s, enum family f);
/* Is the Service among the last holders of the address? */
bool cooling_names(const struct ipam *m, const struct addr *a, const struct service *s);
/* The longest-cooling one that the pool gives; NULL = none may be taken. *ret_kept: there are some, but only
 * for those who had them, the next until this time (wall). */
struct addr *cooling_longest(const struct ipam *m, const struct pool *p, enum family f, msec *ret_kept);
/* When the address stops cooling, wall. */
msec cooling_ends(const struct ipam *m, const struct addr *a);

/* Pools have changed: every address that cools is put into the list of its pool again. */
void cooling_refresh(struct ipam *m);
/* Queues the records whose time is over for deletion. */
void cooling_fire(struct ipam *m, struct moment now);
msec cooling_wake_at(const struct ipam *m); /* monotonic; -1 = nothing cools */
