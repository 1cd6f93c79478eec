/* A small seeded generator (splitmix64), for jitter and for tests; not for secrets. */
#pragma once

#include <stdint.h>

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
/* Evenly spread over [0, n); n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
