#include "core/history.h"

#include "core/cooling.h"
#include "core/record_out.h"

enum {
	WAITING_MAX = 2000, /* older ones are dropped: what they tell is no news to anybody soon */
	BATCH_MAX = 200,
	GATHER = 1000, /* msec: what is released together is written together */
	TRIES_MAX = 8,
};

struct item {
	char *pool, *holder;
	struct past past; /* its holder is the one above */
};

struct history {
	struct item items[WAITING_MAX]; /* the first n, oldest first */
	struct past out[BATCH_MAX];
	size_t n, n_out; /* n_out of them are being written */
	msec due;        /* monotonic */
	uint8_t tries;
};

static void drop_first(struct history *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(h->items[i].pool);
		free(h->items[i].holder);
	}
	memmove(h->items, h->items + n, (h->n - n) * sizeof(*h->items));
	h->n -= n;
}

static void add(struct ipam *m, const char *pool, struct past past, struct moment now)
{
	if (!m->history)
		m->history = xcalloc(1, sizeof(*m->history));
	struct history *h = m->history;
	if (h->n == WAITING_MAX) {
		if (h->n_out)
			return;
		drop_first(h, 1);
	}
	if (h->n == 0)
		h->due = now.mono + GATHER;
	struct item *x = &h->items[h->n++];
	*x = (struct item){ xstrdup(pool), xstrdup(past.holding.holder), past };
	x->past.holding.holder = x->holder;
}

void history_note(struct ipam *m, const struct addr *a, struct moment now)
{
	const struct record *r = a->record;
	if (!r || !r->ours)
		return;
	record_holders(a, &m->scratch);
	if (m->scratch.len)
		return; /* they make a new one */
	const char *pool = r->pool ? r->pool : "";
	if (!pool[0])
		return; /* there is nowhere to keep it */
	for (size_t i = 0; r->history && i < r->history->n; i++) {
		msec until = r->history->item[i].until;
		add(m, pool,
		    (struct past){ a->ip,
				   { r->history->item[i].holder, r->history->item[i].from,
				     until ? until : now.wall } },
		    now);
	}
	/* While it cools, those whom it names have left already, and the history says so. */
	struct slice rest = slice_of(r->holders), one;
	while (r->phase != RECORD_IS_COOLING && slice_cut(&rest, ',', &one)) {
		CLEANUP(freep) char *holder = xstrndup(one.ptr, one.len);
		bool told = false;
		for (size_t i = 0; r->history && i < r->history->n; i++)
			told = told || (!r->history->item[i].until &&
					strcmp(r->history->item[i].holder, holder) == 0);
		if (!told)
			add(m, pool, (struct past){ a->ip, { holder, r->allocated_at, now.wall } }, now);
	}
}

bool history_next(struct ipam *m, struct moment now, struct effect *ret)
{
	struct history *h = m->history;
	if (!h || h->n == 0 || h->n_out || h->due > now.mono)
		return false;
	/* Those of one pool that stand together. */
	while (h->n_out < h->n && h->n_out < BATCH_MAX &&
	       strcmp(h->items[h->n_out].pool, h->items[0].pool) == 0) {
		h->out[h->n_out] = h->items[h->n_out].past;
		h->n_out++;
	}
	*ret = (struct effect){ .kind = EFFECT_HISTORY, .name = h->items[0].pool };
	ret->history.pool = h->items[0].pool;
	ret->history.items = h->out;
	ret->history.n = h->n_out;
	return true;
}

void history_result(struct ipam *m, enum outcome o, msec delay, struct moment now)
{
	struct history *h = m->history;
	bool again = (o == OUTCOME_UNKNOWN || o == OUTCOME_CONFLICT) && h->tries < TRIES_MAX;
	if (!again)
		drop_first(h, h->n_out);
	h->n_out = 0;
	h->tries = again ? (uint8_t)(h->tries + 1) : 0;
	h->due = now.mono + (again ? delay : 0);
}

msec history_wake_at(const struct ipam *m)
{
	const struct history *h = m->history;
	return h && h->n && !h->n_out ? h->due : -1;
}

void history_free(struct ipam *m)
{
	if (!m->history)
		return;
	drop_first(m->history, m->history->n);
	free(m->history);
}
