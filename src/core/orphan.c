#include "core/orphan.h"

#include "core/effect.h"
#include "core/ledger.h"

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

bool orphan_next(struct ipam *m, struct moment now, struct effect *ret)
{
	for (size_t i = 0; i < m->n_orphans; i++) {
		struct addr *a = m->orphans[i].addr;
		/* Meanwhile somebody may have taken it up, or the record is gone. */
		if (!a->in_flight && (a->n_holders || !a->record || !a->record->ours)) {
			m->orphans[i--] = m->orphans[--m->n_orphans];
			a->orphaned = false;
			addr_wake_holders(m, a);
			ledger_prune(m, a);
			continue;
		}
		if (m->orphans[i].retry_at > now.mono || !orphan_is_loose(m, a))
			continue;
		struct step st = { a->record_unknown ? EFFECT_RECORD_READ : EFFECT_RECORD_DELETE, NULL, a };
		if (effect_of_step(m, &st, ret))
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
