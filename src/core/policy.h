/* Policies: what an IPPoolPolicy says of the pools that it names or selects (lifecycle.md 3).
 *
 * Of several that name a pool the one with the smallest name is in force; it is worked out by
 * pools_refresh(), so pool.policy is right whenever something is decided. */
#pragma once

#include "core/selector.h"
#include "core/state.h"

struct quota {
	bool has_selector;
	struct selector selector; /* of the Namespace's labels */
	char **namespaces;        /* owned; n of them, if it has no selector */
	size_t n;
	uint64_t max;
};

struct policy {
	char *name, *uid, *rv, *stale_rv;
	int64_t generation;
	bool seen;

	char *pool_name; /* NULL: the selector says it */
	struct selector selector;
	bool has_selector;

	int32_t priority;
	struct range_set exclude;
	msec reuse_after; /* -1 = not said */
	bool reuse_early, auto_assign, protect, keep;
	/* -1 = not said; a count, or if low_is_percent a hundredth of what can be given. */
	int64_t low;
	bool low_is_percent;
	struct quota *quotas; /* owned */
	size_t n_quotas;
	char *flaw; /* what of it cannot be read and does not count, as text; NULL = nothing */

	struct condition_list seen_conditions;
	bool changed; /* since policies_apply() */
	bool dirty, in_flight;
	msec status_at;
	uint8_t tries;
};

struct policy *policy_find(const struct ipam *m, const char *name);
void policy_free(struct policy *x);
bool policy_names(const struct policy *x, const struct pool *p);

/* ---- what is in force for a pool, with the defaults of lifecycle.md 3 ---- */
int32_t pool_priority(const struct pool *p);
msec pool_reuse_after(const struct ipam *m, const struct pool *p);
bool pool_reuse_early(const struct pool *p);
/* May it give to a Service that asks for no address of it? One that names the pool does ask. */
bool pool_assigns(const struct pool *p, const struct service *s);
/* onShrink: Keep, of a pool by its name: it may be gone while the policy still stands. */
bool pool_name_keeps(const struct ipam *m, const char *pool);

/* Sets pool.policy of all pools and does what a change of their rules asks for; by pools_refresh(). */
void policies_apply(struct ipam *m);
/* Queues all who have addresses: what explains them may have changed. */
void policies_revalidate(struct ipam *m);
/* Queues those who have what has left the pool, and may keep it as long as its policy says so. */
void policies_revalidate_kept(struct ipam *m, const struct pool *p);
void policies_free(struct ipam *m);
