/* What the API tells of records and ServiceCIDRs, taken over into the picture. */
#include "core/cluster_pool.h"
#include "core/cooling.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/pool.h"
#include "core/reservation.h"
#include "core/service.h"
#include "core/settle.h"
#include "core/wait.h"

/* Those who had the address; of too many the last. */
static void take_history(struct record *r, const struct record_in *in)
{
	for (size_t i = 0; r->history && i < r->history->n; i++)
		free(r->history->item[i].holder);
	free(r->history);
	r->history = NULL;
	if (!in->n_history)
		return;
	size_t first = in->n_history > HOLDINGS_MAX ? in->n_history - HOLDINGS_MAX : 0;
	r->history = xcalloc(1, sizeof(*r->history));
	for (size_t i = first; i < in->n_history; i++) {
		const struct holding *h = &in->history[i];
		r->history->item[r->history->n].holder = xstrdup(h->holder ? h->holder : "");
		r->history->item[r->history->n].from = h->from;
		r->history->item[r->history->n++].until = h->until;
	}
}

void ipam_record(struct ipam *m, const struct record_in *in, struct moment now)
{
	struct addr *a = ledger_get(m, in->ip);
	if (in->by == TOLD_BY_ANSWER && (!a || a->overtaken)) {
		/* The watch has told that it was deleted since. */
		if (a)
			a->record_unknown = true;
		return;
	}
	a = ledger_need(m, in->ip);
	struct record *r = a->record;
	a->seen = true;
	/* The answer to a write may overtake the watch; what is older than what we know is no news. */
	if (r && same_text(r->uid, in->uid) && version_older(in->resource_version, r->rv))
		return;
	a->record_unknown = false;
	if (!r)
		r = a->record = xcalloc(1, sizeof(*r));
	str_replace(&r->uid, in->uid);
	str_replace(&r->rv, in->resource_version);
	str_replace(&r->holders, in->holders ? in->holders : "");
	const char *manager = in->manager ? intern(&m->texts, slice_of(in->manager)) : NULL;
	intern_put(&m->texts, r->manager);
	r->manager = manager;
	r->ours = in->ours;
	const char *pool = in->pool ? intern(&m->texts, slice_of(in->pool)) : NULL;
	intern_put(&m->texts, r->pool);
	r->pool = pool;
	r->phase = (uint8_t)in->phase;
	r->allocated_at = in->allocated_at;
	r->released_at = in->released_at;
	take_history(r, in);
	if (!r->ours)
		cooling_drop(m, a);
	reservations_touch(m, a, NULL);
	tenure_of_record(m, a, in);
	if (m->ready && !r->ours)
		wake_asked(m, in->ip);
	if (m->ready)
		record_settle(m, a, now);
}

bool ipam_record_known(const struct ipam *m, struct ip ip, const char *uid, const char *resource_version)
{
	const struct addr *a = ledger_get(m, ip);
	const struct record *r = a && !a->record_unknown ? a->record : NULL;
	return r && uid[0] && same_text(r->uid, uid) &&
	       (same_text(r->rv, resource_version) || version_older(resource_version, r->rv));
}

void ipam_record_deleted(struct ipam *m, struct ip ip, struct moment now)
{
	struct addr *a = ledger_get(m, ip);
	if (!a || !a->record)
		return;
	history_note(m, a, now);
	record_forget(m, a);
	reservations_touch(m, a, NULL);
	a->record_unknown = false;
	a->overtaken = a->in_flight;
	/* Whoever holds it makes a new one. */
	if (m->ready)
		addr_wake_holders(m, a);
	ledger_prune(m, a);
}

static struct carve *carve_find(struct ipam *m, const char *name)
{
	for (size_t i = 0; i < m->n_carves; i++)
		if (strcmp(m->carves[i].name, name) == 0)
			return &m->carves[i];
	return NULL;
}

void ipam_service_cidr(struct ipam *m, const char *name, const struct range *ranges, size_t n,
		       struct moment now)
{
	(void)now;
	struct carve *c = carve_find(m, name);
	if (!c && n == 0)
		return;
	if (!c) {
		vec_grow(&m->carves, &m->cap_carves, m->n_carves + 1);
		c = &m->carves[m->n_carves++];
		*c = (struct carve){ .name = xstrdup(name) };
	}
	c->seen = true;
	bool same = c->n == n;
	for (size_t i = 0; i < n && same; i++)
		same = ip_eq(c->ranges[i].lo, ranges[i].lo) && ip_eq(c->ranges[i].hi, ranges[i].hi);
	if (same)
		return;
	for (size_t i = 0; i < c->n; i++)
		cluster_pool_wake_asked(m, c->ranges[i]);
	free(c->ranges);
	c->ranges = n ? xmalloc(n * sizeof(*ranges)) : NULL;
	if (n)
		memcpy(c->ranges, ranges, n * sizeof(*ranges));
	c->n = n;
	for (size_t i = 0; i < n; i++)
		cluster_pool_wake_asked(m, ranges[i]);
	if (n == 0) {
		free(c->name);
		*c = m->carves[--m->n_carves];
	}
	pools_recarve(m);
}
