#include "core/effect.h"

#include "core/cluster_pool.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/mass_release.h"
#include "core/notice.h"
#include "core/policy_status.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/record_out.h"
#include "core/reservation.h"
#include "core/settle.h"

/* ---- handing out ----------------------------------------------------------------------------------- */

void effect_out(struct ipam *m, struct effect *ret, struct service *s, struct addr *a, struct pool *p)
{
	unsigned id = 0;
	while (m->flights[id].used)
		id++;
	m->flights[id] = (struct flight){
		.used = true,
		.kind = ret->kind,
		.service = s,
		.addr = a,
		.pool = p,
		.rv = ret->resource_version && (s || p) && !a ? xstrdup(ret->resource_version) : NULL,
	};
	m->n_flights++;
	if (s)
		s->in_flight++;
	if (a)
		a->in_flight = true;
	if (p)
		p->in_flight = true;
	ret->id = id;
}

static bool status_effect(struct ipam *m, struct service *s, struct effect *ret)
{
	*ret = (struct effect){
		.kind = EFFECT_SERVICE_STATUS,
		.namespace = s->ns,
		.name = service_name(s),
		.uid = uid_text(&s->uid, m->uid_room),
		.resource_version = s->rv,
	};
	size_t n;
	ret->status.write_ingress = ingress_differs(m, s, &n);
	ret->status.ingress = m->out;
	ret->status.n_ingress = n;
	ret->status.write_condition = condition_differs(s);
	enum ipam_reason reason = (enum ipam_reason)s->reason;
	ret->status.condition = (struct condition_out){
		.type = "cilium.io/IPAMRequestSatisfied",
		.status = !s->wanted                   ? COND_ABSENT
			  : reason == REASON_SATISFIED ? COND_TRUE
						       : COND_FALSE,
		.reason = ipam_reason_name(reason),
		.message = s->message ? s->message : "",
	};
	return ret->status.write_ingress || ret->status.write_condition;
}

bool effect_of_step(struct ipam *m, const struct step *st, struct moment now, struct effect *ret)
{
	switch (st->kind) {
	case EFFECT_SERVICE_STATUS:
		if (st->service->gone || !status_effect(m, st->service, ret))
			return false;
		break;
	case EFFECT_SERVICE_READ:
		*ret = (struct effect){
			.kind = st->kind,
			.namespace = st->service->ns,
			.name = service_name(st->service),
		};
		break;
	default:
		if (!record_effect(m, st, now, ret))
			return false;
	}
	effect_out(m, ret, st->service, st->addr, NULL);
	return true;
}

/* ---- results ----------------------------------------------------------------------------------------- */

/* Doubles with each try, and differs from Service to Service so that they do not come back together. */
static msec backoff(uint8_t tries, enum outcome o, msec retry_after, uint32_t salt)
{
	/* Whoever grants a right that was missing waits a minute at most for it to be tried. */
	msec first = o == OUTCOME_REFUSED ? 5000 : 200, most = o == OUTCOME_REFUSED ? 60000 : 30000;
	msec delay = first << (tries < 10 ? tries : 10);
	if (delay > most)
		delay = most;
	delay += (msec)(salt % (uint32_t)(delay / 4 + 1));
	return delay > retry_after ? delay : retry_after;
}

static void again_later(struct ipam *m, struct service *s, enum outcome o, msec retry_after,
			struct moment now)
{
	uint32_t salt = hash_bytes(s->key, strlen(s->key)) + s->tries;
	timer_set(m, s, now.mono + backoff(s->tries, o, retry_after, salt));
	if (s->tries < UINT8_MAX)
		s->tries++;
}

static void measure(struct ipam *m, struct service *s, struct moment now)
{
	if (s->measured || s->reason != REASON_SATISFIED)
		return;
	s->measured = true;
	double seconds = (double)(now.mono - s->seen_at) / 1000.0;
	size_t i = 0;
	while (i < LATENCY_BUCKETS && seconds > ipam_latency_bounds[i])
		i++;
	m->stats.latency[i]++;
	m->stats.latency_n++;
	m->stats.latency_sum += seconds;
}

/* The status is written: what was assumed is now so. */
static void status_written(struct ipam *m, struct service *s, const char *rv, struct moment now)
{
	/* An answer that could not be read leaves the old picture: then the newest must be fetched. */
	if (same_text(s->rv, rv))
		s->reread = true;
	measure(m, s, now);
}

/* Somebody else writes to the Service as well, perhaps another berth, which may have dropped the records that
 * are half an allocation to it: they are read before the status is tried again. */
static void doubt_records(struct service *s)
{
	for (size_t i = 0; i < s->n_held; i++)
		if (!s->held[i].confirmed && s->held[i].addr->record)
			s->held[i].addr->record_unknown = true;
}

/* True: to be looked at again at once; false: later, the timer is set. */
static bool service_result(struct ipam *m, const struct flight *f, enum outcome o, msec retry_after,
			   struct moment now)
{
	struct service *s = f->service;
	bool read = f->kind == EFFECT_SERVICE_READ;
	switch (o) {
	case OUTCOME_DONE:
		s->reread = false;
		/* What was read is the newest there is, so it may be written for. */
		if (read)
			str_replace(&s->stale_rv, NULL);
		else
			status_written(m, s, f->rv, now);
		s->tries = 0;
		return true;
	case OUTCOME_CONFLICT:
	case OUTCOME_EXISTS:
		if (!read)
			doubt_records(s);
		/* The newest object is on its way through the watch, unless it is here already. */
		if (same_text(s->rv, f->rv)) {
			str_replace(&s->stale_rv, f->rv);
			timer_set(m, s, now.mono + 5000);
			return false;
		}
		return true;
	case OUTCOME_GONE:
		if (read)
			ipam_service_deleted(m, s->ns, service_name(s), NULL, now);
		else
			s->reread = true;
		return true;
	case OUTCOME_UNKNOWN:
	case OUTCOME_REFUSED:
		break;
	}
	again_later(m, s, o, retry_after, now);
	return false;
}

bool record_result(struct ipam *m, const struct flight *f, enum outcome o, struct moment now)
{
	struct addr *a = f->addr;
	switch (o) {
	case OUTCOME_DONE:
		if (f->kind == EFFECT_RECORD_DELETE) {
			history_note(m, a, now);
			record_forget(m, a);
		} else if (f->kind != EFFECT_RECORD_READ && !a->record)
			a->record_unknown = true; /* made, but the answer could not be read */
		else {
			a->record_unknown = false;
		}
		return true;
	case OUTCOME_EXISTS:
		/* A lost answer, or somebody else's: reading it tells. The watch may have told already. */
		a->record_unknown = a->record == NULL;
		return true;
	case OUTCOME_CONFLICT:
		a->record_unknown = true;
		return true;
	case OUTCOME_GONE:
		history_note(m, a, now);
		record_forget(m, a);
		a->record_unknown = false;
		/* Creating answers 404 when the kind itself is gone. */
		return f->kind != EFFECT_RECORD_CREATE;
	case OUTCOME_UNKNOWN:
	case OUTCOME_REFUSED:
		break;
	}
	return false;
}

static void orphan_result(struct ipam *m, struct addr *a, bool settled, enum outcome o, msec retry_after,
			  struct moment now)
{
	size_t i = 0;
	while (i < m->n_orphans && m->orphans[i].addr != a)
		i++;
	if (i == m->n_orphans)
		return;
	struct orphan *x = &m->orphans[i];
	if (!settled || a->record_unknown) {
		x->retry_at = settled ? 0 : now.mono + backoff(x->tries, o, retry_after, (uint32_t)a->ip.lo);
		if (x->tries < UINT8_MAX)
			x->tries++;
		return;
	}
	m->orphans[i] = m->orphans[--m->n_orphans];
	a->orphaned = false;
	if (a->record)
		record_settle(m, a, now);
}

static void guard_result(struct pool *p, const char *rv, enum outcome o, msec retry_after, struct moment now)
{
	p->in_flight = false;
	p->guard_due = o != OUTCOME_GONE;
	switch (o) {
	case OUTCOME_DONE:
		p->guard_tries = 0;
		/* An answer that could not be read leaves the old picture. */
		p->guard_at = now.mono + (same_text(p->rv, rv) ? 1000 : 0);
		return;
	case OUTCOME_CONFLICT:
	case OUTCOME_EXISTS:
		if (same_text(p->rv, rv)) {
			str_replace(&p->stale_rv, rv);
			p->guard_at = now.mono + 5000;
		}
		return;
	case OUTCOME_GONE:
		return;
	case OUTCOME_UNKNOWN:
	case OUTCOME_REFUSED:
		break;
	}
	p->guard_at =
		now.mono + backoff(p->guard_tries, o, retry_after, hash_bytes(p->name, strlen(p->name)));
	if (p->guard_tries < UINT8_MAX)
		p->guard_tries++;
}

static void pool_result(struct pool *p, const char *rv, enum outcome o, msec retry_after, struct moment now)
{
	p->in_flight = false;
	p->status_at = now.mono + 1000;
	switch (o) {
	case OUTCOME_DONE:
		p->tries = 0;
		p->dirty = true; /* look once more: the counts may have moved on */
		return;
	case OUTCOME_CONFLICT:
	case OUTCOME_EXISTS:
		p->dirty = true;
		/* The newest object is on its way; if it does not come, it is tried all the same. */
		if (same_text(p->rv, rv)) {
			str_replace(&p->stale_rv, rv);
			p->status_at = now.mono + 5000;
		}
		return;
	case OUTCOME_GONE:
		return;
	case OUTCOME_UNKNOWN:
	case OUTCOME_REFUSED:
		break;
	}
	p->dirty = true;
	p->status_at = now.mono + backoff(p->tries, o, retry_after, hash_bytes(p->name, strlen(p->name)));
	if (p->tries < UINT8_MAX)
		p->tries++;
}

/* Has it been given something that its status does not show yet? */
static bool is_getting(const struct service *s)
{
	for (size_t i = 0; i < s->n_held; i++)
		if (!s->held[i].confirmed)
			return true;
	return false;
}

void ipam_result(struct ipam *m, unsigned id, enum outcome o, msec retry_after, struct moment now)
{
	if (id >= m->config.max_in_flight || !m->flights[id].used)
		return;
	struct flight f = m->flights[id];
	m->flights[id] = (struct flight){ 0 };
	m->n_flights--;
	if (f.node || f.tenure) {
		cluster_pool_result(m, &f, o, retry_after, now);
		free(f.rv);
		return;
	}
	struct service *s = f.service;
	bool again = true;
	if (s)
		s->in_flight--;
	if (f.addr) {
		f.addr->in_flight = f.addr->overtaken = false;
		again = record_result(m, &f, o, now);
		if (!s)
			orphan_result(m, f.addr, again, o, retry_after, now);
		else if (!again)
			again_later(m, s, o, retry_after, now);
		/* Others who share the address may have waited for this write. */
		for (size_t i = 0; again && i < f.addr->n_holders; i++)
			if (f.addr->holders[i] != s)
				enqueue(m, f.addr->holders[i], LANE_NORMAL);
		ledger_prune(m, f.addr);
	} else if (s) {
		again = service_result(m, &f, o, retry_after, now);
	} else if (f.pool && f.kind == EFFECT_POOL_FINALIZERS) {
		guard_result(f.pool, f.rv, o, retry_after, now);
	} else if (f.pool) {
		pool_result(f.pool, f.rv, o, retry_after, now);
	} else if (f.policy) {
		const char *name = f.policy->name;
		uint32_t salt = hash_bytes(name, strlen(name));
		policy_result(f.policy, f.rv, o, backoff(f.policy->tries, o, retry_after, salt), now);
	} else if (f.reservation) {
		const char *name = f.reservation->name;
		uint32_t salt = hash_bytes(name, strlen(name));
		reservation_result(m, f.reservation, f.rv, o,
				   backoff(f.reservation->tries, o, retry_after, salt), now);
	} else if (f.kind == EFFECT_HISTORY) {
		history_result(m, o, backoff(3, o, retry_after, 0), now);
	}
	if (s && s->in_flight == 0 && (again || s->dirty)) {
		s->dirty = false;
		/* One that waits and is to get nothing for now goes where the others wait, lest it be before
		 * them if there is something at last. */
		enqueue(m, s, s->waits && !is_getting(s) ? LANE_WAITING : LANE_STARTED);
	}
	free(f.rv);
}

void ipam_pool_kind(struct ipam *m, unsigned id, bool stands, struct moment now)
{
	if (id >= m->config.max_in_flight || !m->flights[id].used)
		return;
	struct flight f = m->flights[id];
	m->flights[id] = (struct flight){ 0 };
	m->n_flights--;
	free(f.rv);
	struct pool *p = f.pool;
	if (!p)
		return;
	p->in_flight = false;
	if (!p->doubted)
		return; /* it is back */
	if (stands) {
		pool_condemn(m, p, false, now);
		return;
	}
	p->ghost = true;
	p->doubted = false;
	ipam_kind_lost(m, KIND_POOL, now);
}
