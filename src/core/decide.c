#include "core/decide.h"

#include "core/ledger.h"
#include "core/may_keep.h"
#include "core/pool.h"
#include "core/service.h"
#include "core/sharing.h"
#include "core/wait.h"

enum { MESSAGE_MAX = 1000 };

/* A decision under way. */
struct verdict {
	enum ipam_reason reason;
	struct buf text;
};

static void add_text(struct buf *b, const char *text)
{
	buf_addf(b, "%s%s", b->len ? "; " : "", text);
}

[[gnu::format(printf, 3, 4)]] static void fail(struct verdict *v, enum ipam_reason r, const char *fmt, ...)
{
	v->reason = r;
	if (v->text.len)
		buf_add_str(&v->text, "; ");
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&v->text, fmt, ap);
	va_end(ap);
}

/* ---- what it has ------------------------------------------------------------------------------- */

/* Addresses that are ours in the status of a Service that may not have them: they are to be taken
 * out of it. Ours is what a record says so; without records, what we wrote. */
static bool is_ours(const struct ipam *m, const struct service *s, struct ip ip)
{
	const struct addr *a = ledger_get(m, ip);
	if (m->config.records)
		return a && a->record && a->record->ours && holders_name(a->record->holders, s->key);
	return s->ingress_ours;
}

const char *adopt_refused(const struct ipam *m, const struct service *s, struct ip ip)
{
	size_t at = 0;
	const char *why = may_have(m, s, ip);
	if (why)
		return why;
	/* A block that cannot be read explains what we gave, not what others wrote. */
	if (!is_ours(m, s, ip) && !pools_at(m, ip, &at))
		return "no pool contains it";
	const struct addr *a = ledger_get(m, ip);
	const struct service *rival;
	if (!a)
		return NULL;
	for (const struct claim *c = a->claims; c; c = c->next)
		if (c->kind == CLAIM_STATUS && c->owner != s && !is_ours(m, s, ip))
			return "it stands in the status of another Service too";
	if (!addr_record_allows(a, s))
		return "its record names somebody else";
	return sharing_join_refused(a, s, &rival) ? "another Service holds it" : NULL;
}

static bool may_adopt(const struct ipam *m, const struct service *s, struct ip ip)
{
	return adopt_refused(m, s, ip) == NULL;
}

/* Why it did not join its group is known in the moment of giving only, so it is kept as long as the
 * address, and found again in the condition after a restart. */
static const char not_shared[] = "not shared with ";

static void find_note(struct service *s)
{
	const char *found = s->message_seen ? strstr(s->message_seen, not_shared) : NULL;
	if (found && s->extra && s->extra->sharing_key && !s->note)
		s->note = xstrdup(found);
}

void adopt(struct ipam *m, struct service *s)
{
	if (s->adopted)
		return;
	find_note(s);
	/* While pools cannot be read only what is surely ours is taken over; the rest when they are back. */
	s->adopted = !m->pools_lost;
	for (size_t i = 0; i < s->n_ingress; i++) {
		struct ip ip = s->ingress[i].ip;
		if (!s->ingress[i].has_ip)
			continue;
		struct addr *a = ledger_get(m, ip);
		if (a && addr_has_holder(a, s))
			continue;
		if (m->pools_lost && !is_ours(m, s, ip))
			continue;
		if (may_adopt(m, s, ip)) {
			ledger_hold(m, s, ip, true);
		} else if (is_ours(m, s, ip) || (s->wanted && a && a->n_holders)) {
			/* It must go out of the status: it is ours, and not for this Service. */
			ledger_hold(m, s, ip, true);
			ledger_leave(m, s, ledger_get(m, ip));
		}
	}
	service_claim(m, s);
}

static bool has_confirmed(const struct service *s, enum family f)
{
	for (size_t i = 0; i < s->n_held; i++)
		if (s->held[i].confirmed && s->held[i].addr->ip.family == f)
			return true;
	return false;
}

/* Gives up what was decided but has not been seen in the status. */
static void leave_assumed(struct ipam *m, struct service *s, enum family f)
{
	for (size_t i = 0; i < s->n_held;) {
		if (s->held[i].addr->ip.family == f && !s->held[i].confirmed)
			ledger_leave(m, s, s->held[i].addr);
		else
			i++;
	}
}

/* May an address on its way out come back? One that still stands in the status goes before one that
 * was to replace it. */
static bool may_return(const struct ipam *m, const struct service *s, const struct addr *a)
{
	const struct service *rival;
	enum family f = (enum family)a->ip.family;
	if (!s->wanted || (s->deleting && !service_shows(s, a->ip)) || a->in_flight ||
	    may_keep(m, s, a->ip) || sharing_join_refused(a, s, &rival))
		return false;
	return service_has_requests(s) || !service_held(s, f) ||
	       (service_shows(s, a->ip) && !has_confirmed(s, f));
}

/* Held addresses that may not stay leave; those on their way out that may stay again come back. */
static void keep_or_move(struct ipam *m, struct service *s)
{
	for (size_t i = 0; i < s->n_held;) {
		struct addr *a = s->held[i].addr;
		if (may_keep(m, s, a->ip))
			ledger_leave(m, s, a);
		else
			i++;
	}
	for (size_t i = 0; i < s->n_leaving;) {
		struct addr *a = s->leaving[i];
		if (!may_return(m, s, a)) {
			i++;
			continue;
		}
		if (!service_has_requests(s))
			leave_assumed(m, s, (enum family)a->ip.family);
		ledger_rejoin(m, s, a);
	}
}

/* What stands in the status and may stay is taken over (all of it: the API may show more of one family
 * than was ever asked for) unless the Service has been given another one that was seen there. What is
 * only assumed gives way: somebody else was faster. */
static void yield_to_status(struct ipam *m, struct service *s)
{
	const bool served[FAMILIES] = { has_confirmed(s, IPV4), has_confirmed(s, IPV6) };
	for (size_t i = 0; i < s->n_ingress && !service_has_requests(s); i++) {
		struct ip ip = s->ingress[i].ip;
		if (!s->ingress[i].has_ip || served[ip.family])
			continue;
		const struct addr *a = ledger_get(m, ip);
		if ((a && addr_has_holder(a, s)) || !may_adopt(m, s, ip))
			continue;
		leave_assumed(m, s, (enum family)ip.family);
		ledger_hold(m, s, ip, true);
	}
}

/* ---- asking pools -------------------------------------------------------------------------------- */

static enum pool_answer ask_pool(const struct ipam *m, const struct service *s, const struct pool *p,
				 enum family f)
{
	return !pool_has_family(p, f) && p->flaw != FLAW_BLOCK ? POOL_OTHER_FAMILY
	       : pool_not_named(p, s)                          ? POOL_UNNAMED
	       : !pool_selects(p, s)                           ? POOL_NOT_SELECTING
	       : !pool_usable(m, p)                            ? POOL_OFF
							       : POOL_GIVES;
}

/* Of a pool that contains the address. */
static enum pool_answer ask_pool_for(const struct ipam *m, const struct service *s, const struct pool *p,
				     struct ip ip)
{
	return !pool_usable(m, p)     ? POOL_OFF
	       : pool_not_named(p, s) ? POOL_UNNAMED
	       : !pool_selects(p, s)  ? POOL_NOT_SELECTING
	       : !pool_gives(p, ip)   ? POOL_SPARES
				      : POOL_GIVES;
}

static const char *answer_text(const struct ipam *m, const struct pool *p, enum pool_answer r)
{
	static const char *const texts[POOL_ANSWERS] = {
		[POOL_OTHER_FAMILY] = "has no block of this family",
		[POOL_UNNAMED] = "is not named by berth.dev/pool",
		[POOL_NOT_SELECTING] = "does not select the Service",
		[POOL_SPARES] = "never gives this address",
		[POOL_FULL] = "has no free address",
		[POOL_ELSEWHERE] = "contains no address that is asked for",
		[POOL_NOT_NEEDED] = "has a free address, which is not needed",
		[POOL_GIVES] = "gives an address",
	};
	return r == POOL_OFF ? pool_unusable_why(m, p) : texts[r];
}

static void saw(const struct ipam *m, const struct ipam_trace *t, const struct pool *p, enum family f,
		enum pool_answer r)
{
	if (t)
		t->pool(t->arg, p->name, f, r, answer_text(m, p, r));
}

/* ---- by request ---------------------------------------------------------------------------------- */

static void refuse_taken(struct ipam *m, struct service *s, struct verdict *v, const char *text,
			 struct addr *a)
{
	const struct claim *c = addr_foreign_claim(a, s);
	static const char *const where[] = {
		[CLAIM_STATUS] = "the status of Service",
		[CLAIM_EXTERNAL_IP] = "spec.externalIPs of Service",
		[CLAIM_NODE] = "the addresses of Node",
	};
	const struct service *rival = NULL;
	const char *why = sharing_join_refused(a, s, &rival);
	if (a->record && !addr_record_allows(a, s)) {
		fail(v, REASON_ALREADY_ALLOCATED, "%s has a record of %s", text,
		     a->record->ours      ? a->record->holders
		     : a->record->manager ? a->record->manager
					  : "another manager");
	} else if (c) {
		fail(v, REASON_ALREADY_ALLOCATED, "%s stands in %s %s", text, where[c->kind], c->where);
	} else if (why && rival && s->extra && s->extra->sharing_key && !service_leaves(rival, a)) {
		fail(v, REASON_INCOMPATIBLE, "%s is held by %s, and cannot be shared: %s", text, rival->key,
		     why);
	} else if (rival) {
		fail(v, REASON_ALREADY_ALLOCATED, "%s is held by %s%s", text, rival->key,
		     service_leaves(rival, a) ? ", which is giving it back" : "");
	} else {
		fail(v, REASON_ALREADY_ALLOCATED, "%s is not free yet", text);
	}
	wait_for_ip(m, s, a->ip);
}

/* NULL: some pool gives this address to this Service. Else the reason stands in v. */
static bool some_pool_gives(struct ipam *m, const struct service *s, struct verdict *v, const char *text,
			    struct ip ip)
{
	const struct pool *by[POOL_ANSWERS] = { NULL };
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at)) && !by[POOL_GIVES];)
		by[ask_pool_for(m, s, p, ip)] = p;
	if (by[POOL_GIVES])
		return true;
	const struct pool *spared = by[POOL_SPARES], *other = by[POOL_NOT_SELECTING],
			  *unnamed = by[POOL_UNNAMED], *off = by[POOL_OFF];
	if (spared && range_set_has(&m->excluded, ip))
		fail(v, REASON_RESERVED, "%s is excluded from pool \"%s\": it belongs to a ServiceCIDR", text,
		     spared->name);
	else if (spared)
		fail(v, REASON_ALREADY_ALLOCATED,
		     "%s is the first or last address of a block of pool \"%s\", which spares them", text,
		     spared->name);
	else if (other)
		fail(v, REASON_SELECTOR_MISMATCH, "%s is in pool \"%s\", which does not select this Service",
		     text, other->name);
	else if (unnamed)
		fail(v, REASON_NO_POOL, "%s is in pool \"%s\", which berth.dev/pool does not name", text,
		     unnamed->name);
	else if (off)
		fail(v, REASON_NO_POOL, "%s is in pool \"%s\", which %s", text, off->name,
		     pool_unusable_why(m, off));
	else
		fail(v, REASON_NO_POOL, "no pool contains %s", text);
	return false;
}

static void try_request(struct ipam *m, struct service *s, struct verdict *v, const struct request *r)
{
	if (r->bad.ptr) {
		fail(v, REASON_INVALID_REQUEST, "%s", r->why);
		return;
	}
	char text[IP_TEXT_MAX];
	(void)ip_format(r->ip, text);
	struct addr *a = ledger_get(m, r->ip);
	if (a && service_holds(s, a))
		return;
	/* It stands there already, whoever wrote it. */
	if (service_shows(s, r->ip) && may_adopt(m, s, r->ip)) {
		ledger_hold(m, s, r->ip, true);
		return;
	}
	if (!some_pool_gives(m, s, v, text, r->ip)) {
		wait_for(m, s, &m->wait_any);
		return;
	}
	const struct service *rival;
	if (a && (addr_foreign_claim(a, s) || !addr_record_allows(a, s) || a->in_flight ||
		  addr_has_holder(a, s) || sharing_join_refused(a, s, &rival))) {
		refuse_taken(m, s, v, text, a);
		return;
	}
	ledger_hold(m, s, r->ip, service_shows(s, r->ip));
}

/* What each pool has to do with the addresses that are asked for. */
static void trace_pools_of_requests(const struct ipam *m, const struct service *s, const struct request *r,
				    size_t n, const struct ipam_trace *t)
{
	for (size_t i = 0; i < m->n_pools; i++) {
		const struct pool *p = m->pools[i];
		bool told = false;
		for (size_t j = 0; j < n; j++) {
			if (r[j].bad.ptr || !pool_contains(p, r[j].ip))
				continue;
			char ip[IP_TEXT_MAX];
			enum pool_answer no = ask_pool_for(m, s, p, r[j].ip);
			CLEANUP(freep)
			char *what = xasprintf("contains %s%s%s", ip_format(r[j].ip, ip),
					       no == POOL_GIVES ? "" : ", but ",
					       no == POOL_GIVES ? "" : answer_text(m, p, no));
			t->pool(t->arg, p->name, (enum family)r[j].ip.family, no, what);
			told = true;
		}
		if (!told)
			saw(m, t, p, FAMILIES, POOL_ELSEWHERE);
	}
}

static void by_request(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t)
{
	struct request r[REQUESTS_MAX];
	size_t n = service_requests(s, r);
	for (size_t i = 0; i < n && i < REQUESTS_MAX; i++) {
		size_t from = v->text.len;
		try_request(m, s, v, &r[i]);
		char ip[IP_TEXT_MAX];
		CLEANUP(freep) char *bad = xstrndup(r[i].bad.ptr ? r[i].bad.ptr : "", r[i].bad.len);
		const char *why = buf_str(&v->text) + from + (from && v->text.len > from ? 2 : 0);
		if (t)
			t->request(t->arg, bad[0] ? bad : ip_format(r[i].ip, ip),
				   v->text.len > from ? why : NULL);
	}
	if (t)
		trace_pools_of_requests(m, s, r, n < REQUESTS_MAX ? n : REQUESTS_MAX, t);
	if (n > REQUESTS_MAX)
		fail(v, REASON_INVALID_REQUEST, "%zu addresses are asked for; at most %d are taken", n,
		     REQUESTS_MAX);
}

/* ---- any address --------------------------------------------------------------------------------- */

/* The address that a sharing group has already, oldest member first. ret_why: why none would do. */
static struct addr *group_address(struct ipam *m, struct service *s, enum family f, char **ret_why,
				  const struct ipam_trace *trace)
{
	struct addr *best = NULL;
	const struct service *best_holder = NULL;
	for (struct service *t = sharing_first(m, s); t; t = t->extra->key_next) {
		for (size_t i = 0; t != s && i < t->n_held; i++) {
			struct addr *a = t->held[i].addr;
			const struct service *rival = NULL;
			if (a->ip.family != f)
				continue;
			const char *why = sharing_join_refused(a, s, &rival);
			struct verdict unused = { .text = BUF_INIT(MESSAGE_MAX) };
			if (!why && (addr_foreign_claim(a, s) || !addr_record_allows(a, s)))
				why = "it is in use elsewhere too";
			if (!why && !some_pool_gives(m, s, &unused, "it", a->ip))
				why = buf_str(&unused.text);
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
			buf_done(&unused.text);
		}
	}
	return best;
}

/* One address of the family from the pool, if it has one to give. */
static bool take_from(struct ipam *m, struct service *s, struct pool *p, enum family f,
		      const struct ipam_trace *t)
{
	struct ip ip;
	if (!pool_find_free(m, p, f, &ip)) {
		saw(m, t, p, f, POOL_FULL);
		return false;
	}
	saw(m, t, p, f, POOL_GIVES);
	ledger_hold(m, s, ip, service_shows(s, ip));
	return true;
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
			buf_addf(ret_missing, "%spool \"%.*s\" does not exist", ret_missing->len ? "; " : "",
				 SLICE_ARG(one));
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

/* The first pool that selects the Service, has the family and is not full. False: the reason and the
 * text say why there is none. */
static bool from_pools(struct ipam *m, struct service *s, enum family f, struct verdict *v,
		       const struct ipam_trace *t)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT(MESSAGE_MAX);
	CLEANUP(buf_done) struct buf off = BUF_INIT(MESSAGE_MAX);
	CLEANUP(buf_done) struct buf missing = BUF_INIT(MESSAGE_MAX);
	const bool names = s->extra && s->extra->pools;
	CLEANUP(freep) struct pool **preferred = names ? pools_by_preference(m, s, &missing) : NULL;
	for (size_t i = 0; i < m->n_pools; i++) {
		struct pool *p = names ? preferred[i] : m->pools[i];
		enum pool_answer r = ask_pool(m, s, p, f);
		if (r == POOL_GIVES) {
			if (take_from(m, s, p, f, t))
				return true;
			buf_addf(&full, "%s\"%s\"", full.len ? ", " : "", p->name);
			wait_for(m, s, &p->waiters[f]);
			continue;
		}
		saw(m, t, p, f, r);
		/* That a pool does not select it is worth a word where it was named. */
		if (r == POOL_OFF)
			buf_addf(&off, "%spool \"%s\" %s", off.len ? ", " : "", p->name,
				 pool_unusable_why(m, p));
		else if (r == POOL_NOT_SELECTING && names)
			buf_addf(&off, "%spool \"%s\" does not select it", off.len ? ", " : "", p->name);
	}
	wait_for(m, s, &m->wait_any);
	if (missing.len)
		fail(v, REASON_POOL_NOT_FOUND, "%s", buf_str(&missing));
	if (m->pools_lost)
		fail(v, REASON_NO_POOL, "the pools cannot be read");
	else if (full.len)
		fail(v, REASON_OUT_OF_IPS, "no free %s address in pool %s", family_name(f), buf_str(&full));
	else if (off.len)
		fail(v, REASON_NO_POOL, "no usable pool with %s addresses selects this Service: %s",
		     family_name(f), buf_str(&off));
	else
		fail(v, REASON_NO_POOL, "no pool with %s addresses selects this Service", family_name(f));
	if (missing.len)
		v->reason = REASON_POOL_NOT_FOUND;
	return false;
}

static bool one_of_family(struct ipam *m, struct service *s, enum family f, struct verdict *v,
			  const struct ipam_trace *t)
{
	CLEANUP(freep) char *why = NULL;
	struct addr *shared = group_address(m, s, f, &why, t);
	if (shared) {
		ledger_hold(m, s, shared->ip, service_shows(s, shared->ip));
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
		CLEANUP(freep) char *has = NULL;
		for (size_t j = 0; j < s->n_held && !has && (r == POOL_GIVES || r == POOL_OFF); j++)
			if (s->held[j].addr->ip.family == f && pool_contains(list[i], s->held[j].addr->ip))
				has = xasprintf("%s%scontains %s, which it has",
						r == POOL_OFF ? pool_unusable_why(m, list[i]) : "",
						r == POOL_OFF ? "; " : "",
						ip_format(s->held[j].addr->ip, text));
		struct ip ip;
		if (has)
			t->pool(t->arg, list[i]->name, f, POOL_HAS, has);
		else if (r == POOL_GIVES)
			saw(m, t, list[i], f,
			    pool_find_free(m, list[i], f, &ip) ? POOL_NOT_NEEDED : POOL_FULL);
		else
			saw(m, t, list[i], f, r);
	}
}

static void by_family(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t)
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
		const bool held = service_held(s, f) > 0;
		if (held && t)
			trace_held_family(m, s, f, t);
		if (held || one_of_family(m, s, f, v, t))
			any = true;
	}
	/* PreferDualStack is content with one; the message keeps saying what is missing. */
	if (w.one_is_enough && any)
		v->reason = REASON_SATISFIED;
}

/* ---- all together ---------------------------------------------------------------------------------- */

/* In the order of the requests; else each one that stands in the status keeps its place, and the
 * new ones fill up what has become vacant, IPv4 before IPv6. */
static void order_held(struct service *s)
{
	if (s->n_held < 2)
		return;
	CLEANUP(freep) struct hold *sorted = xmalloc(s->n_held * sizeof(*sorted));
	CLEANUP(freep) bool *used = xcalloc(s->n_held, sizeof(bool));
	size_t n = 0;
	struct request r[REQUESTS_MAX];
	size_t n_requests = service_requests(s, r);
	for (size_t i = 0; i < n_requests && i < REQUESTS_MAX; i++) {
		for (size_t j = 0; j < s->n_held; j++) {
			if (!used[j] && !r[i].bad.ptr && ip_eq(s->held[j].addr->ip, r[i].ip)) {
				used[j] = true;
				sorted[n++] = s->held[j];
			}
		}
	}
	for (size_t i = 0; n_requests == 0 && i < s->n_ingress; i++) {
		size_t pick = s->n_held;
		for (size_t j = 0; j < s->n_held && pick == s->n_held; j++)
			if (!used[j] && s->ingress[i].has_ip && ip_eq(s->held[j].addr->ip, s->ingress[i].ip))
				pick = j;
		/* A vacant place: the first new one of the lowest family. */
		for (size_t j = 0;
		     j < s->n_held && (pick == s->n_held || !service_shows(s, s->held[pick].addr->ip)); j++)
			if (!used[j] && !service_shows(s, s->held[j].addr->ip) &&
			    (pick == s->n_held || s->held[j].addr->ip.family < s->held[pick].addr->ip.family))
				pick = j;
		if (pick < s->n_held) {
			used[pick] = true;
			sorted[n++] = s->held[pick];
		}
	}
	for (int f = 0; f < FAMILIES; f++)
		for (size_t j = 0; j < s->n_held; j++)
			if (!used[j] && s->held[j].addr->ip.family == f) {
				used[j] = true;
				sorted[n++] = s->held[j];
			}
	memcpy(s->held, sorted, s->n_held * sizeof(*sorted));
}

/* A Service that nobody gave to us by name is not even told that it gets nothing, while there is no
 * pool at all or while another controller serves it and no pool selects it. */
static bool is_mute(const struct ipam *m, const struct service *s)
{
	if (s->asked_us || s->n_held || s->n_leaving)
		return false;
	if (m->n_pools == 0)
		return true;
	for (size_t i = 0; i < m->n_pools; i++)
		if (pool_selects(m->pools[i], s))
			return false;
	return s->n_ingress > 0;
}

/* Lists that the Service stood in may have something for the next in line. */
static void pass_on(struct ipam *m, struct wait_list *const *lists, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < m->n_pools; j++) {
			struct pool *p = m->pools[j];
			struct ip ip;
			for (int f = 0; f < FAMILIES; f++)
				if (lists[i] == &p->waiters[f] && p->waiters[f].head && pool_usable(m, p) &&
				    pool_find_free(m, p, (enum family)f, &ip))
					wake_first(m, &p->waiters[f]);
		}
	}
}

static void conclude(struct ipam *m, struct service *s, struct verdict *v)
{
	if (s->note && !(s->extra && s->extra->sharing_key))
		str_replace(&s->note, NULL);
	if (s->note)
		add_text(&v->text, s->note);
	if (!s->decided || s->reason != v->reason)
		m->stats.failures[v->reason]++;
	s->reason = (uint8_t)v->reason;
	s->decided = true;
	if (!same_text(s->message ? s->message : "", buf_str(&v->text)))
		str_replace(&s->message, v->text.len ? buf_str(&v->text) : NULL);
}

/* Leaves all lists; returns those of pools, owned by the caller. */
static struct wait_list **leave_lists(struct ipam *m, struct service *s, size_t *ret_n)
{
	size_t n = 0;
	for (const struct wait *w = s->waits; w; w = w->sibling)
		n++;
	struct wait_list **lists = n ? xmalloc(n * sizeof(*lists)) : NULL;
	*ret_n = 0;
	for (const struct wait *w = s->waits; w; w = w->sibling)
		if (!w->has_ip && w->list != &m->wait_any)
			lists[(*ret_n)++] = w->list;
	wait_clear(m, s);
	return lists;
}

void stop_waiting(struct ipam *m, struct service *s)
{
	size_t n_lists;
	CLEANUP(freep) struct wait_list **lists = leave_lists(m, s, &n_lists);
	pass_on(m, lists, n_lists);
}

void decide(struct ipam *m, struct service *s, struct moment now, const struct ipam_trace *t)
{
	if (!s->waits)
		s->waiting_since = now.mono;
	size_t n_lists;
	CLEANUP(freep) struct wait_list **lists = leave_lists(m, s, &n_lists);

	adopt(m, s);
	keep_or_move(m, s);
	if (!s->wanted) {
		s->decided = false;
		str_replace(&s->message, NULL);
		pass_on(m, lists, n_lists);
		return;
	}
	yield_to_status(m, s);
	if (s->deleting) {
		/* It keeps what it has until it is gone, gets nothing new, and needs no news. */
		s->mute = true;
		s->altered = false;
		service_claim(m, s);
		pass_on(m, lists, n_lists);
		return;
	}

	struct verdict v = { .reason = REASON_SATISFIED, .text = BUF_INIT(MESSAGE_MAX) };
	if (service_has_requests(s))
		by_request(m, s, &v, t);
	else
		by_family(m, s, &v, t);
	order_held(s);
	service_claim(m, s);
	s->mute = is_mute(m, s);
	s->altered = false;
	conclude(m, s, &v);
	buf_done(&v.text);
	pass_on(m, lists, n_lists);
}
