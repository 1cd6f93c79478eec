#include "core/ledger.h"

#include "core/cluster_pool.h"
#include "core/cooling.h"
#include "core/policy_status.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/reservation.h"
#include "core/sharing.h"
#include "core/wait.h"

struct addr *ledger_get(const struct ipam *m, struct ip ip)
{
	return addr_map_get(&m->addrs, ip);
}

struct addr *ledger_need(struct ipam *m, struct ip ip)
{
	struct addr *a = ledger_get(m, ip);
	if (a)
		return a;
	a = xcalloc(1, sizeof(*a));
	a->ip = ip;
	addr_map_put(&m->addrs, ip, a);
	pools_taken(m, ip);
	return a;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	free(r->uid);
	free(r->rv);
	free(r->holders);
	for (size_t i = 0; r->history && i < r->history->n; i++)
		free(r->history->item[i].holder);
	free(r->history);
	free(r);
}

void record_forget(struct ipam *m, struct addr *a)
{
	if (!a->record)
		return;
	cooling_drop(m, a);
	tenure_unclaimed(m, a);
	intern_put(&m->texts, a->record->manager);
	intern_put(&m->texts, a->record->pool);
	record_free(a->record);
	a->record = NULL;
}

void ledger_prune(struct ipam *m, struct addr *a)
{
	if (a->n_holders || a->record || a->in_flight || a->orphaned)
		return;
	cluster_pool_unused(m, a->ip);
	if (a->claims) {
		/* Nobody has it, but it is not free for everybody: perhaps for one whom it is kept for. */
		wake_asked(m, a->ip);
		return;
	}
	struct ip ip = a->ip;
	addr_map_del(&m->addrs, ip);
	free(a->holders);
	free(a);
	pools_freed(m, ip);
	wake_asked(m, ip);
}

void addr_wake_holders(struct ipam *m, const struct addr *a)
{
	for (size_t i = 0; i < a->n_holders; i++)
		enqueue(m, a->holders[i], LANE_NORMAL);
}

bool addr_has_holder(const struct addr *a, const struct service *s)
{
	for (size_t i = 0; i < a->n_holders; i++)
		if (a->holders[i] == s)
			return true;
	return false;
}

bool service_holds(const struct service *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n_held; i++)
		if (s->held[i].addr == a)
			return true;
	return false;
}

bool service_leaves(const struct service *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n_leaving; i++)
		if (s->leaving[i] == a)
			return true;
	return false;
}

bool service_shows(const struct service *s, struct ip ip)
{
	for (size_t i = 0; i < s->n_ingress; i++)
		if (s->ingress[i].has_ip && ip_eq(s->ingress[i].ip, ip))
			return true;
	return false;
}

unsigned service_held(const struct service *s, enum family f)
{
	unsigned n = 0;
	for (size_t i = 0; i < s->n_held; i++)
		n += s->held[i].addr->ip.family == f;
	return n;
}

static void add_held(struct service *s, struct addr *a, bool confirmed)
{
	s->held = xrealloc(s->held, s->n_held + 1u, sizeof(*s->held));
	s->held[s->n_held++] = (struct hold){ a, confirmed, confirmed };
}

static void drop_held(struct service *s, const struct addr *a)
{
	size_t at = 0;
	while (at < s->n_held && s->held[at].addr != a)
		at++;
	if (at == s->n_held)
		return;
	memmove(s->held + at, s->held + at + 1, (s->n_held - at - 1) * sizeof(*s->held));
	if (--s->n_held == 0) {
		free(s->held);
		s->held = NULL;
	}
}

static void drop_leaving(struct service *s, const struct addr *a)
{
	size_t at = 0;
	while (at < s->n_leaving && s->leaving[at] != a)
		at++;
	if (at == s->n_leaving)
		return;
	memmove(s->leaving + at, s->leaving + at + 1, (s->n_leaving - at - 1) * sizeof(struct addr *));
	if (--s->n_leaving == 0) {
		free(s->leaving);
		s->leaving = NULL;
	}
}

void ledger_hold(struct ipam *m, struct service *s, struct ip ip, bool confirmed)
{
	struct addr *a = ledger_need(m, ip);
	const bool cooled = addr_cools(a);
	cooling_drop(m, a);
	if (addr_has_holder(a, s)) {
		if (service_leaves(s, a))
			ledger_rejoin(m, s, a);
		return;
	}
	a->was_shown = confirmed || (a->n_holders && a->was_shown);
	a->holders = xrealloc(a->holders, a->n_holders + 1u, sizeof(struct service *));
	a->holders[a->n_holders++] = s;
	add_held(s, a, confirmed);
	quota_held(m, s, a);
	policies_touch(m, a);
	sharing_wake(m, s);
	/* Whoever was refused because of others, of a reservation, or because it was kept for its last
	 * holder, is now refused because of s. */
	if (a->n_holders > 1 || a->claims || cooled)
		wake_asked(m, a->ip);
	reservations_touch(m, a, s);
}

void ledger_leave(struct ipam *m, struct service *s, struct addr *a)
{
	(void)m;
	drop_held(s, a);
	str_replace(&s->note, NULL);
	s->leaving = xrealloc(s->leaving, s->n_leaving + 1u, sizeof(struct addr *));
	s->leaving[s->n_leaving++] = a;
}

void ledger_rejoin(struct ipam *m, struct service *s, struct addr *a)
{
	drop_leaving(s, a);
	add_held(s, a, service_shows(s, a->ip));
	wake_asked(m, a->ip); /* it is no longer about to get free */
}

void ledger_release(struct ipam *m, struct service *s, struct addr *a)
{
	drop_leaving(s, a);
	size_t at = 0;
	while (at < a->n_holders && a->holders[at] != s)
		at++;
	if (at < a->n_holders) {
		quota_left(m, s, a);
		policies_touch(m, a);
		memmove(a->holders + at, a->holders + at + 1,
			(a->n_holders - at - 1) * sizeof(struct service *));
		a->n_holders--;
	}
	cluster_pool_left(m, a->ip);
	/* Somebody may have asked for it, or to join, and been refused because of s. */
	wake_asked(m, a->ip);
	if (a->n_holders)
		sharing_wake(m, a->holders[0]);
	reservations_touch(m, a, s);
	ledger_prune(m, a);
}

const struct claim *addr_foreign_claim(const struct addr *a, const struct service *s)
{
	/* Of several always the same, whoever came first. */
	const struct claim *best = NULL;
	for (const struct claim *c = a->claims; c; c = c->next) {
		if ((c->owner == s && c->kind == CLAIM_STATUS) ||
		    (c->kind == CLAIM_RESERVATION && !reservation_bars(c, a, s)))
			continue;
		if (!best || c->kind < best->kind ||
		    (c->kind == best->kind && strcmp(c->where, best->where) < 0))
			best = c;
	}
	return best;
}

static void claim_add(struct ipam *m, const void *owner, const char *where, struct claim_ref ref)
{
	struct addr *a = ledger_need(m, ref.ip);
	struct claim *c = xmalloc(sizeof(*c));
	*c = (struct claim){ a->claims, ref.kind, owner, where };
	a->claims = c;
	wake_asked(m, ref.ip); /* there is another reason now */
	cooling_claimed(a);
	reservations_touch(m, a, NULL);
	policies_touch(m, a);
	if (m->ready)
		addr_wake_holders(m, a);
}

static void claim_drop(struct ipam *m, const void *owner, struct claim_ref ref)
{
	struct addr *a = ledger_get(m, ref.ip);
	for (struct claim **at = a ? &a->claims : NULL; at && *at; at = &(*at)->next) {
		if ((*at)->owner != owner || (*at)->kind != ref.kind)
			continue;
		struct claim *c = *at;
		*at = c->next;
		free(c);
		/* There may be another reason now, or none: some may join its holders. */
		wake_asked(m, a->ip);
		cooling_claimed(a);
		if (a->n_holders)
			sharing_wake(m, a->holders[0]);
		reservations_touch(m, a, NULL);
		policies_touch(m, a);
		if (!a->claims)
			cooling_wake(m, a);
		ledger_prune(m, a);
		return;
	}
}

static int by_ref(const void *a, const void *b)
{
	const struct claim_ref *x = a, *y = b;
	int c = ip_cmp(x->ip, y->ip);
	return c ? c : (int)x->kind - (int)y->kind;
}

/* A Service may name a hundred thousand addresses in its externalIPs, so what is kept of them is sorted.
 * Returns what is left without doubles. */
static size_t refs_sort(struct claim_ref *refs, size_t n)
{
	size_t kept = 0;
	if (n)
		qsort(refs, n, sizeof(*refs), by_ref);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_ref(&refs[kept - 1], &refs[i]) != 0)
			refs[kept++] = refs[i];
	return kept;
}

static bool refs_have(const struct claim_ref *sorted, size_t n, struct claim_ref one)
{
	return n && bsearch(&one, sorted, n, sizeof(one), by_ref);
}

void claims_set(struct ipam *m, const void *owner, const char *where, struct claim_ref **refs,
		uint32_t *n_refs, const struct claim_ref *want, size_t n_want)
{
	if (*n_refs == 0 && n_want == 0)
		return;
	struct claim_ref *old = *refs, *fresh = NULL;
	size_t n_old = *n_refs, n = 0;
	if (n_want) {
		fresh = xmalloc(n_want * sizeof(*fresh));
		memcpy(fresh, want, n_want * sizeof(*fresh));
		n = refs_sort(fresh, n_want);
	}
	for (size_t i = 0; i < n; i++)
		if (!refs_have(old, n_old, fresh[i]))
			claim_add(m, owner, where, fresh[i]);
	*refs = fresh;
	*n_refs = (uint32_t)n;
	for (size_t i = 0; i < n_old; i++)
		if (!refs_have(fresh, n, old[i]))
			claim_drop(m, owner, old[i]);
	free(old);
}

bool holders_name(const char *holders, const char *key)
{
	struct slice rest = slice_of(holders), one;
	while (slice_cut(&rest, ',', &one))
		if (slice_is(one, key))
			return true;
	return false;
}

bool record_is_outdated(const struct ipam *m, const struct addr *a, const struct service *s)
{
	if (!a->record || !a->record->ours || !s->ingress_ours || !service_shows(s, a->ip))
		return false;
	struct slice rest = slice_of(a->record->holders), one;
	while (slice_cut(&rest, ',', &one)) {
		const struct service *named = map_get_slice(&m->services, one);
		if (named && named != s && (service_shows(named, a->ip) || addr_has_holder(a, named)))
			return false;
	}
	return true;
}

bool addr_record_allows(const struct addr *a, const struct service *s)
{
	const struct record *r = a->record;
	if (!r)
		return true;
	if (!r->ours || r->tenure)
		return false;
	if (!r->holders[0] || r->phase == RECORD_IS_COOLING || holders_name(r->holders, s->key))
		return true;
	/* Named by somebody who holds it here as well: s would join, or it is being taken over from one
	 * who is leaving. */
	for (size_t i = 0; i < a->n_holders; i++)
		if (holders_name(r->holders, a->holders[i]->key))
			return true;
	return false;
}
