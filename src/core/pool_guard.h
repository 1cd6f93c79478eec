/* Deletion protection (lifecycle.md 3 and 8): our finalizer is on a pool exactly while a policy protects it
 * and Services hold addresses of it. */
#pragma once

#include "core/state.h"

/* Fills `ret` if the finalizers in the API are not what they should be. */
bool pool_guard_effect(struct ipam *m, const struct pool *p, struct effect *ret);
