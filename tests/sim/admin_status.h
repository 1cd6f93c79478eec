/* What policies, reservations and pools say of themselves. */
#pragma once

#include "check.h"

/* At rest: conditions of policies, phases of reservations, finalizers and low-water marks of pools. */
void check_admin(struct sim *x);
