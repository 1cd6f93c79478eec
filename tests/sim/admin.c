#include "admin.h"

#include "policies.h"
#include "reservations.h"

#include <stdio.h>

static addr_set random_range(struct sim *x)
{
	addr_set set = 0;
	int lo = (int)pick(x, ADDRESSES), n = (int)pick(x, 4) + 1;
	for (int a = lo; a < lo + n && a < ADDRESSES; a++)
		set |= (addr_set)1 << a;
	return set;
}

static void random_quotas(struct sim *x, struct mpolicy *v)
{
	v->n_quotas = chance(x, 50) ? 0 : (int)pick(x, QUOTAS) + 1;
	for (int i = 0; i < v->n_quotas; i++) {
		v->quotas[i].of = (enum quota_of)pick(x, 4);
		v->quotas[i].max = (int)pick(x, 4);
	}
}

static msec random_time(struct sim *x)
{
	static const msec times[] = { -1, 0, 20000, 1800000 };
	return times[pick(x, 4)];
}

/* One thing, or all of them. */
static void random_rules(struct sim *x, struct mpolicy *v, bool fresh)
{
	unsigned what = pick(x, 9);
	if (what == 0 || fresh) {
		v->pool = chance(x, 60) ? (int)pick(x, POOLS) : -1;
		v->tier = (int)pick(x, 3);
	}
	if (what == 1 || fresh)
		v->priority = (int)pick(x, 3) - 1;
	if (what == 2 || fresh)
		v->exclude = chance(x, 50) ? 0 : random_range(x) | (chance(x, 30) ? random_range(x) : 0);
	if (what == 3 || fresh)
		v->reuse_after = random_time(x);
	if (what == 4 || fresh)
		v->late = chance(x, 40);
	if (what == 5 || fresh)
		v->ask_only = chance(x, 25);
	if (what == 6 || fresh) {
		v->keep = chance(x, 40);
		v->protect = chance(x, 40);
	}
	if (what == 7 || fresh) {
		v->low = chance(x, 30) ? -1 : (int)pick(x, 8);
		v->low_is_percent = chance(x, 50);
		if (v->low_is_percent && v->low >= 0)
			v->low *= 14;
	}
	if (what == 8 || fresh)
		random_quotas(x, v);
}

void change_policy(struct sim *x)
{
	int i = (int)pick(x, POLICIES);
	struct mpolicy *v = &x->w.policies[i];
	if (v->exists && chance(x, 25)) {
		say(x, "delete policy %s\n", policy_title(i));
		v->exists = false;
		cluster_delete(x->w.cluster, "IPPoolPolicy", "", policy_title(i));
		return;
	}
	random_rules(x, v, !v->exists);
	v->exists = true;
	put_object(x, policy_document(&x->w, i));
	say_object(x, "IPPoolPolicy", "", policy_title(i));
}

void change_reservation(struct sim *x)
{
	int i = (int)pick(x, RESERVATIONS);
	struct mreservation *v = &x->w.reservations[i];
	const bool fresh = !v->exists;
	if (!fresh && chance(x, 35)) {
		say(x, "delete reservation %s\n", reservation_title(i));
		v->exists = false;
		cluster_delete(x->w.cluster, "IPReservation", "", reservation_title(i));
		return;
	}
	if (fresh || chance(x, 40)) {
		v->addresses[IPV4] = chance(x, 85) ? (int)pick(x, V4) : -1;
		v->addresses[IPV6] = v->addresses[IPV4] < 0 || chance(x, 40) ? V4 + (int)pick(x, V6) : -1;
	}
	if (fresh || chance(x, 40))
		v->service = chance(x, 75) ? (int)pick(x, SERVICES) : -1;
	v->expires =
		chance(x, 70) ? -1 : (cluster_now(x->w.cluster).wall / 1000 + (msec)pick(x, 40) - 2) * 1000;
	v->exists = true;
	put_object(x, reservation_document(&x->w, i));
	const struct js *o = cluster_get(x->w.cluster, "IPReservation", "", reservation_title(i));
	/* As text, with the name behind it: by this of two the one counts. */
	(void)snprintf(v->created, sizeof(v->created), "%s %s",
		       js_str(js_path(o, "metadata", "creationTimestamp")), reservation_title(i));
	say_object(x, "IPReservation", "", reservation_title(i));
}

void change_namespace(struct sim *x)
{
	int ns = (int)pick(x, NAMESPACES);
	x->w.teams[ns] = (int)pick(x, 4) - 1;
	say(x, "namespace %s: %d\n", service_ns(ns), x->w.teams[ns]);
	if (x->w.teams[ns] < 0)
		cluster_delete(x->w.cluster, "Namespace", "", service_ns(ns));
	else
		put_object(x, namespace_document(&x->w, ns));
}
