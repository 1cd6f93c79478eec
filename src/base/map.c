#include "base/map.h"

#include "base/mem.h"

uint32_t hash_bytes(const void *p, size_t n)
{
	const unsigned char *b = p;
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}

static uint64_t seed[2];

void map_seed(uint64_t a, uint64_t b)
{
	seed[0] = a;
	seed[1] = b;
}

static uint64_t turn(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = turn(v[1], 13) ^ v[0];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] = turn(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = turn(v[3], 21) ^ v[0];
		v[1] = turn(v[1], 17) ^ v[2];
		v[2] = turn(v[2], 32);
	}
}

static void sip_take(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

/* Little endian, whatever the machine. */
static uint64_t word_at(const unsigned char *b, size_t n)
{
	uint64_t word = 0;
	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)b[i] << 8 * i;
	return word;
}

/* As in "SipHash: a fast short-input PRF" (Aumasson, Bernstein, 2012). */
uint64_t hash_keyed(const void *p, size_t n)
{
	const unsigned char *b = p;
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
			  seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
	size_t whole = n / 8 * 8;
	for (size_t i = 0; i < whole; i += 8)
		sip_take(v, word_at(b + i, 8));
	sip_take(v, word_at(b + whole, n - whole) | (uint64_t)n << 56);
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint32_t place_of(struct slice key)
{
	return (uint32_t)hash_keyed(key.ptr, key.len);
}

void map_done(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

static bool key_is(const struct map_slot *s, struct slice key)
{
	return strncmp(s->key, key.ptr, key.len) == 0 && s->key[key.len] == '\0';
}

/* Linear probing without tombstones: map_del moves followers back. */
static size_t find(const struct map *m, struct slice key, uint32_t hash)
{
	size_t mask = m->cap - 1;
	size_t i = hash & mask;
	while (m->slots[i].key) {
		if (m->slots[i].hash == hash && key_is(&m->slots[i], key))
			return i;
		i = (i + 1) & mask;
	}
	return i;
}

void *map_get_slice(const struct map *m, struct slice key)
{
	if (m->n == 0)
		return NULL;
	const struct map_slot *s = &m->slots[find(m, key, place_of(key))];
	return s->key ? s->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_get_slice(m, slice_of(key));
}

static void rehash(struct map *m, size_t cap)
{
	struct map_slot *old = m->slots;
	size_t old_cap = m->cap;
	m->slots = xcalloc(cap, sizeof(*m->slots));
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++) {
		if (!old[i].key)
			continue;
		size_t at = old[i].hash & (cap - 1);
		while (m->slots[at].key)
			at = (at + 1) & (cap - 1);
		m->slots[at] = old[i];
	}
	free(old);
}

void *map_put(struct map *m, const char *key, void *value)
{
	if ((m->n + 1) * 4 > m->cap * 3)
		rehash(m, m->cap ? m->cap * 2 : 16);
	struct slice k = slice_of(key);
	uint32_t hash = place_of(k);
	struct map_slot *s = &m->slots[find(m, k, hash)];
	void *old = s->key ? s->value : NULL;
	if (!s->key)
		m->n++;
	*s = (struct map_slot){ key, value, hash };
	return old;
}

void *map_del(struct map *m, const char *key)
{
	if (m->n == 0)
		return NULL;
	struct slice k = slice_of(key);
	size_t mask = m->cap - 1;
	size_t hole = find(m, k, place_of(k));
	if (!m->slots[hole].key)
		return NULL;
	void *value = m->slots[hole].value;
	size_t i = hole;
	for (;;) {
		i = (i + 1) & mask;
		if (!m->slots[i].key)
			break;
		size_t home = m->slots[i].hash & mask;
		/* An entry may fill the hole unless its home lies between the hole and itself. */
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_slot){ 0 };
	m->n--;
	return value;
}

void *map_next(const struct map *m, size_t *at)
{
	while (*at < m->cap) {
		const struct map_slot *s = &m->slots[(*at)++];
		if (s->key)
			return s->value;
	}
	return NULL;
}
