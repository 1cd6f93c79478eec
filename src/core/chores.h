/* What of the cluster pool is to be looked at, each at most once: now, or after one of a few fixed delays.
 * For each delay there is a list, in order of time by itself. */
#pragma once

#include "base/times.h"

#include <stddef.h>

/* From short to long; the first row after writes that may have happened, the second after refused ones. */
enum delay {
	DELAY_200MS,
	DELAY_500MS,
	DELAY_1S,
	DELAY_2S,
	DELAY_5S,
	DELAY_10S,
	DELAY_30S,
	DELAY_1M,
	DELAY_5M,
	DELAYS
};

struct chore_list {
	struct chore *head, *tail;
};
/* Part of a node or of a block. */
struct chore {
	struct chore *prev, *next;
	struct chore_list *list; /* NULL: in none */
	msec at;                 /* monotonic; when it is due */
	bool is_node;
	unsigned char tries;
};
struct chores {
	struct chore_list now, later[DELAYS];
	size_t n;
};

/* Looks at it as soon as possible, or after the delay; it stands in one list only, the last one said. */
void chore_now(struct chores *c, struct chore *x);
void chore_later(struct chores *c, struct chore *x, enum delay d, msec mono);
void chore_drop(struct chores *c, struct chore *x);
/* Moves those whose time has come behind the others; then the next one, taken out; NULL = none is due. */
struct chore *chore_next(struct chores *c, msec mono);
msec chores_wake_at(const struct chores *c); /* 0 = now, -1 = never */
