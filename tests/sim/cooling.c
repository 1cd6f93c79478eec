#include "cooling.h"

#include <stdio.h>

static const struct js *record(const struct world *w, int a)
{
	char text[IP_TEXT_MAX];
	return cluster_get(w->cluster, "IPAddress", "", address_text(a, text));
}

static const char *note(const struct world *w, int a, const char *key)
{
	return js_str(js_get(js_path(record(w, a), "metadata", "annotations"), key));
}

static bool mentions(const char *text, int s)
{
	char key[32];
	(void)snprintf(key, sizeof(key), "%s/%s", service_ns(s), service_title(s));
	return text && strstr(text, key);
}

bool names(const struct world *w, int a, int s)
{
	return mentions(note(w, a, "berth.dev/holder"), s);
}

/* When its time is over; 0 = it does not cool. */
static msec cooling_end(const struct world *w, int a)
{
	const char *state = note(w, a, "berth.dev/state"), *since = note(w, a, "berth.dev/released-at");
	msec at;
	if (!state || strcmp(state, "cooling") != 0 || !since || time_parse(slice_of(since), &at) < 0)
		return 0;
	return at + w->reuse_after;
}

bool cools(const struct world *w, int a)
{
	return cooling_end(w, a) > cluster_now(w->cluster).wall;
}

addr_set cooling(const struct world *w)
{
	addr_set set = 0;
	for (int a = 0; a < ADDRESSES; a++)
		set |= cools(w, a) ? (addr_set)1 << a : 0;
	return set;
}

/* ---- who comes first ----------------------------------------------------------------------------- */

static addr_set of_family(int a)
{
	addr_set four = ((addr_set)1 << V4) - 1;
	return a < V4 ? four : ~four;
}

static bool takes_any(const struct world *w, int s)
{
	const struct mservice *v = &w->services[s];
	return wanted(w, s) && !v->deleting && v->n_requests == 0;
}

void cooling_observe(struct sim *x)
{
	const struct world *w = &x->w;
	bool rests = !ipam_busy(cluster_ipam(w->cluster));
	addr_set in_use = foreign(w, -1), recorded_ones = recorded(w), cooling_ones = cooling(w);
	for (int s = 0; s < SERVICES; s++)
		in_use |= w->services[s].exists ? shown(w, s) : 0;
	for (int s = 0; s < SERVICES; s++) {
		if (rests)
			x->steady_free[s] = x->steady_cooling[s] = ~(addr_set)0;
		if (!w->services[s].exists)
			continue;
		addr_set given = 0, mine = 0;
		for (int p = 0; p < POOLS; p++)
			given |= selects(w, p, s) && named(w, p, s) ? gives(w, p) : 0;
		for (int a = 0; a < ADDRESSES; a++)
			mine |= cooling_ones >> a & 1 && names(w, a, s) ? (addr_set)1 << a : 0;
		if (!takes_any(w, s))
			given = 0;
		x->steady_free[s] &= given & ~in_use & ~recorded_ones;
		x->steady_cooling[s] &= given & ~in_use & mine;
	}
}

void check_reuse(struct sim *x, const struct effect *e)
{
	char text[IP_TEXT_MAX], other[IP_TEXT_MAX];
	if (e->kind != EFFECT_RECORD_CREATE && e->kind != EFFECT_RECORD_PATCH)
		return;
	int a = address_index(ip_format(e->record.ip, text));
	if (a < 0 || e->record.phase != RECORD_HELD)
		return;
	for (int s = 0; s < SERVICES; s++) {
		if (!mentions(e->record.holders, s) || names(&x->w, a, s) || !takes_any(&x->w, s) ||
		    shown(&x->w, s) >> a & 1 || mentions(note(&x->w, a, "berth.dev/history"), s))
			continue;
		addr_set free_ones = x->steady_free[s] & of_family(a);
		addr_set own = x->steady_cooling[s] & of_family(a);
		if (cools(&x->w, a) && free_ones)
			broken(x, "%s is given %s, which cools for others, while %s is free",
			       service_title(s), text, address_text(__builtin_ctzll(free_ones), other));
		if (own)
			broken(x, "%s is given %s, and could have %s back", service_title(s), text,
			       address_text(__builtin_ctzll(own), other));
	}
}

/* ---- at rest ----------------------------------------------------------------------------------------- */

void check_cooling_record(struct sim *x, int a)
{
	char text[IP_TEXT_MAX];
	addr_set in_pools = 0;
	address_text(a, text);
	for (int p = 0; p < POOLS; p++)
		in_pools |= contains(&x->w, p);
	if (!cools(&x->w, a))
		broken(x, "%s cools longer than it is to", text);
	if (!(in_pools >> a & 1))
		broken(x, "%s cools in no pool", text);
	if (!note(&x->w, a, "berth.dev/holder"))
		broken(x, "%s cools for nobody", text);
}

void cooling_let_pass(struct sim *x, msec time)
{
	for (int a = 0; a < ADDRESSES; a++) {
		msec left = cooling_end(&x->w, a) - cluster_now(x->w.cluster).wall;
		if (left > 0 && left <= time) {
			cluster_run(x->w.cluster, EFFECTS_MAX, left + 1000);
			a = -1;
		}
	}
}

static void compare(struct sim *x, const char *pool, const char *what, struct count is, addr_set should)
{
	char text[COUNT_TEXT_MAX];
	int n = __builtin_popcountll(should);
	if (is.lo != (u128)n)
		broken(x, "pool %s: %s should be %d and is %s", pool, what, n, count_format(is, text));
}

static void check_row(struct sim *x, const struct pool_row *row, enum family f, addr_set held)
{
	int p = row->name[0] - 'a';
	struct world usable = x->w;
	usable.pools[p].disabled = false;
	const struct pool_counts *n = &row->family[f];
	addr_set rest = contains(&x->w, p) & of_family(f == IPV4 ? 0 : V4), given = gives(&usable, p), part;
	compare(x, row->name, "total", n->total, rest);
	compare(x, row->name, "used", n->used, rest & held);
	rest &= ~held;
	part = foreign(&x->w, -1);
	for (int s = 0; s < SERVICES; s++)
		part |= x->w.services[s].exists ? shown(&x->w, s) : 0;
	compare(x, row->name, "foreign", n->foreign, rest & part);
	rest &= ~part;
	part = cooling(&x->w);
	compare(x, row->name, "cooling", n->cooling, rest & part);
	rest &= ~part;
	compare(x, row->name, "reserved", n->reserved, 0);
	compare(x, row->name, "excluded", n->excluded, rest & x->w.carved);
	rest &= ~x->w.carved;
	compare(x, row->name, "firstlast", n->first_last, rest & ~given);
	compare(x, row->name, "free", n->free, rest & given);
}

void check_counts(struct sim *x, addr_set held)
{
	struct pool_row row;
	for (size_t i = 0; ipam_pool_row(cluster_ipam(x->w.cluster), i, &row); i++) {
		int p = row.name[0] - 'a';
		struct world usable = x->w;
		usable.pools[p].disabled = false;
		/* What such a pool may give is not said. */
		if (x->w.pools[p].bad || in_conflict(&usable, p))
			continue;
		for (int f = 0; f < FAMILIES; f++)
			check_row(x, &row, (enum family)f, held);
	}
}
