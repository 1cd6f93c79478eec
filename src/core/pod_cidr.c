/* A node: which PodCIDRs it is to have, and the next write on the way there. */
#include "core/cluster_pool.h"
#include "core/effect.h"
#include "core/ledger.h"
#include "core/notice.h"

enum { FED_AT_ONCE = 64 };

static struct node_object *managed(const struct ipam *m, struct node *n)
{
	return &n->as[m->cluster_pool->side];
}

static enum family family_of(const struct tenure *t)
{
	return range_family(t->item.range);
}

static void drop_given(struct ipam *m, struct node *n)
{
	for (struct tenure *t = n->tenures, *next; t; t = next) {
		next = t->next;
		t->given = false;
		tenure_prune(m, t);
	}
}

/* ---- what is wrong with it -------------------------------------------------------------------------------
 */

static msec age(const struct tenure *t)
{
	msec created = INT64_MAX;
	for (int s = 0; s < SIDES; s++)
		if (t->shown[s] && t->node->as[s].created < created)
			created = t->node->as[s].created;
	return created;
}

/* Does the rival keep what both have? A block of external addresses that is in use; else who has a record,
 * the older one, the smaller name. */
static bool goes_before(const struct ipam *m, const struct tenure *rival, const struct tenure *t)
{
	if (!rival->node)
		return rival->claim || tenure_in_use(m, rival);
	if (!rival->shown[SIDE_NODE] && !rival->shown[SIDE_CILIUM])
		return false;
	if ((rival->claim != NULL) != (t->claim != NULL))
		return rival->claim != NULL;
	msec a = age(rival), b = age(t);
	return a != b ? a < b : strcmp(rival->node->name, t->node->name) < 0;
}

static bool is_bad(const struct ipam *m, const struct tenure *t)
{
	const struct block_alloc *a = m->cluster_pool->alloc[family_of(t)];
	return !a || !block_alloc_covers(a, t->item.range) || tenure_rival(m, t, goes_before);
}

/* A node that has something wrong is told so, with a reason for the Event. */
struct complaint {
	const char *reason;
	struct buf text;
};

static void complaint_done(struct complaint *x)
{
	buf_done(&x->text);
}

static void complain(struct complaint *x, const char *reason)
{
	if (!x->reason)
		x->reason = reason;
	if (x->text.len)
		buf_add_str(&x->text, "; ");
}

static void judge_shown(struct ipam *m, struct node *n, struct complaint *x)
{
	const struct node_object *o = managed(m, n);
	if (o->bad) {
		complain(x, "PodCIDRInvalid");
		buf_addf(&x->text, "PodCIDR \"%s\" is no network", o->bad);
	}
	for (size_t i = 0; i < o->n_cidrs; i++) {
		const struct tenure *t = tenure_find(m, n, o->cidrs[i]), *rival;
		const struct block_alloc *a = m->cluster_pool->alloc[family_of(t)];
		char text[RANGE_TEXT_MAX];
		if (!a || !block_alloc_covers(a, t->item.range)) {
			complain(x, "PodCIDROutsidePool");
			buf_addf(&x->text, "PodCIDR %s is not inside the cluster pool",
				 range_format(t->item.range, text));
		} else if ((rival = tenure_rival(m, t, goes_before))) {
			complain(x, "PodCIDRConflict");
			buf_addf(&x->text, "PodCIDR %s overlaps the ", range_format(t->item.range, text));
			tenure_describe(rival, &x->text);
		}
	}
}

/* ---- what it lacks ---------------------------------------------------------------------------------------
 */

static bool has_family(const struct node_object *o, enum family f)
{
	for (size_t i = 0; i < o->n_cidrs; i++)
		if (range_family(o->cidrs[i]) == f)
			return true;
	return false;
}

static bool is_elsewhere(const struct ipam *m, const struct tenure *rival, const struct tenure *t)
{
	(void)m;
	(void)t;
	return !rival->node || rival->shown[SIDE_NODE] || rival->shown[SIDE_CILIUM] || rival->claim;
}

/* May a block that was given, or is claimed, still be written? */
static bool is_usable(const struct ipam *m, const struct tenure *t)
{
	const struct cluster_pool *c = m->cluster_pool;
	const struct block_alloc *alloc = c->alloc[family_of(t)];
	const struct addr *first = ledger_get(m, t->item.range.lo);
	/* What is claimed for a CiliumNode whose Node is there the Pods on it have: be it of another size, or
	 * carved out since. */
	const bool had = t->claim && c->side == SIDE_CILIUM && t->node->as[SIDE_NODE].there;
	if (!(had && t->found ? block_alloc_covers(alloc, t->item.range)
			      : block_alloc_is_block(alloc, t->item.range)))
		return false;
	if (!had && block_alloc_is_carved(alloc, t->item.range))
		return false;
	/* Somebody else was faster. */
	if (m->config.records && first && first->record && first->record->tenure != t)
		return false;
	return !tenure_rival(m, t, is_elsewhere);
}

/* One that it has been given, or that a record claims for it: half an allocation is finished. */
static struct tenure *begun(const struct ipam *m, const struct node *n, enum family f)
{
	struct tenure *best = NULL;
	for (struct tenure *t = n->tenures; t; t = t->next) {
		if (family_of(t) != f || t->shown[m->cluster_pool->side] || (!t->given && !t->claim) ||
		    !is_usable(m, t))
			continue;
		if (!best || (t->claim && !best->claim) ||
		    ((t->claim != NULL) == (best->claim != NULL) &&
		     ip_cmp(t->item.range.lo, best->item.range.lo) < 0))
			best = t;
	}
	return best;
}

static bool is_missing(const struct ipam *m, const struct node_object *o, enum family f)
{
	return m->cluster_pool->alloc[f] && !has_family(o, f);
}

/* Every family that it lacks can be had. */
static bool all_to_be_had(struct ipam *m, struct node *n, struct complaint *x)
{
	const struct node_object *o = managed(m, n);
	bool all = true;
	for (int i = 0; i < FAMILIES; i++) {
		enum family f = (enum family)i;
		struct range unused;
		if (!is_missing(m, o, f) || begun(m, n, f) ||
		    block_alloc_next(m->cluster_pool->alloc[f], BLOCK_POD, &unused))
			continue;
		all = false;
		if (x) {
			complain(x, "PodCIDRExhausted");
			buf_addf(&x->text, "no free %s PodCIDR in the cluster pool", family_name(f));
		}
	}
	return all;
}

static void node_starves(struct ipam *m, struct node *n, bool starves)
{
	struct cluster_pool *c = m->cluster_pool;
	if (n->starving == starves)
		return;
	n->starving = starves;
	if (starves) {
		/* Blocks of external addresses that are not needed any more. */
		for (struct tenure *t = c->starving ? NULL : c->blocks; t; t = t->next)
			chore_now(&c->chores, &t->chore);
		n->starving_prev = c->starving_tail;
		n->starving_next = NULL;
		*(c->starving_tail ? &c->starving_tail->starving_next : &c->starving) = n;
		c->starving_tail = n;
		return;
	}
	*(n->starving_prev ? &n->starving_prev->starving_next : &c->starving) = n->starving_next;
	*(n->starving_next ? &n->starving_next->starving_prev : &c->starving_tail) = n->starving_prev;
	n->starving_prev = n->starving_next = NULL;
}

void node_waits_no_more(struct ipam *m, struct node *n)
{
	node_starves(m, n, false);
	drop_given(m, n);
}

/* Gives it what it lacks: all or nothing. True: all of it is given. */
static bool give(struct ipam *m, struct node *n, struct complaint *x)
{
	struct cluster_pool *c = m->cluster_pool;
	bool all = all_to_be_had(m, n, x);
	node_starves(m, n, !all);
	if (!all) {
		drop_given(m, n);
		return false;
	}
	for (int i = 0; i < FAMILIES; i++) {
		enum family f = (enum family)i;
		if (!is_missing(m, managed(m, n), f))
			continue;
		struct tenure *t = begun(m, n, f);
		struct range r;
		if (!t && block_alloc_next(c->alloc[f], BLOCK_POD, &r)) {
			t = tenure_need(m, n, r);
			block_alloc_took(c->alloc[f], r);
		}
		if (t)
			t->given = true;
		/* Whatever else was begun in this family is not needed. */
		for (struct tenure *other = n->tenures, *next; other; other = next) {
			next = other->next;
			if (other != t && family_of(other) == f) {
				other->given = false;
				tenure_prune(m, other);
			}
		}
	}
	return true;
}

/* ---- those who starve -----------------------------------------------------------------------------------
 */

static bool lacks_all(const struct ipam *m, const struct node_object *o)
{
	for (int f = 0; f < FAMILIES; f++)
		if (m->cluster_pool->alloc[f] && !is_missing(m, o, (enum family)f))
			return false;
	return true;
}

void nodes_feed(struct ipam *m)
{
	struct cluster_pool *c = m->cluster_pool;
	unsigned missed = 0;
	for (struct node *n = c->starving, *next; n && missed < FED_AT_ONCE; n = next) {
		next = n->starving_next;
		if (!managed(m, n)->there)
			continue;
		if (give(m, n, NULL))
			chore_now(&c->chores, &n->chore);
		else if (lacks_all(m, managed(m, n)))
			return; /* whoever comes behind lacks no more than this one */
		else
			missed++;
	}
}

/* ---- writes ----------------------------------------------------------------------------------------------
 */

static void node_out(struct ipam *m, struct node *n, struct effect *ret)
{
	effect_out(m, ret, NULL, NULL, NULL);
	struct flight *f = &m->flights[ret->id];
	f->node = n;
	f->rv = ret->resource_version ? xstrdup(ret->resource_version) : NULL;
	n->in_flight = true;
	m->cluster_pool->in_flight++;
}

static bool node_effect(struct ipam *m, struct node *n, enum node_side side, enum effect_kind kind,
			struct effect *ret)
{
	*ret = (struct effect){
		.kind = kind, .name = n->name, .uid = n->as[side].uid, .resource_version = n->as[side].rv
	};
	ret->node.cidrs = m->cluster_pool->cidrs;
	ret->node.n = 0;
	ret->node.error = n->error ? n->error : "";
	return true;
}

static bool read_effect(struct ipam *m, struct node *n, enum node_side side, struct effect *ret)
{
	(void)node_effect(m, n, side, side == SIDE_NODE ? EFFECT_NODE_READ : EFFECT_CILIUM_NODE_READ, ret);
	ret->resource_version = NULL;
	node_out(m, n, ret);
	return true;
}

static void add_cidr(struct cluster_pool *c, size_t *n, struct range r)
{
	vec_grow(&c->cidrs, &c->cap_cidrs, *n + 1);
	c->cidrs[(*n)++] = r;
}

/* What it is to have in the end: what it has, and what it was given, IPv4 first. */
static bool write_cidrs(struct ipam *m, struct node *n, struct effect *ret)
{
	struct cluster_pool *c = m->cluster_pool;
	const struct node_object *o = managed(m, n);
	size_t count = 0, before = o->n_cidrs;
	for (size_t i = 0; i < before; i++)
		add_cidr(c, &count, o->cidrs[i]);
	for (int f = 0; f < FAMILIES; f++)
		for (const struct tenure *t = n->tenures; t; t = t->next)
			if (t->given && !t->shown[c->side] && family_of(t) == (enum family)f)
				add_cidr(c, &count, t->item.range);
	if (count == before)
		return false;
	(void)node_effect(m, n, c->side, c->side == SIDE_NODE ? EFFECT_NODE_PATCH : EFFECT_CILIUM_NODE_PATCH,
			  ret);
	ret->node.cidrs = c->cidrs;
	ret->node.n = count;
	node_out(m, n, ret);
	return true;
}

/* Claims of what it has and is given come before everything else. True: an effect, or wait for one. */
static bool claim(struct ipam *m, struct node *n, struct effect *ret, bool *ret_wait)
{
	for (struct tenure *t = n->tenures; t; t = t->next) {
		bool wanted = t->given || (t->shown[m->cluster_pool->side] && !is_bad(m, t));
		enum effect_kind due = wanted ? claim_due(m, t) : EFFECT_KINDS;
		if (due == EFFECT_KINDS)
			continue;
		*ret_wait = true;
		if (claim_effect(m, due, t, false, ret))
			return true;
	}
	return false;
}

/* Its CiliumNode is not there, and its Node is: the Pods that run on it still have their addresses out of the
 * block, and whoever makes the CiliumNode again is to find it. So a kind that is deleted and made anew moves
 * nobody. */
static bool waits_for_its_node(const struct ipam *m, const struct node *n, const struct tenure *t)
{
	return m->cluster_pool->side == SIDE_CILIUM && !n->as[SIDE_CILIUM].there && n->as[SIDE_NODE].there &&
	       m->cluster_pool->alloc[family_of(t)] && is_usable(m, t);
}

/* Claims that nobody stands behind any more. */
static bool unclaim(struct ipam *m, struct node *n, struct effect *ret)
{
	for (struct tenure *t = n->tenures; t; t = t->next) {
		if (!t->claim || t->given || t->shown[SIDE_NODE] || t->shown[SIDE_CILIUM] ||
		    waits_for_its_node(m, n, t))
			continue;
		enum effect_kind kind = t->claim->record_unknown ? EFFECT_RECORD_READ : EFFECT_RECORD_DELETE;
		if (claim_effect(m, kind, t, false, ret))
			return true;
	}
	return false;
}

/* ---- what it is told -------------------------------------------------------------------------------------
 */

static bool write_error(struct ipam *m, struct node *n, const struct complaint *x, struct effect *ret)
{
	enum node_side side = m->cluster_pool->side;
	const char *text = x->text.len ? buf_str(&x->text) : NULL;
	if (!same_text(n->error, text))
		str_replace(&n->error, text);
	if (text && !same_text(n->error_told, text))
		notice_node(m, n->name, n->as[side].uid, side == SIDE_CILIUM, x->reason, text);
	str_replace(&n->error_told, text);
	if (side != SIDE_CILIUM || same_text(n->as[side].error, text))
		return false;
	(void)node_effect(m, n, side, EFFECT_CILIUM_NODE_ERROR, ret);
	node_out(m, n, ret);
	return true;
}

/* ---- garbage ---------------------------------------------------------------------------------------------
 */

static bool is_abandoned(const struct node *n)
{
	return n->as[SIDE_CILIUM].there && !n->as[SIDE_CILIUM].owned && !n->as[SIDE_CILIUM].deleting &&
	       !n->as[SIDE_NODE].there;
}

void nodes_collect(struct ipam *m, struct moment now)
{
	struct cluster_pool *c = m->cluster_pool;
	if (c->side != SIDE_CILIUM || c->gc_interval <= 0 || now.mono < c->gc_at)
		return;
	c->gc_at += c->gc_interval * ((now.mono - c->gc_at) / c->gc_interval + 1);
	size_t at = 0;
	for (struct node *n; (n = map_next(&m->nodes, &at));) {
		n->collect = is_abandoned(n) && n->abandoned;
		n->abandoned = is_abandoned(n);
		if (n->collect)
			chore_now(&c->chores, &n->chore);
	}
}

/* In doubt the Node is asked for once more: our picture of Nodes may be behind. */
static bool collect(struct ipam *m, struct node *n, struct effect *ret)
{
	if (!n->collect || !is_abandoned(n))
		return false;
	if (!n->gone)
		return read_effect(m, n, SIDE_NODE, ret);
	n->collect = n->abandoned = false;
	(void)node_effect(m, n, SIDE_CILIUM, EFFECT_CILIUM_NODE_DELETE, ret);
	node_out(m, n, ret);
	return true;
}

/* ---- all together ----------------------------------------------------------------------------------------
 */

/* It is gone, or is not there yet: of what records claim for it nobody makes use. */
static bool next_of_absent(struct ipam *m, struct node *n, struct effect *ret)
{
	node_waits_no_more(m, n);
	bool claims = false;
	for (const struct tenure *t = n->tenures; t; t = t->next)
		claims = claims || (t->claim && !t->shown[SIDE_NODE] && !t->shown[SIDE_CILIUM]);
	/* A record may be told before the node that it is for: then its newest state is asked for. */
	if (claims && !n->known && !n->gone)
		return read_effect(m, n, m->cluster_pool->side, ret);
	if (claims && unclaim(m, n, ret))
		return true;
	node_prune(m, n);
	return false;
}

static bool lacks(const struct ipam *m, const struct node_object *o)
{
	return is_missing(m, o, IPV4) || is_missing(m, o, IPV6);
}

bool node_next(struct ipam *m, struct node *n, struct moment now, struct effect *ret)
{
	struct cluster_pool *c = m->cluster_pool;
	(void)now;
	if (n->in_flight) {
		n->dirty = true;
		return false;
	}
	if (c->side == SIDES || !c->on) {
		node_prune(m, n);
		return false;
	}
	const struct node_object *o = managed(m, n);
	if (!o->there)
		return next_of_absent(m, n, ret);
	if (n->reread)
		return read_effect(m, n, c->side, ret);

	CLEANUP(complaint_done) struct complaint x = { .text = BUF_INIT(900) };
	judge_shown(m, n, &x);
	bool wait = false, fixed = c->side == SIDE_NODE && (o->n_cidrs || o->bad);
	if (lacks(m, o) && fixed) {
		complain(&x, "PodCIDRIncomplete");
		buf_add_str(&x.text, "the Node lacks a PodCIDR of one family, and what it has cannot be "
				     "changed any more: delete the Node and let it be made again");
		node_waits_no_more(m, n);
	} else if (lacks(m, o) && !o->deleting) {
		(void)give(m, n, &x);
	} else {
		node_waits_no_more(m, n);
	}
	if (claim(m, n, ret, &wait))
		return true;
	if (!wait && !o->deleting && write_cidrs(m, n, ret))
		return true;
	if (write_error(m, n, &x, ret))
		return true;
	if (unclaim(m, n, ret) || collect(m, n, ret))
		return true;
	if (!wait)
		n->chore.tries = 0;
	return false;
}
