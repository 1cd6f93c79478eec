/* What a Service should have: read this first. */
#pragma once

#include "core/state.h"

/* Takes over what the status or a record says that the Service has, if it may have it. */
void adopt(struct ipam *m, struct service *s);
/* Why an address in its status that it does not hold is not taken over, as a clause; NULL: it is. A Node or
 * externalIPs that have come to the address are no reason: what is valid does not move. Nor is a foreign
 * status once it is ours. */
const char *adopt_refused(const struct ipam *m, const struct service *s, struct ip ip);
/* The Service waits for nothing any more; what it was woken for goes to the next in line. */
void stop_waiting(struct ipam *m, struct service *s);
/* Settles which addresses the Service holds, which it leaves, the reason and the message, and what it
 * waits for. Deciding twice changes nothing. t: NULL, or who is told what was looked at on the way. */
void decide(struct ipam *m, struct service *s, const struct ipam_trace *t);
