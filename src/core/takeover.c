#include "core/takeover.h"

#include "core/decide.h"
#include "core/ledger.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/service.h"
#include "core/settle.h"

/* Does a record name it as holder of an address in its status? */
static bool recorded(const struct ipam *m, const struct service *s)
{
	for (size_t i = 0; i < s->n_ingress; i++) {
		const struct addr *a = s->ingress[i].has_ip ? ledger_get(m, s->ingress[i].ip) : NULL;
		if (a && a->record && a->record->ours && a->record->phase != RECORD_IS_COOLING &&
		    holders_name(a->record->holders, s->key))
			return true;
	}
	return false;
}

struct candidate {
	struct service *s;
	bool recorded;
};

/* Holder by record, satisfied, older, namespace/name. */
static int by_right(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->recorded != y->recorded)
		return x->recorded ? -1 : 1;
	bool x_true = x->s->condition_seen == COND_TRUE, y_true = y->s->condition_seen == COND_TRUE;
	if (x_true != y_true)
		return x_true ? -1 : 1;
	if (x->s->created != y->s->created)
		return x->s->created < y->s->created ? -1 : 1;
	return strcmp(x->s->key, y->s->key);
}

static const struct service *keeper_of(const struct addr *a)
{
	for (size_t i = 0; i < a->n_holders; i++)
		if (!service_leaves(a->holders[i], a))
			return a->holders[i];
	return NULL;
}

/* Two found with one address that they may not share: it is said, once, to the one who loses it. */
static void tell_of_duplicates(struct ipam *m, const struct service *s)
{
	for (size_t i = 0; i < s->n_ingress; i++) {
		char text[IP_TEXT_MAX];
		const struct addr *a = s->ingress[i].has_ip ? ledger_get(m, s->ingress[i].ip) : NULL;
		const struct service *keeper = a && s->wanted ? keeper_of(a) : NULL;
		if (keeper && !service_holds(s, a))
			notice_service(m, s, true, "DuplicateAddress",
				       "Address %s is held by %s; this Service gets another one",
				       ip_format(a->ip, text), keeper->key);
	}
}

/* Holders stand in the order of joining, which the record knows; whom it does not name behind the others. */
static void order_as_recorded(const struct ipam *m, struct addr *a)
{
	struct slice rest = slice_of(a->record->holders), one;
	size_t n = 0;
	while (n < a->n_holders && slice_cut(&rest, ',', &one)) {
		struct service *s = map_get_slice(&m->services, one);
		size_t at = n;
		while (s && at < a->n_holders && a->holders[at] != s)
			at++;
		if (!s || at == a->n_holders)
			continue;
		memmove(a->holders + n + 1, a->holders + n, (at - n) * sizeof(struct service *));
		a->holders[n++] = s;
	}
}

void takeover(struct ipam *m, struct moment now)
{
	pools_refresh(m);
	size_t n = 0, at = 0;
	CLEANUP(freep) struct candidate *list = xmalloc(m->services.n * sizeof(*list));
	for (struct service *s; (s = map_next(&m->services, &at));)
		list[n++] = (struct candidate){ s, m->config.records && recorded(m, s) };
	if (n)
		qsort(list, n, sizeof(*list), by_right);
	/* What stands in a status that is not ours to serve is in use, whoever wrote it: that must be known
	 * before anybody is taken over, and before anything is given out. */
	for (size_t i = 0; i < n; i++)
		if (!list[i].s->wanted)
			adopt(m, list[i].s);
	for (size_t i = 0; i < n; i++)
		if (list[i].s->wanted)
			adopt(m, list[i].s);
	for (size_t i = 0; i < n; i++)
		tell_of_duplicates(m, list[i].s);

	/* Records without an address in a status: finished, or given back. */
	for (int f = 0; f < FAMILIES; f++) {
		struct range all = { ip_make((enum family)f, 0), ip_last((enum family)f) };
		struct ip ip = all.lo;
		void *value;
		while (addr_map_seek(&m->addrs, ip, &ip, &value)) {
			struct addr *a = value;
			if (a->record && a->n_holders == 0)
				record_settle(m, a, now);
			else if (a->record && a->n_holders > 1)
				order_as_recorded(m, a);
			if (ip_eq(ip, all.hi))
				break;
			ip = ip_make((enum family)f, ip_bits(ip) + 1);
		}
	}
	/* Whoever asks for an address by name is served before anybody who takes any. */
	for (size_t i = 0; i < n; i++)
		enqueue(m, list[i].s, service_has_requests(list[i].s) ? LANE_ASKED : LANE_NORMAL);
}
