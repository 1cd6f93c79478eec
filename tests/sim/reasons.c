#include "reasons.h"

#include "cooling.h"
#include "order.h"
#include "policies.h"
#include "reservations.h"

/* Addresses that the Service asks for and has not, be it that they are kept for it. */
static addr_set asked(const struct sim *x, int s)
{
	const struct mservice *v = &x->w.services[s];
	addr_set set = 0;
	bool impossible;
	for (int i = 0; i < v->n_requests; i++)
		if (v->requests[i] >= 0)
			set |= (addr_set)1 << v->requests[i];
	for (int f = 0; f < FAMILIES && !v->n_requests; f++) {
		int kept = kept_for(&x->w, s, (enum family)f);
		if (kept >= 0 && families(&x->w, s, &impossible) >> f & 1)
			set |= (addr_set)1 << kept;
	}
	return set & ~served(x, s);
}

/* Families of which it has nothing and wants any. */
static addr_set missing(const struct sim *x, int s)
{
	addr_set set = 0;
	bool impossible;
	for (int f = 0; f < FAMILIES && !x->w.services[s].n_requests; f++) {
		addr_set all = of_family((enum family)f);
		if (families(&x->w, s, &impossible) >> f & 1 && !(served(x, s) & all) &&
		    kept_for(&x->w, s, (enum family)f) < 0)
			set |= all;
	}
	return set;
}

static bool is_for_it(const struct sim *x, int p, int s)
{
	return x->w.pools[p].exists && selects(&x->w, p, s) && named(&x->w, p, s);
}

static bool no_pool(const struct sim *x, int s, addr_set ask, addr_set any)
{
	const struct world *w = &x->w;
	for (int i = 0; i < w->services[s].n_requests; i++)
		if (w->services[s].requests[i] == REQUEST_ELSEWHERE)
			return true;
	for (int a = 0; a < ADDRESSES; a++) {
		bool some = false;
		for (int p = 0; p < POOLS; p++)
			some = some || (usable(w, p) && is_for_it(x, p, s) && contains(w, p) >> a & 1);
		if (ask >> a & 1 && !some)
			return true;
	}
	for (int f = 0; f < FAMILIES; f++) {
		addr_set all = of_family((enum family)f);
		bool some = false;
		for (int p = 0; p < POOLS; p++)
			some = some || (usable(w, p) && is_for_it(x, p, s) && assigns(w, p, s) &&
					contains(w, p) & all);
		if (any & all && !some)
			return true;
	}
	return false;
}

static bool out_of_ips(const struct sim *x, int s, addr_set any)
{
	for (int p = 0; p < POOLS; p++)
		if (usable(&x->w, p) && is_for_it(x, p, s) && assigns(&x->w, p, s) &&
		    contains(&x->w, p) & any)
			return true;
	return false;
}

static bool not_selected(const struct sim *x, int s, addr_set ask)
{
	for (int p = 0; p < POOLS; p++)
		if (usable(&x->w, p) && !selects(&x->w, p, s) && contains(&x->w, p) & ask)
			return true;
	return false;
}

static bool is_taken(const struct sim *x, int s, addr_set ask)
{
	const struct world *w = &x->w;
	addr_set taken = foreign(w, -1) | (recorded(w) & ~cooling(w));
	for (int t = 0; t < SERVICES; t++)
		taken |= t != s && w->services[t].exists ? shown(w, t) : 0;
	for (int p = 0; p < POOLS; p++)
		taken |=
			usable(w, p) ? contains(w, p) & ~gives(w, p) & ~rules(w, p)->exclude & ~w->carved : 0;
	return ask & taken;
}

static bool is_incompatible(const struct sim *x, int s, addr_set ask)
{
	for (int t = 0; x->w.services[s].key && t < SERVICES; t++)
		if (t != s && x->w.services[t].exists && shown(&x->w, t) & ask && !may_share(&x->w, s, t))
			return true;
	return false;
}

static bool is_reserved(const struct sim *x, int s, addr_set ask)
{
	const struct world *w = &x->w;
	addr_set held[SERVICES];
	all_held(w, held);
	for (int p = 0; p < POOLS; p++)
		if (w->pools[p].exists && contains(w, p) & ask & (w->carved | rules(w, p)->exclude))
			return true;
	for (int a = 0; a < ADDRESSES; a++)
		if (ask >> a & 1 && kept_from(w, a, s, held))
			return true;
	return false;
}

static bool is_over_quota(const struct sim *x, int s, addr_set wish)
{
	addr_set held[SERVICES];
	all_held(&x->w, held);
	for (int p = 0; p < POOLS; p++)
		if (usable(&x->w, p) && is_for_it(x, p, s) && contains(&x->w, p) & wish &&
		    !quota_leaves(&x->w, p, s, -1, held))
			return true;
	return false;
}

static bool is_cooling_down(const struct sim *x, addr_set wish)
{
	for (int a = 0; a < ADDRESSES; a++)
		if (wish >> a & 1 && is_locked(&x->w, a))
			return true;
	return false;
}

static bool is_true(const struct sim *x, int s, const char *reason)
{
	const struct mservice *v = &x->w.services[s];
	const addr_set ask = asked(x, s), any = missing(x, s);
	bool impossible = false, bad = false;
	(void)families(&x->w, s, &impossible);
	for (int i = 0; i < v->n_requests; i++)
		bad = bad || v->requests[i] == REQUEST_BAD;
	const struct {
		const char *reason;
		bool is;
	} facts[] = {
		{ "no_pool", no_pool(x, s, ask, any) },
		{ "out_of_ips", out_of_ips(x, s, any) },
		{ "pool_selector_mismatch", not_selected(x, s, ask) },
		{ "already_allocated", is_taken(x, s, ask) },
		{ "already_allocated_incompatible_service", is_incompatible(x, s, ask) },
		{ "family_disabled", impossible && !v->n_requests },
		{ "invalid_request", bad },
		{ "pool_not_found", v->named != NAMED_NONE && !all_named_exist(&x->w, s) },
		{ "reserved", is_reserved(x, s, ask) },
		{ "quota_exceeded", is_over_quota(x, s, ask | any) },
		{ "cooling_down", is_cooling_down(x, ask | any) },
	};
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (reason && strcmp(reason, facts[i].reason) == 0)
			return facts[i].is;
	return false;
}

void check_reason(struct sim *x, int s, const char *reason)
{
	if (!is_true(x, s, reason))
		broken(x, "%s waits with the reason %s, which is not true", service_title(s),
		       reason ? reason : "none");
}
