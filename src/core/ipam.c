#include "core/ipam.h"

#include "core/cluster_pool.h"
#include "core/contest.h"
#include "core/cooling.h"
#include "core/effect.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/mass_release.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/policy.h"
#include "core/policy_status.h"
#include "core/pool.h"
#include "core/pool_guard.h"
#include "core/pool_low.h"
#include "core/pool_status.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/reservation.h"
#include "core/service.h"
#include "core/settle.h"
#include "core/takeover.h"
#include "core/wait.h"

enum {
	TEXTS_MAX = 64 * 1024,
	/* Services decided in one call that leads to no write; then the caller gets to breathe. */
	SETTLES_MAX = 1000,
};

const double ipam_latency_bounds[LATENCY_BUCKETS] = {
	0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60,
};

static const char *const reason_names[IPAM_REASONS] = {
	[REASON_SATISFIED] = "satisfied",
	[REASON_NO_POOL] = "no_pool",
	[REASON_OUT_OF_IPS] = "out_of_ips",
	[REASON_SELECTOR_MISMATCH] = "pool_selector_mismatch",
	[REASON_ALREADY_ALLOCATED] = "already_allocated",
	[REASON_INCOMPATIBLE] = "already_allocated_incompatible_service",
	[REASON_FAMILY_DISABLED] = "family_disabled",
	[REASON_INVALID_REQUEST] = "invalid_request",
	[REASON_POOL_NOT_FOUND] = "pool_not_found",
	[REASON_RESERVED] = "reserved",
	[REASON_QUOTA_EXCEEDED] = "quota_exceeded",
	[REASON_COOLING_DOWN] = "cooling_down",
};

const char *ipam_reason_name(enum ipam_reason r)
{
	return reason_names[r];
}

/* ---- making and freeing ------------------------------------------------------------------------------ */

struct ipam *ipam_new(const struct ipam_config *c)
{
	struct ipam *m = xcalloc(1, sizeof(*m));
	m->config = *c;
	if (m->config.max_in_flight == 0)
		m->config.max_in_flight = 64;
	size_t n = 0;
	while (c->classes && c->classes[n])
		n++;
	m->classes = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++)
		m->classes[i] = xstrdup(c->classes[i]);
	m->proxy_name = xstrdup(c->proxy_name ? c->proxy_name : "");
	m->reservation_expires = -1;
	m->cluster_pool = cluster_pool_new(c->cluster_pool);
	m->config.cluster_pool = NULL; /* it was the caller's */
	m->flights = xcalloc(m->config.max_in_flight, sizeof(*m->flights));
	m->notices = xcalloc(NOTICES_MAX, sizeof(*m->notices));
	m->scratch = BUF_INIT(TEXTS_MAX);
	for (size_t i = 0; i < ARRAY_LEN(m->text); i++)
		m->text[i] = BUF_INIT(TEXTS_MAX);
	return m;
}

static void free_addrs(struct ipam *m)
{
	for (int f = 0; f < FAMILIES; f++) {
		struct addr_walk w = addr_walk(
			&m->addrs, (struct range){ ip_make((enum family)f, 0), ip_last((enum family)f) });
		while (addr_walk_next(&w)) {
			struct addr *a = w.value;
			for (struct claim *c; (c = a->claims);) {
				a->claims = c->next;
				free(c);
			}
			record_free(a->record);
			free(a->holders);
			free(a);
		}
	}
	addr_map_done(&m->addrs);
}

void ipam_free(struct ipam *m)
{
	if (!m)
		return;
	/* Each takes itself out of the map, and another may come into its place. */
	for (size_t at = 0; m->services.n;) {
		struct service *s = map_next(&m->services, &at);
		if (s)
			service_free(m, s);
		at = s ? at - 1 : 0;
	}
	cooling_free(m);
	free_addrs(m);
	reservations_free(m);
	history_free(m);
	addr_map_done(&m->asked);
	for (size_t i = 0; i < m->n_pools; i++)
		pool_free(m, m->pools[i]);
	policies_free(m);
	struct namespace *ns;
	for (size_t at = 0; (ns = map_next(&m->namespaces, &at));)
		namespace_free(m, ns);
	map_done(&m->namespaces);
	cluster_pool_free(m);
	for (size_t i = 0; i < m->n_carves; i++) {
		free(m->carves[i].name);
		free(m->carves[i].ranges);
	}
	for (struct notice n; notice_pop(m, &n);)
		notice_done(&n);
	notice_done(&m->handed);
	for (unsigned i = 0; i < m->config.max_in_flight; i++)
		free(m->flights[i].rv);
	for (char **c = m->classes; *c; c++)
		free(*c);
	for (size_t i = 0; i < ARRAY_LEN(m->text); i++)
		buf_done(&m->text[i]);
	buf_done(&m->scratch);
	map_done(&m->services);
	map_done(&m->keys);
	map_done(&m->nodes);
	range_set_done(&m->excluded);
	intern_done(&m->texts);
	free(m->classes);
	free(m->proxy_name);
	free(m->pools);
	free(m->spans);
	free(m->carves);
	free(m->timers);
	free(m->steps);
	free(m->orphans);
	free(m->flights);
	free(m->notices);
	free(m->out);
	free(m->names);
	free(m);
}

void ipam_freep(struct ipam **m)
{
	ipam_free(*m);
	*m = NULL;
}

/* ---- lists --------------------------------------------------------------------------------------------- */

static void each_addr(struct ipam *m, void (*fn)(struct ipam *m, struct addr *a))
{
	for (int f = 0; f < FAMILIES; f++) {
		struct ip ip = ip_make((enum family)f, 0), last = ip_last((enum family)f);
		void *value;
		while (addr_map_seek(&m->addrs, ip, &ip, &value)) {
			fn(m, value);
			if (ip_eq(ip, last))
				break;
			ip = ip_make((enum family)f, ip_bits(ip) + 1);
		}
	}
}

static void unsee(struct ipam *m, struct addr *a)
{
	(void)m;
	a->seen = false;
}

void ipam_list_begin(struct ipam *m, enum ipam_kind k)
{
	size_t at = 0;
	switch (k) {
	case KIND_SERVICE:
		for (struct service *s; (s = map_next(&m->services, &at));)
			s->seen = false;
		break;
	case KIND_POOL:
		for (size_t i = 0; i < m->n_pools; i++)
			m->pools[i]->seen = false;
		break;
	case KIND_RECORD:
		each_addr(m, unsee);
		break;
	case KIND_NODE:
	case KIND_CILIUM_NODE:
		nodes_unsee(m, k == KIND_NODE ? SIDE_NODE : SIDE_CILIUM);
		break;
	case KIND_SERVICE_CIDR:
		for (size_t i = 0; i < m->n_carves; i++)
			m->carves[i].seen = false;
		break;
	case KIND_POLICY:
		for (size_t i = 0; i < m->n_policies; i++)
			m->policies[i]->seen = false;
		break;
	case KIND_RESERVATION:
		reservations_list_begin(m);
		break;
	case KIND_NAMESPACE:
		for (struct namespace *n; (n = map_next(&m->namespaces, &at));)
			n->seen = false;
		break;
	case IPAM_KINDS:
		break;
	}
}

static void drop_unseen_record(struct ipam *m, struct addr *a)
{
	if (a->record && !a->seen)
		ipam_record_deleted(m, a->ip, (struct moment){ 0 });
}

static void drop_unseen_services(struct ipam *m, struct moment now)
{
	size_t at = 0;
	for (struct service *s; (s = map_next(&m->services, &at));)
		if (!s->seen && !s->gone)
			ipam_service_deleted(m, s->ns, service_name(s), NULL, now);
}

static void drop_unseen_namespaces(struct ipam *m, struct moment now)
{
	for (bool found = true; found;) {
		size_t at = 0;
		const struct namespace *n;
		while ((n = map_next(&m->namespaces, &at)) && n->seen)
			;
		found = n != NULL;
		if (found)
			ipam_namespace_deleted(m, n->name, now);
	}
}

static void start_if_complete(struct ipam *m, struct moment now)
{
	if (m->ready)
		return;
	for (int k = 0; k < IPAM_KINDS; k++)
		if (!m->listed[k] && !(k == KIND_RECORD && !m->config.records) &&
		    !(k == KIND_CILIUM_NODE && !m->cluster_pool->on))
			return;
	cluster_pool_start(m, now);
	m->ready = true;
	takeover(m, now);
}

static void pools_listed(struct ipam *m, struct moment now)
{
	bool back = m->pools_lost;
	m->pools_lost = false;
	for (size_t i = 0; i < m->n_pools; i++)
		if (m->pools[i]->seen || m->pools[i]->builtin)
			continue;
		/* The kind was gone and is back, its pools are not yet: they may still come. */
		else if (m->pools[i]->ghost)
			pool_condemn(m, m->pools[i], true, now);
		else
			ipam_pool_deleted(m, m->pools[i]->name, NULL, now);
	m->pools_changed = m->pools_changed || back;
	size_t at = 0;
	for (struct service *s; back && m->ready && (s = map_next(&m->services, &at));)
		enqueue(m, s, LANE_NORMAL);
}

/* Records that were not served at the start are now: what is held gets one, as at a start. */
static void records_listed(struct ipam *m)
{
	if (!m->records_lost)
		return;
	m->records_lost = false;
	m->config.records = true;
	m->pools_changed = true;
	size_t at = 0;
	for (struct service *s; m->ready && (s = map_next(&m->services, &at));)
		enqueue(m, s, LANE_NORMAL);
}

void ipam_list_end(struct ipam *m, enum ipam_kind k, struct moment now)
{
	switch (k) {
	case KIND_SERVICE:
		drop_unseen_services(m, now);
		break;
	case KIND_POOL:
		pools_listed(m, now);
		break;
	case KIND_RECORD:
		each_addr(m, drop_unseen_record);
		records_listed(m);
		break;
	case KIND_NODE:
	case KIND_CILIUM_NODE:
		nodes_drop_unseen(m, k == KIND_NODE ? SIDE_NODE : SIDE_CILIUM, now);
		m->lost[k] = false;
		break;
	case KIND_SERVICE_CIDR:
		for (size_t i = m->n_carves; i-- > 0;)
			if (!m->carves[i].seen)
				ipam_service_cidr(m, m->carves[i].name, NULL, 0, now);
		break;
	case KIND_POLICY:
		for (size_t i = m->n_policies; i-- > 0;)
			if (!m->policies[i]->seen)
				ipam_policy_deleted(m, m->policies[i]->name, now);
		break;
	case KIND_RESERVATION:
		reservations_list_end(m, now);
		break;
	case KIND_NAMESPACE:
		drop_unseen_namespaces(m, now);
		break;
	case IPAM_KINDS:
		return;
	}
	m->listed[k] = true;
	start_if_complete(m, now);
}

void ipam_kind_lost(struct ipam *m, enum ipam_kind k, struct moment now)
{
	if (k == KIND_POOL && !m->pools_lost) {
		m->pools_lost = true;
		m->pools_changed = true;
		for (size_t i = 0; i < m->n_pools; i++)
			m->pools[i]->ghost = !m->pools[i]->builtin;
	}
	/* Before the first decision it can still be decided that addresses have no records. */
	if (k == KIND_RECORD && !m->ready) {
		m->records_lost = m->config.records;
		m->config.records = false;
	}
	m->listed[k] = m->lost[k] = true;
	start_if_complete(m, now);
}

bool ipam_ready(const struct ipam *m)
{
	return m->ready;
}

bool ipam_pools_lost(const struct ipam *m)
{
	return m->pools_lost;
}

bool ipam_records(const struct ipam *m)
{
	return m->config.records;
}

/* ---- effects ------------------------------------------------------------------------------------------- */

static bool next_of_services(struct ipam *m, struct moment now, struct effect *ret)
{
	for (unsigned settled = 0; settled < SETTLES_MAX; settled++) {
		/* What pools give has changed since these steps were decided. */
		if (m->pools_changed && m->at_step < m->n_steps) {
			enqueue(m, m->steps[m->at_step].service, LANE_STARTED);
			m->at_step = m->n_steps;
		}
		while (m->at_step < m->n_steps) {
			const struct step *st = &m->steps[m->at_step++];
			if (effect_of_step(m, st, now, ret))
				return true;
			enqueue(m, st->service, LANE_NORMAL);
		}
		pools_refresh(m);
		struct service *s = queue_pop(m);
		if (!s)
			return false;
		settle(m, s, now);
	}
	return false;
}

static bool next_of_pools(struct ipam *m, struct moment now, struct effect *ret)
{
	for (size_t i = 0; i < m->n_pools; i++) {
		struct pool *p = m->pools[i];
		if (p->in_flight || p->builtin)
			continue;
		if (p->doubted) {
			if (p->status_at > now.mono)
				continue;
			*ret = (struct effect){ .kind = EFFECT_POOL_KIND_READ, .name = p->name };
			effect_out(m, ret, NULL, NULL, p);
			return true;
		}
		if (m->config.nodes_only)
			continue;
		if (p->host_bits && !p->host_bits_told) {
			p->host_bits_told = true;
			notice_pool(m, p, true, "HostBitsMasked", "%s", p->host_bits);
		}
		if (p->carved && !p->carved_told) {
			p->carved_told = true;
			notice_pool(m, p, true, "OverlapsServiceCIDR", "%s; it is never given out",
				    p->carved);
		}
		if (p->carved_pods && !p->carved_pods_told) {
			p->carved_pods_told = true;
			notice_pool(m, p, true, "OverlapsPodCIDR", "%s; it is never given out",
				    p->carved_pods);
		}
		if (p->ghost || p->condemned || m->pools_lost)
			continue;
		p->guard_due = p->guard_due || p->dirty;
		if (p->guard_due && p->guard_at <= now.mono) {
			p->guard_due = pool_guard_effect(m, p, ret);
			if (p->guard_due) {
				effect_out(m, ret, NULL, NULL, p);
				return true;
			}
		}
		if (!p->dirty || p->status_at > now.mono || contest_pool_rests(p, now))
			continue;
		p->dirty = false;
		if (pool_status_effect(m, p, ret)) {
			effect_out(m, ret, NULL, NULL, p);
			return true;
		}
		p->shows_ours = true;
	}
	return false;
}

static bool next_of_reservations(struct ipam *m, struct moment now, struct effect *ret)
{
	struct reservation *r;
	if (!reservation_next(m, now, ret, &r))
		return false;
	effect_out(m, ret, NULL, NULL, NULL);
	m->flights[ret->id].reservation = r;
	m->flights[ret->id].rv = xstrdup(r->rv ? r->rv : "");
	r->in_flight = true;
	return true;
}

static bool next_of_history(struct ipam *m, struct moment now, struct effect *ret)
{
	if (!history_next(m, now, ret))
		return false;
	effect_out(m, ret, NULL, NULL, NULL);
	return true;
}

static bool next_notice(struct ipam *m, struct effect *ret)
{
	notice_done(&m->handed);
	if (!notice_pop(m, &m->handed))
		return false;
	const struct notice *n = &m->handed;
	*ret = (struct effect){
		.kind = EFFECT_EVENT, .namespace = n->namespace, .name = n->name, .uid = n->uid
	};
	ret->event.about = n->about;
	ret->event.warning = n->warning;
	ret->event.reason = n->reason;
	ret->event.message = n->message;
	effect_out(m, ret, NULL, NULL, NULL);
	return true;
}

bool ipam_next(struct ipam *m, struct moment now, struct effect *ret)
{
	if (!m->ready || m->n_flights >= m->config.max_in_flight || ipam_refusal(m))
		return false;
	if (m->config.nodes_only) {
		mass_release_settle(m, now);
		return cluster_pool_next(m, now, ret) || next_of_pools(m, now, ret) || next_notice(m, ret);
	}
	timers_fire(m, now.mono);
	reservations_fire(m, now);
	cooling_fire(m, now);
	mass_release_settle(m, now);
	if (cluster_pool_next(m, now, ret))
		return true;
	if (next_of_services(m, now, ret))
		return true;
	if (m->n_queued || m->at_step < m->n_steps)
		return false; /* more of the same, next time */
	return orphan_next(m, now, ret) || next_of_pools(m, now, ret) || policy_next(m, now, ret) ||
	       next_of_reservations(m, now, ret) || next_notice(m, ret) || next_of_history(m, now, ret);
}

msec ipam_wake_at(const struct ipam *m)
{
	if (!m->ready || m->n_flights >= m->config.max_in_flight || ipam_refusal(m))
		return -1;
	const bool all = !m->config.nodes_only;
	if ((all && (m->n_queued || m->at_step < m->n_steps)) || m->n_notices || m->pools_changed)
		return 0;
	msec at = all ? timers_next(m) : -1, releases = mass_release_at(m);
	if (releases >= 0 && (at < 0 || releases < at))
		at = releases;
	const msec others[] = { cluster_pool_wake_at(m), orphan_wake_at(m),  cooling_wake_at(m),
				reservation_wake_at(m),  history_wake_at(m), policy_wake_at(m) };
	for (size_t i = 0; i < (all ? ARRAY_LEN(others) : 1); i++)
		if (others[i] >= 0 && (at < 0 || others[i] < at))
			at = others[i];
	for (size_t i = 0; i < m->n_pools; i++) {
		const struct pool *p = m->pools[i];
		const bool quiet = !all || p->builtin || p->ghost || p->condemned || m->pools_lost;
		const bool due = p->doubted || (p->dirty && !quiet);
		const bool guard_due = p->guard_due && !quiet && !p->doubted;
		const msec due_at =
			!p->doubted && p->rest_until > p->status_at ? p->rest_until : p->status_at;
		if (due && !p->in_flight && (at < 0 || due_at < at))
			at = due_at;
		if (guard_due && !p->in_flight && (at < 0 || p->guard_at < at))
			at = p->guard_at;
	}
	return at;
}

bool ipam_busy(const struct ipam *m)
{
	for (unsigned i = 0; i < m->config.max_in_flight; i++)
		if (m->flights[i].used && m->flights[i].kind != EFFECT_EVENT)
			return true;
	if (m->config.nodes_only)
		return !m->ready || cluster_pool_busy(m);
	for (size_t i = 0; i < m->n_timers; i++)
		if (!contest_is_open(m->timers[i]))
			return true;
	if (!m->ready || m->n_queued || m->n_orphans || cluster_pool_busy(m) || m->at_step < m->n_steps ||
	    m->pools_changed)
		return true;
	if (policy_wake_at(m) >= 0 || reservations_busy(m))
		return true;
	for (size_t i = 0; i < m->n_pools; i++)
		if (m->pools[i]->doubted || m->pools[i]->condemned ||
		    (((m->pools[i]->dirty && !m->pools[i]->rest_until) || m->pools[i]->guard_due) &&
		     !m->pools[i]->builtin && !m->pools[i]->ghost && !m->pools_lost))
			return true;
	return false;
}

/* ---- questions -------------------------------------------------------------------------------------------
 */

void ipam_stats(const struct ipam *m, struct ipam_stats *ret)
{
	*ret = m->stats;
	ret->services = m->services.n;
	/* Of PodCIDRs alone nobody looks at Services. */
	ret->queued = m->config.nodes_only ? 0 : m->n_queued;
	ret->in_flight = m->n_flights;
	ret->waiting = m->n_waiting;
	ret->events_queued = m->n_notices;
	size_t at = 0;
	for (const struct service *s; (s = map_next(&m->services, &at));) {
		ret->services_ours += s->wanted;
		ret->services_unsatisfied += s->wanted && s->decided && s->reason != REASON_SATISFIED;
	}
	for (size_t i = 0; i < m->n_pools; i++)
		ret->pools_conflicting += m->pools[i]->conflicting;
}

bool ipam_pool_row(const struct ipam *m, size_t i, struct pool_row *ret)
{
	if (i >= m->n_pools)
		return false;
	const struct pool *p = m->pools[i];
	*ret = (struct pool_row){ .name = p->name, .disabled = p->disabled, .conflicting = p->conflicting };
	ret->valid = p->flaw == FLAW_NONE;
	ret->deleting = p->deleting;
	ret->policy = p->policy ? p->policy->name : NULL;
	ret->priority = pool_priority(p);
	ret->reuse_after = pool_reuse_after(m, p);
	for (int f = 0; f < FAMILIES; f++) {
		ret->family[f] = pool_count(m, p, (enum family)f);
		ret->low[f] = p->low[f] > LOW_ENOUGH;
	}
	return true;
}

static void tell_row(const struct service *s, void (*fn)(const struct service_row *row, void *arg), void *arg)
{
	struct service_row row = {
		.namespace = s->ns,
		.name = service_name(s),
		.ours = s->wanted,
		.reason = s->decided ? ipam_reason_name((enum ipam_reason)s->reason) : "",
		.message = s->decided && s->message ? s->message : "",
		.n_addresses = s->n_held,
	};
	for (size_t i = 0; i < s->n_held && i < ARRAY_LEN(row.addresses); i++)
		row.addresses[i] = s->held[i].addr->ip;
	for (size_t i = 0; i < s->n_ingress; i++)
		if (s->ingress[i].has_ip && row.n_before++ < ARRAY_LEN(row.before))
			row.before[row.n_before - 1] = s->ingress[i].ip;
	fn(&row, arg);
}

void ipam_service_row(const struct ipam *m, const char *namespace, const char *name,
		      void (*fn)(const struct service_row *row, void *arg), void *arg)
{
	const struct service *s = service_find(m, namespace, name);
	if (s)
		tell_row(s, fn, arg);
}

void ipam_each_service(const struct ipam *m, void (*fn)(const struct service_row *row, void *arg), void *arg)
{
	size_t at = 0;
	for (const struct service *s; (s = map_next(&m->services, &at));)
		tell_row(s, fn, arg);
}
