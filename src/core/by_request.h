/* Addresses that a Service asks for by name. */
#pragma once

#include "core/ask.h"

/* Exactly this address, if it can be had; else false, why not is in v, and the Service waits for it. */
bool take_by_name(struct ipam *m, struct service *s, struct verdict *v, struct ip ip);
/* Tells what became of an address that take_by_name() was asked for, and what the pools have to do with it.
 */
void trace_by_name(const struct ipam *m, const struct service *s, const struct ipam_trace *t, struct ip ip,
		   const struct asked_trace *asked);
void by_request(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t);
