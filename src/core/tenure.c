#include "core/cluster_pool.h"

#include "core/cooling.h"
#include "core/effect.h"
#include "core/ledger.h"
#include "core/pool.h"
#include "core/reservation.h"
#include "core/wait.h"

static struct tenure *of_item(struct cidr_item *i)
{
	return (struct tenure *)i; /* its first member */
}

/* ---- who has what ---------------------------------------------------------------------------------------
 */

static bool wake_other(struct cidr_item *i, void *arg)
{
	tenure_wake(arg, of_item(i));
	return false;
}

/* The range has come or gone: whoever overlaps it, and pools that contain it, are to be looked at. */
static void stir(struct ipam *m, const struct tenure *t)
{
	struct range r = t->item.range;
	(void)cidr_index_each(&m->cluster_pool->index, r, wake_other, m);
	if (!t->node)
		return; /* it is a block of the built-in pool, which tells whoever waits for it */
	/* Who asks for an address of it, or has reserved one, may come to have it, or not any more. */
	cluster_pool_wake_asked(m, r);
	struct addr_walk known = addr_walk(&m->addrs, r);
	if (addr_walk_next(&known))
		reservations_refresh(m);
	for (size_t i = 0; i < m->n_pools; i++)
		for (size_t j = 0; j < m->pools[i]->n_blocks; j++)
			if (range_overlaps(m->pools[i]->blocks[j], r)) {
				pools_recarve(m);
				return;
			}
}

struct tenure *tenure_find(const struct ipam *m, const struct node *n, struct range r)
{
	struct cidr_item *i = addr_map_get(&m->cluster_pool->index.by_first, r.lo);
	for (; i; i = i->next)
		if (of_item(i)->node == n && ip_eq(i->range.hi, r.hi))
			return of_item(i);
	return NULL;
}

/* Those that begin with the same address: so that of several rivals always the same is named, whoever came
 * first. */
static int by_owner(const struct cidr_item *a, const struct cidr_item *b)
{
	const struct node *x = ((const struct tenure *)a)->node, *y = ((const struct tenure *)b)->node;
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return !x || !y ? (x != NULL) - (y != NULL) : strcmp(x->name, y->name);
}

struct tenure *tenure_need(struct ipam *m, struct node *n, struct range r)
{
	struct cluster_pool *c = m->cluster_pool;
	struct tenure *t = tenure_find(m, n, r);
	if (t)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->item.range = r;
	(void)range_is_cidr(r, &t->item.prefix);
	t->node = n;
	if (n) {
		t->next = n->tenures;
		if (n->tenures)
			n->tenures->prev = t;
		n->tenures = t;
	} else {
		t->prev = c->blocks_tail;
		*(c->blocks_tail ? &c->blocks_tail->next : &c->blocks) = t;
		c->blocks_tail = t;
	}
	if (c->alloc[range_family(r)])
		block_alloc_occupy(c->alloc[range_family(r)], r);
	stir(m, t);
	cidr_index_add(&c->index, &t->item, by_owner);
	return t;
}

static void unlink_tenure(struct ipam *m, struct tenure *t)
{
	struct cluster_pool *c = m->cluster_pool;
	if (t->node) {
		*(t->prev ? &t->prev->next : &t->node->tenures) = t->next;
		if (t->next)
			t->next->prev = t->prev;
	} else {
		*(t->prev ? &t->prev->next : &c->blocks) = t->next;
		*(t->next ? &t->next->prev : &c->blocks_tail) = t->prev;
	}
}

void tenure_prune(struct ipam *m, struct tenure *t)
{
	struct cluster_pool *c = m->cluster_pool;
	if (t->shown[SIDE_NODE] || t->shown[SIDE_CILIUM] || t->given || t->claim || t->in_flight)
		return;
	enum family f = range_family(t->item.range);
	chore_drop(&c->chores, &t->chore);
	cidr_index_del(&c->index, &t->item);
	unlink_tenure(m, t);
	if (c->alloc[f])
		block_alloc_release(c->alloc[f], t->item.range);
	c->freed = true;
	stir(m, t);
	if (!t->node)
		external_pool_update(m);
	free(t->claim_uid);
	free(t);
}

void tenure_wake(struct ipam *m, struct tenure *t)
{
	struct cluster_pool *c = m->cluster_pool;
	if (!m->ready)
		return;
	if (t->node)
		chore_now(&c->chores, &t->node->chore);
	else
		chore_now(&c->chores, &t->chore);
}

struct search {
	const struct ipam *m;
	const struct tenure *t;
	bool (*fn)(const struct ipam *m, const struct tenure *rival, const struct tenure *t);
	struct tenure *found;
};

static bool is_rival(struct cidr_item *i, void *arg)
{
	struct search *s = arg;
	struct tenure *t = of_item(i);
	if (t == s->t || (t->node && t->node == s->t->node) || !s->fn(s->m, t, s->t))
		return false;
	s->found = t;
	return true;
}

struct tenure *tenure_rival(const struct ipam *m, const struct tenure *t,
			    bool (*fn)(const struct ipam *m, const struct tenure *rival,
				       const struct tenure *t))
{
	struct search s = { .m = m, .t = t, .fn = fn };
	(void)cidr_index_each(&m->cluster_pool->index, t->item.range, is_rival, &s);
	return s.found;
}

bool tenure_in_use(const struct ipam *m, const struct tenure *t)
{
	struct addr_walk w = addr_walk(&m->addrs, t->item.range);
	while (addr_walk_next(&w)) {
		const struct addr *a = w.value;
		if (a != t->claim && (a->n_holders || a->record || a->in_flight))
			return true;
	}
	return false;
}

bool tenure_only_cools(const struct ipam *m, const struct tenure *t)
{
	struct addr_walk w = addr_walk(&m->addrs, t->item.range);
	while (addr_walk_next(&w)) {
		const struct addr *a = w.value;
		if (a != t->claim &&
		    (a->n_holders || a->in_flight || (a->record && !a->orphaned && !addr_cools(a))))
			return false;
	}
	return true;
}

void tenure_describe(const struct tenure *t, struct buf *out)
{
	char text[RANGE_TEXT_MAX];
	if (t->node)
		buf_addf(out, "PodCIDR %s of node %s", range_format(t->item.range, text), t->node->name);
	else
		buf_addf(out, "block %s of external addresses", range_format(t->item.range, text));
}

/* ---- claims ---------------------------------------------------------------------------------------------
 */

void tenure_unclaimed(struct ipam *m, struct addr *a)
{
	struct tenure *t = a->record ? a->record->tenure : NULL;
	if (!t)
		return;
	a->record->tenure = NULL;
	t->claim = NULL;
	t->releasing = t->found = false;
	str_replace(&t->claim_uid, NULL);
	tenure_wake(m, t);
	struct node *n = t->node;
	tenure_prune(m, t);
	if (n)
		node_prune(m, n);
}

static struct tenure *read_claim(struct ipam *m, const struct record_in *in)
{
	static const char node_prefix[] = "node/";
	struct range r;
	bool host_bits;
	if (!in->ours || !in->block || !in->owner ||
	    range_parse_cidr(slice_of(in->block), &r, &host_bits, NULL) < 0 || host_bits ||
	    !ip_eq(r.lo, in->ip))
		return NULL;
	if (strcmp(in->owner, "external") == 0)
		return tenure_need(m, NULL, r);
	if (strncmp(in->owner, node_prefix, strlen(node_prefix)) != 0)
		return NULL;
	return tenure_need(m, node_need(m, slice_of(in->owner + strlen(node_prefix))), r);
}

void tenure_of_record(struct ipam *m, struct addr *a, const struct record_in *in)
{
	struct tenure *t = read_claim(m, in);
	if (a->record->tenure != t)
		tenure_unclaimed(m, a);
	if (!t)
		return;
	bool fresh = t->claim == NULL;
	a->record->tenure = t;
	t->claim = a;
	t->unclaimable = false;
	t->found = in->found;
	t->releasing = in->phase == RECORD_RELEASED;
	str_replace(&t->claim_uid, in->owner_uid);
	if (fresh && m->ready) {
		/* Those who waited for it. */
		struct addr_walk w = addr_walk(&m->addrs, t->item.range);
		while (!t->node && addr_walk_next(&w))
			addr_wake_holders(m, w.value);
	}
	if (m->ready && !t->node)
		external_pool_update(m);
	tenure_wake(m, t);
}

/* Its uid is that of the node as it is now. */
static bool uid_is_right(const struct ipam *m, const struct tenure *t)
{
	enum node_side side = m->cluster_pool->side;
	return !t->node || side == SIDES || !t->node->as[side].there ||
	       same_text(t->claim_uid, t->node->as[side].uid);
}

enum effect_kind claim_due(const struct ipam *m, const struct tenure *t)
{
	const struct addr *a = ledger_get(m, t->item.range.lo);
	if (!m->config.records)
		return EFFECT_KINDS;
	if (a && a->record_unknown)
		return EFFECT_RECORD_READ;
	if (!a || !a->record)
		return EFFECT_RECORD_CREATE;
	if (a->record->tenure == t && (t->releasing || !uid_is_right(m, t)))
		return EFFECT_RECORD_PATCH;
	return EFFECT_KINDS;
}

bool claim_effect(struct ipam *m, enum effect_kind kind, struct tenure *t, bool releasing, struct effect *ret)
{
	struct cluster_pool *c = m->cluster_pool;
	struct addr *a = ledger_need(m, t->item.range.lo);
	if (a->in_flight) {
		ledger_prune(m, a);
		return false;
	}
	enum node_side side = c->side == SIDES ? SIDE_NODE : c->side;
	char ip[IP_TEXT_MAX], range[RANGE_TEXT_MAX];
	buf_clear(&m->text[0]);
	buf_add_str(&m->text[0], ip_format(a->ip, ip));
	buf_clear(&c->block);
	buf_add_str(&c->block, range_format(t->item.range, range));
	if (t->item.prefix == (range_family(t->item.range) == IPV4 ? 32 : 128))
		buf_clear(&c->block), buf_addf(&c->block, "%s/%d", ip, t->item.prefix);
	buf_clear(&c->owner);
	buf_addf(&c->owner, "%s%s", t->node ? "node/" : "external", t->node ? t->node->name : "");
	*ret = (struct effect){
		.kind = kind,
		.name = buf_str(&m->text[0]),
		.uid = a->record ? a->record->uid : NULL,
		.resource_version = a->record ? a->record->rv : NULL,
	};
	ret->record.ip = a->ip;
	ret->record.holders = "";
	ret->record.pool = "cluster-pool";
	ret->record.phase = releasing ? RECORD_RELEASED : RECORD_HELD;
	ret->record.block = buf_str(&c->block);
	ret->record.owner = buf_str(&c->owner);
	ret->record.owner_uid = t->node ? t->node->as[side].uid : NULL;
	ret->record.node = t->node ? t->node->name : NULL;
	ret->record.side = side;
	ret->record.found = t->node && c->alloc[range_family(t->item.range)] &&
			    t->item.prefix != c->mask[range_family(t->item.range)];
	effect_out(m, ret, NULL, a, NULL);
	m->flights[ret->id].tenure = t;
	m->flights[ret->id].node = t->node;
	t->in_flight = true;
	if (t->node)
		t->node->in_flight = true;
	c->in_flight++;
	return true;
}
