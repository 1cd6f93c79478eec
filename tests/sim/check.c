#include "admin_status.h"
#include "cooling.h"
#include "order.h"
#include "policies.h"
#include "reasons.h"
#include "reservations.h"
#include "seeds.h"

#include <stdarg.h>
#include <stdio.h>

void broken(struct sim *x, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	print_broken(fmt, ap);
	va_end(ap);
	x->failed = true;
}

static int service_index(const struct effect *e)
{
	for (int s = 0; s < SERVICES; s++)
		if (strcmp(e->name, service_title(s)) == 0 && strcmp(e->namespace, service_ns(s)) == 0)
			return s;
	return -1;
}

/* Does something beside the Service itself and the pools stand against its keeping the address? */
static bool disputed(const struct sim *x, int s, int a)
{
	char text[IP_TEXT_MAX];
	for (int t = 0; t < SERVICES; t++)
		if (t != s && x->w.services[t].exists && shown(&x->w, t) >> a & 1 && !may_share(&x->w, s, t))
			return true;
	const struct js *o = cluster_get(x->w.cluster, "IPAddress", "", address_text(a, text));
	const char *holders = js_str(js_path(o, "metadata", "annotations", "berth.dev/holder"));
	return o && !mentions(holders, s);
}

static void check_status(struct sim *x, const struct effect *e)
{
	int s = service_index(e);
	char text[IP_TEXT_MAX];
	if (s < 0 || !e->status.write_ingress)
		return;
	addr_set old = shown(&x->w, s), fresh = 0;
	for (size_t i = 0; i < e->status.n_ingress; i++) {
		int a = e->status.ingress[i].has_ip ? address_index(ip_format(e->status.ingress[i].ip, text))
						    : -1;
		if (a >= 0)
			fresh |= (addr_set)1 << a;
	}
	x->n_writes++;
	for (int a = 0; a < ADDRESSES; a++) {
		bool was = old >> a & 1, is = fresh >> a & 1;
		address_text(a, text);
		if (was && !is && explained(&x->w, s, a) && was_explained(&x->w, s, a) &&
		    !disputed(x, s, a) && !x->w.services[s].overwritten)
			broken(x, "%s loses %s, which is valid", service_title(s), text);
		if (!is || was)
			continue;
		for (int t = 0; t < SERVICES; t++)
			if (t != s && x->w.services[t].exists && shown(&x->w, t) >> a & 1 &&
			    !may_share(&x->w, s, t))
				broken(x, "%s is given to %s while %s has it", text, service_title(s),
				       service_title(t));
		if (x->w.records && !(recorded(&x->w) >> a & 1))
			broken(x, "%s is given to %s before its record", text, service_title(s));
		if (!x->w.records && x->faultless)
			check_grant(x, s, a);
	}
	if (fresh)
		x->w.services[s].overwritten = false;
}

enum outcome check_effect(void *arg, const struct effect *e, bool *carry_out)
{
	struct sim *x = arg;
	enum outcome o = OUTCOME_DONE;
	order_observe(x);
	if (x->fault_percent && rng_below(&x->rng, 100) < x->fault_percent && e->kind != EFFECT_EVENT) {
		static const enum outcome faults[] = { OUTCOME_CONFLICT, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN,
						       OUTCOME_REFUSED };
		o = faults[rng_below(&x->rng, 4)];
		*carry_out = o == OUTCOME_UNKNOWN && rng_below(&x->rng, 2);
	}
	if (x->trace) {
		char text[IP_TEXT_MAX] = "";
		printf("  effect %d %s", (int)e->kind, e->name ? e->name : "");
		if (e->kind == EFFECT_SERVICE_STATUS) {
			for (size_t i = 0; e->status.write_ingress && i < e->status.n_ingress; i++)
				printf(" %s", e->status.ingress[i].has_ip
						      ? ip_format(e->status.ingress[i].ip, text)
						      : "other");
			printf(" %s %s", e->status.condition.reason, e->status.condition.message);
		} else if (e->kind <= EFFECT_RECORD_PATCH) {
			printf(" [%s]%s", e->record.holders,
			       e->record.phase == RECORD_RELEASED ? " releasing" : "");
		} else if (e->kind == EFFECT_POOL_STATUS || e->kind == EFFECT_POLICY_STATUS) {
			for (size_t i = 0; i < e->pool.n; i++)
				printf(" %s=%d(%s)", e->pool.conditions[i].type,
				       (int)e->pool.conditions[i].status, e->pool.conditions[i].message);
		} else if (e->kind == EFFECT_RESERVATION_STATUS) {
			printf(" %s [%s] %s", reservation_phase_name(e->reservation.phase),
			       e->reservation.holder, e->reservation.message);
		} else if (e->kind == EFFECT_EVENT) {
			printf(" %s %s", e->event.reason, e->event.message);
		}
		printf(" -> %d%s\n", (int)o, *carry_out ? " (done)" : "");
	}
	if (x->faultless)
		check_grants(x, e);
	if (e->kind == EFFECT_SERVICE_STATUS && (o == OUTCOME_DONE || *carry_out)) {
		/* One that will be refused for its version changes nothing. */
		const struct js *now = cluster_get(x->w.cluster, "Service", e->namespace, e->name);
		if (slice_is(js_text(js_path(now, "metadata", "resourceVersion")), e->resource_version))
			check_status(x, e);
	}
	return o;
}

/* ---- at rest --------------------------------------------------------------------------------------- */

addr_set in_statuses(const struct sim *x)
{
	addr_set set = 0;
	for (int s = 0; s < SERVICES; s++)
		set |= x->w.services[s].exists ? shown(&x->w, s) : 0;
	return set;
}

/* What it has of us. What somebody else wrote and no pool explains stays until there is something to
 * replace it with. */
addr_set served(const struct sim *x, int s)
{
	addr_set has = shown(&x->w, s), in_pools = 0;
	for (int p = 0; p < POOLS; p++)
		in_pools |= contains(&x->w, p);
	for (int a = 0; a < ADDRESSES && x->w.services[s].overwritten; a++)
		if ((!explained(&x->w, s, a) || !(in_pools >> a & 1)) &&
		    !(names(&x->w, a, s) && !cools(&x->w, a)))
			has &= ~((addr_set)1 << a);
	return has;
}

/* Could the Service have this address now? */
static bool attainable(const struct sim *x, int s, int a)
{
	addr_set bit = (addr_set)1 << a;
	addr_set held[SERVICES];
	for (int t = 0; t < SERVICES; t++)
		held[t] = wanted(&x->w, t) ? served(x, t) : 0;
	const bool by_name = x->w.services[s].n_requests || kept_for(&x->w, s, family_of(a)) == a;
	if (!some_pool_offers(&x->w, s, a, by_name, held) || foreign(&x->w, -1) & bit ||
	    kept_from(&x->w, a, s, held))
		return false;
	if (!((in_statuses(x) | recorded(&x->w)) & bit))
		return true;
	if (cooling(&x->w) & bit)
		return names(&x->w, a, s) || !is_locked(&x->w, a) || kept_for(&x->w, s, family_of(a)) == a;
	/* Joinable? */
	bool holders = false;
	for (int t = 0; t < SERVICES; t++) {
		if (!x->w.services[t].exists || !(shown(&x->w, t) & bit))
			continue;
		if (t == s || !wanted(&x->w, t) || !may_share(&x->w, s, t) || !(served(x, t) & bit))
			return false;
		holders = true;
	}
	return holders;
}

static void check_served(struct sim *x, int s)
{
	const struct mservice *v = &x->w.services[s];
	addr_set has = served(x, s);
	char text[IP_TEXT_MAX];
	bool impossible = false, all = true, any = false;
	if (v->n_requests) {
		for (int i = 0; i < v->n_requests; i++) {
			int a = v->requests[i];
			if (a < 0 || !(has >> a & 1))
				all = false;
			if (a >= 0 && !(has >> a & 1) && !v->deleting && attainable(x, s, a))
				broken(x, "%s asks for %s, which it could have", service_title(s),
				       address_text(a, text));
		}
	} else {
		unsigned want = families(&x->w, s, &impossible);
		for (int f = 0; f < FAMILIES; f++) {
			const addr_set of = of_family((enum family)f);
			const int kept = kept_for(&x->w, s, (enum family)f);
			if (!(want >> f & 1))
				continue;
			any = any || (has & of);
			if (has & of)
				continue;
			all = false;
			for (int a = 0; a < ADDRESSES && !v->deleting; a++)
				if (of >> a & 1 && (kept < 0 || a == kept) && attainable(x, s, a))
					broken(x, "%s lacks %s and could have %s", service_title(s),
					       family_name((enum family)f), address_text(a, text));
		}
		if (v->policy == POLICY_PREFER_DUAL && any)
			all = true;
	}
	const struct js *list = js_path(cluster_get(x->w.cluster, "Service", service_ns(s), service_title(s)),
					"status", "conditions");
	const char *status = js_str(js_get(js_item(list, 0), "status"));
	bool satisfied = status && strcmp(status, "True") == 0;
	if (v->deleting)
		return;
	if (!status && asked_us(&x->w, s))
		broken(x, "%s has no condition", service_title(s));
	else if (status && satisfied != (all && !impossible))
		broken(x, "%s has the condition %s", service_title(s), status);
	if (status && !satisfied)
		check_reason(x, s, js_str(js_get(js_item(list, 0), "reason")));
}

static void check_records(struct sim *x)
{
	for (int a = 0; a < ADDRESSES; a++) {
		char text[IP_TEXT_MAX];
		const struct js *o = cluster_get(x->w.cluster, "IPAddress", "", address_text(a, text));
		const char *manager =
			js_str(js_path(o, "metadata", "labels", "ipaddress.kubernetes.io/managed-by"));
		const struct js *notes = js_path(o, "metadata", "annotations");
		const char *holders = js_str(js_get(notes, "berth.dev/holder"));
		if (manager && strcmp(manager, "berth") != 0)
			continue;
		const char *state = js_str(js_get(notes, "berth.dev/state"));
		const bool cooling = state && strcmp(state, "cooling") == 0;
		if (cooling) {
			check_cooling_record(x, a);
			holders = NULL;
		}
		size_t n = 0;
		for (int s = 0; s < SERVICES; s++) {
			bool has = wanted(&x->w, s) && served(x, s) >> a & 1;
			if (has != mentions(holders, s) && (has || o))
				broken(x, "%s: the record names [%s], %s %s it", text,
				       holders ? holders : "no record", service_title(s),
				       has ? "has" : "has not");
			n += has;
		}
		if (o && n == 0 && !cooling)
			broken(x, "%s has a record and no holder", text);
		if (state && !cooling)
			broken(x, "the record of %s has a state", text);
	}
}

bool condition_is(const struct js *o, const char *type, const char *status, const char *message)
{
	const struct js *list = js_path(o, "status", "conditions");
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *c = js_item(list, i);
		if (slice_is(js_text(js_get(c, "type")), type))
			return slice_is(js_text(js_get(c, "status")), status) &&
			       (!message || slice_is(js_text(js_get(c, "message")), message));
	}
	return false;
}

static void check_pools(struct sim *x)
{
	addr_set used = in_statuses(x) | foreign(&x->w, -1) | recorded(&x->w) | reserved(&x->w);
	for (int p = 0; p < POOLS; p++) {
		char name[2] = { (char)('a' + p), 0 }, text[32];
		const struct mpool *v = &x->w.pools[p];
		if (!v->exists)
			continue;
		const struct js *o = cluster_get(x->w.cluster, "CiliumLoadBalancerIPPool", "", name);
		bool conflict = in_conflict(&x->w, p);
		if (!condition_is(o, "cilium.io/PoolConflict", conflict ? "True" : "False", NULL))
			broken(x, "pool %s: conflict should be %d", name, conflict);
		if (!condition_is(o, "berth.dev/Valid", v->bad ? "False" : "True", NULL))
			broken(x, "pool %s: valid should be %d", name, !v->bad);
		if (conflict || v->bad)
			continue;
		if (loses_conflict(&x->w, p))
			continue;
		(void)snprintf(text, sizeof(text), "%d", __builtin_popcountll(would_give(&x->w, p) & ~used));
		if (!condition_is(o, "cilium.io/IPsAvailable", "Unknown", text))
			broken(x, "pool %s: available should be %s", name, text);
	}
}

static size_t writes(const struct sim *x)
{
	size_t n = 0;
	for (int k = 0; k < EFFECT_KINDS; k++)
		if (k != EFFECT_EVENT && k != EFFECT_POOL_KIND_READ)
			n += cluster_writes(x->w.cluster, (enum effect_kind)k);
	return n;
}

static void check_services(struct sim *x)
{
	for (int s = 0; s < SERVICES; s++) {
		if (!x->w.services[s].exists)
			continue;
		addr_set has = shown(&x->w, s);
		char text[IP_TEXT_MAX];
		for (int t = 0; t < s; t++) {
			addr_set both = has & (x->w.services[t].exists ? shown(&x->w, t) : 0);
			if (both && !may_share(&x->w, s, t))
				broken(x, "%s and %s both have %s", service_title(t), service_title(s),
				       address_text(__builtin_ctzll(both), text));
		}
		if (!wanted(&x->w, s)) {
			if (has && !x->w.services[s].overwritten)
				broken(x, "%s is not ours and has %s", service_title(s),
				       address_text(__builtin_ctzll(has), text));
			continue;
		}
		for (int a = 0; a < ADDRESSES; a++)
			if (has >> a & 1 && !explained(&x->w, s, a) && !x->w.services[s].overwritten &&
			    !may_be_kept(&x->w))
				broken(x, "nothing explains %s of %s", address_text(a, text),
				       service_title(s));
		check_served(x, s);
	}
}

void run_for(struct sim *x, size_t limit, msec patience)
{
	if (cluster_run(x->w.cluster, limit, patience) == EFFECTS_MAX)
		broken(x, "it works without end");
	look(&x->w);
	pools_that_went(&x->w);
}

void check_quiet(struct sim *x)
{
	unsigned faults = x->fault_percent;
	if (x->trace)
		printf("quiet\n");
	x->fault_percent = 0;
	x->n_quiet++;
	run_for(x, EFFECTS_MAX, 800000);
	if (ipam_busy(cluster_ipam(x->w.cluster)))
		broken(x, "it does not come to rest");
	check_services(x);
	if (x->w.records)
		check_records(x);
	check_pools(x);
	addr_set held = 0;
	for (int s = 0; s < SERVICES; s++)
		held |= wanted(&x->w, s) ? served(x, s) : 0;
	check_counts(x, held);
	check_admin(x);
	cooling_let_pass(x, 15000);
	cluster_reset_writes(x->w.cluster);
	run_for(x, EFFECTS_MAX, 5000);
	if (writes(x))
		broken(x, "a second pass writes");
	if (x->trace)
		printf("restart at rest\n");
	cluster_restart(x->w.cluster, &x->config);
	cluster_sync(x->w.cluster);
	run_for(x, EFFECTS_MAX, 5000);
	if (writes(x))
		broken(x, "a restart writes %zu times", writes(x));
	cluster_reset_writes(x->w.cluster);
	x->fault_percent = faults;
	x->quiet = true;
	order_at_rest(x);
}
