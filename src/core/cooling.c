#include "core/cooling.h"

#include "core/ask.h"
#include "core/cluster_pool.h"
#include "core/ledger.h"
#include "core/orphan.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/service.h"
#include "core/wait.h"

/* msec; between two times that those who wait for a pool are told what is kept in it. */
enum { TELL_EVERY = 60000 };

/* The addresses that cool for one Service. */
struct left {
	char *key;
	struct addr **items;
	size_t n, cap;
	const struct cooling *newest; /* the last that was remembered here */
};

struct cooling {
	struct addr *addr;
	struct cooling *prev, *next; /* in the list of its pool, the one released first in front */
	struct pool *pool;           /* NULL = in no list: no pool has it, or its time is over */
	size_t at;                   /* place in ipam.cooling */
	msec since;                  /* monotonic */
	msec released_at;            /* wall, as it stood in the record */
	struct left **for_whom;      /* owned array */
	size_t n, cap;
};

/* ---- for whom ------------------------------------------------------------------------------------ */

static void remember(struct ipam *m, struct cooling *c, struct slice key)
{
	struct left *l = map_get_slice(&m->left, key);
	/* One cooling address is remembered for all its holders before the next one is. */
	if (l && l->newest == c)
		return;
	if (!l) {
		l = xcalloc(1, sizeof(*l));
		l->key = xstrndup(key.ptr, key.len);
		map_put(&m->left, l->key, l);
	}
	vec_grow(&l->items, &l->cap, l->n + 1);
	l->items[l->n++] = c->addr;
	l->newest = c;
	vec_grow(&c->for_whom, &c->cap, c->n + 1);
	c->for_whom[c->n++] = l;
}

static void forget(struct ipam *m, struct left *l, const struct addr *a)
{
	size_t i = 0;
	while (i < l->n && l->items[i] != a)
		i++;
	if (i < l->n)
		l->items[i] = l->items[--l->n];
	l->newest = NULL; /* another may come to lie where the old one was */
	if (l->n)
		return;
	map_del(&m->left, l->key);
	free(l->items);
	free(l->key);
	free(l);
}

/* The holders that the record names; and who left a sharing group within the time that its address is kept.
 */
static void remember_all(struct ipam *m, struct cooling *c, msec reuse_after)
{
	const struct record *r = c->addr->record;
	struct slice rest = slice_of(r->holders), one;
	while (slice_cut(&rest, ',', &one))
		if (one.len)
			remember(m, c, one);
	for (size_t i = 0; r->history && i < r->history->n; i++)
		if (r->history->item[i].until >= r->released_at - reuse_after)
			remember(m, c, slice_of(r->history->item[i].holder));
}

bool cooling_names(const struct addr *a, const struct service *s)
{
	const struct cooling *c = a->record ? a->record->cooling : NULL;
	for (size_t i = 0; c && i < c->n; i++)
		if (strcmp(c->for_whom[i]->key, s->key) == 0)
			return true;
	return false;
}

bool cooling_has(const struct ipam *m, const struct service *s)
{
	return m->left.n && map_get(&m->left, s->key);
}

/* ---- the list of a pool ---------------------------------------------------------------------------- */

static struct cooling_list *list_of(const struct cooling *c)
{
	return &c->pool->cooling[c->addr->ip.family];
}

/* Who waits for the pool was told whether something is kept in it for others, and until when. */
static void kept_changes(const struct cooling *c)
{
	enum family f = (enum family)c->addr->ip.family;
	if (!pool_reuse_early(c->pool) && c->pool->waiters[f].head)
		c->pool->kept_changed[f] = true;
}

static void list_insert(struct cooling *c, struct pool *p)
{
	c->pool = p;
	kept_changes(c);
	struct cooling_list *l = list_of(c);
	struct cooling *after = l->tail;
	while (after && after->since > c->since)
		after = after->prev;
	c->prev = after;
	c->next = after ? after->next : l->head;
	*(c->prev ? &c->prev->next : &l->head) = c;
	*(c->next ? &c->next->prev : &l->tail) = c;
}

static void list_remove(struct cooling *c)
{
	if (!c->pool)
		return;
	kept_changes(c);
	struct cooling_list *l = list_of(c);
	*(c->prev ? &c->prev->next : &l->head) = c->next;
	*(c->next ? &c->next->prev : &l->tail) = c->prev;
	c->prev = c->next = NULL;
	c->pool = NULL;
}

struct pool *cooling_pool(const struct ipam *m, const struct addr *a)
{
	struct pool *any = NULL, *giving = NULL, *p;
	const char *from = a->record ? a->record->pool : NULL;
	for (size_t at = 0; (p = pools_at(m, a->ip, &at));) {
		const bool is_it = from && strcmp(p->name, from) == 0;
		if (is_it || !any)
			any = p;
		if (pool_usable(m, p) && (is_it || !giving))
			giving = p;
	}
	return giving ? giving : any;
}

bool addr_was_held(const struct ipam *m, const struct addr *a)
{
	const struct record *r = a->record;
	struct slice rest = slice_of(r ? r->holders : ""), one;
	while (r && r->phase == RECORD_HELD && !a->was_shown && slice_cut(&rest, ',', &one)) {
		const struct service *s = map_get_slice(&m->services, one);
		if (s && !s->gone)
			return false;
	}
	return true;
}

bool cooling_wanted(const struct ipam *m, const struct addr *a)
{
	const struct pool *p = m->config.records ? cooling_pool(m, a) : NULL;
	return p && pool_reuse_after(m, p) > 0 && addr_was_held(m, a) && !cluster_pool_wants(m, a->ip);
}

/* ---- in and out ------------------------------------------------------------------------------------- */

bool addr_cools(const struct addr *a)
{
	return a->record && a->record->cooling;
}

void cooling_drop(struct ipam *m, struct addr *a)
{
	if (!addr_cools(a))
		return;
	struct cooling *c = TAKE(a->record->cooling);
	list_remove(c);
	for (size_t i = 0; i < c->n; i++)
		forget(m, c->for_whom[i], a);
	struct cooling *last = m->cooling[--m->n_cooling];
	m->cooling[c->at] = last;
	last->at = c->at;
	free(c->for_whom);
	free(c);
}

void cooling_claimed(const struct addr *a)
{
	if (addr_cools(a) && a->record->cooling->pool)
		kept_changes(a->record->cooling);
}

void cooling_wake(struct ipam *m, const struct addr *a)
{
	const struct cooling *c = a->record ? a->record->cooling : NULL;
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		struct service *s = map_get(&m->services, c->for_whom[i]->key);
		/* One that has another of the family waits for something else. */
		if (s && s->waits && (service_has_requests(s) || !service_held(s, (enum family)a->ip.family)))
			enqueue(m, s, LANE_ASKED);
	}
	wake_asked(m, a->ip);
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, a->ip, &at));) {
		p->dirty = true;
		if (pool_usable(m, p) && pool_gives(p, a->ip))
			wake_first(m, &p->waiters[a->ip.family]);
	}
}

/* A release that the API server's clock puts into the future, or before its own time, has just begun. */
static msec clamp(msec x, msec max)
{
	return x < 0 ? 0 : x > max ? max : x;
}

bool cooling_settle(struct ipam *m, struct addr *a, struct moment now)
{
	struct record *r = a->record;
	const struct pool *p =
		r && r->ours && r->phase == RECORD_IS_COOLING && !a->n_holders ? cooling_pool(m, a) : NULL;
	if (!p) {
		cooling_drop(m, a);
		return false;
	}
	msec reuse_after = pool_reuse_after(m, p);
	bool known = addr_cools(a) && r->cooling->released_at == r->released_at;
	msec since = known ? r->cooling->since : now.mono;
	if (!known && r->released_at)
		since -= clamp(now.wall - r->released_at, reuse_after);
	cooling_drop(m, a);
	struct cooling *c = r->cooling = xcalloc(1, sizeof(*c));
	*c = (struct cooling){ .addr = a, .at = m->n_cooling, .since = since, .released_at = r->released_at };
	vec_grow(&m->cooling, &m->cap_cooling, m->n_cooling + 1);
	m->cooling[m->n_cooling++] = c;
	remember_all(m, c, reuse_after);
	if (since + reuse_after <= now.mono)
		orphan_add(m, a, 0);
	else
		list_insert(c, cooling_pool(m, a));
	if (m->ready && !known)
		cooling_wake(m, a);
	if (m->ready)
		cluster_pool_left(m, a->ip);
	return true;
}

static int by_since(const void *a, const void *b)
{
	const struct cooling *x = *(struct cooling *const *)a, *y = *(struct cooling *const *)b;
	return x->since < y->since ? -1 : x->since > y->since;
}

void cooling_refresh(struct ipam *m)
{
	if (m->n_cooling)
		qsort(m->cooling, m->n_cooling, sizeof(*m->cooling), by_since);
	for (size_t i = 0; i < m->n_cooling; i++)
		list_remove(m->cooling[i]);
	for (size_t i = 0; i < m->n_cooling; i++) {
		struct cooling *c = m->cooling[i];
		struct pool *p = cooling_pool(m, c->addr);
		c->at = i;
		/* What no pool has any more is kept for nobody. */
		if (p)
			list_insert(c, p);
		else
			orphan_add(m, c->addr, 0);
	}
}

/* ---- time --------------------------------------------------------------------------------------------- */

bool cooling_is_over(const struct ipam *m, const struct addr *a, struct moment now)
{
	const struct pool *p = cooling_pool(m, a);
	return !p || !addr_cools(a) || cluster_pool_wants(m, a->ip) ||
	       a->record->cooling->since + pool_reuse_after(m, p) <= now.mono;
}

msec cooling_ends(const struct ipam *m, const struct addr *a)
{
	const struct pool *p = cooling_pool(m, a);
	return a->record->released_at + (p ? pool_reuse_after(m, p) : 0);
}

/* All who wait for the pool are looked at again, which is much where ten thousand do: so at once after a time
 * of rest, and not again before TELL_EVERY is over. */
static void tell_waiters(struct ipam *m, struct pool *p, enum family f, struct moment now)
{
	if (!p->kept_changed[f] || p->tell_from[f] > now.mono)
		return;
	p->kept_changed[f] = false;
	p->tell_from[f] = now.mono + TELL_EVERY;
	wake_all(m, &p->waiters[f]);
}

/* Else there is nothing to look for in the pools, which may be many. */
static bool any_concerned(const struct ipam *m)
{
	return m->n_cooling || m->n_waiting;
}

void cooling_fire(struct ipam *m, struct moment now)
{
	for (size_t i = 0; any_concerned(m) && i < m->n_pools; i++) {
		struct pool *p = m->pools[i];
		for (int f = 0; f < FAMILIES; f++) {
			struct cooling *c;
			while ((c = p->cooling[f].head) && c->since + pool_reuse_after(m, p) <= now.mono) {
				list_remove(c);
				orphan_add(m, c->addr, 0);
			}
			tell_waiters(m, p, (enum family)f, now);
		}
	}
}

msec cooling_wake_at(const struct ipam *m)
{
	msec at = -1;
	for (size_t i = 0; any_concerned(m) && i < m->n_pools; i++) {
		const struct pool *p = m->pools[i];
		for (int f = 0; f < FAMILIES; f++) {
			const struct cooling *c = p->cooling[f].head;
			msec end = c ? c->since + pool_reuse_after(m, p) : -1;
			if (c && (at < 0 || end < at))
				at = end > 0 ? end : 0;
			if (p->kept_changed[f] && (at < 0 || p->tell_from[f] < at))
				at = p->tell_from[f];
		}
	}
	return at;
}

/* ---- who may take one ------------------------------------------------------------------------------------
 */

static bool is_takable(const struct addr *a)
{
	return addr_cools(a) && !a->in_flight && !a->n_holders;
}

static bool gives_again(const struct ipam *m, const struct service *s, struct ip ip)
{
	const struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		if (ask_pool_for(m, s, p, ip) == POOL_GIVES && pool_assigns(p, s))
			return true;
	return false;
}

struct addr *cooling_for(struct ipam *m, const struct service *s, enum family f)
{
	const struct left *l = m->left.n ? map_get(&m->left, s->key) : NULL;
	struct addr *best = NULL;
	for (size_t i = 0; l && i < l->n; i++) {
		struct addr *a = l->items[i];
		if (a->ip.family != f || !is_takable(a) || addr_foreign_claim(a, s) ||
		    !gives_again(m, s, a->ip))
			continue;
		if (!best || best->record->cooling->since < a->record->cooling->since)
			best = a;
	}
	return best;
}

struct addr *cooling_longest(const struct ipam *m, const struct pool *p, enum family f)
{
	(void)m;
	if (!pool_reuse_early(p))
		return NULL;
	for (struct cooling *c = p->cooling[f].head; c; c = c->next)
		if (is_takable(c->addr) && !c->addr->claims && pool_gives(p, c->addr->ip))
			return c->addr;
	return NULL;
}

msec cooling_kept_until(const struct ipam *m, const struct pool *p, enum family f)
{
	if (pool_reuse_early(p))
		return 0;
	for (struct cooling *c = p->cooling[f].head; c; c = c->next)
		if (!c->addr->claims && pool_gives(p, c->addr->ip))
			return cooling_ends(m, c->addr);
	return 0;
}

void cooling_free(struct ipam *m)
{
	while (m->n_cooling)
		cooling_drop(m, m->cooling[0]->addr);
	map_done(&m->left);
	free(m->cooling);
}
