/* Networks by address: which of them overlap a range. Two networks are nested or apart, never half over each
 * other, so whatever overlaps a range either starts in it or is one of the few that can contain its start.
 * The same network may be in there several times. */
#pragma once

#include "core/addr_map.h"

/* Part of what is indexed. */
struct cidr_item {
	struct range range;
	int prefix;
	struct cidr_item *next; /* of the same first address */
};

struct cidr_index {
	struct addr_map by_first;        /* first address -> struct cidr_item */
	unsigned lengths[FAMILIES][129]; /* how many there are of each prefix length */
};

void cidr_index_done(struct cidr_index *x); /* the items are the caller's */
/* item->range and prefix are set; the range is a network. `cmp` orders those with the same first address. */
void cidr_index_add(struct cidr_index *x, struct cidr_item *item,
		    int (*cmp)(const struct cidr_item *a, const struct cidr_item *b));
void cidr_index_del(struct cidr_index *x, struct cidr_item *item);
/* Calls fn for each item that overlaps r, which need not be a network, until fn returns true; then true.
 * Those that contain the first address come first, then by address. The index must not change meanwhile. */
bool cidr_index_each(const struct cidr_index *x, struct range r,
		     bool (*fn)(struct cidr_item *item, void *arg), void *arg);
