/* Any address of each family that a Service wants. */
#pragma once

#include "core/ask.h"

/* Begins what the condition says of a group that was not joined; kept in service.note. */
extern const char not_shared[];

void by_family(struct ipam *m, struct service *s, struct verdict *v, const struct ipam_trace *t);
