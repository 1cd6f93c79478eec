#include "core/by_request.h"

#include "core/ask.h"
#include "core/cluster_pool.h"
#include "core/cooling.h"
#include "core/decide.h"
#include "core/ledger.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/quota.h"
#include "core/reservation.h"
#include "core/service.h"
#include "core/sharing.h"
#include "core/wait.h"

/* Bytes of a list of holders in a message: a group may be larger than a message, and a message that is too
 * long says nothing. */
enum { NAMES_SHOWN = 400 };

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
	if (c && c->kind == CLAIM_RESERVATION) {
		const struct reservation *r = c->owner;
		fail(v, REASON_RESERVED, "%s is reserved for %s by IPReservation \"%s\"", text,
		     r->service ? r->service : "nobody", r->name);
	} else if (a->record && !addr_record_allows(a, s)) {
		fail(v, REASON_ALREADY_ALLOCATED, "%s has a record of %.*s", text, NAMES_SHOWN,
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

/* It was released lately, and is kept for those who had it, as nobody has reserved it for s. */
static bool is_kept(struct ipam *m, const struct service *s, const struct addr *a)
{
	const struct pool *p = a && addr_cools(a) ? cooling_pool(m, a) : NULL;
	return p && !pool_reuse_early(p) && !cooling_names(a, s) && !reservation_keeps_for(a, s);
}

bool take_by_name(struct ipam *m, struct service *s, struct verdict *v, struct ip ip)
{
	char text[IP_TEXT_MAX], end[RFC3339_MAX];
	(void)ip_format(ip, text);
	struct addr *a = ledger_get(m, ip);
	if (!some_pool_gives(m, s, v, text, ip)) {
		quota_wait_at(m, s, ip);
		/* A node may give the block back that it is in. */
		if (cluster_pool_covers(m, ip))
			wait_for_ip(m, s, ip);
		wait_for(m, s, &m->wait_any);
		return false;
	}
	const struct service *rival;
	if (a && (addr_foreign_claim(a, s) || !addr_record_allows(a, s) || a->in_flight ||
		  addr_has_holder(a, s) || sharing_join_refused(a, s, &rival))) {
		refuse_taken(m, s, v, text, a);
		return false;
	}
	if (is_kept(m, s, a)) {
		fail(v, REASON_COOLING_DOWN, "%s was released lately and is kept for %.*s until %s", text,
		     NAMES_SHOWN, a->record->holders, time_format(cooling_ends(m, a), end));
		wait_for_ip(m, s, ip);
		return false;
	}
	ledger_hold(m, s, ip, service_shows(s, ip));
	return true;
}

static void try_request(struct ipam *m, struct service *s, struct verdict *v, const struct request *r)
{
	if (r->bad.ptr) {
		fail(v, REASON_INVALID_REQUEST, "%s", r->why);
		return;
	}
	const struct addr *a = ledger_get(m, r->ip);
	if (a && service_holds(s, a))
		return;
	/* It stands there already, whoever wrote it. */
	if (service_shows(s, r->ip) && !adopt_refused(m, s, r->ip))
		ledger_hold(m, s, r->ip, true);
	else
		(void)take_by_name(m, s, v, r->ip);
}

/* What each pool has to do with the addresses that are asked for. */
static void trace_pools(const struct ipam *m, const struct service *s, const struct ip *list, size_t n,
			const struct ipam_trace *t)
{
	for (size_t i = 0; i < m->n_pools; i++) {
		const struct pool *p = m->pools[i];
		bool told = false;
		for (size_t j = 0; j < n; j++) {
			if (!pool_contains(p, list[j]))
				continue;
			char ip[IP_TEXT_MAX];
			enum pool_answer no = ask_pool_for(m, s, p, list[j]);
			CLEANUP(buf_done) struct buf what = BUF_INIT(MESSAGE_MAX);
			buf_addf(&what, "contains %s%s", ip_format(list[j], ip),
				 no == POOL_GIVES ? "" : ", but ");
			if (no != POOL_GIVES)
				answer_text(m, s, p, no, &what);
			t->pool(t->arg, p->name, (enum family)list[j].family, no, buf_str(&what));
			told = true;
		}
		if (!told)
			saw(m, s, t, p, FAMILIES, POOL_ELSEWHERE);
	}
}

static void trace_asked(const struct ipam *m, const struct service *s, const struct ipam_trace *t,
			struct ip ip, struct asked_trace asked)
{
	const struct pool *p = asked.why ? pool_against(m, s, ip, &asked.answer) : NULL;
	asked.pool = p ? p->name : NULL;
	t->request(t->arg, &asked);
}

void trace_by_name(const struct ipam *m, const struct service *s, const struct ipam_trace *t, struct ip ip,
		   const struct asked_trace *asked)
{
	trace_asked(m, s, t, ip, *asked);
	trace_pools(m, s, &ip, 1, t);
}

void by_request(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t)
{
	struct request r[REQUESTS_MAX];
	struct ip asked[REQUESTS_MAX] = { 0 };
	size_t n = service_requests(s, r), n_asked = 0;
	for (size_t i = 0; i < n && i < REQUESTS_MAX; i++) {
		const size_t from = v->text.len;
		try_request(m, s, v, &r[i]);
		const char *why = buf_str(&v->text) + from + (from && v->text.len > from ? 2 : 0);
		struct asked_trace told = { .why = v->text.len > from ? why : NULL, .reason = v->reason };
		char ip[IP_TEXT_MAX];
		if (t && r[i].bad.ptr) {
			CLEANUP(freep) char *bad = xstrndup(r[i].bad.ptr, r[i].bad.len);
			told.item = bad;
			t->request(t->arg, &told);
		} else if (t) {
			told.item = ip_format(r[i].ip, ip);
			trace_asked(m, s, t, r[i].ip, told);
			asked[n_asked++] = r[i].ip;
		}
	}
	if (t)
		trace_pools(m, s, asked, n_asked, t);
	if (n > REQUESTS_MAX)
		fail(v, REASON_INVALID_REQUEST, "%zu addresses are asked for; at most %d are taken", n,
		     REQUESTS_MAX);
}
