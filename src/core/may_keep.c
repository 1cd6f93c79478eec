#include "core/may_keep.h"

#include "core/ledger.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/service.h"
#include "core/sharing.h"

/* The address has left this pool, which lets its holders keep what they have. */
static bool left_and_kept(const struct ipam *m, const struct service *s, struct ip ip, const char *pool)
{
	const struct pool *p = pool_find(m, pool);
	if (p && !p->condemned && (pool_contains(p, ip) || !pool_selects(p, s)))
		return false;
	return !pool_name_not_named(pool, s) && pool_name_keeps(m, pool);
}

bool stays_by_policy(const struct ipam *m, const struct service *s, struct ip ip)
{
	if (m->n_policies == 0)
		return false;
	const struct addr *a = ledger_get(m, ip);
	const struct record *r = a ? a->record : NULL;
	const bool recorded = r && r->ours && holders_name(r->holders, s->key);
	if (recorded && r->pool)
		return left_and_kept(m, s, ip, r->pool);
	if (!recorded && (m->config.records || !(s->ingress_ours || (a && service_holds(s, a)))))
		return false;
	/* It is ours, and nobody knows from which pool: not from one that is as it was. */
	size_t in_some = 0;
	if (pools_at(m, ip, &in_some))
		return false;
	for (size_t i = 0; i < m->n_pools; i++)
		if (left_and_kept(m, s, ip, m->pools[i]->name))
			return true;
	for (size_t i = 0; i < m->n_policies; i++)
		if (m->policies[i]->pool_name && left_and_kept(m, s, ip, m->policies[i]->pool_name))
			return true;
	return false;
}

/* Some pool explains why the Service has this address. Disabled, conflicting and invalid pools do:
 * they only give nothing new. */
static const char *explained(const struct ipam *m, const struct service *s, struct ip ip)
{
	bool contained = false, selected = false;
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));) {
		contained = true;
		if (!pool_selects(p, s))
			continue;
		selected = true;
		if (!pool_not_named(p, s))
			return NULL;
	}
	/* An invalid block may be the very one that the address came from. */
	for (size_t i = 0; i < m->n_pools; i++)
		if (m->pools[i]->flaw == FLAW_BLOCK && pool_selects(m->pools[i], s) &&
		    !pool_not_named(m->pools[i], s))
			return NULL;
	if (stays_by_policy(m, s, ip))
		return NULL;
	if (selected)
		return "its pool is not among those that the Service names";
	return contained ? "its pool does not select the Service any more" : "no pool contains it any more";
}

const char *may_have(const struct ipam *m, const struct service *s, struct ip ip)
{
	if (!s->wanted)
		return "the Service is not ours to serve any more";
	if (service_has_requests(s)) {
		if (!service_requests_ip(s, ip))
			return "the Service asks for other addresses";
	} else {
		struct family_wish w = service_families(m, s);
		if (!w.want[ip.family] || w.off[ip.family])
			return "the Service does not want this family any more";
	}
	/* While pools cannot be read nobody loses anything. */
	return m->pools_lost ? NULL : explained(m, s, ip);
}

/* Of two who do not go together any more the one moves in whose status the address is not seen yet;
 * else the one that changed; when both or none has, the one that joined later. */
static bool must_yield(const struct service *s, const struct service *other, struct ip ip,
		       bool other_was_first)
{
	bool seen = service_shows(s, ip), other_seen = service_shows(other, ip);
	if (seen != other_seen)
		return other_seen;
	return s->altered == other->altered ? other_was_first : s->altered;
}

/* Has the address been in its status? */
static bool is_seen(const struct service *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n_held; i++)
		if (s->held[i].addr == a)
			return s->held[i].confirmed;
	return service_shows(s, a->ip);
}

/* One who leaves does not count, unless the address still stands in its status and s is not there yet. */
static bool is_out_of_the_way(const struct service *other, const struct service *s, const struct addr *a)
{
	return service_leaves(other, a) && (is_seen(s, a) || !service_shows(other, a->ip));
}

/* Nothing is written of its having the address: neither the status shows it nor a record names it. */
static bool is_only_meant(const struct service *s, const struct addr *a)
{
	const struct record *r = a->record;
	return !is_seen(s, a) && !a->record_unknown &&
	       !(r && r->phase != RECORD_IS_COOLING && holders_name(r->holders, s->key));
}

static bool is_given(const struct ipam *m, const struct service *s, struct ip ip)
{
	const struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		if (pool_usable(m, p) && pool_selects(p, s) && !pool_not_named(p, s) && pool_gives(p, ip))
			return true;
	return false;
}

const char *may_keep(const struct ipam *m, const struct service *s, struct ip ip)
{
	const char *why = may_have(m, s, ip);
	const struct addr *a = why ? NULL : ledger_get(m, ip);
	if (!a)
		return why;
	if (!addr_record_allows(a, s) && !record_is_outdated(m, a, s))
		return "its record names somebody else";
	if (!is_seen(s, a) && addr_foreign_claim(a, s))
		return "somebody else has come to use it";
	/* A pool that is off, or an address that is excluded, stays with those who have it, and with nobody
	 * who was only about to get it. */
	if (is_only_meant(s, a) && !is_given(m, s, ip))
		return "no pool gives it any more";
	for (size_t i = 0, mine = a->n_holders; i < a->n_holders; i++) {
		const struct service *other = a->holders[i];
		if (other == s)
			mine = i;
		else if (!is_out_of_the_way(other, s, a) && sharing_refused(s, other) &&
			 must_yield(s, other, ip, i < mine))
			return "it cannot be shared with its other holders any more";
	}
	return NULL;
}
