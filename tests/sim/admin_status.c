#include "admin_status.h"

#include "policies.h"
#include "reservations.h"

/* What Services hold by our doing. */
static addr_set held_by_some(const struct sim *x)
{
	addr_set set = 0;
	for (int s = 0; s < SERVICES; s++)
		set |= wanted(&x->w, s) ? served(x, s) : 0;
	return set;
}

/* ---- policies ------------------------------------------------------------------------------------------ */

static void check_policy(struct sim *x, int i, addr_set held)
{
	const struct world *w = &x->w;
	const struct mpolicy *v = &w->policies[i];
	const struct js *o = cluster_get(w->cluster, "IPPoolPolicy", "", policy_title(i));
	bool shadowed = false, excluded = false;
	for (int p = 0; p < POOLS; p++) {
		if (!speaks_of(w, i, p))
			continue;
		shadowed = shadowed || rules(w, p) != v;
		excluded = excluded || (rules(w, p) == v && contains(w, p) & v->exclude & held);
	}
	const struct {
		const char *type;
		bool is;
	} should[] = {
		{ "berth.dev/Valid", true },
		{ "berth.dev/Shadowed", shadowed },
		{ "berth.dev/ExcludedInUse", excluded },
		{ "berth.dev/RecordsRequired", !w->records && v->reuse_after > 0 },
	};
	for (size_t k = 0; k < ARRAY_LEN(should); k++)
		if (!condition_is(o, should[k].type, should[k].is ? "True" : "False", NULL))
			broken(x, "policy %s: %s should be %d", policy_title(i), should[k].type,
			       should[k].is);
}

/* ---- reservations ----------------------------------------------------------------------------------------
 */

/* Somebody stands on the address for whom it is not kept. */
static bool is_disputed(const struct sim *x, int i, int a)
{
	const struct world *w = &x->w;
	const int for_whom = w->reservations[i].service;
	bool other = reservation_at(w, a) != i;
	for (int s = 0; s < SERVICES; s++) {
		if (!w->services[s].exists || s == for_whom)
			continue;
		other = other || shown(w, s) >> a & 1 || w->services[s].external == a;
	}
	if (for_whom >= 0 && wanted(w, for_whom) && served(x, for_whom) >> a & 1)
		return false;
	/* The record of another product stands against it whoever names the address in externalIPs. */
	return other || w->nodes >> a & 1 || w->seen.recorded_by_others >> a & 1;
}

static const char *phase(const struct sim *x, int i)
{
	const struct world *w = &x->w;
	const struct mreservation *v = &w->reservations[i];
	bool bound = false, disputed = false, offered = true;
	for (int f = 0; f < FAMILIES; f++) {
		int a = v->addresses[f];
		if (a < 0)
			continue;
		bound = bound || (v->service >= 0 && wanted(w, v->service) && served(x, v->service) >> a & 1);
		disputed = disputed || is_disputed(x, i, a);
		bool some = false;
		for (int p = 0; p < POOLS; p++)
			some = some || gives(w, p) >> a & 1;
		offered = offered && some;
	}
	return !in_force(w, i) ? "Expired"
	       : disputed      ? "Conflict"
	       : bound         ? "Bound"
	       : offered       ? "Free"
			       : "Unusable";
}

static void check_reservation(struct sim *x, int i)
{
	const struct js *o = cluster_get(x->w.cluster, "IPReservation", "", reservation_title(i));
	const char *is = js_str(js_path(o, "status", "phase")), *should = phase(x, i);
	if (!is || strcmp(is, should) != 0)
		broken(x, "reservation %s is %s and should be %s", reservation_title(i), is ? is : "silent",
		       should);
}

/* ---- pools -----------------------------------------------------------------------------------------------
 */

enum level { ENOUGH, BELOW, EMPTY };

/* Of one family: what it is at least, and at most, for between the marks it depends on what was before. */
static void level_of(const struct sim *x, int p, enum family f, addr_set held, enum level *least,
		     enum level *most)
{
	const struct world *w = &x->w;
	const struct mpolicy *v = rules(w, p);
	addr_set give = would_give(w, p) & of_family(f);
	addr_set used = in_statuses(x) | foreign(w, -1) | recorded(w) | reserved(w);
	int free_ones = __builtin_popcountll(give & ~used);
	int all = __builtin_popcountll(give & ~(reserved(w) & ~held));
	int mark = v->low >= 0 && !v->low_is_percent ? v->low : all * (v->low >= 0 ? v->low : 10) / 100;
	int more = mark / 10 ? mark / 10 : 1;
	*least = free_ones == 0 ? EMPTY : free_ones <= mark ? BELOW : ENOUGH;
	*most = *least == ENOUGH && free_ones <= mark + more && free_ones < all ? BELOW : *least;
}

static enum level larger(enum level a, enum level b)
{
	return a > b ? a : b;
}

static void check_low(struct sim *x, int p, const struct js *o, addr_set held)
{
	static const char *const reasons[] = { "enough", "below_watermark", "exhausted" };
	enum level least = ENOUGH, most = ENOUGH;
	for (int f = 0; f < FAMILIES; f++) {
		enum level lo, hi;
		if (!(contains(&x->w, p) & of_family((enum family)f)))
			continue;
		level_of(x, p, (enum family)f, held, &lo, &hi);
		least = larger(least, lo);
		most = larger(most, hi);
	}
	const struct js *list = js_path(o, "status", "conditions");
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *c = js_item(list, i);
		if (!slice_is(js_text(js_get(c, "type")), "berth.dev/Low"))
			continue;
		for (int l = (int)least; l <= (int)most; l++)
			if (slice_is(js_text(js_get(c, "reason")), reasons[l]) &&
			    slice_is(js_text(js_get(c, "status")), l == ENOUGH ? "False" : "True"))
				return;
	}
	broken(x, "pool %c: Low should be %s", 'a' + p, reasons[least]);
}

static void check_pool(struct sim *x, int p, addr_set held)
{
	char name[2] = { (char)('a' + p), 0 };
	const struct js *o = cluster_get(x->w.cluster, "CiliumLoadBalancerIPPool", "", name);
	const bool in_use = contains(&x->w, p) & held, protects = rules(&x->w, p)->protect && in_use;
	const bool is = js_len(js_path(o, "metadata", "finalizers")) > 0;
	if (x->w.pools[p].deleting && !protects)
		broken(x, "pool %s is held by nothing and not gone", name);
	else if (is != protects)
		broken(x, "pool %s should be protected: %d", name, protects);
	if (!x->w.pools[p].bad && !loses_conflict(&x->w, p))
		check_low(x, p, o, held);
}

void check_admin(struct sim *x)
{
	const addr_set held = held_by_some(x);
	for (int i = 0; i < POLICIES; i++)
		if (x->w.policies[i].exists)
			check_policy(x, i, held);
	for (int i = 0; i < RESERVATIONS; i++)
		if (x->w.reservations[i].exists)
			check_reservation(x, i);
	for (int p = 0; p < POOLS; p++)
		if (x->w.pools[p].exists)
			check_pool(x, p, held);
}
