/* Blocks of one size out of a list of networks: which is free, and which is next.
 *
 * The networks (entries) are used in the order in which they are given, and inside one it goes round: the
 * search starts behind the block that was taken last (next-fit), so that one that was given back rests as
 * long as possible. Whatever lies in a block occupies it: a network of the same size, a part of it, or a
 * larger one, which occupies every block that it touches. Carved-out ranges are never given.
 *
 * Finding, occupying and releasing cost O(log n) of the blocks in use, and nothing for those that are free.
 */
#pragma once

#include "core/range_set.h"

struct block_alloc;

/* Who takes a block. PodCIDRs may be confined to a part of the entries; external addresses come from the
 * rest first, then from that part too. */
enum block_use { BLOCK_POD, BLOCK_EXTERNAL, BLOCK_USES };

/* All networks are of one family and given as ranges; no two entries overlap, and each is at least one block
 * large. `pods`: parts of the entries for PodCIDRs, each at least one block large; n_pods 0 = everywhere. */
struct block_alloc *block_alloc_new(const struct range *entries, size_t n_entries, int mask,
				    const struct range *pods, size_t n_pods);
void block_alloc_free(struct block_alloc *a); /* NULL allowed */

/* Lies r inside one of the entries as a whole? */
bool block_alloc_covers(const struct block_alloc *a, struct range r);
/* Is it exactly one of the blocks? */
bool block_alloc_is_block(const struct block_alloc *a, struct range r);
/* The block that contains the address; false if no entry does. */
bool block_alloc_at(const struct block_alloc *a, struct ip ip, struct range *ret);

/* Something lies there now, does not any more: any range, also outside of the entries, and any number of
 * times. */
void block_alloc_occupy(struct block_alloc *a, struct range r);
void block_alloc_release(struct block_alloc *a, struct range r);
/* From now on exactly these ranges are carved out. */
void block_alloc_carve(struct block_alloc *a, const struct range_set *off);

/* The block that is next to be taken. It is not occupied by that. False if all are in use. */
bool block_alloc_next(struct block_alloc *a, enum block_use use, struct range *ret);
/* The block has been taken: the search goes on behind it. */
void block_alloc_took(struct block_alloc *a, struct range r);
/* Does nothing lie in the block, and is it not carved out? */
bool block_alloc_is_free(struct block_alloc *a, struct range block);

/* Does something that is carved out lie in it? */
bool block_alloc_is_carved(const struct block_alloc *a, struct range r);

struct block_counts {
	uint64_t total; /* without those that are carved out */
	uint64_t used;
};
struct block_counts block_alloc_count(struct block_alloc *a, enum block_use use);
