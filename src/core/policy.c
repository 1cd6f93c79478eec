#include "core/policy.h"

#include "core/condition.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/quota.h"

struct policy *policy_find(const struct ipam *m, const char *name)
{
	for (size_t i = 0; i < m->n_policies; i++)
		if (strcmp(m->policies[i]->name, name) == 0)
			return m->policies[i];
	return NULL;
}

void policy_free(struct policy *x)
{
	if (!x)
		return;
	free(x->name);
	free(x->uid);
	free(x->rv);
	free(x->stale_rv);
	free(x->pool_name);
	free(x->flaw);
	selector_done(&x->selector);
	range_set_done(&x->exclude);
	for (size_t i = 0; i < x->n_quotas; i++) {
		selector_done(&x->quotas[i].selector);
		for (size_t j = 0; j < x->quotas[i].n; j++)
			free(x->quotas[i].namespaces[j]);
		free(x->quotas[i].namespaces);
	}
	free(x->quotas);
	conditions_done(&x->seen_conditions);
	free(x);
}

void policies_free(struct ipam *m)
{
	for (size_t i = 0; i < m->n_policies; i++)
		policy_free(m->policies[i]);
	free(m->policies);
}

bool policy_names(const struct policy *x, const struct pool *p)
{
	if (x->pool_name)
		return strcmp(x->pool_name, p->name) == 0;
	struct label_view v = { .items = p->labels, .n = p->n_labels };
	return x->has_selector && selector_matches(&x->selector, &v);
}

/* ---- what is in force ------------------------------------------------------------------------------ */

int32_t pool_priority(const struct pool *p)
{
	return p->policy ? p->policy->priority : 0;
}

msec pool_reuse_after(const struct ipam *m, const struct pool *p)
{
	return p->policy && p->policy->reuse_after >= 0 ? p->policy->reuse_after : m->config.reuse_after;
}

bool pool_reuse_early(const struct pool *p)
{
	return !p->policy || p->policy->reuse_early;
}

bool pool_assigns(const struct pool *p, const struct service *s)
{
	if (!p->policy || p->policy->auto_assign)
		return true;
	return s->extra && s->extra->pools && !pool_not_named(p, s);
}

/* It is gone, and its labels with it: only a policy that names it still speaks of it. */
static bool keeps_though_gone(const struct ipam *m, const char *pool)
{
	for (size_t i = 0; i < m->n_policies; i++)
		if (same_text(m->policies[i]->pool_name, pool))
			return m->policies[i]->keep;
	return false;
}

bool pool_name_keeps(const struct ipam *m, const char *pool)
{
	const struct pool *p = pool_find(m, pool);
	if (p && !p->condemned)
		return p->policy && p->policy->keep;
	return keeps_though_gone(m, pool);
}

/* ---- changes ----------------------------------------------------------------------------------------- */

/* Does it hang on this pool whether the address may be kept? It lies in no block of it. */
static bool may_hang_on(const struct pool *p, const struct addr *a)
{
	const struct record *r = a->record;
	return !r || !r->pool || (strcmp(r->pool, p->name) == 0 && !pool_contains(p, a->ip));
}

static bool keeps_of(const struct service *s, const struct pool *p)
{
	for (size_t i = 0; i < s->n_held; i++)
		if (may_hang_on(p, s->held[i].addr))
			return true;
	for (size_t i = 0; i < s->n_leaving; i++)
		if (may_hang_on(p, s->leaving[i]))
			return true;
	return false;
}

void policies_revalidate_kept(struct ipam *m, const struct pool *p)
{
	bool any = false;
	for (size_t i = 0; i < m->n_policies && !any; i++)
		any = m->policies[i]->keep;
	size_t at = 0;
	for (struct service *s; any && m->ready && (s = map_next(&m->services, &at));)
		if (keeps_of(s, p))
			enqueue(m, s, LANE_NORMAL);
}

void policies_revalidate(struct ipam *m)
{
	size_t at = 0;
	for (struct service *s; m->ready && (s = map_next(&m->services, &at));)
		if (s->n_held || s->n_leaving)
			enqueue(m, s, LANE_NORMAL);
}

static struct policy *policy_of(const struct ipam *m, const struct pool *p)
{
	for (size_t i = 0; i < m->n_policies; i++)
		if (policy_names(m->policies[i], p))
			return m->policies[i];
	return NULL;
}

void policies_apply(struct ipam *m)
{
	bool keeping_changed = false;
	for (size_t i = 0; i < m->n_pools; i++) {
		struct pool *p = m->pools[i];
		struct policy *x = policy_of(m, p), *old = p->policy;
		if (x == old && !p->rules_changed && !(x && x->changed))
			continue;
		/* One that has just come was spoken of before, perhaps by another policy. */
		const bool kept = old ? old->keep : keeps_though_gone(m, p->name);
		keeping_changed = keeping_changed || kept != (x && x->keep);
		p->policy = x;
		p->rules_changed = false;
		p->dirty = true;
		pool_wake_waiters(m, p);
	}
	for (size_t i = 0; i < m->n_policies; i++) {
		m->policies[i]->changed = false;
		m->policies[i]->dirty = true;
	}
	if (keeping_changed)
		policies_revalidate(m);
}
