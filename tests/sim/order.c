#include "order.h"

#include "cooling.h"
#include "policies.h"
#include "reservations.h"

bool takes_any(const struct world *w, int s)
{
	const struct mservice *v = &w->services[s];
	return wanted(w, s) && !v->deleting && v->n_requests == 0;
}

/* The record names the Service as one who has the address. */
static bool has_record(const struct world *w, int a, int s)
{
	const char *state = record_note(w, a, "berth.dev/state");
	return names(w, a, s) && !(state && strcmp(state, "cooling") == 0);
}

void all_held(const struct world *w, addr_set ret_held[SERVICES])
{
	addr_set all = recorded(w);
	for (int s = 0; s < SERVICES; s++) {
		ret_held[s] = w->services[s].exists ? shown(w, s) : 0;
		for (int a = 0; a < ADDRESSES; a++)
			if (all >> a & 1 && has_record(w, a, s))
				ret_held[s] |= (addr_set)1 << a;
	}
}

/* What is out of its status already; only its record is still to be rid of it. */
static addr_set given_back(const struct world *w, int s)
{
	addr_set set = 0;
	for (int a = 0; a < ADDRESSES; a++) {
		const char *state = record_note(w, a, "berth.dev/state");
		if (state && strcmp(state, "releasing") == 0 && !(shown(w, s) >> a & 1))
			set |= (addr_set)1 << a;
	}
	return set;
}

/* What counts for the quota of the Service's namespace. What it is itself about to give back does not: what
 * nothing explains, and of what only a record says that it has it what somebody else has come to use. */
static addr_set counted(const struct world *w, int s, const addr_set held[SERVICES])
{
	addr_set set = 0;
	const addr_set lost = claimed_by_others(w, s) & ~shown(w, s);
	for (int t = 0; t < SERVICES; t++)
		if (t != s && namespace_of(t) == namespace_of(s) && wanted(w, t))
			set |= held[t] & ~given_back(w, t);
	for (int a = 0; a < ADDRESSES; a++)
		if ((held[s] & ~lost) >> a & 1 && explained(w, s, a))
			set |= (addr_set)1 << a;
	return set;
}

bool quota_leaves(const struct world *w, int p, int s, int a, const addr_set held[SERVICES])
{
	int max = quota_of(w, p, s);
	if (max < 0)
		return true;
	addr_set has = counted(w, s, held);
	return (a >= 0 && has >> a & 1) || __builtin_popcountll(has & contains(w, p)) < max;
}

bool some_pool_offers(const struct world *w, int s, int a, bool by_name, const addr_set held[SERVICES])
{
	for (int p = 0; p < POOLS; p++)
		if (gives(w, p) >> a & 1 && selects(w, p, s) && named(w, p, s) &&
		    (by_name || assigns(w, p, s)) && quota_leaves(w, p, s, a, held))
			return true;
	return false;
}

/* ---- ever since it rested --------------------------------------------------------------------------------
 */

void order_observe(struct sim *x)
{
	struct world *w = &x->w;
	bool rests = !ipam_busy(cluster_ipam(w->cluster));
	addr_set held[SERVICES], give[POOLS];
	look(w);
	pools_that_went(w);
	addr_set in_use = foreign(w, -1), recorded_ones = recorded(w), cooling_ones = cooling(w);
	all_held(w, held);
	for (int s = 0; s < SERVICES; s++)
		in_use |= held[s];
	for (int p = 0; p < POOLS; p++)
		give[p] = gives(w, p);
	for (int s = 0; s < SERVICES; s++) {
		if (rests)
			x->steady_free[s] = x->steady_cooling[s] = ~(addr_set)0;
		for (int f = 0; f < FAMILIES; f++)
			x->got[s][f] = x->got[s][f] || held[s] & of_family((enum family)f);
		addr_set given = 0, mine = 0;
		for (int p = 0; takes_any(w, s) && p < POOLS; p++)
			if (selects(w, p, s) && named(w, p, s) && assigns(w, p, s) &&
			    quota_leaves(w, p, s, -1, held))
				given |= give[p];
		for (int f = 0; f < FAMILIES; f++)
			if (kept_for(w, s, (enum family)f) >= 0)
				given &= ~of_family((enum family)f);
		given &= ~(in_use | reserved(w));
		for (int a = 0; a < ADDRESSES; a++)
			mine |= cooling_ones >> a & 1 && names(w, a, s) ? (addr_set)1 << a : 0;
		x->steady_free[s] &= given & ~recorded_ones;
		x->steady_cooling[s] &= given & mine;
	}
}

static bool lacks(const struct world *w, int s, enum family f, const addr_set held[SERVICES])
{
	bool impossible;
	return takes_any(w, s) && families(w, s, &impossible) >> f & 1 && !(held[s] & of_family(f));
}

void order_at_rest(struct sim *x)
{
	addr_set held[SERVICES];
	all_held(&x->w, held);
	for (int p = 0; p < POOLS; p++)
		x->w.pools[p].going = false;
	for (int s = 0; s < SERVICES; s++) {
		x->w.services[s].before = 0;
		x->unchanged[s] = true;
		x->had[s] = held[s];
		x->asked[s] = wanted(&x->w, s) && x->w.services[s].n_requests;
		for (int f = 0; f < FAMILIES; f++) {
			x->waits[s][f] = lacks(&x->w, s, (enum family)f, held);
			x->got[s][f] = false;
		}
	}
}

/* ---- what is given ---------------------------------------------------------------------------------------
 */

/* The first pool that could give the address to the Service. */
static int pool_of_gift(const struct world *w, int s, int a)
{
	int best = -1;
	for (int p = 0; p < POOLS; p++)
		if (gives(w, p) >> a & 1 && selects(w, p, s) && named(w, p, s) &&
		    (best < 0 || asked_before(w, s, p, best)))
			best = p;
	return best;
}

/* Does the block order of the pool put one before the other? */
static bool earlier_in_pool(const struct mpool *v, int a, int b)
{
	for (int i = 0; i < v->n; i++) {
		bool has_a = a >= v->blocks[i].lo && a <= v->blocks[i].hi;
		bool has_b = b >= v->blocks[i].lo && b <= v->blocks[i].hi;
		if (has_a || has_b)
			return has_a && (!has_b || a < b);
	}
	return false;
}

/* Was there one that goes before, all the time? */
static void check_first(struct sim *x, int s, int a)
{
	char text[IP_TEXT_MAX], other[IP_TEXT_MAX];
	addr_set free_ones = x->steady_free[s] & of_family(family_of(a));
	int p = pool_of_gift(&x->w, s, a);
	for (int b = 0; b < ADDRESSES; b++) {
		if (!(free_ones >> b & 1) || b == a)
			continue;
		int q = pool_of_gift(&x->w, s, b);
		if (q >= 0 && p >= 0 &&
		    (q == p ? earlier_in_pool(&x->w.pools[p], b, a) : asked_before(&x->w, s, q, p)))
			broken(x, "%s is given %s although %s, which goes before, is free", service_title(s),
			       address_text(a, text), address_text(b, other));
	}
}

/* Does somebody wait for such a one ever since it rested, while the Service does not? */
static void check_longest(struct sim *x, int s, int a, const addr_set held[SERVICES])
{
	char text[IP_TEXT_MAX];
	enum family f = family_of(a);
	/* One who waits as well, be it for something else, may have done so for longer; one who has to leave
	 * its address gets another one in the same patch. */
	const bool waits = x->waits[s][IPV4] || x->waits[s][IPV6] || x->asked[s] || x->had[s] & of_family(f);
	/* Where answers come late another may have been given one that is only written once its answer is
	 * there. */
	for (int t = 0; t < SERVICES && !waits && !x->late; t++)
		if (t != s && x->unchanged[t] && x->waits[t][f] && !x->got[t][f] &&
		    lacks(&x->w, t, f, held) && kept_for(&x->w, t, f) < 0 && !kept_from(&x->w, a, t, held) &&
		    some_pool_offers(&x->w, t, a, false, held))
			broken(x, "%s is given %s, for which %s has waited longer", service_title(s),
			       address_text(a, text), service_title(t));
}

static void check_kept(struct sim *x, int s, int a)
{
	char text[IP_TEXT_MAX], other[IP_TEXT_MAX];
	addr_set free_ones = x->steady_free[s] & of_family(family_of(a));
	addr_set own = x->steady_cooling[s] & of_family(family_of(a));
	address_text(a, text);
	if (cools(&x->w, a) && free_ones)
		broken(x, "%s is given %s, which cools for others, while %s is free", service_title(s), text,
		       address_text(__builtin_ctzll(free_ones), other));
	if (own)
		broken(x, "%s is given %s, and could have %s back", service_title(s), text,
		       address_text(__builtin_ctzll(own), other));
}

bool is_locked(const struct world *w, int a)
{
	for (int p = 0; cools(w, a) && p < POOLS; p++)
		if (gives(w, p) >> a & 1 && rules(w, p)->late)
			return true;
	return false;
}

void check_grant(struct sim *x, int s, int a)
{
	const struct world *w = &x->w;
	const struct mservice *v = &w->services[s];
	char text[IP_TEXT_MAX];
	addr_set held[SERVICES], in_use = 0;
	if (!v->exists || v->deleting || !wanted(w, s) || shown(w, s) >> a & 1 || has_record(w, a, s) ||
	    (!w->records && v->before >> a & 1))
		return;
	/* What somebody else wrote over is written again, not given anew: it was its own when all rested. */
	if (v->overwritten && x->had[s] >> a & 1 && (explained(w, s, a) || may_be_kept(w)))
		return;
	address_text(a, text);
	all_held(w, held);
	for (int t = 0; t < SERVICES; t++)
		in_use |= t == s ? 0 : held[t];
	const int kept = kept_for(w, s, family_of(a));
	const bool by_name = v->n_requests || kept == a, joins = in_use >> a & 1;
	const bool had_it = names(w, a, s) || mentions(record_note(w, a, "berth.dev/history"), s);
	if (kept_from(w, a, s, held))
		broken(x, "%s is given %s, which is reserved", service_title(s), text);
	if (claimed_by_others(w, -1) >> a & 1)
		broken(x, "%s is given %s, which somebody uses", service_title(s), text);
	/* What it was just told to give up it may keep after all, when a policy comes back that lets it. */
	const bool returns = may_be_kept(w) && x->had[s] >> a & 1;
	/* What others wrote into a status counts for its quota only once it is taken over. */
	addr_set sure[SERVICES];
	for (int t = 0; t < SERVICES; t++)
		sure[t] = w->services[t].overwritten ? held[t] & recorded(w) : held[t];
	/* Both families are given at once, and the record of the second is written after the answer to the
	 * first. */
	const bool second = x->late && held[s] & recorded(w);
	if (!returns && !second && !some_pool_offers(w, s, a, by_name || joins, sure))
		broken(x, "%s is given %s, which no pool gives to it", service_title(s), text);
	if (!v->n_requests && kept >= 0 && kept != a)
		broken(x, "%s is given %s, and not what is reserved for it", service_title(s), text);
	if (!had_it && kept != a && is_locked(w, a))
		broken(x, "%s is given %s, which is kept for others", service_title(s), text);
	if (by_name || joins || had_it)
		return;
	check_kept(x, s, a);
	check_first(x, s, a);
	check_longest(x, s, a, held);
}

void check_grants(struct sim *x, const struct effect *e)
{
	char text[IP_TEXT_MAX];
	if ((e->kind != EFFECT_RECORD_CREATE && e->kind != EFFECT_RECORD_PATCH) || e->record.block ||
	    e->record.phase != RECORD_HELD)
		return;
	int a = address_index(ip_format(e->record.ip, text));
	for (int s = 0; a >= 0 && s < SERVICES; s++)
		if (mentions(e->record.holders, s))
			check_grant(x, s, a);
}
