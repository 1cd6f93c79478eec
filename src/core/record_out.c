#include "core/record_out.h"

#include "core/cooling.h"
#include "core/ledger.h"
#include "core/pool.h"
#include "core/service.h"

static bool is_recorded(const struct addr *a, const struct service *s)
{
	return a->record && a->record->phase != RECORD_IS_COOLING && holders_name(a->record->holders, s->key);
}

void record_holders(const struct addr *a, struct buf *ret)
{
	buf_clear(ret);
	for (size_t i = 0; i < a->n_holders; i++) {
		const struct service *s = a->holders[i];
		/* Whoever is about to leave stays in as long as it shows the address, but never comes in. */
		if (s->gone || (service_leaves(s, a) && !(service_shows(s, a->ip) && is_recorded(a, s))))
			continue;
		buf_addf(ret, "%s%s", ret->len ? "," : "", s->key);
	}
}

/* ---- history --------------------------------------------------------------------------------------- */

/* A growing list of which the last HOLDINGS_MAX count. Texts are borrowed. */
struct story {
	struct holding *items; /* room for HOLDINGS_MAX */
	size_t n;
};

static void story_add(struct story *h, const char *holder, msec from, msec until)
{
	if (h->n == HOLDINGS_MAX)
		memmove(h->items, h->items + 1, --h->n * sizeof(*h->items));
	h->items[h->n++] = (struct holding){ holder, from, until };
}

static bool story_close(struct story *h, struct slice holder, msec until)
{
	for (size_t i = 0; i < h->n; i++)
		if (!h->items[i].until && slice_is(holder, h->items[i].holder)) {
			h->items[i].until = until;
			return true;
		}
	return false;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Keeps of two lists what stands between the same beginning and the same end: one comes to a group of
 * thousands, or leaves it. */
static void keep_what_differs(struct slice *a, struct slice *b)
{
	size_t n = least(a->len, b->len), i = 0, same = 0;
	for (; i < n && a->ptr[i] == b->ptr[i]; i++)
		if (a->ptr[i] == ',')
			same = i + 1;
	if (i == n && (a->len == n || a->ptr[n] == ',') && (b->len == n || b->ptr[n] == ','))
		same = n + 1;
	const size_t in_a = least(same, a->len), in_b = least(same, b->len);
	*a = (struct slice){ a->ptr + in_a, a->len - in_a };
	*b = (struct slice){ b->ptr + in_b, b->len - in_b };
	n = least(a->len, b->len);
	same = 0;
	for (i = 0; i < n && a->ptr[a->len - 1 - i] == b->ptr[b->len - 1 - i]; i++)
		if (a->ptr[a->len - 1 - i] == ',')
			same = i + 1;
	if (i == n && (a->len == n || a->ptr[a->len - 1 - n] == ',') &&
	    (b->len == n || b->ptr[b->len - 1 - n] == ','))
		same = n + 1;
	a->len -= least(same, a->len);
	b->len -= least(same, b->len);
}

/* What the record says of its past, and who leaves or comes with the change to `holders`. `names` has room
 * for the texts. */
static size_t tell_story(const struct addr *a, const char *holders, struct holding items[HOLDINGS_MAX],
			 struct buf *names, msec wall)
{
	struct story h = { items, 0 };
	const struct record *r = a->record;
	for (size_t i = 0; r->history && i < r->history->n; i++)
		story_add(&h, r->history->item[i].holder, r->history->item[i].from,
			  r->history->item[i].until);
	if (r->phase == RECORD_IS_COOLING)
		return h.n; /* all have left, as it says already; who comes now is told by allocated-at */
	struct slice old = slice_of(r->holders), fresh = slice_of(holders), rest, one;
	keep_what_differs(&old, &fresh);
	buf_clear(names);
	/* A place in `names` must not move while it is borrowed. */
	buf_add_slice(names, old);
	buf_add_char(names, ',');
	buf_add_slice(names, fresh);
	if (names->overflow)
		return h.n;
	char *text = names->ptr, *key;
	rest = old;
	for (char *at = text; slice_cut(&rest, ',', &one); at = key + one.len + 1) {
		key = at;
		key[one.len] = '\0';
		if (one.len && !holders_name(holders, key) && !story_close(&h, one, wall))
			story_add(&h, key, r->allocated_at, wall);
	}
	key = text + old.len + 1;
	rest = fresh;
	while (slice_cut(&rest, ',', &one)) {
		key[one.len] = '\0';
		if (one.len && !holders_name(r->holders, key))
			story_add(&h, key, wall, 0);
		key += one.len + 1;
	}
	return h.n;
}

/* ---- effects ---------------------------------------------------------------------------------------- */

static bool all_leave(const struct addr *a)
{
	for (size_t i = 0; i < a->n_holders; i++)
		if (!service_leaves(a->holders[i], a))
			return false;
	return true;
}

static void give(struct ipam *m, const struct addr *a, msec wall, struct effect *ret)
{
	const struct record *r = a->record;
	bool anew = !r || r->phase == RECORD_IS_COOLING;
	ret->record.pool = pool_of(m, a);
	ret->record.allocated_at = anew ? wall : r->allocated_at;
}

/* Nobody has it any more: its record says since when, and whose it was. */
static void cool(struct ipam *m, const struct addr *a, msec wall, struct effect *ret)
{
	const struct pool *p = cooling_pool(m, a);
	ret->record.holders = a->record->holders;
	ret->record.phase = RECORD_IS_COOLING;
	ret->record.released_at = wall;
	ret->record.allocated_at = a->record->allocated_at;
	ret->record.pool = p ? p->name : "";
}

bool record_effect(struct ipam *m, const struct step *st, struct moment now, struct effect *ret)
{
	struct addr *a = st->addr;
	const struct record *r = a->record;
	char text[IP_TEXT_MAX];
	if (a->in_flight ||
	    (st->kind == EFFECT_RECORD_CREATE ? r != NULL : !r && st->kind != EFFECT_RECORD_READ))
		return false;
	record_holders(a, &m->text[1]);
	bool nobody = m->text[1].len == 0;
	/* Its last holder has gone since: then it is to be deleted, as the next look will say. */
	if (st->kind == EFFECT_RECORD_CREATE && nobody)
		return false;
	if (st->kind == EFFECT_RECORD_PATCH && nobody && !cooling_wanted(m, a))
		return false;
	buf_clear(&m->text[0]);
	buf_add_str(&m->text[0], ip_format(a->ip, text));
	*ret = (struct effect){
		.kind = st->kind,
		.name = buf_str(&m->text[0]),
		.uid = r ? r->uid : NULL,
		.resource_version = r ? r->rv : NULL,
	};
	ret->record.ip = a->ip;
	ret->record.holders = buf_str(&m->text[1]);
	if (st->kind == EFFECT_RECORD_CREATE) {
		give(m, a, now.wall, ret);
		ret->record.first_namespace = a->holders[0]->ns;
		ret->record.first_name = service_name(a->holders[0]);
	} else if (st->kind == EFFECT_RECORD_PATCH) {
		if (nobody)
			cool(m, a, now.wall, ret);
		else
			give(m, a, now.wall, ret);
		/* Everybody is about to leave: say so before the status is touched. */
		if (!nobody && all_leave(a))
			ret->record.phase = RECORD_RELEASED;
		ret->record.history = m->story;
		ret->record.n_history =
			tell_story(a, nobody ? "" : ret->record.holders, m->story, &m->text[2], now.wall);
	}
	return true;
}
