/* Why a Service waits. */
#pragma once

#include "check.h"

/* At rest, of a Service that is not satisfied: the reason must be one that is true. */
void check_reason(struct sim *x, int s, const char *reason);
