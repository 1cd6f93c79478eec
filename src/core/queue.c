#include "core/queue.h"

static void unlink_from_lane(struct ipam *m, struct service *s)
{
	struct queue *q = &m->lanes[s->lane];
	if (q->last == s)
		q->last = s->q_prev;
	*(s->q_prev ? &s->q_prev->q_next : &q->head) = s->q_next;
	*(s->q_next ? &s->q_next->q_prev : &q->tail) = s->q_prev;
	s->q_prev = s->q_next = NULL;
	s->lane = LANE_NONE;
	m->n_queued--;
}

/* Those who wait stand in the order of their waiting, whatever woke them. */
static bool goes_before(const struct service *s, const struct service *t)
{
	return s->waits && (!t->waits || t->turn > s->turn);
}

/* The one that s comes after; NULL: s is the first. Whole lists of waiters are woken in their order, so the
 * place is looked for from that of the last one on: the next is close to it. */
static struct service *place_in_line(const struct queue *q, const struct service *s)
{
	struct service *after = q->tail;
	if (!after || !goes_before(s, after))
		return after;
	after = q->last ? q->last : after;
	while (after && goes_before(s, after))
		after = after->q_prev;
	struct service *next = after ? after->q_next : q->head;
	for (; next && !goes_before(s, next); next = next->q_next)
		after = next;
	return after;
}

/* Its status may still be under way: what comes free meanwhile is not to go to others who came later. */
static bool only_waits(const struct service *s)
{
	return s->waits && s->n_held == 0 && s->n_leaving == 0;
}

void enqueue(struct ipam *m, struct service *s, enum lane lane)
{
	if (s->in_flight && !only_waits(s)) {
		s->dirty = true;
		return;
	}
	if (s->lane != LANE_NONE) {
		if (s->lane <= (int8_t)lane)
			return;
		unlink_from_lane(m, s);
	}
	struct queue *q = &m->lanes[lane];
	struct service *after = lane == LANE_WAITING ? place_in_line(q, s) : q->tail;
	s->lane = (int8_t)lane;
	s->q_prev = after;
	s->q_next = after ? after->q_next : q->head;
	*(s->q_prev ? &s->q_prev->q_next : &q->head) = s;
	*(s->q_next ? &s->q_next->q_prev : &q->tail) = s;
	q->last = s;
	m->n_queued++;
}

void dequeue(struct ipam *m, struct service *s)
{
	if (s->lane != LANE_NONE)
		unlink_from_lane(m, s);
}

struct service *queue_pop(struct ipam *m)
{
	for (int i = 0; i < LANES; i++) {
		struct service *s = m->lanes[i].head;
		if (s) {
			unlink_from_lane(m, s);
			return s;
		}
	}
	return NULL;
}

/* A binary heap; s->timer is the place in it plus one. */
static void place(struct ipam *m, size_t i, struct service *s)
{
	m->timers[i] = s;
	s->timer = i + 1;
}

static void sift(struct ipam *m, size_t i)
{
	struct service *s = m->timers[i];
	while (i > 0 && m->timers[(i - 1) / 2]->retry_at > s->retry_at) {
		place(m, i, m->timers[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t kid = 2 * i + 1;
		if (kid >= m->n_timers)
			break;
		if (kid + 1 < m->n_timers && m->timers[kid + 1]->retry_at < m->timers[kid]->retry_at)
			kid++;
		if (m->timers[kid]->retry_at >= s->retry_at)
			break;
		place(m, i, m->timers[kid]);
		i = kid;
	}
	place(m, i, s);
}

void timer_clear(struct ipam *m, struct service *s)
{
	if (!s->timer)
		return;
	size_t i = s->timer - 1;
	s->timer = 0;
	struct service *last = m->timers[--m->n_timers];
	if (last != s) {
		place(m, i, last);
		sift(m, i);
	}
}

void timer_set(struct ipam *m, struct service *s, msec at)
{
	timer_clear(m, s);
	s->retry_at = at;
	vec_grow(&m->timers, &m->cap_timers, m->n_timers + 1);
	m->n_timers++;
	place(m, m->n_timers - 1, s);
	sift(m, m->n_timers - 1);
}

void timers_fire(struct ipam *m, msec mono)
{
	while (m->n_timers && m->timers[0]->retry_at <= mono) {
		struct service *s = m->timers[0];
		timer_clear(m, s);
		enqueue(m, s, LANE_NORMAL);
	}
}

msec timers_next(const struct ipam *m)
{
	return m->n_timers ? m->timers[0]->retry_at : -1;
}
