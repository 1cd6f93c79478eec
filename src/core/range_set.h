/* A set of addresses of both families as sorted, disjoint ranges that never touch each other.
 * For sets that change seldom (exclusions, blocks): changes cost O(n), questions O(log n). */
#pragma once

#include "core/ip.h"

struct range_set {
	struct range *items; /* owned; sorted by ip_cmp(lo) */
	size_t n, cap;
};

void range_set_done(struct range_set *s);
void range_set_add(struct range_set *s, struct range r);
void range_set_sub(struct range_set *s, struct range r);
bool range_set_has(const struct range_set *s, struct ip a);
/* Some range of the set that overlaps r; NULL if none does. The lowest one. */
const struct range *range_set_overlap(const struct range_set *s, struct range r);
/* The part of r that is not in the set, appended to `out` in order of address. */
void range_set_rest(const struct range_set *s, struct range r, struct range **out, size_t *n, size_t *cap);
struct count range_set_count(const struct range_set *s, enum family f);
bool range_set_eq(const struct range_set *a, const struct range_set *b);
