#include "core/cluster_pool.h"

#include "core/effect.h"
#include "core/ledger.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/wait.h"

enum { LOOKS_MAX = 1000, REFUSAL_MAX = 16 * 1024, CLAIM_TEXT_MAX = 512, NAMED_MAX = 5 };

/* ---- making and freeing -----------------------------------------------------------------------------------
 */

struct cluster_pool *cluster_pool_new(const struct cluster_pool_config *config)
{
	struct cluster_pool *c = xcalloc(1, sizeof(*c));
	c->side = SIDES;
	c->block = BUF_INIT(RANGE_TEXT_MAX);
	c->owner = BUF_INIT(CLAIM_TEXT_MAX);
	if (!config)
		return c;
	c->on = true;
	c->external = config->external;
	c->resource = config->resource;
	c->gc_interval = config->nodes_gc_interval;
	for (int f = 0; f < FAMILIES; f++) {
		const struct cluster_pool_family *x = &config->family[f];
		if (!x->n_entries)
			continue;
		c->mask[f] = x->mask;
		c->alloc[f] = block_alloc_new(x->entries, x->n_entries, x->mask, x->pods, x->n_pods);
	}
	return c;
}

static void free_tenures(struct tenure *t)
{
	while (t) {
		struct tenure *next = t->next;
		free(t->claim_uid);
		free(t);
		t = next;
	}
}

void cluster_pool_free(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	struct node *n;
	for (size_t at = 0; (n = map_next(&m->nodes, &at));) {
		free_tenures(n->tenures);
		for (int s = 0; s < SIDES; s++) {
			free(n->as[s].uid);
			free(n->as[s].rv);
			free(n->as[s].bad);
			free(n->as[s].error);
			free(n->as[s].cidrs);
		}
		free(n->claims);
		free(n->error);
		free(n->error_told);
		free(n->name);
		free(n);
	}
	free_tenures(c->blocks);
	for (int f = 0; f < FAMILIES; f++)
		block_alloc_free(c->alloc[f]);
	cidr_index_done(&c->index);
	buf_done(&c->block);
	buf_done(&c->owner);
	free(c->cidrs);
	free(c->side_why);
	free(c->refusal);
	free(c);
}

/* ---- the start --------------------------------------------------------------------------------------------
 */

/* Networks that no record of ours claims and that we did not write: somebody else gives them out. */
static const struct node *written_by_others(const struct ipam *m, enum node_side side)
{
	size_t at = 0;
	const struct node *first = NULL;
	for (const struct node *n; (n = map_next(&m->nodes, &at));) {
		bool claimed = true;
		for (size_t i = 0; i < n->as[side].n_cidrs; i++) {
			const struct tenure *t = tenure_find(m, n, n->as[side].cidrs[i]);
			claimed = claimed && t && t->claim;
		}
		if (!claimed && !n->as[side].cidrs_ours && (!first || strcmp(n->name, first->name) < 0))
			first = n;
	}
	return first;
}

static void choose_side(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	if (!c->on || c->resource == NODE_RESOURCE_NONE)
		return;
	c->side = c->resource == NODE_RESOURCE_CILIUM_NODES                         ? SIDE_CILIUM
		  : c->resource == NODE_RESOURCE_NODES || m->lost[KIND_CILIUM_NODE] ? SIDE_NODE
										    : SIDE_CILIUM;
	const struct node *other = c->resource == NODE_RESOURCE_AUTO ? written_by_others(m, c->side) : NULL;
	if (!other)
		return;
	const char *kind = c->side == SIDE_CILIUM ? "CiliumNode" : "Node";
	c->side_why = xasprintf(
		"%s %s has PodCIDRs that no record of ours claims: somebody else gives them out. No PodCIDR "
		"is "
		"written; once the other one is switched off, say --node-resource=%s%s",
		kind, other->name, c->side == SIDE_CILIUM ? "ciliumnodes" : "nodes",
		c->external ? ". Until then it may give a node what Services get from the cluster pool: with "
			      "--external-ips-from-cluster-pool=false they get nothing of it"
			    : "");
	notice_node(m, other->name, other->as[c->side].uid, c->side == SIDE_CILIUM, "PodCIDRsOfOthers",
		    c->side_why);
	c->side = SIDES;
}

/* Does a Service have an address of the block? What cools is nobody's. Nobody is taken over yet: records
 * tell. */
static bool block_has_holders(const struct ipam *m, const struct tenure *t)
{
	struct addr_walk w = addr_walk(&m->addrs, t->item.range);
	while (addr_walk_next(&w)) {
		const struct addr *a = w.value;
		if (a != t->claim && a->record && a->record->phase != RECORD_IS_COOLING)
			return true;
	}
	return false;
}

/* A claim of ours that the flags do not allow any more, while somebody makes use of it. */
static bool is_unfit(const struct ipam *m, const struct tenure *t)
{
	const struct block_alloc *a = m->cluster_pool->alloc[range_family(t->item.range)];
	if (!t->claim)
		return false;
	/* Without any cluster pool nobody is given a PodCIDR, and whose nodes have keeps its own. But the
	 * addresses of Services would be lost with their pool. */
	if (!m->cluster_pool->on)
		return !t->node && block_has_holders(m, t);
	bool fits = a && (t->found ? block_alloc_covers(a, t->item.range)
				   : block_alloc_is_block(a, t->item.range));
	if (fits)
		return false;
	return t->node ? t->shown[SIDE_NODE] || t->shown[SIDE_CILIUM] : block_has_holders(m, t);
}

struct refusal {
	const struct ipam *m;
	struct buf text;
	size_t n;
};

static void refuse(struct refusal *x, const struct tenure *t)
{
	const struct cluster_pool *c = x->m->cluster_pool;
	enum family f = range_family(t->item.range);
	if (!is_unfit(x->m, t) || x->n++ >= NAMED_MAX)
		return;
	buf_addf(&x->text, "%sthe ", x->text.len ? "\n" : "");
	tenure_describe(t, &x->text);
	if (c->alloc[f] && block_alloc_covers(c->alloc[f], t->item.range))
		buf_addf(&x->text,
			 " is in use, and --cluster-pool-ipv%s-mask-size=%d does not fit it: put the "
			 "mask back to %d, or free it first",
			 f == IPV4 ? "4" : "6", c->mask[f], t->item.prefix);
	else
		buf_addf(&x->text,
			 " is in use, and not inside --cluster-pool-ipv%s-cidr: put the network that "
			 "contains it back into the list, or free it first",
			 f == IPV4 ? "4" : "6");
}

static void check_claims(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	struct refusal x = { .m = m, .text = BUF_INIT(REFUSAL_MAX) };
	for (const struct tenure *t = c->blocks; t; t = t->next)
		refuse(&x, t);
	size_t at = 0;
	for (const struct node *n; (n = map_next(&m->nodes, &at));)
		for (const struct tenure *t = n->tenures; t; t = t->next)
			refuse(&x, t);
	if (x.n > NAMED_MAX)
		buf_addf(&x.text, "\nand %zu more like these", x.n - NAMED_MAX);
	if (x.n)
		c->refusal = buf_take(&x.text);
	buf_done(&x.text);
}

static void make_pool(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	/* Switched off it gives nothing new, and who has an address of it keeps that. */
	if ((!c->external && !c->blocks) || (!c->alloc[IPV4] && !c->alloc[IPV6]))
		return;
	struct pool *p = pool_add(m, "cluster-pool");
	p->builtin = p->seen = true;
	p->reserve_first_last = true;
	for (int f = 0; f < FAMILIES; f++)
		p->families[f] = c->alloc[f] != NULL;
	c->pool = p;
	external_pool_update(m);
}

static int by_age_of(const struct node *x, const struct node *y, enum node_side side)
{
	msec s = x->as[side].created, t = y->as[side].created;
	/* What is not there yet does not wait. */
	if (x->as[side].there != y->as[side].there)
		return x->as[side].there ? -1 : 1;
	return s != t ? (s < t ? -1 : 1) : strcmp(x->name, y->name);
}

static int by_age_of_node(const void *a, const void *b)
{
	return by_age_of(*(struct node *const *)a, *(struct node *const *)b, SIDE_NODE);
}

static int by_age_of_cilium_node(const void *a, const void *b)
{
	return by_age_of(*(struct node *const *)a, *(struct node *const *)b, SIDE_CILIUM);
}

/* Those who have waited longest come first. */
static void queue_all(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	for (struct tenure *t = c->blocks; t; t = t->next)
		chore_now(&c->chores, &t->chore);
	CLEANUP(freep) struct node **list = m->nodes.n ? xmalloc(m->nodes.n * sizeof(struct node *)) : NULL;
	size_t n = 0, at = 0;
	for (struct node *x; (x = map_next(&m->nodes, &at));)
		list[n++] = x;
	if (n)
		qsort(list, n, sizeof(struct node *),
		      c->side == SIDE_CILIUM ? by_age_of_cilium_node : by_age_of_node);
	for (size_t i = 0; i < n; i++)
		chore_now(&c->chores, &list[i]->chore);
}

void cluster_pool_start(struct ipam *m, struct moment now)
{
	struct cluster_pool *c = m->cluster_pool;
	choose_side(m);
	check_claims(m);
	make_pool(m);
	m->pools_changed = true;
	pools_refresh(m);
	external_adopt(m);
	queue_all(m);
	c->gc_at = now.mono + c->gc_interval;
}

/* ---- what comes next --------------------------------------------------------------------------------------
 */

static struct node *node_of(struct chore *x)
{
	return (struct node *)(void *)((char *)x - offsetof(struct node, chore));
}

static struct tenure *block_of(struct chore *x)
{
	return (struct tenure *)(void *)((char *)x - offsetof(struct tenure, chore));
}

/* Whoever waits for a block gets what has become free: nodes first, then Services. */
static void feed(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	if (!c->freed)
		return;
	c->freed = false;
	nodes_feed(m);
	for (int f = 0; c->pool && f < FAMILIES; f++)
		if (c->pool->waiters[f].head && cluster_pool_can_grow(m, (enum family)f))
			wake_first(m, &c->pool->waiters[f]);
}

bool cluster_pool_next(struct ipam *m, struct moment now, struct effect *ret)
{
	struct cluster_pool *c = m->cluster_pool;
	if (!c->on)
		return false;
	pools_refresh(m);
	nodes_collect(m, now);
	feed(m);
	if (now.mono < c->not_before)
		return false;
	struct chore *x;
	for (unsigned looks = 0; looks < LOOKS_MAX && (x = chore_next(&c->chores, now.mono)); looks++) {
		bool found = x->is_node ? node_next(m, node_of(x), now, ret)
					: external_next(m, block_of(x), now, ret);
		if (found)
			return true;
		pools_refresh(m);
		feed(m);
	}
	return false;
}

msec cluster_pool_wake_at(const struct ipam *m)
{
	const struct cluster_pool *c = m->cluster_pool;
	if (!c->on)
		return -1;
	msec at = c->freed ? 0 : chores_wake_at(&c->chores);
	if (at >= 0 && at < c->not_before)
		at = c->not_before;
	size_t i = 0;
	bool any = false;
	if (c->side == SIDE_CILIUM && c->gc_interval > 0)
		for (const struct node *n; !any && (n = map_next(&m->nodes, &i));)
			any = n->as[SIDE_CILIUM].there && !n->as[SIDE_CILIUM].owned &&
			      !n->as[SIDE_NODE].there;
	if (any && (at < 0 || c->gc_at < at))
		at = c->gc_at;
	return at;
}

bool cluster_pool_busy(const struct ipam *m)
{
	const struct cluster_pool *c = m->cluster_pool;
	return c->on && (c->chores.n || c->in_flight || c->freed);
}

/* ---- results ----------------------------------------------------------------------------------------------
 */

/* Later: longer with each try, and where the server refused. */
static enum delay delay_of(struct chore *x, enum outcome o)
{
	static const enum delay again[] = { DELAY_200MS, DELAY_500MS, DELAY_1S, DELAY_2S,
					    DELAY_5S,    DELAY_10S,   DELAY_30S };
	static const enum delay refused[] = { DELAY_5S, DELAY_10S, DELAY_30S, DELAY_1M, DELAY_5M };
	size_t n = o == OUTCOME_REFUSED ? ARRAY_LEN(refused) : ARRAY_LEN(again);
	size_t i = x->tries < n ? x->tries : n - 1;
	if (x->tries < UINT8_MAX)
		x->tries++;
	return o == OUTCOME_REFUSED ? refused[i] : again[i];
}

/* Of a request about the node's own object. True: to be looked at again at once. */
static bool object_result(struct ipam *m, struct node *n, const struct flight *f, enum outcome o,
			  struct moment now)
{
	enum node_side side =
		f->kind == EFFECT_NODE_READ || f->kind == EFFECT_NODE_PATCH ? SIDE_NODE : SIDE_CILIUM;
	bool read = f->kind == EFFECT_NODE_READ || f->kind == EFFECT_CILIUM_NODE_READ;
	switch (o) {
	case OUTCOME_DONE:
		if (read && !n->as[side].there) {
			/* It is there, and its news still on the way. */
			n->collect = n->abandoned = false;
			return false;
		}
		/* An answer that could not be read leaves the old picture. */
		n->reread = !read && f->kind != EFFECT_CILIUM_NODE_DELETE && same_text(n->as[side].rv, f->rv);
		return true;
	case OUTCOME_GONE:
		if (n->as[side].there)
			ipam_node_deleted(m, side, n->name, n->as[side].uid, now);
		n->gone = true;
		n->reread = false;
		return true;
	case OUTCOME_CONFLICT:
	case OUTCOME_EXISTS:
		n->reread = same_text(n->as[side].rv, f->rv);
		return true;
	case OUTCOME_UNKNOWN:
	case OUTCOME_REFUSED:
		break;
	}
	n->reread = n->reread || (o == OUTCOME_UNKNOWN && !read);
	return false;
}

void cluster_pool_result(struct ipam *m, const struct flight *f, enum outcome o, msec retry_after,
			 struct moment now)
{
	struct cluster_pool *c = m->cluster_pool;
	struct tenure *t = f->tenure;
	struct node *n = f->node;
	struct chore *x = n ? &n->chore : &t->chore;
	c->in_flight--;
	if (retry_after)
		c->not_before = now.mono + retry_after;
	const bool news = n && n->dirty; /* told of while the request was under way */
	bool again;
	if (t) {
		/* It and its node stay what they are until the result is taken in, though nothing may keep
		 * them any more. */
		f->addr->in_flight = f->addr->overtaken = false;
		again = record_result(m, f, o, now);
		t->in_flight = false;
		if (n)
			n->in_flight = n->dirty = false;
		addr_wake_holders(m, f->addr);
		ledger_prune(m, f->addr);
		const bool stays = t->shown[SIDE_NODE] || t->shown[SIDE_CILIUM] || t->given || t->claim;
		tenure_prune(m, t);
		if (!n && !stays)
			return;
		if (!n)
			external_pool_update(m);
	} else {
		n->in_flight = n->dirty = false;
		again = object_result(m, n, f, o, now);
	}
	if (again || news)
		chore_now(&c->chores, x);
	else if (o == OUTCOME_DONE)
		chore_later(&c->chores, x, DELAY_1S, now.mono);
	else
		chore_later(&c->chores, x, delay_of(x, o), now.mono);
}

/* ---- what is carved out -----------------------------------------------------------------------------------
 */

void cluster_pool_addr(struct ipam *m, struct ip ip, bool taken)
{
	struct cluster_pool *c = m->cluster_pool;
	struct block_alloc *a = c->alloc[ip.family];
	struct range r;
	if (!a || !block_alloc_at(a, ip, &r))
		return;
	if (taken) {
		block_alloc_occupy(a, (struct range){ ip, ip });
		return;
	}
	block_alloc_release(a, (struct range){ ip, ip });
	c->freed = true;
}

void cluster_pool_wake_asked(struct ipam *m, struct range r)
{
	const struct block_alloc *a = m->cluster_pool->alloc[range_family(r)];
	struct range block;
	if (a && block_alloc_at(a, r.lo, &block))
		r.lo = block.lo;
	if (a && block_alloc_at(a, r.hi, &block))
		r.hi = block.hi;
	wake_asked_in(m, r);
}

void cluster_pool_unused(struct ipam *m, struct ip ip)
{
	struct cluster_pool *c = m->cluster_pool;
	struct range r;
	if (!m->ready || !c->on)
		return;
	for (struct cidr_item *i = addr_map_get(&c->index.by_first, ip); i; i = i->next)
		if (!((struct tenure *)i)->claim)
			tenure_wake(m, (struct tenure *)i);
	if (!c->alloc[ip.family] || !block_alloc_at(c->alloc[ip.family], ip, &r))
		return;
	if (ip_eq(ip, r.lo))
		wake_asked_in(m, r);
	struct tenure *t = tenure_find(m, NULL, r);
	if (t)
		tenure_wake(m, t);
}

static bool add_pods(struct cidr_item *i, void *arg)
{
	const struct tenure *t = (const struct tenure *)i;
	if (t->node)
		range_set_add(arg, i->range);
	return false;
}

struct naming {
	struct buf *text;
	size_t n;
};

static bool name_pods(struct cidr_item *i, void *arg)
{
	const struct tenure *t = (const struct tenure *)i;
	struct naming *x = arg;
	char text[RANGE_TEXT_MAX];
	if (t->node && x->n++ < NAMED_MAX)
		buf_addf(x->text, "%s%s belongs to node %s", x->text->len ? "; " : "",
			 range_format(i->range, text), t->node->name);
	return false;
}

void cluster_pool_left(struct ipam *m, struct ip ip)
{
	struct cluster_pool *c = m->cluster_pool;
	struct range r;
	if (!c->starving || !c->alloc[ip.family] || !block_alloc_at(c->alloc[ip.family], ip, &r))
		return;
	struct tenure *t = tenure_find(m, NULL, r);
	if (t)
		chore_now(&c->chores, &t->chore);
}

/* Names the parts of the pool that nodes have; only the first few: a Warning for each node is none. */
static void note_pods(struct ipam *m, struct pool *p)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(900);
	struct naming x = { &text, 0 };
	for (size_t i = 0; i < p->n_blocks; i++)
		(void)cidr_index_each(&m->cluster_pool->index, p->blocks[i], name_pods, &x);
	if (x.n > NAMED_MAX)
		buf_add_str(&text, "; and more");
	const char *now = text.len ? buf_str(&text) : NULL;
	if (same_text(p->carved_pods, now))
		return;
	str_replace(&p->carved_pods, now);
	p->carved_pods_told = false;
}

void cluster_pool_carve(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	/* Nodes' networks out of the pools. */
	range_set_done(&m->excluded);
	for (size_t i = 0; i < m->n_carves; i++)
		for (size_t j = 0; j < m->carves[i].n; j++)
			range_set_add(&m->excluded, m->carves[i].ranges[j]);
	for (size_t i = 0; i < m->n_pools; i++) {
		struct pool *p = m->pools[i];
		for (size_t j = 0; j < p->n_blocks; j++)
			(void)cidr_index_each(&c->index, p->blocks[j], add_pods, &m->excluded);
		if (!p->builtin)
			note_pods(m, p);
	}
	/* ServiceCIDRs and pools out of the blocks. */
	CLEANUP(range_set_done) struct range_set off = { 0 };
	for (size_t i = 0; i < m->n_carves; i++)
		for (size_t j = 0; j < m->carves[i].n; j++)
			range_set_add(&off, m->carves[i].ranges[j]);
	for (size_t i = 0; i < m->n_pools; i++)
		for (size_t j = 0;
		     !m->pools[i]->builtin && m->pools[i]->flaw != FLAW_NAME && j < m->pools[i]->n_blocks;
		     j++)
			range_set_add(&off, m->pools[i]->blocks[j]);
	for (int f = 0; f < FAMILIES; f++)
		if (c->alloc[f])
			block_alloc_carve(c->alloc[f], &off);
	c->freed = true;
}

bool cluster_pool_covers(const struct ipam *m, struct ip ip)
{
	struct range r;
	const struct cluster_pool *c = m->cluster_pool;
	return c->external && c->pool && c->alloc[ip.family] && block_alloc_at(c->alloc[ip.family], ip, &r);
}

bool cluster_pool_spares(const struct ipam *m, struct ip ip)
{
	struct range r;
	return cluster_pool_covers(m, ip) && block_alloc_at(m->cluster_pool->alloc[ip.family], ip, &r) &&
	       (ip_eq(ip, r.lo) || ip_eq(ip, r.hi));
}

struct pod_search {
	const struct tenure *found;
};

/* Of several that overlap always the same is named, whoever came first. */
static bool first_pod(struct cidr_item *i, void *arg)
{
	struct pod_search *s = arg;
	const struct tenure *t = (const struct tenure *)i;
	int order = t->node && s->found ? strcmp(t->node->name, s->found->node->name) : -1;
	if (t->node && (order < 0 || (order == 0 && t->item.prefix < s->found->item.prefix)))
		s->found = t;
	return false;
}

bool cluster_pool_pod_of(const struct ipam *m, struct ip ip, struct buf *out)
{
	struct pod_search s = { 0 };
	(void)cidr_index_each(&m->cluster_pool->index, (struct range){ ip, ip }, first_pod, &s);
	if (!s.found)
		return false;
	buf_add_str(out, "belongs to the ");
	tenure_describe(s.found, out);
	return true;
}

/* ---- questions --------------------------------------------------------------------------------------------
 */

const char *ipam_refusal(const struct ipam *m)
{
	return m->cluster_pool->refusal;
}

enum node_side ipam_node_side(const struct ipam *m, const char **ret_why)
{
	if (ret_why)
		*ret_why = m->cluster_pool->side_why;
	return m->cluster_pool->side;
}

bool ipam_pod_cidrs(const struct ipam *m, enum family f, uint64_t *ret_total, uint64_t *ret_used)
{
	struct block_alloc *a = m->cluster_pool->alloc[f];
	if (!a)
		return false;
	struct block_counts n = block_alloc_count(a, BLOCK_POD);
	*ret_total = n.total;
	*ret_used = n.used;
	return true;
}

void ipam_each_node(const struct ipam *m, void (*fn)(const struct node_row *row, void *arg), void *arg)
{
	const struct cluster_pool *c = m->cluster_pool;
	size_t at = 0;
	for (const struct node *n; c->side != SIDES && (n = map_next(&m->nodes, &at));) {
		const struct node_object *o = &n->as[c->side];
		struct node_row row = { .name = n->name,
					.cidrs = o->cidrs,
					.n_cidrs = o->n_cidrs,
					.error = n->error,
					.shown = o->error };
		if (o->there)
			fn(&row, arg);
	}
}

void ipam_each_block(const struct ipam *m, void (*fn)(struct range block, size_t n_held, void *arg),
		     void *arg)
{
	for (const struct tenure *t = m->cluster_pool->blocks; t; t = t->next) {
		struct addr_walk w = addr_walk(&m->addrs, t->item.range);
		size_t n = 0;
		while (addr_walk_next(&w)) {
			const struct addr *a = w.value;
			n += a->n_holders > 0;
		}
		fn(t->item.range, n, arg);
	}
}
