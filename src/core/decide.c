#include "core/decide.h"

#include "core/ask.h"
#include "core/by_family.h"
#include "core/by_request.h"
#include "core/cooling.h"
#include "core/ledger.h"
#include "core/may_keep.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/service.h"
#include "core/sharing.h"
#include "core/wait.h"

static void add_text(struct buf *b, const char *text)
{
	buf_addf(b, "%s%s", b->len ? "; " : "", text);
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
	if (!addr_record_allows(a, s) && !record_is_outdated(m, a, s))
		return "its record names somebody else";
	return sharing_join_refused(a, s, &rival) ? "another Service holds it" : NULL;
}

static bool may_adopt(const struct ipam *m, const struct service *s, struct ip ip)
{
	return adopt_refused(m, s, ip) == NULL;
}

/* Why it did not join its group is known in the moment of giving only, so it is kept as long as the
 * address, and found again in the condition after a restart. */
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

/* The address stands in its status, as another berth wrote it, and is kept from it only by Services that we
 * merely meant to give it to. They were slower: they leave, and it is waited for until they have. */
static bool comes_free(struct ipam *m, struct service *s, struct addr *a)
{
	size_t at = 0;
	const struct service *rival;
	if (!s->ingress_ours || may_have(m, s, a->ip) || !pools_at(m, a->ip, &at) ||
	    !addr_record_allows(a, s) || !sharing_join_refused(a, s, &rival))
		return false;
	for (size_t i = 0; i < a->n_holders; i++)
		if (service_shows(a->holders[i], a->ip))
			return false;
	for (size_t i = 0; i < a->n_holders; i++) {
		struct service *t = a->holders[i];
		if (!service_leaves(t, a))
			ledger_leave(m, t, a);
		enqueue(m, t, LANE_STARTED);
	}
	wait_for_ip(m, s, a->ip);
	return true;
}

/* What stands in the status and may stay is taken over (all of it: the API may show more of one family
 * than was ever asked for) unless the Service has been given another one that was seen there. What is
 * only assumed gives way: somebody else was faster. */
static void yield_to_status(struct ipam *m, struct service *s)
{
	s->coming = 0;
	const bool served[FAMILIES] = { has_confirmed(s, IPV4), has_confirmed(s, IPV6) };
	for (size_t i = 0; i < s->n_ingress && !service_has_requests(s); i++) {
		struct ip ip = s->ingress[i].ip;
		if (!s->ingress[i].has_ip || served[ip.family])
			continue;
		struct addr *a = ledger_get(m, ip);
		if (a && addr_has_holder(a, s))
			continue;
		const bool may = may_adopt(m, s, ip);
		if (!may && !(a && comes_free(m, s, a)))
			continue;
		leave_assumed(m, s, (enum family)ip.family);
		if (may)
			ledger_hold(m, s, ip, true);
		else
			s->coming |= ip.family == IPV4 ? 1 : 2;
	}
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

/* A list that a Service stood in. */
struct stand {
	struct wait_list *list;
	struct quota_use *quota; /* whose list it is; NULL = of a pool */
};

/* Is there one that cools, and that anybody may have for want of another? */
static bool has_last_resort(const struct ipam *m, const struct pool *p, enum family f)
{
	return m->n_cooling && cooling_longest(m, p, f);
}

/* Lists that the Service stood in may have something for the next in line. */
static void pass_on(struct ipam *m, const struct stand *lists, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lists[i].quota)
			quota_pass_on(m, lists[i].quota);
		for (size_t j = 0; j < m->n_pools && !lists[i].quota; j++) {
			struct pool *p = m->pools[j];
			for (int f = 0; f < FAMILIES; f++)
				if (lists[i].list == &p->waiters[f] && p->waiters[f].head &&
				    pool_usable(m, p) &&
				    (pool_has_free(m, p, (enum family)f) ||
				     has_last_resort(m, p, (enum family)f)))
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

/* Leaves all lists; returns those of pools and quotas, owned by the caller. */
static struct stand *leave_lists(struct ipam *m, struct service *s, size_t *ret_n)
{
	size_t n = 0;
	for (const struct wait *w = s->waits; w; w = w->sibling)
		n++;
	struct stand *lists = n ? xmalloc(n * sizeof(*lists)) : NULL;
	*ret_n = 0;
	for (const struct wait *w = s->waits; w; w = w->sibling)
		if (!w->has_ip && w->list != &m->wait_any)
			lists[(*ret_n)++] = (struct stand){ w->list, w->quota };
	wait_clear(m, s);
	return lists;
}

void stop_waiting(struct ipam *m, struct service *s)
{
	size_t n_lists;
	CLEANUP(freep) struct stand *lists = leave_lists(m, s, &n_lists);
	pass_on(m, lists, n_lists);
}

void decide(struct ipam *m, struct service *s, const struct ipam_trace *t)
{
	if (!s->waits)
		s->turn = ++m->turns;
	size_t n_lists;
	CLEANUP(freep) struct stand *lists = leave_lists(m, s, &n_lists);

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
		/* A pool that comes later may explain what stands in its status. */
		if (s->n_claims)
			wait_for(m, s, &m->wait_any);
		pass_on(m, lists, n_lists);
		return;
	}

	/* Its own externalIPs are in use as well, also those that it has just come to name. */
	if (s->extra && s->extra->n_external_ips)
		service_claim(m, s);
	struct verdict v = { .reason = REASON_SATISFIED, .text = BUF_INIT(MESSAGE_MAX) };
	if (s->extra && s->extra->flaw)
		fail(&v, REASON_INVALID_REQUEST, "%s", s->extra->flaw);
	else if (service_has_requests(s))
		by_request(m, s, &v, t);
	else
		by_family(m, s, &v, t);
	order_held(s);
	service_claim(m, s);
	s->mute = is_mute(m, s);
	/* Whether it is told anything is for the pools to say, also where none of them could help. */
	if (!s->asked_us && s->n_held == 0)
		wait_for(m, s, &m->wait_any);
	s->altered = false;
	conclude(m, s, &v);
	buf_done(&v.text);
	pass_on(m, lists, n_lists);
}
