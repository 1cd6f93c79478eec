#include "core/mass_release.h"

#include "core/ledger.h"
#include "core/may_keep.h"
#include "core/notice.h"
#include "core/pool.h"

enum { HOLDERS_MIN = 10, PERCENT = 20 };

void pool_condemn(struct ipam *m, struct pool *p, bool hold, struct moment now)
{
	p->doubted = p->ghost = false;
	p->condemned = true;
	p->held_until = hold && m->config.mass_release_delay ? now.mono + m->config.mass_release_delay : 0;
	m->pools_changed = true;
}

/* Would the Service lose an address if all condemned pools went? */
static bool loses(const struct ipam *m, const struct service *s)
{
	for (size_t i = 0; i < s->n_held; i++) {
		const struct pool *p;
		bool condemned = false, explained = false;
		for (size_t at = 0; (p = pools_at(m, s->held[i].addr->ip, &at));) {
			if (p->condemned)
				condemned = true;
			else if (pool_selects(p, s) && !pool_not_named(p, s))
				explained = true;
		}
		if (condemned && !explained && !stays_by_policy(m, s, s->held[i].addr->ip))
			return true;
	}
	return false;
}

static bool strips_many(const struct ipam *m, size_t *ret_stripped)
{
	size_t holders = 0, stripped = 0, at = 0;
	for (const struct service *s; (s = map_next(&m->services, &at));) {
		holders += s->n_held > 0;
		stripped += s->n_held > 0 && loses(m, s);
	}
	*ret_stripped = stripped;
	return stripped > HOLDERS_MIN && stripped * 100 > holders * PERCENT;
}

/* A wave is complete when no deletion is in doubt any more. */
static bool wave_is_open(const struct ipam *m)
{
	for (size_t i = 0; i < m->n_pools; i++)
		if (m->pools[i]->doubted)
			return true;
	return false;
}

static bool any_undecided(const struct ipam *m)
{
	for (size_t i = 0; i < m->n_pools; i++)
		if (m->pools[i]->condemned && !m->pools[i]->held_until)
			return true;
	return false;
}

static void tell(struct ipam *m, struct pool *p, size_t stripped)
{
	if (p->hold_told)
		return;
	p->hold_told = true;
	notice_pool(
		m, p, true, "MassRelease",
		"The pool is gone. Its addresses are kept for %lld s more, because %zu Services would lose "
		"theirs; a pool that is back by then loses nothing",
		(long long)(m->config.mass_release_delay / 1000), stripped);
}

void mass_release_settle(struct ipam *m, struct moment now)
{
	if (m->pools_lost || wave_is_open(m))
		return;
	size_t stripped = 0;
	bool many = m->config.mass_release_delay > 0 && any_undecided(m) && strips_many(m, &stripped);
	for (size_t i = 0; i < m->n_pools;) {
		struct pool *p = m->pools[i];
		if (p->condemned && !p->held_until && many)
			p->held_until = now.mono + m->config.mass_release_delay;
		if (p->condemned && p->held_until > now.mono)
			tell(m, p, stripped);
		if (p->condemned && p->held_until <= now.mono)
			pool_remove(m, p); /* pools move up */
		else
			i++;
	}
}

msec mass_release_at(const struct ipam *m)
{
	msec at = -1;
	bool open = wave_is_open(m);
	for (size_t i = 0; i < m->n_pools && !m->pools_lost && !open; i++) {
		const struct pool *p = m->pools[i];
		if (p->condemned && (at < 0 || p->held_until < at))
			at = p->held_until;
	}
	return at;
}
