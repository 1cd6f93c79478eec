#include "core/pool.h"

#include "core/cluster_pool.h"
#include "core/condition.h"
#include "core/cooling.h"
#include "core/label_copy.h"
#include "core/ledger.h"
#include "core/policy.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/reservation.h"
#include "core/wait.h"

struct pool *pool_find(const struct ipam *m, const char *name)
{
	for (size_t i = 0; i < m->n_pools; i++)
		if (!m->pools[i]->builtin && strcmp(m->pools[i]->name, name) == 0)
			return m->pools[i];
	return NULL;
}

const char *pool_unusable_why(const struct ipam *m, const struct pool *p)
{
	/* A pool that cannot be read may be the one that selects the Service. */
	if (p->builtin)
		return m->pools_lost ? "gives nothing while the other pools cannot be read"
		       : m->cluster_pool->external
			       ? NULL
			       : "is switched off (--external-ips-from-cluster-pool=false)";
	return m->pools_lost || p->ghost                   ? "cannot be read any more"
	       : p->deleting || p->doubted || p->condemned ? "is being deleted"
	       : p->flaw == FLAW_NAME                      ? "has a name that is reserved"
	       : p->flaw == FLAW_BLOCK                     ? "has an invalid block"
	       : p->flaw == FLAW_SELECTOR                  ? "has an invalid selector"
	       : p->disabled                               ? "is disabled"
	       : p->conflicting                            ? "is in conflict"
							   : NULL;
}

bool pool_usable(const struct ipam *m, const struct pool *p)
{
	return pool_unusable_why(m, p) == NULL;
}

bool pool_selects(const struct pool *p, const struct service *s)
{
	/* Whom a broken selector selects nobody can say: its holders stay, see may_keep(). */
	if (p->flaw == FLAW_SELECTOR)
		return true;
	struct label_view v = { s->labels, s->n_labels, s->ns, service_name(s) };
	return selector_matches(&p->selector, &v);
}

bool pool_name_not_named(const char *pool, const struct service *s)
{
	if (!s->extra || !s->extra->pools)
		return false;
	struct slice rest = slice_of(s->extra->pools), one;
	while (slice_cut(&rest, ',', &one))
		if (slice_is(slice_trim(one), pool))
			return false;
	return true;
}

bool pool_not_named(const struct pool *p, const struct service *s)
{
	return pool_name_not_named(p->name, s);
}

bool pool_has_family(const struct pool *p, enum family f)
{
	if (p->builtin)
		return p->families[f];
	for (size_t i = 0; i < p->n_blocks; i++)
		if (range_family(p->blocks[i]) == f)
			return true;
	return false;
}

bool pool_contains(const struct pool *p, struct ip ip)
{
	for (size_t i = 0; i < p->n_blocks; i++)
		if (range_has(p->blocks[i], ip))
			return true;
	return false;
}

static size_t give_index(const struct pool *p, struct ip ip)
{
	for (size_t i = 0; i < p->n_give; i++)
		if (range_has(p->give[i], ip))
			return i;
	return p->n_give;
}

bool pool_gives(const struct pool *p, struct ip ip)
{
	return give_index(p, ip) < p->n_give;
}

bool pool_find_free(const struct ipam *m, struct pool *p, enum family f, struct ip *ret)
{
	for (size_t i = p->full[f]; i < p->n_give; i++) {
		if (range_family(p->give[i]) == f && addr_map_first_free(&m->addrs, p->give[i], ret))
			return true;
		/* Everything before is known to be full, and now this range too. */
		p->full[f] = i + 1;
	}
	return false;
}

bool pool_has_free(const struct ipam *m, struct pool *p, enum family f)
{
	struct ip unused;
	return pool_find_free(m, p, f, &unused) || (p->builtin && cluster_pool_can_grow(m, f));
}

/* ---- the index ----------------------------------------------------------------------------------- */

struct pool *pools_at(const struct ipam *m, struct ip ip, size_t *at)
{
	if (*at == 0) {
		/* Behind the last span that starts at or below the address. */
		size_t lo = 0, hi = m->n_spans;
		while (lo < hi) {
			size_t mid = (lo + hi) / 2;
			if (ip_cmp(m->spans[mid].r.lo, ip) <= 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		*at = lo + 1;
	}
	/* Backward, as long as something that starts earlier still reaches so far. */
	while (*at > 1) {
		const struct pool_span *span = &m->spans[--*at - 1];
		if (ip_cmp(span->max_hi, ip) < 0)
			break;
		if (range_has(span->r, ip))
			return span->pool;
	}
	*at = 1;
	return NULL;
}

static int by_low(const void *a, const void *b)
{
	const struct pool_span *x = a, *y = b;
	int r = ip_cmp(x->r.lo, y->r.lo);
	return r ? r : ip_cmp(x->r.hi, y->r.hi);
}

static void index_blocks(struct ipam *m)
{
	m->n_spans = 0;
	for (size_t i = 0; i < m->n_pools; i++) {
		for (size_t j = 0; j < m->pools[i]->n_blocks; j++) {
			vec_grow(&m->spans, &m->cap_spans, m->n_spans + 1);
			m->spans[m->n_spans++] =
				(struct pool_span){ m->pools[i]->blocks[j], m->pools[i], { 0 } };
		}
	}
	if (m->n_spans)
		qsort(m->spans, m->n_spans, sizeof(*m->spans), by_low);
	for (size_t i = 0; i < m->n_spans; i++) {
		m->spans[i].max_hi = m->spans[i].r.hi;
		if (i && ip_cmp(m->spans[i - 1].max_hi, m->spans[i].max_hi) > 0)
			m->spans[i].max_hi = m->spans[i - 1].max_hi;
	}
}

void pools_taken(struct ipam *m, struct ip ip)
{
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		p->dirty = true;
	cluster_pool_addr(m, ip, true);
}

void pools_freed(struct ipam *m, struct ip ip)
{
	struct pool *p;
	cluster_pool_addr(m, ip, false);
	for (size_t at = 0; (p = pools_at(m, ip, &at));) {
		p->dirty = true;
		size_t i = give_index(p, ip);
		if (i < p->full[ip.family])
			p->full[ip.family] = i;
		if (i < p->n_give && pool_usable(m, p))
			wake_first(m, &p->waiters[ip.family]);
	}
}

const char *pool_of(const struct ipam *m, const struct addr *a)
{
	const char *name = "";
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, a->ip, &at));) {
		if (a->n_holders && pool_selects(p, a->holders[0]))
			return p->name;
		name = p->name;
	}
	/* With onShrink: Keep that is how it is known which pool's rules it stays under. */
	if (a->record && a->record->pool)
		return a->record->pool;
	return name;
}

/* ---- conflicts ------------------------------------------------------------------------------------- */

static int by_rank(const void *a, const void *b)
{
	const struct pool *x = *(struct pool *const *)a, *y = *(struct pool *const *)b;
	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The order in which they are tried. */
static int by_preference(const void *a, const void *b)
{
	const struct pool *x = *(struct pool *const *)a, *y = *(struct pool *const *)b;
	/* The cluster pool comes last: whoever has a pool of its own is served from that. */
	if (x->builtin != y->builtin)
		return x->builtin ? 1 : -1;
	if (pool_priority(x) != pool_priority(y))
		return pool_priority(x) > pool_priority(y) ? -1 : 1;
	return strcmp(x->name, y->name);
}

static char *overlap_text(struct range mine, struct range other, const struct pool *rival)
{
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX], c[IP_TEXT_MAX], d[IP_TEXT_MAX];
	return xasprintf("%s - %s overlaps %s - %s of pool \"%s\"", ip_format(mine.lo, a),
			 ip_format(mine.hi, b), ip_format(other.lo, c), ip_format(other.hi, d), rival->name);
}

/* The first overlap of two blocks of one pool; NULL if there is none. */
static char *overlap_inside(const struct pool *p)
{
	CLEANUP(range_set_done) struct range_set mine = { 0 };
	for (size_t i = 0; i < p->n_blocks; i++) {
		if (range_set_overlap(&mine, p->blocks[i])) {
			for (size_t j = 0; j < i; j++)
				if (range_overlaps(p->blocks[j], p->blocks[i]))
					return overlap_text(p->blocks[i], p->blocks[j], p);
		}
		range_set_add(&mine, p->blocks[i]);
	}
	return NULL;
}

/* Not usable for a reason of its own. */
static bool is_off(const struct pool *p)
{
	return p->disabled || p->deleting || p->flaw || p->doubted || p->condemned;
}

static char *overlap_with(const struct pool *p, struct pool *const *ranked, size_t n,
			  const struct range_set *taken)
{
	for (size_t i = 0; i < p->n_blocks; i++) {
		if (!range_set_overlap(taken, p->blocks[i]))
			continue;
		for (size_t j = 0; j < n; j++) {
			const struct pool *rival = ranked[j];
			if (rival->conflicting || is_off(rival))
				continue;
			for (size_t k = 0; k < rival->n_blocks; k++)
				if (range_overlaps(rival->blocks[k], p->blocks[i]))
					return overlap_text(p->blocks[i], rival->blocks[k], rival);
		}
	}
	return NULL;
}

/* In order of rank: a pool loses only to one that is itself usable, so a pool that is off for its own
 * reasons switches nobody off. */
static void find_conflicts(struct ipam *m)
{
	CLEANUP(range_set_done) struct range_set taken = { 0 };
	CLEANUP(freep) struct pool **ranked = xmalloc(m->n_pools * sizeof(struct pool *));
	size_t n = 0;
	/* What overlaps the cluster pool is carved out of it, and no conflict. */
	for (size_t i = 0; i < m->n_pools; i++)
		if (!m->pools[i]->builtin)
			ranked[n++] = m->pools[i];
	if (n)
		qsort(ranked, n, sizeof(struct pool *), by_rank);
	for (size_t i = 0; i < n; i++) {
		struct pool *p = ranked[i];
		char *why = overlap_inside(p);
		if (!why)
			why = overlap_with(p, ranked, i, &taken);
		bool was = p->conflicting;
		p->conflicting = why != NULL;
		if (!same_text(why, p->conflict_text))
			p->dirty = true;
		free(p->conflict_text);
		p->conflict_text = why;
		if (was != p->conflicting)
			pool_wake_waiters(m, p);
		if (p->conflicting || is_off(p))
			continue;
		for (size_t j = 0; j < p->n_blocks; j++)
			range_set_add(&taken, p->blocks[j]);
	}
}

/* ---- what is given ----------------------------------------------------------------------------------- */

/* Names the parts of the pool that ServiceCIDRs have. */
static void note_carved(const struct ipam *m, struct pool *p)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(900);
	for (size_t i = 0; i < p->n_blocks; i++) {
		for (size_t j = 0; j < m->n_carves; j++) {
			for (size_t k = 0; k < m->carves[j].n; k++) {
				struct range r = m->carves[j].ranges[k], b = p->blocks[i];
				if (!range_overlaps(r, b))
					continue;
				char range[RANGE_TEXT_MAX];
				r.lo = ip_cmp(r.lo, b.lo) < 0 ? b.lo : r.lo;
				r.hi = ip_cmp(r.hi, b.hi) > 0 ? b.hi : r.hi;
				buf_addf(&text, "%s%s belongs to ServiceCIDR \"%s\"", text.len ? "; " : "",
					 range_format(r, range), m->carves[j].name);
			}
		}
	}
	if (same_text(p->carved, text.len ? buf_str(&text) : NULL))
		return;
	str_replace(&p->carved, text.len ? buf_str(&text) : NULL);
	p->carved_told = false;
}

static void work_out_excluded(const struct ipam *m, struct pool *p)
{
	range_set_done(&p->excluded);
	for (size_t i = 0; i < m->excluded.n; i++)
		range_set_add(&p->excluded, m->excluded.items[i]);
	for (size_t i = 0; p->policy && i < p->policy->exclude.n; i++)
		range_set_add(&p->excluded, p->policy->exclude.items[i]);
	if (p->builtin)
		cluster_pool_exclude(m, &p->excluded);
}

static void work_out_give(struct ipam *m, struct pool *p)
{
	note_carved(m, p);
	work_out_excluded(m, p);
	p->n_give = 0;
	p->full[IPV4] = p->full[IPV6] = 0;
	for (size_t i = 0; i < p->n_blocks; i++) {
		struct range r = p->blocks[i];
		/* Networks of one or two addresses have no first and last to spare. */
		u128 last = ip_bits(r.hi) - ip_bits(r.lo);
		if (p->reserve_first_last && p->block_is_cidr[i] && last >= 2) {
			r.lo = ip_make(range_family(r), ip_bits(r.lo) + 1);
			r.hi = ip_make(range_family(r), ip_bits(r.hi) - 1);
		}
		range_set_rest(&p->excluded, r, &p->give, &p->n_give, &p->cap_give);
	}
	p->dirty = true;
}

void pools_refresh(struct ipam *m)
{
	if (!m->pools_changed)
		return;
	m->pools_changed = false;
	policies_apply(m);
	if (m->n_pools)
		qsort(m->pools, m->n_pools, sizeof(*m->pools), by_preference);
	cluster_pool_carve(m);
	for (size_t i = 0; i < m->n_pools; i++) {
		work_out_give(m, m->pools[i]);
		quota_reset(m->pools[i]);
	}
	index_blocks(m);
	find_conflicts(m);
	cooling_refresh(m);
	reservations_refresh(m);
}

void pools_recarve(struct ipam *m)
{
	m->pools_changed = true;
	for (size_t i = 0; i < m->n_pools; i++)
		pool_wake_waiters(m, m->pools[i]);
}

/* Those who asked for an address of it by name. */
static void wake_asked_of(struct ipam *m, const struct pool *p)
{
	for (size_t i = 0; i < p->n_blocks; i++)
		cluster_pool_wake_asked(m, p->blocks[i]);
}

void pool_wake_waiters(struct ipam *m, struct pool *p)
{
	wake_asked_of(m, p);
	for (int f = 0; f < FAMILIES; f++)
		wake_all(m, &p->waiters[f]);
	quota_wake(m, p);
	wake_all(m, &m->wait_any);
}

void pool_revalidate(struct ipam *m, const struct pool *p)
{
	policies_revalidate_kept(m, p);
	/* A block that cannot be read may have explained any address: see may_keep.c. */
	size_t at = 0;
	for (struct service *s; p->flaw == FLAW_BLOCK && (s = map_next(&m->services, &at));)
		if (s->n_held)
			enqueue(m, s, LANE_NORMAL);
	for (size_t i = 0; i < p->n_blocks; i++) {
		struct addr_walk w = addr_walk(&m->addrs, p->blocks[i]);
		while (addr_walk_next(&w)) {
			struct addr *a = w.value;
			addr_wake_holders(m, a);
		}
	}
	wake_asked_of(m, p);
}

void pool_finalizers_done(struct pool *p)
{
	for (size_t i = 0; i < p->n_finalizers; i++)
		free(p->finalizers[i]);
	free(p->finalizers);
	p->finalizers = NULL;
	p->n_finalizers = 0;
}

void pool_free(struct ipam *m, struct pool *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->uid);
	free(p->rv);
	free(p->stale_rv);
	free(p->flaw_text);
	free(p->host_bits);
	free(p->carved);
	free(p->carved_pods);
	free(p->conflict_text);
	free(p->blocks);
	free(p->block_is_cidr);
	free(p->give);
	selector_done(&p->selector);
	conditions_done(&p->seen_conditions);
	range_set_done(&p->excluded);
	quota_book_free(m, p->quotas);
	pool_finalizers_done(p);
	labels_drop(m, &p->labels, &p->n_labels);
	free(p);
}

void pool_remove(struct ipam *m, struct pool *p)
{
	pool_revalidate(m, p);
	pool_wake_waiters(m, p);
	/* Those who waited in its lists wait for any pool until they are looked at again. */
	for (int f = 0; f < FAMILIES; f++) {
		for (struct wait *w; (w = p->waiters[f].head);) {
			struct service *s = w->service;
			wait_clear(m, s);
			wait_for(m, s, &m->wait_any);
		}
	}
	for (size_t i = 0; i < m->n_pools; i++) {
		if (m->pools[i] != p)
			continue;
		memmove(m->pools + i, m->pools + i + 1, (m->n_pools - i - 1) * sizeof(*m->pools));
		m->n_pools--;
		break;
	}
	for (unsigned i = 0; i < m->config.max_in_flight; i++)
		if (m->flights[i].used && m->flights[i].pool == p)
			m->flights[i].pool = NULL;
	m->pools_changed = true;
	/* The index still names it. */
	pools_refresh(m);
	pool_free(m, p);
}
