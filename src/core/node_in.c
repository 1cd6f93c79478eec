/* What the API tells of Nodes and CiliumNodes, taken over into the picture. */
#include "core/cluster_pool.h"
#include "core/ledger.h"
#include "core/service.h"

struct node *node_need(struct ipam *m, struct slice name)
{
	struct node *n = map_get_slice(&m->nodes, name);
	if (n)
		return n;
	n = xcalloc(1, sizeof(*n));
	n->name = xstrndup(name.ptr, name.len);
	n->chore.is_node = true;
	map_put(&m->nodes, n->name, n);
	return n;
}

static void object_done(struct node_object *o)
{
	free(o->uid);
	free(o->rv);
	free(o->bad);
	free(o->error);
	free(o->cidrs);
	*o = (struct node_object){ 0 };
}

void node_prune(struct ipam *m, struct node *n)
{
	if (n->as[SIDE_NODE].there || n->as[SIDE_CILIUM].there || n->tenures || n->in_flight || n->n_claims)
		return;
	node_waits_no_more(m, n);
	chore_drop(&m->cluster_pool->chores, &n->chore);
	map_del(&m->nodes, n->name);
	for (int s = 0; s < SIDES; s++)
		object_done(&n->as[s]);
	free(n->claims);
	free(n->error);
	free(n->error_told);
	free(n->name);
	free(n);
}

/* ---- its CIDRs
 * --------------------------------------------------------------------------------------------- */

static int by_range(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int c = ip_cmp(x->lo, y->lo);
	return c ? c : ip_cmp(x->hi, y->hi);
}

static bool has_range(const struct range *sorted, size_t n, struct range r)
{
	return n && bsearch(&r, sorted, n, sizeof(r), by_range);
}

static struct range *sorted_copy(const struct range *list, size_t n)
{
	struct range *copy = n ? xmalloc(n * sizeof(*copy)) : NULL;
	if (n) {
		memcpy(copy, list, n * sizeof(*copy));
		qsort(copy, n, sizeof(*copy), by_range);
	}
	return copy;
}

/* Of equal ones the first stays, and the order is that of the list. */
static size_t drop_doubles(struct range *list, size_t n)
{
	CLEANUP(freep) struct range *sorted = sorted_copy(list, n);
	CLEANUP(freep) bool *met = n ? xcalloc(n, sizeof(bool)) : NULL;
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		const struct range *at = bsearch(&list[i], sorted, n, sizeof(*sorted), by_range);
		/* Of equal ones it finds always the same. */
		if (met[at - sorted])
			continue;
		met[at - sorted] = true;
		list[kept++] = list[i];
	}
	return kept;
}

/* The texts as networks; what is none goes to ret_bad. */
static struct range *read_cidrs(const struct node_in *in, size_t *ret_n, char **ret_bad)
{
	struct range *list = in->n_cidrs ? xmalloc(in->n_cidrs * sizeof(*list)) : NULL;
	*ret_n = 0;
	for (size_t i = 0; i < in->n_cidrs; i++) {
		struct range r;
		bool host_bits;
		if (range_parse_cidr(slice_of(in->cidrs[i]), &r, &host_bits, NULL) < 0)
			str_replace(ret_bad, in->cidrs[i]);
		else
			list[(*ret_n)++] = r;
	}
	*ret_n = drop_doubles(list, *ret_n);
	return list;
}

static void show_cidrs(struct ipam *m, struct node *n, enum node_side side, struct range *list, size_t n_list)
{
	struct node_object *o = &n->as[side];
	struct range *old = o->cidrs;
	size_t n_old = o->n_cidrs;
	CLEANUP(freep) struct range *sorted = sorted_copy(list, n_list);
	o->cidrs = list;
	o->n_cidrs = n_list;
	for (size_t i = 0; i < n_list; i++)
		tenure_need(m, n, list[i])->shown[side] = true;
	for (size_t i = 0; i < n_old; i++) {
		struct tenure *t = has_range(sorted, n_list, old[i]) ? NULL : tenure_find(m, n, old[i]);
		if (!t)
			continue;
		t->shown[side] = false;
		tenure_wake(m, t);
		tenure_prune(m, t);
	}
	free(old);
}

/* ---- told
 * -------------------------------------------------------------------------------------------------- */

static void take_addresses(struct ipam *m, struct node *n, const struct node_in *in)
{
	CLEANUP(freep)
	struct claim_ref *want = in->n_addresses ? xmalloc(in->n_addresses * sizeof(*want)) : NULL;
	for (size_t i = 0; i < in->n_addresses; i++)
		want[i] = (struct claim_ref){ in->addresses[i], CLAIM_NODE };
	claims_set(m, n, n->name, &n->claims, &n->n_claims, want, in->n_addresses);
}

void ipam_node(struct ipam *m, const struct node_in *in, struct moment now)
{
	(void)now;
	struct node *n = map_get(&m->nodes, in->name);
	/* An answer must not bring back what is gone. */
	if (in->by == TOLD_BY_ANSWER &&
	    (!n || !n->as[in->side].there || !same_text(n->as[in->side].uid, in->uid)))
		return;
	n = node_need(m, slice_of(in->name));
	struct node_object *o = &n->as[in->side];
	o->seen = n->known = true;
	n->gone = false;
	bool same_object = o->there && same_text(o->uid, in->uid);
	if (same_object && version_older(in->resource_version, o->rv))
		return;
	if (!same_object && in->side == SIDE_CILIUM) {
		/* What stands in its status has been said. */
		str_replace(&n->error_told, in->error && in->error[0] ? in->error : NULL);
		n->abandoned = n->collect = false;
	}
	if (!same_object && in->side == m->cluster_pool->side) {
		/* One that is made again begins to wait again, behind the others, and nothing was refused to
		 * it. */
		node_waits_no_more(m, n);
		n->chore.tries = 0;
	}
	o->there = true;
	o->deleting = in->deleting;
	o->owned = in->owned;
	o->cidrs_ours = in->cidrs_ours;
	o->created = in->created;
	str_replace(&o->uid, in->uid);
	if (!same_text(o->rv, in->resource_version))
		n->reread = false;
	str_replace(&o->rv, in->resource_version);
	str_replace(&o->error, in->error && in->error[0] ? in->error : NULL);
	str_replace(&o->bad, NULL);
	size_t n_cidrs;
	struct range *cidrs = read_cidrs(in, &n_cidrs, &o->bad);
	show_cidrs(m, n, in->side, cidrs, n_cidrs);
	if (in->side == SIDE_NODE) {
		take_addresses(m, n, in);
		n->abandoned = n->collect = false;
	}
	if (m->ready)
		chore_now(&m->cluster_pool->chores, &n->chore);
}

void ipam_node_deleted(struct ipam *m, enum node_side side, const char *name, const char *uid,
		       struct moment now)
{
	(void)now;
	struct node *n = map_get(&m->nodes, name);
	if (!n || !n->as[side].there || (uid && n->as[side].uid && strcmp(uid, n->as[side].uid) != 0))
		return;
	if (side == SIDE_NODE)
		claims_set(m, n, n->name, &n->claims, &n->n_claims, NULL, 0);
	show_cidrs(m, n, side, NULL, 0);
	object_done(&n->as[side]);
	n->gone = true;
	n->chore.tries = 0;
	if (m->ready)
		chore_now(&m->cluster_pool->chores, &n->chore);
	else
		node_prune(m, n);
}

/* ---- lists
 * ------------------------------------------------------------------------------------------------- */

void nodes_unsee(struct ipam *m, enum node_side side)
{
	size_t at = 0;
	for (struct node *n; (n = map_next(&m->nodes, &at));)
		n->as[side].seen = false;
}

void nodes_drop_unseen(struct ipam *m, enum node_side side, struct moment now)
{
	CLEANUP(freep) struct node **gone = m->nodes.n ? xmalloc(m->nodes.n * sizeof(struct node *)) : NULL;
	size_t n = 0, at = 0;
	for (struct node *x; (x = map_next(&m->nodes, &at));)
		if (x->as[side].there && !x->as[side].seen)
			gone[n++] = x;
	for (size_t i = 0; i < n; i++)
		ipam_node_deleted(m, side, gone[i]->name, NULL, now);
}
