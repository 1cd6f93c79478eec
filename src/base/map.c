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
	const struct map_slot *s = &m->slots[find(m, key, hash_bytes(key.ptr, key.len))];
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
	uint32_t hash = hash_bytes(k.ptr, k.len);
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
	size_t hole = find(m, k, hash_bytes(k.ptr, k.len));
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
