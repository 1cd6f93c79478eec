#include "core/settle.h"

#include "core/cluster_pool.h"
#include "core/contest.h"
#include "core/cooling.h"
#include "core/decide.h"
#include "core/ledger.h"
#include "core/may_keep.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/record_out.h"
#include "core/record_table.h"
#include "core/service.h"

static void step(struct ipam *m, enum effect_kind kind, struct service *s, struct addr *a)
{
	vec_grow(&m->steps, &m->cap_steps, m->n_steps + 1);
	m->steps[m->n_steps++] = (struct step){ kind, s, a };
}

/* ---- records --------------------------------------------------------------------------------------- */

static bool is_recorded(const struct addr *a, const struct service *s)
{
	return a->record && holders_name(a->record->holders, s->key);
}

static bool record_is_right(struct ipam *m, const struct addr *a)
{
	if (!a->record || !a->record->ours || a->record->phase != RECORD_HELD)
		return false;
	record_holders(a, &m->scratch);
	return strcmp(a->record->holders, buf_str(&m->scratch)) == 0;
}

/* All who have it are about to leave, and one of them still shows it. */
static bool is_being_released(const struct addr *a)
{
	for (size_t i = 0; i < a->n_holders; i++)
		if (!service_leaves(a->holders[i], a))
			return false;
	return a->n_holders > 0;
}

static enum record_state record_state(const struct addr *a, const struct service *s)
{
	if (!a->record)
		return RECORD_NONE;
	if (!a->record->ours)
		return RECORD_FOREIGN;
	if (a->record->phase == RECORD_IS_COOLING)
		return RECORD_COOLING;
	if (!is_recorded(a, s))
		return RECORD_OTHER;
	return a->record->phase == RECORD_RELEASED ? RECORD_RELEASING : RECORD_NAMES;
}

/* What the table says of an address that the Service has (keeps) or is to give back. */
static enum record_action record_due(const struct addr *a, const struct service *s, bool keeps)
{
	return record_action(record_state(a, s), service_shows(s, a->ip), keeps);
}

/* Writes to records that come before the status. True: something is due or on its way. */
static bool records_before(struct ipam *m, struct service *s)
{
	bool busy = false;
	for (size_t i = 0; i < s->n_held; i++) {
		struct addr *a = s->held[i].addr;
		enum record_action due = record_due(a, s, true);
		/* The record may also still name somebody who has gone. */
		if (due == RECORD_GIVE_UP || ((due == RECORD_NOTHING || due == RECORD_FINISH) &&
					      !a->record_unknown && record_is_right(m, a)))
			continue;
		busy = true;
		if (a->in_flight || !cluster_pool_claimed(m, a->ip))
			continue;
		step(m,
		     a->record_unknown ? EFFECT_RECORD_READ
		     : a->record       ? EFFECT_RECORD_PATCH
				       : EFFECT_RECORD_CREATE,
		     s, a);
	}
	for (size_t i = 0; i < s->n_leaving && !s->gone; i++) {
		struct addr *a = s->leaving[i];
		if (record_due(a, s, false) != RECORD_MARK || !is_being_released(a))
			continue;
		busy = true;
		if (!a->in_flight)
			step(m, a->record_unknown ? EFFECT_RECORD_READ : EFFECT_RECORD_PATCH, s, a);
	}
	return busy;
}

/* The rest of giving back: the record without this Service, then the address is free, or cools. */
static bool give_back(struct ipam *m, struct service *s, struct moment now)
{
	bool busy = false;
	for (size_t i = 0; i < s->n_leaving;) {
		struct addr *a = s->leaving[i];
		if (a->in_flight || service_shows(s, a->ip)) {
			busy = true;
			i++;
			continue;
		}
		record_holders(a, &m->scratch);
		if (record_due(a, s, false) == RECORD_GIVE_BACK) {
			step(m,
			     a->record_unknown                        ? EFFECT_RECORD_READ
			     : m->scratch.len || cooling_wanted(m, a) ? EFFECT_RECORD_PATCH
								      : EFFECT_RECORD_DELETE,
			     s, a);
			busy = true;
			i++;
			continue;
		}
		char text[IP_TEXT_MAX];
		/* Of what it was only about to get nobody has been told. */
		if (!s->gone && a->was_shown)
			notice_service(m, s, false, "IPReleased", "Released address %s",
				       ip_format(a->ip, text));
		bool left = a->record && a->record->ours && a->n_holders == 1;
		ledger_release(m, s, a);
		if (left)
			record_settle(m, a, now);
	}
	return busy;
}

/* Half an allocation: the record names a Service that does not show the address. It is finished with
 * this very address if the Service may have it and lacks one, else the record goes. */
void record_settle(struct ipam *m, struct addr *a, struct moment now)
{
	if (!a->record || !a->record->ours || a->record->tenure || a->in_flight)
		return;
	pools_refresh(m);
	if (a->n_holders) {
		addr_wake_holders(m, a);
		return;
	}
	if (cooling_settle(m, a, now))
		return;
	struct slice rest = slice_of(a->record->holders), one;
	while (a->record->phase != RECORD_IS_COOLING && slice_cut(&rest, ',', &one)) {
		struct service *s = map_get_slice(&m->services, one);
		if (!s || s->gone || s->deleting || addr_foreign_claim(a, s))
			continue;
		enum record_action due = record_due(a, s, may_keep(m, s, a->ip) == NULL);
		if (due != RECORD_FINISH && due != RECORD_TAKE_BACK && due != RECORD_NOTHING)
			continue;
		if (!service_has_requests(s) && service_held(s, (enum family)a->ip.family))
			continue;
		ledger_hold(m, s, a->ip, service_shows(s, a->ip));
		service_claim(m, s);
		enqueue(m, s, LANE_NORMAL);
	}
	if (a->n_holders == 0)
		orphan_add(m, a, 0);
}

/* ---- the status ------------------------------------------------------------------------------------ */

bool condition_differs(const struct service *s)
{
	if (!s->wanted)
		return s->condition_seen != COND_ABSENT && s->condition_ours;
	if (s->mute)
		return false;
	enum condition_status want = s->reason == REASON_SATISFIED ? COND_TRUE : COND_FALSE;
	return s->condition_seen != want ||
	       !same_text(s->reason_seen, ipam_reason_name((enum ipam_reason)s->reason)) ||
	       !same_text(s->message_seen ? s->message_seen : "", s->message ? s->message : "");
}

static const struct ingress *shown(const struct service *s, struct ip ip)
{
	for (size_t i = 0; i < s->n_ingress; i++)
		if (s->ingress[i].has_ip && ip_eq(s->ingress[i].ip, ip))
			return &s->ingress[i];
	return NULL;
}

static void out_add(struct ipam *m, size_t *n, struct ingress_out o)
{
	vec_grow(&m->out, &m->cap_out, *n + 1);
	m->out[(*n)++] = o;
}

bool ingress_differs(struct ipam *m, const struct service *s, size_t *ret_n)
{
	size_t n = 0;
	bool differs = false;
	if (s->n_held) {
		/* Served: the list is exactly what was given. */
		for (size_t i = 0; i < s->n_held; i++) {
			const struct ingress *old = shown(s, s->held[i].addr->ip);
			out_add(m, &n,
				(struct ingress_out){ s->held[i].addr->ip, old ? old->extra : NULL, true });
			differs = differs || i >= s->n_ingress || !s->ingress[i].has_ip ||
				  !ip_eq(s->ingress[i].ip, s->held[i].addr->ip);
		}
		differs = differs || n != s->n_ingress;
	} else {
		/* Not served: what was ours goes, what others wrote stays. */
		for (size_t i = 0; i < s->n_ingress; i++) {
			const struct ingress *in = &s->ingress[i];
			const struct addr *a = in->has_ip ? ledger_get(m, in->ip) : NULL;
			if (a && service_leaves(s, a))
				differs = true;
			else
				out_add(m, &n, (struct ingress_out){ in->ip, in->extra, in->has_ip });
		}
	}
	*ret_n = n;
	return differs;
}

static bool status_differs(struct ipam *m, const struct service *s)
{
	size_t n;
	return ingress_differs(m, s, &n) || condition_differs(s);
}

/* ---- all together ------------------------------------------------------------------------------------ */

static void tell(struct ipam *m, struct service *s)
{
	if (s->is_lb && s->extra && s->extra->opt_in_bad &&
	    !same_text(s->opt_in_told, s->extra->opt_in_bad)) {
		intern_put(&m->texts, s->opt_in_told);
		s->opt_in_told = intern(&m->texts, slice_of(s->extra->opt_in_bad));
		notice_service(
			m, s, true, "InvalidAnnotation",
			"io.cilium.operator.external-ips: \"%s\" is neither true nor false; it counts as %s",
			s->extra->opt_in_bad, m->config.opt_in == OPT_IN_ALL ? "unset" : "false");
	}
	if (!s->wanted || s->mute)
		return;
	for (size_t i = 0; i < s->n_held; i++) {
		char text[IP_TEXT_MAX];
		if (!s->held[i].announced)
			notice_service(m, s, false, "IPAllocated", "Allocated address %s from pool \"%s\"",
				       ip_format(s->held[i].addr->ip, text), pool_of(m, s->held[i].addr));
		s->held[i].announced = true;
	}
	if (s->announced != s->reason + 1 && s->reason != REASON_SATISFIED)
		notice_service(m, s, true, "AllocationFailed", "%s: %s",
			       ipam_reason_name((enum ipam_reason)s->reason), s->message ? s->message : "");
	s->announced = (uint8_t)(s->reason + 1);
}

static void settle_gone(struct ipam *m, struct service *s, struct moment now)
{
	while (s->n_held)
		ledger_leave(m, s, s->held[0].addr);
	if (!give_back(m, s, now))
		service_free(m, s);
}

void settle(struct ipam *m, struct service *s, struct moment now)
{
	m->n_steps = m->at_step = 0;
	if (s->in_flight) {
		/* It is only given what it waits for; the rest has time until the answer. */
		s->dirty = true;
		if (!s->gone) {
			m->stats.decisions++;
			decide(m, s, NULL);
		}
		return;
	}
	if (s->gone) {
		settle_gone(m, s, now);
		return;
	}
	if (contest_rests(m, s, now))
		return;
	m->stats.decisions++;
	decide(m, s, NULL);
	if (m->config.records && records_before(m, s))
		return;
	if (s->reread) {
		step(m, EFFECT_SERVICE_READ, s, NULL);
		return;
	}
	if (status_differs(m, s)) {
		/* A write for this version was refused: the newest one is on its way to us. When it does not
		 * come, it is fetched. */
		if (!s->stale_rv)
			step(m, EFFECT_SERVICE_STATUS, s, NULL);
		else if (!s->timer)
			step(m, EFFECT_SERVICE_READ, s, NULL);
		return;
	}
	if (give_back(m, s, now))
		return;
	s->tries = 0;
	tell(m, s);
}
