/* Addresses that a Service asks for by name. */
#pragma once

#include "core/ask.h"

void by_request(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t);
