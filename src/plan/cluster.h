/* A cluster in memory: objects as documents, and a core that decides for them. It does what an API
 * server does with the writes of the core: versions, preconditions, AlreadyExists. Time is a number
 * that jumps to where the core next wants to be woken. */
#pragma once

#include "base/rand.h"
#include "core/ipam.h"
#include "view/view.h"

struct cluster;

/* Asked before each effect is carried out. Returning OUTCOME_DONE lets it happen; anything else is
 * what the core is told, and `*carry_out` says whether it happened all the same (a lost answer). */
typedef enum outcome cluster_fault_fn(void *arg, const struct effect *x, bool *carry_out);

/* `managers` is borrowed. */
struct cluster *cluster_new(const struct ipam_config *c, const struct view_config *v, msec wall);
void cluster_free(struct cluster *c); /* NULL allowed */
void cluster_freep(struct cluster **c);

/* Is this one of the kinds that cluster_put() takes over? */
bool cluster_knows(struct slice kind, struct slice group, bool *ret_namespaced);
/* Takes over an object (Service, CiliumLoadBalancerIPPool, IPAddress, Node, CiliumNode, ServiceCIDR,
 * IPPoolPolicy, IPReservation, Namespace; other kinds are ignored: 0, ours: 1) as it stands: a new version of
 * it, uid and creationTimestamp filled in where they lack. The core is told at once. `object` is borrowed.
 * -EINVAL: no kind or name. */
int cluster_put(struct cluster *c, const struct js *object, struct err *e);
/* False if there was none. One with finalizers is only marked, and goes with the last of them. ns is "" for
 * cluster-scoped kinds. */
bool cluster_delete(struct cluster *c, const char *kind, const char *ns, const char *name);
/* Borrowed; NULL if there is none. */
struct js *cluster_get(const struct cluster *c, const char *kind, const char *ns, const char *name);
/* Each object of the kind in order of namespace and name. */
void cluster_each(const struct cluster *c, const char *kind, void (*fn)(struct js *object, void *arg),
		  void *arg);

/* The first lists are complete (or, after cluster_restart(), complete again). */
void cluster_sync(struct cluster *c);
/* The kind is not served: cluster_sync() says so instead of listing it. */
void cluster_set_lost(struct cluster *c, enum ipam_kind k, bool lost);
/* Lets the core work until nothing is due, at most `limit` effects and `patience` of its own time.
 * Returns the number of effects. */
size_t cluster_run(struct cluster *c, size_t limit, msec patience);
/* A new core, which knows nothing but what the objects say. Call cluster_sync() next. */
void cluster_restart(struct cluster *c, const struct ipam_config *config);

void cluster_on_effect(struct cluster *c, cluster_fault_fn *fn, void *arg);
/* Answers come late from now on: after what is told by the watch, in any order, and others may act before
 * they come. A core that has nothing else to do gets them all. `rng` is borrowed. */
void cluster_answer_late(struct cluster *c, struct rng *rng);
/* Lets time pass. */
void cluster_advance(struct cluster *c, msec by);

struct ipam *cluster_ipam(struct cluster *c);
struct moment cluster_now(const struct cluster *c);
/* Writes carried out since the last cluster_reset_writes(). */
size_t cluster_writes(const struct cluster *c, enum effect_kind k);
void cluster_reset_writes(struct cluster *c);
/* Events told since then: "Type Reason ns/name: message" lines. Borrowed. */
const char *cluster_events(const struct cluster *c);
/* What was appended to the histories of pools, ever: lines "POOL {…}". Borrowed. */
const char *cluster_history(const struct cluster *c);
/* Where the kind of pools went: answers to EFFECT_POOL_KIND_READ. */
void cluster_set_pool_kind(struct cluster *c, bool stands);
