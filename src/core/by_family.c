#include "core/by_family.h"

#include "core/ask.h"
#include "core/by_request.h"
#include "core/cluster_pool.h"
#include "core/cooling.h"
#include "core/decide.h"
#include "core/ledger.h"
#include "core/pool.h"
#include "core/quota.h"
#include "core/reservation.h"
#include "core/service.h"
#include "core/sharing.h"
#include "core/wait.h"

const char not_shared[] = "not shared with ";

static void verdict_done(struct verdict *v)
{
	buf_done(&v->text);
}

/* Why s may not join, owned by the caller; NULL: it may. */
static char *join_refused(struct ipam *m, struct service *s, const struct addr *a,
			  const struct service **ret_rival)
{
	CLEANUP(verdict_done) struct verdict unused = { .text = BUF_INIT(MESSAGE_MAX) };
	*ret_rival = NULL;
	const char *why = sharing_join_refused(a, s, ret_rival);
	if (!why && (addr_foreign_claim(a, s) || !addr_record_allows(a, s)))
		why = "it is in use elsewhere too";
	if (!why && !some_pool_gives(m, s, &unused, "it", a->ip)) {
		why = buf_str(&unused.text);
		quota_wait_at(m, s, a->ip);
	}
	return why ? xstrdup(why) : NULL;
}

/* The address that a sharing group has already, oldest member first. ret_why: why none would do. Of a group
 * of thousands most members have the same address, so the answer is kept for the next one. */
static struct addr *group_address(struct ipam *m, struct service *s, enum family f, char **ret_why,
				  const struct ipam_trace *trace)
{
	struct addr *best = NULL;
	const struct addr *asked = NULL;
	const struct service *best_holder = NULL, *rival = NULL;
	CLEANUP(freep) char *why = NULL;
	for (struct service *t = sharing_first(m, s); t; t = t->extra->key_next) {
		for (size_t i = 0; t != s && i < t->n_held; i++) {
			struct addr *a = t->held[i].addr;
			if (a->ip.family != f)
				continue;
			if (a != asked) {
				free(why);
				why = join_refused(m, s, a, &rival);
				asked = a;
			}
			if (trace)
				trace->share(trace->arg, a->ip, rival ? rival->key : t->key, why);
			if (why && !*ret_why) {
				char text[IP_TEXT_MAX];
				*ret_why = xasprintf("%s%s (%s): %s", not_shared, rival ? rival->key : t->key,
						     ip_format(a->ip, text), why);
			}
			if (!why &&
			    (!best_holder || t->created < best_holder->created ||
			     (t->created == best_holder->created && strcmp(t->key, best_holder->key) < 0))) {
				best = a;
				best_holder = t;
			}
		}
	}
	return best;
}

static void note_missing(struct slice pool, struct buf *out)
{
	buf_add_str(out, out->len ? "; pool " : "pool ");
	buf_add_quote(out, pool);
	buf_add_str(out, " does not exist");
}

/* Pools that berth.dev/pool names, in order of preference, then all others in the order of pools; owned by
 * the caller. Names of no pool go to `ret_missing`. */
static struct pool **pools_by_preference(const struct ipam *m, const struct service *s,
					 struct buf *ret_missing)
{
	struct pool **list = xmalloc((m->n_pools + 1) * sizeof(struct pool *));
	size_t n = 0;
	struct slice rest = slice_of(s->extra && s->extra->pools ? s->extra->pools : NULL), one;
	while (slice_cut(&rest, ',', &one)) {
		one = slice_trim(one);
		struct pool *p = NULL;
		for (size_t i = 0; i < m->n_pools && !p; i++)
			p = slice_is(one, m->pools[i]->name) ? m->pools[i] : NULL;
		bool again = false;
		for (size_t i = 0; i < n; i++)
			again = again || list[i] == p;
		if (p && !again)
			list[n++] = p;
		else if (!p && one.len)
			note_missing(one, ret_missing);
	}
	for (size_t i = 0, named = n; i < m->n_pools; i++) {
		bool again = false;
		for (size_t j = 0; j < named; j++)
			again = again || list[j] == m->pools[i];
		if (!again)
			list[n++] = m->pools[i];
	}
	return list;
}

/* What a pool would give. */
struct offer {
	struct pool *pool; /* NULL = nobody gives anything */
	struct ip ip;
};

/* The lowest free address of the first pool that has one. Only when none has, one that cools. */
static struct offer best_offer(struct ipam *m, const struct service *s, struct pool *const *list,
			       enum family f)
{
	struct ip ip;
	for (size_t i = 0; i < m->n_pools; i++)
		if (ask_pool(m, s, list[i], f) == POOL_GIVES &&
		    (pool_find_free(m, list[i], f, &ip) ||
		     (list[i]->builtin && cluster_pool_grow(m, f) && pool_find_free(m, list[i], f, &ip))))
			return (struct offer){ list[i], ip };
	for (size_t i = 0; m->n_cooling && i < m->n_pools; i++) {
		const struct addr *a =
			ask_pool(m, s, list[i], f) == POOL_GIVES ? cooling_longest(m, list[i], f) : NULL;
		if (a)
			return (struct offer){ list[i], a->ip };
	}
	return (struct offer){ 0 };
}

/* Why pools gave nothing, as lists for the message. */
struct refusals {
	struct buf full, off, quota, missing;
	msec kept_until; /* wall; the first address that is kept for whoever had it; 0 = none is */
};

static void refusals_done(struct refusals *x)
{
	buf_done(&x->full);
	buf_done(&x->off);
	buf_done(&x->quota);
	buf_done(&x->missing);
}

/* The namespace has all that it may have of the pool. */
static void note_quota(const struct ipam *m, const struct service *s, const struct pool *p, struct buf *out)
{
	if (out->len)
		buf_add_str(out, ", ");
	quota_text(m, s, p, out);
}

static void note_refusal(struct ipam *m, struct service *s, struct pool *p, enum family f, struct refusals *x,
			 const struct ipam_trace *t)
{
	enum pool_answer r = ask_pool(m, s, p, f);
	msec kept = r == POOL_GIVES ? cooling_kept_until(m, p, f) : 0;
	if (r == POOL_GIVES)
		r = kept ? POOL_COOLS : POOL_FULL;
	saw(m, s, t, p, f, r);
	if (kept && (!x->kept_until || kept < x->kept_until))
		x->kept_until = kept;
	if (r == POOL_FULL || r == POOL_COOLS)
		buf_addf(&x->full, "%s\"%s\"", x->full.len ? ", " : "", p->name);
	else if (r == POOL_OFF)
		buf_addf(&x->off, "%spool \"%s\" %s", x->off.len ? ", " : "", p->name,
			 pool_unusable_why(m, p));
	else if (r == POOL_ONLY_ASKED)
		buf_addf(&x->off, "%spool \"%s\" gives only to those who ask for it (autoAssign: false)",
			 x->off.len ? ", " : "", p->name);
	else if (r == POOL_QUOTA)
		note_quota(m, s, p, &x->quota);
	/* That a pool does not select it is worth a word where it was named. */
	else if (r == POOL_NOT_SELECTING && s->extra && s->extra->pools)
		buf_addf(&x->off, "%spool \"%s\" does not select it", x->off.len ? ", " : "", p->name);
}

static void refuse(const struct ipam *m, enum family f, const struct refusals *x, struct verdict *v)
{
	char end[RFC3339_MAX];
	if (x->missing.len)
		fail(v, REASON_POOL_NOT_FOUND, "%s", buf_str(&x->missing));
	if (m->pools_lost && !x->full.len)
		fail(v, REASON_NO_POOL, "the pools cannot be read");
	else if (x->quota.len)
		fail(v, REASON_QUOTA_EXCEEDED, "no %s address: %s%s%s", family_name(f), buf_str(&x->quota),
		     x->full.len ? "; none is free in pool " : "", buf_str(&x->full));
	else if (x->kept_until)
		fail(v, REASON_COOLING_DOWN,
		     "no free %s address in pool %s; the next one that is kept for its last holder is free "
		     "at %s",
		     family_name(f), buf_str(&x->full), time_format(x->kept_until, end));
	else if (x->full.len)
		fail(v, REASON_OUT_OF_IPS, "no free %s address in pool %s", family_name(f),
		     buf_str(&x->full));
	else if (x->off.len)
		fail(v, REASON_NO_POOL, "no usable pool with %s addresses selects this Service: %s",
		     family_name(f), buf_str(&x->off));
	else
		fail(v, REASON_NO_POOL, "no pool with %s addresses selects this Service", family_name(f));
	if (x->missing.len)
		v->reason = REASON_POOL_NOT_FOUND;
}

/* From the first pool that selects the Service, has the family and is not full. False: the reason and the
 * text say why there is none. */
static bool from_pools(struct ipam *m, struct service *s, enum family f, struct verdict *v,
		       const struct ipam_trace *t)
{
	CLEANUP(refusals_done)
	struct refusals no = { BUF_INIT(MESSAGE_MAX), BUF_INIT(MESSAGE_MAX), BUF_INIT(MESSAGE_MAX),
			       BUF_INIT(MESSAGE_MAX), 0 };
	const bool names = s->extra && s->extra->pools;
	CLEANUP(freep) struct pool **preferred = names ? pools_by_preference(m, s, &no.missing) : NULL;
	struct pool **list = names ? preferred : m->pools;
	const struct offer best = best_offer(m, s, list, f);
	for (size_t i = 0; (t || !best.pool) && i < m->n_pools && list[i] != best.pool; i++)
		note_refusal(m, s, list[i], f, &no, t);
	if (best.pool) {
		saw(m, s, t, best.pool, f, POOL_GIVES);
		ledger_hold(m, s, best.ip, service_shows(s, best.ip));
		return true;
	}
	for (size_t i = 0; i < m->n_pools; i++) {
		enum pool_answer r = ask_pool(m, s, list[i], f);
		if (r == POOL_GIVES)
			wait_for(m, s, &list[i]->waiters[f]);
		else if (r == POOL_QUOTA)
			quota_wait(m, s, list[i]);
	}
	wait_for(m, s, &m->wait_any);
	refuse(m, f, &no, v);
	return false;
}

/* Exactly what the reservation says. False: the reason and the text say why it cannot be had. */
static bool take_reserved(struct ipam *m, struct service *s, struct verdict *v, const struct reservation *r,
			  struct ip ip, const struct ipam_trace *t)
{
	char text[IP_TEXT_MAX];
	struct verdict own = { .reason = REASON_SATISFIED, .text = BUF_INIT(MESSAGE_MAX) };
	const bool got = take_by_name(m, s, &own, ip);
	if (!got)
		fail(v, own.reason, "by IPReservation \"%s\": %s", r->name, buf_str(&own.text));
	if (t)
		trace_by_name(m, s, t, ip,
			      &(struct asked_trace){ .item = ip_format(ip, text),
						     .reservation = r->name,
						     .why = got ? NULL : buf_str(&own.text),
						     .reason = own.reason });
	buf_done(&own.text);
	return got;
}

/* What is kept for the Service goes first, then what it had lately, then what its sharing group has. */
static bool one_of_family(struct ipam *m, struct service *s, enum family f, struct verdict *v,
			  const struct ipam_trace *t)
{
	CLEANUP(freep) char *why = NULL;
	struct ip ip;
	const struct reservation *r = reservation_for(m, s, f, &ip);
	if (r)
		return take_reserved(m, s, v, r, ip, t);
	struct addr *a = cooling_for(m, s, f);
	if (!a)
		a = group_address(m, s, f, &why, t);
	if (a) {
		ledger_hold(m, s, a->ip, service_shows(s, a->ip));
		return true;
	}
	if (!from_pools(m, s, f, v, t))
		return false;
	if (why) {
		CLEANUP(freep) char *before = TAKE(s->note);
		s->note = xasprintf("%s%s%s", before ? before : "", before ? "; " : "", why);
	}
	return true;
}

/* What was asked, or would be, had it not an address of the family already. */
static void trace_held_family(struct ipam *m, struct service *s, enum family f, const struct ipam_trace *t)
{
	CLEANUP(freep) char *why = NULL;
	CLEANUP(buf_done) struct buf missing = BUF_INIT(MESSAGE_MAX);
	CLEANUP(freep) struct pool **list = pools_by_preference(m, s, &missing);
	(void)group_address(m, s, f, &why, t);
	for (size_t i = 0; i < m->n_pools; i++) {
		enum pool_answer r = ask_pool(m, s, list[i], f);
		char text[IP_TEXT_MAX];
		CLEANUP(buf_done) struct buf has = BUF_INIT(MESSAGE_MAX);
		const bool may = r == POOL_GIVES || r == POOL_OFF || r == POOL_ONLY_ASKED || r == POOL_QUOTA;
		for (size_t j = 0; j < s->n_held && !has.len && may; j++) {
			struct ip ip = s->held[j].addr->ip;
			if (ip.family != f || !pool_contains(list[i], ip))
				continue;
			if (r != POOL_GIVES) {
				answer_text(m, s, list[i], r, &has);
				buf_add_str(&has, "; ");
			}
			buf_addf(&has, "contains %s, which it has", ip_format(ip, text));
		}
		if (has.len)
			t->pool(t->arg, list[i]->name, f, POOL_HAS, buf_str(&has));
		else if (r == POOL_GIVES)
			saw(m, s, t, list[i], f, pool_has_free(m, list[i], f) ? POOL_NOT_NEEDED : POOL_FULL);
		else
			saw(m, s, t, list[i], f, r);
	}
}

void by_family(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t)
{
	struct family_wish w = service_families(m, s);
	bool any = false;
	for (int i = 0; i < FAMILIES; i++) {
		enum family f = (enum family)i;
		if (!w.want[f])
			continue;
		if (w.off[f]) {
			fail(v, REASON_FAMILY_DISABLED, "%s is switched off (--enable-%s=false)",
			     family_name(f), f == IPV4 ? "ipv4" : "ipv6");
			continue;
		}
		const bool held = service_held(s, f) > 0 || (s->coming >> f & 1);
		if (held && t)
			trace_held_family(m, s, f, t);
		if (held || one_of_family(m, s, f, v, t))
			any = true;
	}
	/* PreferDualStack is content with one; the message keeps saying what is missing. */
	if (w.one_is_enough && any)
		v->reason = REASON_SATISFIED;
}
