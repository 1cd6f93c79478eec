/* What is at which address: an ordered map from address to a pointer, one B+ tree per family, each
 * inner node with the number of keys below each child.
 *
 * The counts answer at O(log N), whatever the size of a range or the state of its fragmentation:
 * how many addresses of a range are taken, and which is the lowest one that is not. So no list of
 * free extents has to be kept beside what is taken, and nothing can get out of step. */
#pragma once

#include "core/ip.h"

struct addr_tree;
struct addr_map {
	struct addr_tree *tree[FAMILIES]; /* owned; NULL = empty */
};

void addr_map_done(struct addr_map *m);
void *addr_map_get(const struct addr_map *m, struct ip a);
/* value is not NULL. Returns the value that it replaces, or NULL. */
void *addr_map_put(struct addr_map *m, struct ip a, void *value);
/* Takes the key out; returns its value or NULL. */
void *addr_map_del(struct addr_map *m, struct ip a);
uint64_t addr_map_size(const struct addr_map *m, enum family f);

/* Number of keys inside r. */
uint64_t addr_map_count(const struct addr_map *m, struct range r);
/* The lowest address of r that is no key. False if all are. */
bool addr_map_first_free(const struct addr_map *m, struct range r, struct ip *ret);
/* The first key at or above a (same family); false if there is none. */
bool addr_map_seek(const struct addr_map *m, struct ip a, struct ip *ret_key, void **ret_value);

/* Walks the keys inside r in order: struct addr_walk w = addr_walk(m, r); while (addr_walk_next(&w)) w.key,
 * w.value. The map must not change meanwhile. */
struct addr_walk {
	struct ip key;
	void *value;
	struct range range;
	const void *leaf; /* where the walk stands; private */
	unsigned at;
};
struct addr_walk addr_walk(const struct addr_map *m, struct range r);
bool addr_walk_next(struct addr_walk *w);
/* Bytes of memory that the map uses. */
size_t addr_map_bytes(const struct addr_map *m);
