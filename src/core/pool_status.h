/* The conditions of a pool: conflict, validity, exact counts, and whether it runs low. */
#pragma once

#include "core/state.h"

/* Fills `ret` if the status in the API is not what it should be. */
bool pool_status_effect(struct ipam *m, struct pool *p, struct effect *ret);
/* Free addresses of the pool: what it gives without what is taken. */
struct count pool_available(const struct ipam *m, const struct pool *p, enum family f);
struct pool_counts pool_count(const struct ipam *m, const struct pool *p, enum family f);
