/* Addresses that a Service asks for by name. */
#pragma once

#include "core/ask.h"

/* Exactly this address, if it can be had; else false, why not is in v, and the Service waits for it. */
bool take_by_name(struct ipam *m, struct service *s, struct verdict *v, struct ip ip);
void by_request(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t);
