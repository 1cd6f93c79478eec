/* Addresses that were released lately (lifecycle.md 2). Their records stay for the time that their pool says
 * (reuseAfter). So long an address goes to others only when no other is free, the longest-cooling first, or
 * when one asks for it by name, or not at all (reuseEarly: false); but whoever had it gets it back at once.
 */
#pragma once

#include "core/state.h"

/* The pool whose rules hold for an address that is released or cools: one that may give it, else one that
 * cannot for now, and of several the one that it was given from; NULL = no pool contains it. */
struct pool *cooling_pool(const struct ipam *m, const struct addr *a);
/* Was the address ever given to those whom its record names? Yes, if a status has shown it, if it was being
 * released, or if none of them is left to ask; else it is half an allocation that nobody wants any more. */
bool addr_was_held(const struct ipam *m, const struct addr *a);
/* Is an address that is released now to cool, and not to be free at once? */
bool cooling_wanted(const struct ipam *m, const struct addr *a);

/* The record of the address says that it cools, and nobody holds it: it is put into the lists, or its record
 * is queued for deletion if its time is over. False if it does not cool. */
bool cooling_settle(struct ipam *m, struct addr *a, struct moment now);
/* Out of the lists, if it is in them: somebody holds it now, or its record is gone. */
void cooling_drop(struct ipam *m, struct addr *a);
/* Nothing stands against its being taken any more: wakes those whom it may help, who had it, who asked for it
 * by name, who waits for any of its pools. Nothing if it does not cool. */
void cooling_wake(struct ipam *m, const struct addr *a);
/* Something has come to stand against its being taken, or has gone. */
void cooling_claimed(const struct addr *a);
bool addr_cools(const struct addr *a);
/* Its time is over, by the rules as they are now. */
bool cooling_is_over(const struct ipam *m, const struct addr *a, struct moment now);

/* One that cools for the Service, of this family, and that it may have again; the one released last. */
struct addr *cooling_for(struct ipam *m, const struct service *s, enum family f);
/* Is the Service among the last holders of the address? */
bool cooling_names(const struct addr *a, const struct service *s);
/* The longest-cooling one that the pool gives to anybody; NULL = none. */
struct addr *cooling_longest(const struct ipam *m, const struct pool *p, enum family f);
/* When the next one that is kept for those who had it is free for all, wall; 0 = none is kept. */
msec cooling_kept_until(const struct ipam *m, const struct pool *p, enum family f);
/* When this one is free for all, wall. */
msec cooling_ends(const struct ipam *m, const struct addr *a);
/* Does anything cool for the Service? It goes before those who take any address. */
bool cooling_has(const struct ipam *m, const struct service *s);

/* Pools have changed: every address that cools is put into the list of its pool again. */
void cooling_refresh(struct ipam *m);
/* Queues the records whose time is over for deletion, and tells who waits for a pool what is kept in it. */
void cooling_fire(struct ipam *m, struct moment now);
msec cooling_wake_at(const struct ipam *m); /* monotonic; -1 = never */
void cooling_free(struct ipam *m);
