#include "core/orphan.h"

#include "core/cooling.h"
#include "core/effect.h"
#include "core/ledger.h"

/* msec; several times what a server under load takes for a read and a patch. */
enum { FRESH = 5000 };

void orphan_add(struct ipam *m, struct addr *a, msec at)
{
	if (a->orphaned)
		return;
	a->orphaned = true;
	vec_grow(&m->orphans, &m->cap_orphans, m->n_orphans + 1);
	m->orphans[m->n_orphans++] = (struct orphan){ a, at, 0 };
}

static bool has_write_ahead(const struct service *s, enum family f)
{
	if (s->gone || !s->wanted || s->deleting)
		return false;
	if (s->in_flight || s->lane != LANE_NONE || !s->decided)
		return true;
	for (size_t i = 0; i < s->n_held; i++)
		if (s->held[i].addr->ip.family == f && !s->held[i].confirmed)
			return true;
	return false;
}

bool orphan_is_loose(const struct ipam *m, const struct addr *a)
{
	if (a->in_flight)
		return false;
	struct slice rest = slice_of(a->record ? a->record->holders : ""), one;
	while (slice_cut(&rest, ',', &one)) {
		const struct service *s = map_get_slice(&m->services, one);
		if (s && has_write_ahead(s, (enum family)a->ip.family))
			return false;
	}
	return true;
}

static enum effect_kind effect_due(const struct ipam *m, const struct addr *a)
{
	if (a->record_unknown)
		return EFFECT_RECORD_READ;
	bool cool = a->record && a->record->phase != RECORD_IS_COOLING && cooling_wanted(m, a);
	return cool ? EFFECT_RECORD_PATCH : EFFECT_RECORD_DELETE;
}

static bool is_orphan(const struct ipam *m, const struct addr *a, struct moment now)
{
	const struct record *r = a->record;
	return !a->n_holders && r && r->ours && (!addr_cools(a) || cooling_is_over(m, a, now));
}

/* How long to leave it alone: half an allocation that has just been made may be another operator's, who is
 * about to write the status. */
static msec is_fresh(const struct ipam *m, const struct addr *a, struct moment now)
{
	const struct record *r = a->record;
	msec age = now.wall - r->allocated_at;
	if (addr_was_held(m, a) || age < 0 || age >= FRESH)
		return 0;
	return FRESH - age;
}

bool orphan_next(struct ipam *m, struct moment now, struct effect *ret)
{
	for (size_t i = 0; i < m->n_orphans; i++) {
		struct addr *a = m->orphans[i].addr;
		/* Meanwhile somebody may have taken it up, the record is gone, or it may cool for longer. */
		if (!a->in_flight && !is_orphan(m, a, now)) {
			m->orphans[i--] = m->orphans[--m->n_orphans];
			a->orphaned = false;
			addr_wake_holders(m, a);
			(void)cooling_settle(m, a, now);
			ledger_prune(m, a);
			continue;
		}
		if (m->orphans[i].retry_at > now.mono || !orphan_is_loose(m, a))
			continue;
		msec fresh = is_fresh(m, a, now);
		if (fresh) {
			m->orphans[i].retry_at = now.mono + fresh;
			continue;
		}
		struct step st = { effect_due(m, a), NULL, a };
		if (effect_of_step(m, &st, now, ret))
			return true;
	}
	return false;
}

msec orphan_wake_at(const struct ipam *m)
{
	msec at = -1;
	for (size_t i = 0; i < m->n_orphans; i++)
		if (orphan_is_loose(m, m->orphans[i].addr) && (at < 0 || m->orphans[i].retry_at < at))
			at = m->orphans[i].retry_at;
	return at;
}
