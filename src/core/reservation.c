#include "core/reservation.h"

#include "core/cluster_pool.h"
#include "core/ledger.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/service.h"
#include "core/sharing.h"
#include "core/wait.h"

#include <errno.h>

static const char *const phase_names[RESERVATION_PHASES] = {
	[RESERVATION_NEW] = "",
	[RESERVATION_FREE] = "Free",
	[RESERVATION_BOUND] = "Bound",
	[RESERVATION_EXPIRED] = "Expired",
	[RESERVATION_CONFLICT] = "Conflict",
	[RESERVATION_UNUSABLE] = "Unusable",
};

const char *reservation_phase_name(enum reservation_phase p)
{
	return phase_names[p];
}

/* ---- for whom --------------------------------------------------------------------------------------- */

static void forget_for(struct ipam *m, struct reservation *r)
{
	struct reservation *first = r->service ? map_get(&m->reserved_for, r->service) : NULL;
	if (!first)
		return;
	map_del(&m->reserved_for, first->service);
	struct reservation **at = &first;
	while (*at && *at != r)
		at = &(*at)->next_for;
	if (*at)
		*at = r->next_for;
	r->next_for = NULL;
	if (first)
		map_put(&m->reserved_for, first->service, first);
}

static void remember_for(struct ipam *m, struct reservation *r)
{
	if (!r->service)
		return;
	struct reservation *first = map_get(&m->reserved_for, r->service);
	if (first)
		map_del(&m->reserved_for, first->service);
	struct reservation **at = &first;
	while (*at && strcmp((*at)->name, r->name) < 0)
		at = &(*at)->next_for;
	r->next_for = *at;
	*at = r;
	map_put(&m->reserved_for, first->service, first);
}

/* Of two for one address the older one counts. */
static bool is_before(const struct reservation *a, const struct reservation *b)
{
	return a->created != b->created ? a->created < b->created : strcmp(a->name, b->name) < 0;
}

/* Of several always the oldest, the one that counts: a restart sees them in another order. */
static const struct reservation *rival_of(const struct reservation *r, const struct addr *a)
{
	const struct reservation *first = r;
	for (const struct claim *c = a ? a->claims : NULL; c; c = c->next)
		if (c->kind == CLAIM_RESERVATION && is_before(c->owner, first))
			first = c->owner;
	return first == r ? NULL : first;
}

static bool is_for(const struct reservation *r, const struct service *s)
{
	return r->service && strcmp(r->service, s->key) == 0;
}

bool reservation_bars(const struct claim *c, const struct addr *a, const struct service *s)
{
	const struct reservation *r = c->owner;
	if (is_for(r, s) || rival_of(r, a))
		return false;
	for (size_t i = 0; i < a->n_holders; i++)
		if (is_for(r, a->holders[i]))
			return false;
	return true;
}

bool reservation_keeps_for(const struct addr *a, const struct service *s)
{
	for (const struct claim *c = a->claims; c; c = c->next)
		if (c->kind == CLAIM_RESERVATION && is_for(c->owner, s) && !rival_of(c->owner, a))
			return true;
	return false;
}

const struct reservation *reservation_for(const struct ipam *m, const struct service *s, enum family f,
					  struct ip *ret)
{
	const struct reservation *r = m->reserved_for.n ? map_get(&m->reserved_for, s->key) : NULL;
	for (; r; r = r->next_for)
		for (size_t i = 0; !r->expired && i < r->n_addresses; i++)
			if (r->addresses[i].family == f && !rival_of(r, ledger_get(m, r->addresses[i]))) {
				*ret = r->addresses[i];
				return r;
			}
	return NULL;
}

/* ---- what is told -------------------------------------------------------------------------------------- */

static void touch(struct ipam *m, struct reservation *r)
{
	r->dirty = true;
	m->reservations_dirty = true;
}

static void touch_claims(struct ipam *m, const struct addr *a)
{
	for (const struct claim *c = a ? a->claims : NULL; c; c = c->next)
		if (c->kind == CLAIM_RESERVATION) {
			/* A claim knows its owner as somebody else's; this kind's is ours to mark. */
			struct reservation *r = map_get(&m->reservations, c->where);
			if (r)
				touch(m, r);
		}
}

void reservations_touch(struct ipam *m, const struct addr *a, const struct service *s)
{
	touch_claims(m, a);
	/* One that has expired claims nothing any more, and still says who has its addresses. */
	struct reservation *r = s && m->reserved_for.n ? map_get(&m->reserved_for, s->key) : NULL;
	for (; r; r = r->next_for)
		touch(m, r);
}

static void wake_service(struct ipam *m, const struct reservation *r)
{
	struct service *s = r->service ? map_get(&m->services, r->service) : NULL;
	if (s && m->ready)
		enqueue(m, s, LANE_ASKED);
}

/* The address is kept for another one now, or stands in the way for another reason. */
static void tell_others(struct ipam *m, struct ip ip)
{
	const struct addr *a = ledger_get(m, ip);
	touch_claims(m, a);
	/* Of several reservations of it another one may count now. */
	for (const struct claim *c = a ? a->claims : NULL; c; c = c->next)
		if (c->kind == CLAIM_RESERVATION)
			wake_service(m, c->owner);
	wake_asked(m, ip);
	if (a && a->n_holders)
		sharing_wake(m, a->holders[0]);
}

/* Its claims are those of a reservation in force, or none. */
static void claim(struct ipam *m, struct reservation *r)
{
	size_t n = r->expired ? 0 : r->n_addresses;
	CLEANUP(freep) struct claim_ref *want = xmalloc((n + 1) * sizeof(*want));
	for (size_t i = 0; i < n; i++)
		want[i] = (struct claim_ref){ r->addresses[i], CLAIM_RESERVATION };
	for (size_t i = 0; i < r->n_claims; i++)
		tell_others(m, r->claims[i].ip);
	claims_set(m, r, r->name, &r->claims, &r->n_claims, want, n);
	for (size_t i = 0; i < r->n_claims; i++)
		tell_others(m, r->claims[i].ip);
	touch(m, r);
	wake_service(m, r);
}

static void watch_expiry(struct ipam *m)
{
	m->reservation_expires = -1;
	size_t at = 0;
	for (const struct reservation *r; (r = map_next(&m->reservations, &at));)
		if (!r->expired && r->expires_at >= 0 &&
		    (m->reservation_expires < 0 || r->expires_at < m->reservation_expires))
			m->reservation_expires = r->expires_at;
}

enum { QUOTE_ROOM = 200 };

static void read_addresses(struct reservation *r, const struct reservation_in *in)
{
	struct err e = { 0 };
	free(r->addresses);
	r->addresses = xmalloc((in->n_addresses + 1) * sizeof(*r->addresses));
	r->n_addresses = 0;
	str_replace(&r->flaw, NULL);
	bool has[FAMILIES] = { false };
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < in->n_addresses; i++) {
		struct ip ip;
		if (ip_parse(slice_trim(slice_of(in->addresses[i])), &ip, &e) < 0) {
			free(r->flaw);
			r->flaw = xasprintf("spec.addresses[%zu]: %s", i, e.msg);
		} else if (has[ip.family]) {
			free(r->flaw);
			r->flaw = xasprintf(
				"spec.addresses[%zu]: %s is a second %s address; one of each family "
				"can be reserved",
				i, ip_format(ip, text), family_name((enum family)ip.family));
		} else {
			has[ip.family] = true;
			r->addresses[r->n_addresses++] = ip;
		}
	}
	if (in->expires_at && time_parse(slice_of(in->expires_at), &r->expires_at) < 0) {
		CLEANUP(buf_done) struct buf quote = BUF_INIT(QUOTE_ROOM);
		buf_add_quote(&quote, slice_of(in->expires_at));
		free(r->flaw);
		r->flaw = xasprintf("spec.expiresAt: %s is no time such as 2026-12-31T23:00:00Z",
				    buf_str(&quote));
	}
}

static void take_status(struct reservation *r, const struct reservation_in *in)
{
	r->phase_seen = (uint8_t)in->phase;
	str_replace(&r->holder_seen, in->holder ? in->holder : "");
	str_replace(&r->message_seen, in->message ? in->message : "");
	r->generation_seen = in->observed_generation;
}

void ipam_reservation(struct ipam *m, const struct reservation_in *in, struct moment now)
{
	struct reservation *r = map_get(&m->reservations, in->name);
	if (in->by == TOLD_BY_ANSWER && (!r || !same_text(r->uid, in->uid)))
		return;
	bool fresh = !r || !same_text(r->uid, in->uid);
	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->name = xstrdup(in->name);
		map_put(&m->reservations, r->name, r);
	}
	bool same = !fresh && r->generation == in->generation && in->generation;
	r->seen = true;
	/* An answer may come after the watch has told of a later change. */
	if (!fresh && version_older(in->resource_version, r->rv))
		return;
	str_replace(&r->uid, in->uid);
	str_replace(&r->rv, in->resource_version);
	if (r->stale_rv && !same_text(r->rv, r->stale_rv)) {
		str_replace(&r->stale_rv, NULL);
		r->status_at = now.mono;
	}
	r->created = in->created;
	r->generation = in->generation;
	take_status(r, in);
	touch(m, r);
	if (same)
		return;
	wake_service(m, r);
	forget_for(m, r);
	free(r->service);
	r->service = in->service_name ? xasprintf("%s/%s", in->service_namespace ? in->service_namespace : "",
						  in->service_name)
				      : NULL;
	remember_for(m, r);
	r->expires_at = -1;
	read_addresses(r, in);
	r->expired = r->expires_at >= 0 && r->expires_at <= now.wall;
	m->wall_ahead = now.wall - now.mono;
	claim(m, r);
	watch_expiry(m);
}

static void reservation_free(struct reservation *r)
{
	free(r->name);
	free(r->uid);
	free(r->rv);
	free(r->stale_rv);
	free(r->addresses);
	free(r->service);
	free(r->flaw);
	free(r->claims);
	free(r->holder_seen);
	free(r->message_seen);
	free(r);
}

void ipam_reservation_deleted(struct ipam *m, const char *name, struct moment now)
{
	(void)now;
	struct reservation *r = map_get(&m->reservations, name);
	if (!r)
		return;
	r->expired = true; /* it keeps nothing any more */
	claim(m, r);
	forget_for(m, r);
	map_del(&m->reservations, r->name);
	for (unsigned i = 0; i < m->config.max_in_flight; i++)
		if (m->flights[i].used && m->flights[i].reservation == r)
			m->flights[i].reservation = NULL;
	reservation_free(r);
	watch_expiry(m);
}

void reservations_list_begin(struct ipam *m)
{
	size_t at = 0;
	for (struct reservation *r; (r = map_next(&m->reservations, &at));)
		r->seen = false;
}

void reservations_list_end(struct ipam *m, struct moment now)
{
	for (bool found = true; found;) {
		size_t at = 0;
		const struct reservation *r;
		while ((r = map_next(&m->reservations, &at)) && r->seen)
			;
		found = r != NULL;
		if (found)
			ipam_reservation_deleted(m, r->name, now);
	}
}

void reservations_refresh(struct ipam *m)
{
	size_t at = 0;
	for (struct reservation *r; (r = map_next(&m->reservations, &at));)
		touch(m, r);
}

void reservations_fire(struct ipam *m, struct moment now)
{
	m->wall_ahead = now.wall - now.mono;
	if (m->reservation_expires < 0 || m->reservation_expires > now.wall)
		return;
	size_t at = 0;
	for (struct reservation *r; (r = map_next(&m->reservations, &at));) {
		if (r->expired || r->expires_at < 0 || r->expires_at > now.wall)
			continue;
		r->expired = true;
		claim(m, r);
	}
	watch_expiry(m);
}

/* ---- status ----------------------------------------------------------------------------------------------
 */

static const char *first_by_name(const char *a, const char *b)
{
	return !a || strcmp(b, a) < 0 ? b : a;
}

/* Who has the address although it is kept for another; NULL = nobody. Of several the first by name, so that a
 * restart, which sees them in another order, does not write it again. */
static const char *other_holder(const struct reservation *r, const struct addr *a)
{
	const char *other = NULL;
	for (size_t i = 0; a && i < a->n_holders; i++) {
		if (is_for(r, a->holders[i]))
			return NULL; /* whoever else has it shares it */
		other = first_by_name(other, a->holders[i]->key);
	}
	const bool held = other != NULL;
	for (const struct claim *c = a && !held ? a->claims : NULL; c; c = c->next)
		if (c->kind != CLAIM_RESERVATION && !(r->service && strcmp(c->where, r->service) == 0))
			other = first_by_name(other, c->where);
	if (!other && a && a->record && !a->record->ours)
		other = a->record->manager ? a->record->manager : "another manager";
	const struct reservation *rival = rival_of(r, a);
	return other ? other : rival ? rival->name : NULL;
}

static bool is_bound(const struct reservation *r, const struct addr *a)
{
	for (size_t i = 0; a && i < a->n_holders; i++)
		if (is_for(r, a->holders[i]))
			return true;
	return false;
}

static bool is_given(const struct ipam *m, struct ip ip)
{
	const struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		if (pool_usable(m, p) && pool_gives(p, ip))
			return true;
	return cluster_pool_could_give(m, ip);
}

/* Its phase; the holder is appended to `who`, the reason to `why`. */
static enum reservation_phase phase_of(const struct ipam *m, const struct reservation *r, struct buf *who,
				       struct buf *why)
{
	bool bound = false;
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < r->n_addresses; i++)
		bound = bound || is_bound(r, ledger_get(m, r->addresses[i]));
	if (bound)
		buf_add_str(who, r->service);
	if (r->expired)
		return RESERVATION_EXPIRED;
	for (size_t i = 0; i < r->n_addresses; i++) {
		const char *other = other_holder(r, ledger_get(m, r->addresses[i]));
		if (!other)
			continue;
		buf_clear(who);
		buf_add_str(who, other);
		buf_addf(why, "%s is held by %s", ip_format(r->addresses[i], text), other);
		return RESERVATION_CONFLICT;
	}
	if (r->flaw)
		buf_add_str(why, r->flaw);
	if (bound)
		return RESERVATION_BOUND;
	for (size_t i = 0; !r->flaw && i < r->n_addresses && why->len == 0; i++)
		if (!is_given(m, r->addresses[i]))
			buf_addf(why, "no usable pool gives %s", ip_format(r->addresses[i], text));
	return why->len || r->n_addresses == 0 ? RESERVATION_UNUSABLE : RESERVATION_FREE;
}

static bool differs(struct ipam *m, const struct reservation *r, struct effect *ret)
{
	struct buf *who = &m->text[0], *why = &m->text[1];
	buf_clear(who);
	buf_clear(why);
	*ret = (struct effect){
		.kind = EFFECT_RESERVATION_STATUS, .name = r->name, .uid = r->uid, .resource_version = r->rv
	};
	ret->reservation.phase = phase_of(m, r, who, why);
	ret->reservation.holder = buf_str(who);
	ret->reservation.message = buf_str(why);
	ret->reservation.generation = r->generation;
	return ret->reservation.phase != r->phase_seen || !same_text(r->holder_seen, buf_str(who)) ||
	       !same_text(r->message_seen, buf_str(why)) || r->generation_seen != r->generation;
}

bool reservation_next(struct ipam *m, struct moment now, struct effect *ret, struct reservation **ret_of)
{
	if (!m->reservations_dirty)
		return false;
	bool later = false;
	size_t at = 0;
	for (struct reservation *r; (r = map_next(&m->reservations, &at));) {
		if (!r->dirty || r->in_flight)
			continue;
		if (r->status_at > now.mono || r->stale_rv) {
			if (r->status_at <= now.mono)
				str_replace(&r->stale_rv,
					    NULL); /* the newest did not come: try all the same */
			later = true;
			continue;
		}
		r->dirty = false;
		if (differs(m, r, ret)) {
			*ret_of = r;
			return true;
		}
	}
	m->reservations_dirty = later;
	return false;
}

void reservation_result(struct ipam *m, struct reservation *r, const char *rv, enum outcome o, msec delay,
			struct moment now)
{
	r->in_flight = false;
	r->status_at = now.mono + 1000;
	switch (o) {
	case OUTCOME_DONE:
		r->tries = 0;
		break;
	case OUTCOME_CONFLICT:
	case OUTCOME_EXISTS:
		/* The newest object is on its way. */
		if (same_text(r->rv, rv)) {
			str_replace(&r->stale_rv, rv);
			r->status_at = now.mono + 5000;
		}
		break;
	case OUTCOME_GONE:
		return;
	case OUTCOME_UNKNOWN:
	case OUTCOME_REFUSED:
		r->status_at = now.mono + delay;
		if (r->tries < UINT8_MAX)
			r->tries++;
		break;
	}
	touch(m, r);
}

msec reservation_wake_at(const struct ipam *m)
{
	msec at = m->reservation_expires < 0 ? -1 : m->reservation_expires - m->wall_ahead;
	if (at < -1)
		at = 0;
	size_t i = 0;
	if (m->reservations_dirty)
		for (const struct reservation *r; (r = map_next(&m->reservations, &i));)
			if (r->dirty && !r->in_flight && (at < 0 || r->status_at < at))
				at = r->status_at;
	return at;
}

bool reservations_busy(const struct ipam *m)
{
	return m->reservations_dirty;
}

void reservations_free(struct ipam *m)
{
	size_t at = 0;
	for (struct reservation *r; (r = map_next(&m->reservations, &at));)
		reservation_free(r);
	map_done(&m->reservations);
	map_done(&m->reserved_for);
}
