/* Services to be looked at, each at most once: those who asked for an address by name that became
 * free, those who waited for something that changed, all others. And those to be looked at later. */
#pragma once

#include "core/state.h"

/* Queues the Service, or moves it up to a better lane. While an effect of it is out it is only
 * marked, and queued when that has ended. */
void enqueue(struct ipam *m, struct service *s, enum lane lane);
void dequeue(struct ipam *m, struct service *s);
/* The next one, taken out; NULL when nobody is queued. */
struct service *queue_pop(struct ipam *m);

/* Looks at it again at s->retry_at = at, unless something wakes it earlier. */
void timer_set(struct ipam *m, struct service *s, msec at);
void timer_clear(struct ipam *m, struct service *s);
/* Queues all whose time has come. */
void timers_fire(struct ipam *m, msec mono);
msec timers_next(const struct ipam *m); /* -1 = none */
