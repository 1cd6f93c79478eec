/* A block that the external side holds: claimed before an address of it is used, lent to Services as a block
 * of the built-in pool, and given back when the last address is released. */
#include "core/cluster_pool.h"
#include "core/cooling.h"
#include "core/ledger.h"
#include "core/orphan.h"
#include "core/pool.h"
#include "core/wait.h"

/* A block on its way back is marked first, and goes only when it has rested so long with the mark: another
 * operator that still takes addresses of it is seen by then. */
enum { REST = 500 /* ms */ };

static bool is_lent(const struct tenure *t)
{
	return t->given || t->claim;
}

void external_pool_update(struct ipam *m)
{
	struct pool *p = m->cluster_pool->pool;
	if (!p)
		return;
	size_t n = 0;
	for (const struct tenure *t = m->cluster_pool->blocks; t; t = t->next)
		n += is_lent(t);
	struct range *blocks = n ? xmalloc(n * sizeof(*blocks)) : NULL;
	bool *is_cidr = n ? xcalloc(n, sizeof(bool)) : NULL;
	n = 0;
	for (const struct tenure *t = m->cluster_pool->blocks; t; t = t->next)
		if (is_lent(t))
			blocks[n++] = t->item.range;
	for (size_t i = 0; i < n; i++)
		is_cidr[i] = true;
	free(p->blocks);
	free(p->block_is_cidr);
	p->blocks = blocks;
	p->block_is_cidr = is_cidr;
	p->n_blocks = p->cap_blocks = n;
	m->pools_changed = true;
}

/* Nobody may take an address of it any more; those who have one are looked at again. */
static void give_up(struct ipam *m, struct tenure *t)
{
	struct addr_walk w = addr_walk(&m->addrs, t->item.range);
	while (addr_walk_next(&w))
		addr_wake_holders(m, w.value);
	t->given = false;
	tenure_prune(m, t);
	external_pool_update(m);
}

/* The record of its first address is somebody else's. */
static bool is_lost(const struct ipam *m, struct tenure *t)
{
	const struct addr *a = ledger_get(m, t->item.range.lo);
	t->unclaimable = m->config.records && a && a->record && a->record->tenure != t;
	/* Of a Service it may be: it is inside the block all the same. */
	return t->unclaimable && (!a->record->ours || a->record->tenure);
}

/* A node waits, and what is left of the block are addresses that cool: they go too. */
static void wring_out(struct ipam *m, const struct tenure *t)
{
	if (!m->cluster_pool->starving || !tenure_only_cools(m, t))
		return;
	struct addr_walk w = addr_walk(&m->addrs, t->item.range);
	while (addr_walk_next(&w)) {
		struct addr *a = w.value;
		if (addr_cools(a))
			orphan_add(m, a, 0);
	}
}

bool cluster_pool_wants(const struct ipam *m, struct ip ip)
{
	const struct cluster_pool *c = m->cluster_pool;
	struct range r;
	if (!c->starving || !c->alloc[ip.family] || !block_alloc_at(c->alloc[ip.family], ip, &r))
		return false;
	const struct tenure *t = tenure_find(m, NULL, r);
	return t && tenure_only_cools(m, t);
}

/* Nothing that is written speaks of an address of it. */
static bool is_only_meant(const struct ipam *m, const struct tenure *t)
{
	struct addr_walk w = addr_walk(&m->addrs, t->item.range);
	while (addr_walk_next(&w)) {
		const struct addr *a = w.value;
		if (a->record || a->record_unknown || a->in_flight)
			return false;
		for (size_t i = 0; i < a->n_holders; i++)
			if (service_shows(a->holders[i], a->ip))
				return false;
	}
	return m->config.records;
}

static bool is_shown(const struct ipam *m, const struct tenure *rival, const struct tenure *t)
{
	(void)m;
	(void)t;
	return rival->shown[SIDE_NODE] || rival->shown[SIDE_CILIUM];
}

/* Before it was claimed it has come to be a node's, or to be carved out. */
static bool is_not_to_be_had(const struct ipam *m, const struct tenure *t)
{
	const struct block_alloc *a = m->cluster_pool->alloc[range_family(t->item.range)];
	return !t->claim && ((a && block_alloc_is_carved(a, t->item.range)) || tenure_rival(m, t, is_shown));
}

bool external_next(struct ipam *m, struct tenure *t, struct moment now, struct effect *ret)
{
	struct cluster_pool *c = m->cluster_pool;
	if (t->in_flight)
		return false;
	if (is_lost(m, t) || (is_not_to_be_had(m, t) && is_only_meant(m, t))) {
		give_up(m, t);
		return false;
	}
	enum effect_kind due = claim_due(m, t);
	wring_out(m, t);
	if (tenure_in_use(m, t)) {
		t->marked_at = 0;
		if (due != EFFECT_KINDS && !t->unclaimable && claim_effect(m, due, t, false, ret))
			return true;
		t->chore.tries = 0;
		return false;
	}
	if (!t->claim) {
		if (due == EFFECT_RECORD_READ)
			return claim_effect(m, due, t, false, ret);
		give_up(m, t);
		return false;
	}
	if (due == EFFECT_RECORD_READ)
		return claim_effect(m, due, t, false, ret);
	if (!t->releasing)
		return claim_effect(m, EFFECT_RECORD_PATCH, t, true, ret);
	if (!t->marked_at)
		t->marked_at = now.mono;
	if (now.mono - t->marked_at < REST) {
		chore_later(&c->chores, &t->chore, DELAY_500MS, now.mono);
		return false;
	}
	t->given = false;
	return claim_effect(m, EFFECT_RECORD_DELETE, t, true, ret);
}

/* ---- as a pool -------------------------------------------------------------------------------------------
 */

/* Is it one of the blocks that the flags speak of? Else it is a remainder of earlier ones, whose last
 * addresses cool. */
static bool is_allowed(const struct ipam *m, const struct tenure *t)
{
	const struct block_alloc *a = m->cluster_pool->alloc[range_family(t->item.range)];
	return a && block_alloc_is_block(a, t->item.range);
}

void cluster_pool_exclude(const struct ipam *m, struct range_set *ret)
{
	/* What other pools have is theirs, and what is on its way back is nobody's. */
	for (size_t i = 0; i < m->n_pools; i++)
		for (size_t j = 0; !m->pools[i]->builtin && j < m->pools[i]->n_blocks; j++)
			range_set_add(ret, m->pools[i]->blocks[j]);
	for (const struct tenure *t = m->cluster_pool->blocks; t; t = t->next)
		if (t->releasing || !is_allowed(m, t))
			range_set_add(ret, t->item.range);
}

bool cluster_pool_serves(const struct ipam *m, const struct service *s, enum family f)
{
	if (s->extra && s->extra->pools)
		return !pool_not_named(m->cluster_pool->pool, s);
	for (size_t i = 0; i < m->n_pools; i++) {
		const struct pool *p = m->pools[i];
		if (!p->builtin && p->flaw != FLAW_SELECTOR && p->flaw != FLAW_NAME &&
		    pool_has_family(p, f) && pool_selects(p, s))
			return false;
	}
	return true;
}

static void take(struct ipam *m, struct range r)
{
	struct cluster_pool *c = m->cluster_pool;
	struct tenure *t = tenure_need(m, NULL, r);
	t->given = true;
	block_alloc_took(c->alloc[range_family(r)], r);
	external_pool_update(m);
	chore_now(&c->chores, &t->chore);
	/* In the midst of a decision: the new block is to be there at once. */
	pools_refresh(m);
	/* There is more in it than what it was taken for. */
	wake_first(m, &c->pool->waiters[range_family(r)]);
}

bool cluster_pool_can_grow(const struct ipam *m, enum family f)
{
	struct range r;
	struct cluster_pool *c = m->cluster_pool;
	return c->pool && pool_usable(m, c->pool) && c->alloc[f] &&
	       block_alloc_next(c->alloc[f], BLOCK_EXTERNAL, &r);
}

bool cluster_pool_grow(struct ipam *m, enum family f)
{
	struct range r;
	struct cluster_pool *c = m->cluster_pool;
	if (!cluster_pool_can_grow(m, f) || !block_alloc_next(c->alloc[f], BLOCK_EXTERNAL, &r))
		return false;
	take(m, r);
	return true;
}

static bool any(const struct ipam *m, const struct tenure *rival, const struct tenure *t)
{
	(void)m;
	(void)rival;
	(void)t;
	return true;
}

/* May the block be taken although there may be something in it? Not if it is a node's or carved out, and not
 * without a claim. */
static bool may_take(const struct ipam *m, struct range r)
{
	const struct tenure probe = { .item = { .range = r } };
	const struct addr *first = ledger_get(m, r.lo);
	return !block_alloc_is_carved(m->cluster_pool->alloc[range_family(r)], r) &&
	       !tenure_rival(m, &probe, any) && !(first && (first->record || first->n_holders));
}

/* The block of an address that Services may have, if nobody has it. */
static bool block_to_take(const struct ipam *m, struct ip ip, struct range *ret)
{
	const struct cluster_pool *c = m->cluster_pool;
	return c->pool && pool_usable(m, c->pool) && c->alloc[ip.family] &&
	       block_alloc_at(c->alloc[ip.family], ip, ret) && !ip_eq(ip, ret->lo) && !ip_eq(ip, ret->hi) &&
	       may_take(m, *ret);
}

bool cluster_pool_could_give(const struct ipam *m, struct ip ip)
{
	struct range r;
	return block_to_take(m, ip, &r);
}

bool cluster_pool_grow_at(struct ipam *m, struct ip ip)
{
	struct range r;
	if (!block_to_take(m, ip, &r))
		return false;
	take(m, r);
	return true;
}

static bool is_external(const struct ipam *m, const struct tenure *rival, const struct tenure *t)
{
	(void)t;
	return !rival->node && rival->given && !rival->claim && !rival->unclaimable && m->config.records;
}

bool cluster_pool_claimed(const struct ipam *m, struct ip ip)
{
	const struct cluster_pool *c = m->cluster_pool;
	if (!c->blocks)
		return true;
	const struct tenure probe = { .item = { .range = { ip, ip } }, .node = NULL };
	return !tenure_rival(m, &probe, is_external);
}

/* ---- at the start ----------------------------------------------------------------------------------------
 */

/* Is the address, which stands in the status of the Service, from the cluster pool? Not if another pool
 * explains it, or its record names another one. */
static bool is_from_here(const struct ipam *m, const struct service *s, struct ip ip)
{
	struct pool *p;
	const struct addr *a = ledger_get(m, ip);
	const char *from = a && a->record ? a->record->pool : NULL;
	if (from && strcmp(from, "cluster-pool") != 0)
		return false; /* its pool has gone */
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		if (p->builtin || pool_selects(p, s))
			return false;
	return true;
}

void external_adopt(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	size_t at = 0;
	for (const struct service *s; c->pool && (s = map_next(&m->services, &at));) {
		for (size_t i = 0; s->wanted && i < s->n_ingress; i++) {
			struct ip ip = s->ingress[i].ip;
			struct range r;
			if (!s->ingress[i].has_ip || !c->alloc[ip.family] ||
			    !block_alloc_at(c->alloc[ip.family], ip, &r) || !is_from_here(m, s, ip))
				continue;
			const struct tenure probe = { .item = { .range = r } };
			if (tenure_rival(m, &probe, any))
				continue;
			take(m, r);
		}
	}
}
