/* What a Service should have: read this first. */
#pragma once

#include "core/state.h"

/* What was looked at on the way, for explain. All borrowed for the call. */
struct trace {
	void (*pool)(void *arg, const char *pool, enum family f, const char *what);
	void *arg;
};

/* Takes over what the status or a record says that the Service has, if it may have it. */
void adopt(struct ipam *m, struct service *s);
/* Settles which addresses the Service holds, which it leaves, the reason and the message, and what it
 * waits for. Deciding twice changes nothing. */
void decide(struct ipam *m, struct service *s, struct moment now, const struct trace *t);
