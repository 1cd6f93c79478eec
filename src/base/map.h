/* A map from text to a pointer: open addressing, keys copied or borrowed by the owner's choice.
 * Order of iteration is not defined; whoever needs order sorts. */
#pragma once

#include "base/slice.h"

struct map_slot {
	const char *key; /* borrowed: must live as long as the entry, usually inside the value */
	void *value;
	uint32_t hash;
};

struct map {
	struct map_slot *slots; /* owned */
	size_t cap;             /* 0 or a power of two */
	size_t n;
};

/* Frees the table, not the values. */
void map_done(struct map *m);
void *map_get(const struct map *m, const char *key);
void *map_get_slice(const struct map *m, struct slice key);
/* `key` is kept by pointer. Returns the value it replaces, or NULL. */
void *map_put(struct map *m, const char *key, void *value);
/* Takes the entry out; returns its value or NULL. */
void *map_del(struct map *m, const char *key);

/* size_t at = 0; while ((v = map_next(&m, &at))) ... ; the map must not change meanwhile. */
void *map_next(const struct map *m, size_t *at);

/* Keys may be what others write (labels, names), and whoever knows where a key goes can send a hundred
 * thousand that all go to one place. So a program that serves others makes the places unforeseeable by random
 * bits, once and before any map has an entry. Without it each run is like the other. */
void map_seed(uint64_t a, uint64_t b);

/* FNV-1a: for what nobody gains by foreseeing. */
uint32_t hash_bytes(const void *p, size_t n);
/* SipHash-2-4 under the key of map_seed(). */
uint64_t hash_keyed(const void *p, size_t n);
