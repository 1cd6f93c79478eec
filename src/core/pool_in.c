/* What the API tells of pools, taken over into the picture. */
#include "core/condition.h"
#include "core/contest.h"
#include "core/label_copy.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/service.h"
#include "core/wait.h"

#include <errno.h>

static const char *const our_conditions[] = {
	"cilium.io/PoolConflict", "cilium.io/IPsTotal", "cilium.io/IPsAvailable",
	"cilium.io/IPsUsed",      "berth.dev/Valid",    "berth.dev/Low",
};

/* What a spec means. */
struct meaning {
	struct range *blocks;
	bool *is_cidr;
	size_t n, cap;
	struct selector selector;
	enum pool_flaw flaw;
	char *flaw_text;
	struct buf host_bits;
};

static void meaning_done(struct meaning *x)
{
	free(x->blocks);
	free(x->is_cidr);
	free(x->flaw_text);
	selector_done(&x->selector);
	buf_done(&x->host_bits);
}

static int read_block(const struct block_in *b, struct range *ret, bool *ret_cidr, bool *ret_host_bits,
		      struct err *e)
{
	*ret_cidr = b->cidr && b->cidr[0];
	*ret_host_bits = false;
	if (*ret_cidr)
		return range_parse_cidr(slice_trim(slice_of(b->cidr)), ret, ret_host_bits, e);
	if (!b->start || !b->start[0])
		return err_set(e, EINVAL,
			       b->stop && b->stop[0] ? "it has a stop but no start"
						     : "it has neither cidr nor start");
	struct range r;
	int err = ip_parse(slice_trim(slice_of(b->start)), &r.lo, e);
	if (err < 0)
		return err;
	r.hi = r.lo;
	if (b->stop && b->stop[0]) {
		err = ip_parse(slice_trim(slice_of(b->stop)), &r.hi, e);
		if (err < 0)
			return err;
	}
	if (r.lo.family != r.hi.family)
		return err_set(e, EINVAL, "start %s and stop %s are of different families", b->start,
			       b->stop);
	if (ip_cmp(r.lo, r.hi) > 0)
		return err_set(e, EINVAL, "start %s is above stop %s", b->start, b->stop);
	*ret = r;
	return 0;
}

static void read_spec(const struct pool_in *in, struct meaning *x)
{
	struct err e = { 0 };
	x->host_bits = BUF_INIT(1024);
	if (strcmp(in->name, "cluster-pool") == 0) {
		x->flaw = FLAW_NAME;
		x->flaw_text =
			xstrdup("metadata.name: cluster-pool is the built-in pool's; want another name");
	}
	for (size_t i = 0; i < in->n_blocks; i++) {
		struct range r;
		bool cidr, host_bits;
		if (read_block(&in->blocks[i], &r, &cidr, &host_bits, &e) < 0) {
			if (!x->flaw) {
				x->flaw_text = xasprintf("spec.blocks[%zu]: %s", i, e.msg);
				x->flaw = FLAW_BLOCK;
			}
			continue;
		}
		if (host_bits) {
			char text[RANGE_TEXT_MAX];
			buf_addf(&x->host_bits, "%sspec.blocks[%zu]: %s has host bits set and is taken as %s",
				 x->host_bits.len ? "; " : "", i, in->blocks[i].cidr, range_format(r, text));
		}
		size_t cap = x->cap;
		vec_grow(&x->blocks, &x->cap, x->n + 1);
		if (x->cap != cap)
			x->is_cidr = xrealloc(x->is_cidr, x->cap, sizeof(bool));
		x->blocks[x->n] = r;
		x->is_cidr[x->n++] = cidr;
	}
	for (size_t i = 0; i < in->n_matches; i++) {
		const struct match_in *q = &in->matches[i];
		if (!q->op) {
			selector_add_equals(&x->selector, q->key, q->values[0]);
		} else if (selector_add(&x->selector, q->key, q->op, q->values, q->n_values, &e) < 0 &&
			   !x->flaw) {
			x->flaw = FLAW_SELECTOR;
			x->flaw_text = xasprintf("spec.serviceSelector: %s", e.msg);
		}
	}
}

static bool same_blocks(const struct pool *p, const struct meaning *x)
{
	if (p->n_blocks != x->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (!ip_eq(p->blocks[i].lo, x->blocks[i].lo) || !ip_eq(p->blocks[i].hi, x->blocks[i].hi) ||
		    p->block_is_cidr[i] != x->is_cidr[i])
			return false;
	return true;
}

static bool same_labels(const struct pool *p, const struct pool_in *in)
{
	if (p->n_labels != in->n_labels)
		return false;
	for (size_t i = 0; i < in->n_labels; i++)
		if (!same_text(p->labels[i].key, in->labels[i].key) ||
		    !same_text(p->labels[i].value, in->labels[i].value))
			return false;
	return true;
}

static void take_labels(struct ipam *m, struct pool *p, const struct pool_in *in)
{
	if (same_labels(p, in))
		return;
	labels_take(m, &p->labels, &p->n_labels, in->labels, in->n_labels);
	m->pools_changed = true; /* another policy may select it */
}

static void take_finalizers(struct pool *p, const struct pool_in *in)
{
	char **fresh = in->n_finalizers ? xmalloc(in->n_finalizers * sizeof(char *)) : NULL;
	for (size_t i = 0; i < in->n_finalizers; i++)
		fresh[i] = xstrdup(in->finalizers[i]);
	pool_finalizers_done(p);
	p->finalizers = fresh;
	p->n_finalizers = in->n_finalizers;
}

struct pool *pool_add(struct ipam *m, const char *name)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	p->name = xstrdup(name);
	p->quotas = quota_book_new();
	vec_grow(&m->pools, &m->cap_pools, m->n_pools + 1);
	m->pools[m->n_pools++] = p;
	m->pools_changed = true;
	return p;
}

void ipam_pool(struct ipam *m, const struct pool_in *in, struct moment now)
{
	struct pool *p = pool_find(m, in->name);
	if (in->by == TOLD_BY_ANSWER && (!p || p->doubted || p->condemned || !same_text(p->uid, in->uid)))
		return;
	bool fresh = !p;
	if (!p)
		p = pool_add(m, in->name);
	p->seen = true;
	/* An answer may come after the watch has told of a later change. */
	if (same_text(p->uid, in->uid) && version_older(in->resource_version, p->rv))
		return;
	bool back = p->ghost || p->doubted || p->condemned;
	p->ghost = p->doubted = p->condemned = p->hold_told = false;
	p->held_until = 0;
	str_replace(&p->uid, in->uid);
	str_replace(&p->rv, in->resource_version);
	if (p->stale_rv && !same_text(p->rv, p->stale_rv)) {
		str_replace(&p->stale_rv, NULL);
		p->status_at = p->guard_at = now.mono;
	}
	contest_pool_note(m, p, in, now);
	conditions_take(&p->seen_conditions, our_conditions, ARRAY_LEN(our_conditions), in->conditions,
			in->n_conditions);
	take_labels(m, p, in);
	take_finalizers(p, in);
	p->dirty = true;

	CLEANUP(meaning_done) struct meaning x = { 0 };
	read_spec(in, &x);
	bool same = !fresh && !back && p->created == in->created && p->disabled == in->disabled &&
		    p->deleting == in->deleting && p->reserve_first_last == in->reserve_first_last &&
		    p->flaw == x.flaw && same_text(p->flaw_text, x.flaw_text) && same_blocks(p, &x) &&
		    selector_eq(&p->selector, &x.selector);
	p->generation = in->generation;
	if (same)
		return;

	/* Who holds an address of the old blocks is asked whether it may stay. */
	pool_revalidate(m, p);
	p->created = in->created;
	p->disabled = in->disabled;
	p->deleting = in->deleting;
	p->reserve_first_last = in->reserve_first_last;
	selector_done(&p->selector);
	p->selector = x.selector;
	x.selector = (struct selector){ 0 };
	p->flaw = x.flaw;
	free(p->flaw_text);
	p->flaw_text = TAKE(x.flaw_text);
	free(p->blocks);
	free(p->block_is_cidr);
	p->blocks = TAKE(x.blocks);
	p->block_is_cidr = TAKE(x.is_cidr);
	p->n_blocks = x.n;
	p->cap_blocks = x.cap;
	char *host_bits = x.host_bits.len ? buf_take(&x.host_bits) : NULL;
	if (!same_text(host_bits, p->host_bits))
		p->host_bits_told = false;
	free(p->host_bits);
	p->host_bits = host_bits;
	m->pools_changed = true;
	pool_wake_waiters(m, p);
}

void ipam_pool_deleted(struct ipam *m, const char *name, const char *uid, struct moment now)
{
	(void)now;
	struct pool *p = pool_find(m, name);
	if (!p || p->doubted || p->condemned || (uid && p->uid && strcmp(uid, p->uid) != 0))
		return;
	p->doubted = true;
	m->pools_changed = true;
}
