#include "cooling.h"
#include "policies.h"
#include "reservations.h"

#include <stdio.h>

bool names(const struct world *w, int a, int s)
{
	return mentions(record_note(w, a, "berth.dev/holder"), s);
}

/* How long the address is kept: of the pools that contain it one that can give it says so, before all that
 * from which it was given; else any. */
static void kept_time(const struct world *w, int a, msec *ret_least, msec *ret_most)
{
	const char *from = record_note(w, a, "berth.dev/pool");
	int best = -1, rank = 0;
	msec least = -1, most = 0;
	for (int p = 0; p < POOLS; p++) {
		if (!(contains(w, p) >> a & 1))
			continue;
		bool is_it = from && from[0] == 'a' + p, gives_it = usable(w, p);
		msec time = reuse_of(w, p);
		least = least < 0 || time < least ? time : least;
		most = time > most ? time : most;
		if ((gives_it ? 2 : 0) + is_it > rank) {
			rank = (gives_it ? 2 : 0) + is_it;
			best = p;
		}
	}
	*ret_least = best < 0 ? (least < 0 ? 0 : least) : reuse_of(w, best);
	*ret_most = best < 0 ? most : reuse_of(w, best);
}

/* Since when; 0 = it does not cool. */
static msec released_at(const struct world *w, int a)
{
	const char *state = record_note(w, a, "berth.dev/state"),
		   *since = record_note(w, a, "berth.dev/released-at");
	msec at;
	if (!state || strcmp(state, "cooling") != 0 || !since || time_parse(slice_of(since), &at) < 0)
		return 0;
	return at;
}

/* When its time is over at the latest; 0 = it does not cool. */
static msec cooling_end(const struct world *w, int a)
{
	msec least, most, at = released_at(w, a);
	kept_time(w, a, &least, &most);
	return at ? at + most : 0;
}

bool cools(const struct world *w, int a)
{
	msec least, most, at = released_at(w, a);
	kept_time(w, a, &least, &most);
	return at && at + least > cluster_now(w->cluster).wall;
}

addr_set cooling(const struct world *w)
{
	addr_set set = 0;
	for (int a = 0; a < ADDRESSES; a++)
		set |= cools(w, a) ? (addr_set)1 << a : 0;
	return set;
}

/* ---- who comes first ----------------------------------------------------------------------------- */

/* ---- at rest ----------------------------------------------------------------------------------------- */

void check_cooling_record(struct sim *x, int a)
{
	char text[IP_TEXT_MAX];
	addr_set in_pools = 0;
	address_text(a, text);
	for (int p = 0; p < POOLS; p++)
		in_pools |= contains(&x->w, p);
	if (cooling_end(&x->w, a) <= cluster_now(x->w.cluster).wall)
		broken(x, "%s cools longer than it is to", text);
	if (!(in_pools >> a & 1))
		broken(x, "%s cools in no pool", text);
	if (!record_note(&x->w, a, "berth.dev/holder"))
		broken(x, "%s cools for nobody", text);
}

void cooling_let_pass(struct sim *x, msec time)
{
	for (int a = 0; a < ADDRESSES; a++) {
		msec left = cooling_end(&x->w, a) - cluster_now(x->w.cluster).wall;
		if (left > 0 && left <= time) {
			/* Whoever waits is told of it within a minute. */
			run_for(x, EFFECTS_MAX, left + 61000);
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
	const struct pool_counts *n = &row->family[f];
	addr_set rest = contains(&x->w, p) & of_family(f), given = would_give(&x->w, p), part;
	compare(x, row->name, "total", n->total, rest);
	compare(x, row->name, "used", n->used, rest & held);
	rest &= ~held;
	/* Something stands there; or it is kept for somebody; or another product has a record of it. */
	part = claimed_by_others(&x->w, -1);
	for (int s = 0; s < SERVICES; s++)
		part |= x->w.services[s].exists ? shown(&x->w, s) : 0;
	addr_set kept = reserved(&x->w) & ~part;
	part |= foreign(&x->w, -1) & ~kept;
	compare(x, row->name, "foreign", n->foreign, rest & part);
	rest &= ~part;
	compare(x, row->name, "reserved", n->reserved, rest & kept);
	rest &= ~kept;
	part = cooling(&x->w);
	compare(x, row->name, "cooling", n->cooling, rest & part);
	rest &= ~part;
	part = x->w.carved | rules(&x->w, p)->exclude;
	compare(x, row->name, "excluded", n->excluded, rest & part);
	rest &= ~part;
	compare(x, row->name, "firstlast", n->first_last, rest & ~given);
	compare(x, row->name, "free", n->free, rest & given);
}

/* Its time is over by the rules of one pool that contains it and not by those of another, and neither goes
 * before: it may cool, and may be free. */
static bool may_cool(const struct world *w, int a)
{
	return !cools(w, a) && cooling_end(w, a) > cluster_now(w->cluster).wall;
}

void check_counts(struct sim *x, addr_set held)
{
	addr_set in_doubt = 0;
	for (int a = 0; a < ADDRESSES; a++)
		in_doubt |= may_cool(&x->w, a) ? (addr_set)1 << a : 0;
	struct pool_row row;
	for (size_t i = 0; ipam_pool_row(cluster_ipam(x->w.cluster), i, &row); i++) {
		int p = row.name[0] - 'a';
		/* What such a pool may give is not said. */
		if (x->w.pools[p].bad || loses_conflict(&x->w, p) || contains(&x->w, p) & in_doubt)
			continue;
		for (int f = 0; f < FAMILIES; f++)
			check_row(x, &row, (enum family)f, held);
	}
}
