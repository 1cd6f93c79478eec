#include "core/chores.h"

static const msec delays[DELAYS] = {
	[DELAY_200MS] = 200, [DELAY_500MS] = 500, [DELAY_1S] = 1000,  [DELAY_2S] = 2000,   [DELAY_5S] = 5000,
	[DELAY_10S] = 10000, [DELAY_30S] = 30000, [DELAY_1M] = 60000, [DELAY_5M] = 300000,
};

void chore_drop(struct chores *c, struct chore *x)
{
	struct chore_list *l = x->list;
	if (!l)
		return;
	*(x->prev ? &x->prev->next : &l->head) = x->next;
	*(x->next ? &x->next->prev : &l->tail) = x->prev;
	x->prev = x->next = NULL;
	x->list = NULL;
	c->n--;
}

static void append(struct chores *c, struct chore *x, struct chore_list *l)
{
	x->list = l;
	x->prev = l->tail;
	x->next = NULL;
	*(l->tail ? &l->tail->next : &l->head) = x;
	l->tail = x;
	c->n++;
}

void chore_now(struct chores *c, struct chore *x)
{
	if (x->list == &c->now)
		return;
	chore_drop(c, x);
	append(c, x, &c->now);
}

void chore_later(struct chores *c, struct chore *x, enum delay d, msec mono)
{
	chore_drop(c, x);
	x->at = mono + delays[d];
	append(c, x, &c->later[d]);
}

struct chore *chore_next(struct chores *c, msec mono)
{
	for (int d = 0; d < DELAYS; d++)
		for (struct chore *x; (x = c->later[d].head) && x->at <= mono;)
			chore_now(c, x);
	struct chore *x = c->now.head;
	if (x)
		chore_drop(c, x);
	return x;
}

msec chores_wake_at(const struct chores *c)
{
	msec at = c->now.head ? 0 : -1;
	for (int d = 0; d < DELAYS && at != 0; d++)
		if (c->later[d].head && (at < 0 || c->later[d].head->at < at))
			at = c->later[d].head->at;
	return at;
}
