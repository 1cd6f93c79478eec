#include "base/map.h"

#include "lib/test.h"

enum { KEYS = 300 };

/* The model: a value per key, NULL = not there. */
struct model {
	char keys[KEYS][8];
	void *values[KEYS];
	size_t n;
};

static void check_all(const struct map *m, const struct model *w)
{
	size_t at = 0, n = 0;
	void *v;
	bool seen[KEYS] = { false };
	for (int i = 0; i < KEYS; i++)
		assert_ptr_equal(map_get(m, w->keys[i]), w->values[i]);
	while ((v = map_next(m, &at))) {
		size_t i = (size_t)(uintptr_t)v % KEYS;
		assert_ptr_equal(w->values[i], v);
		assert_false(seen[i]);
		seen[i] = true;
		n++;
	}
	assert_int_equal(n, w->n);
	assert_int_equal(m->n, w->n);
}

static void maps_behave_like_an_array(void **state)
{
	struct rng rng = test_rng(__func__);
	struct map m = { 0 };
	struct model w = { .n = 0 };
	for (int i = 0; i < KEYS; i++)
		(void)snprintf(w.keys[i], sizeof(w.keys[i]), "k%d", i);
	for (uintptr_t round = 1; round < 200000; round++) {
		size_t i = rng_below(&rng, KEYS);
		/* Grows for a while, then shrinks: full tables and empty ones. */
		bool add = rng_below(&rng, 100) < (round / 5000 % 2 ? 25 : 75);
		void *v = add ? (void *)(round * KEYS + i) : NULL;
		void *old = add ? map_put(&m, w.keys[i], v) : map_del(&m, w.keys[i]);
		assert_ptr_equal(old, w.values[i]);
		w.n += (v != NULL) - (size_t)(old != NULL);
		w.values[i] = v;
		if (round % 1000 == 0)
			check_all(&m, &w);
	}
	check_all(&m, &w);
	map_done(&m);
}

static void an_empty_map_has_nothing(void **state)
{
	struct map m = { 0 };
	size_t at = 0;
	assert_null(map_get(&m, "a"));
	assert_null(map_del(&m, "a"));
	assert_null(map_next(&m, &at));
	map_done(&m);
}

static void keys_differ_by_all_their_bytes(void **state)
{
	struct map m = { 0 };
	int a, b, c;
	(void)map_put(&m, "web", &a);
	(void)map_put(&m, "web1", &b);
	(void)map_put(&m, "", &c);
	assert_ptr_equal(map_get_slice(&m, (struct slice){ "web12", 3 }), &a);
	assert_ptr_equal(map_get_slice(&m, (struct slice){ "web12", 4 }), &b);
	assert_null(map_get_slice(&m, (struct slice){ "web12", 5 }));
	assert_null(map_get_slice(&m, (struct slice){ "web12", 2 }));
	assert_ptr_equal(map_get(&m, ""), &c);
	map_done(&m);
}

static void hashes_are_fnv_1a(void **state)
{
	/* The published test vectors of the algorithm. */
	assert_int_equal(hash_bytes("", 0), 0x811c9dc5u);
	assert_int_equal(hash_bytes("a", 1), 0xe40c292cu);
	assert_int_equal(hash_bytes("foobar", 6), 0xbf9cf968u);
}

static void keyed_hashes_are_siphash(void **state)
{
	/* The key and the vectors of its authors: bytes 0, 1, 2 and so on. */
	unsigned char text[15];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)i;
	map_seed(0x0706050403020100, 0x0f0e0d0c0b0a0908);
	assert_true(hash_keyed("", 0) == 0x726fdb47dd0e0e31);
	assert_true(hash_keyed(text, 8) == 0x93f5f5799a932462);
	assert_true(hash_keyed(text, 15) == 0xa129ca6149be45e5);
	map_seed(0, 0);
}

enum { CHOSEN = 2000, CROWD_MAX = 40 };

/* Whoever foresees where keys go makes each look-up walk over all. Keys that collide under one seed, found
 * as an attacker would, do not under another. */
static void chosen_keys_do_not_meet_under_another_seed(void **state)
{
	struct map m = { 0 };
	char(*keys)[16] = xcalloc(CHOSEN, sizeof(*keys));
	size_t n = 0, most = 0;
	map_seed(0, 0);
	for (unsigned i = 0; n < CHOSEN; i++) {
		int len = snprintf(keys[n], sizeof(keys[n]), "k%u", i);
		n += (hash_keyed(keys[n], (size_t)len) & 0xff) == 0;
	}
	map_seed(0x243f6a8885a308d3, 0x13198a2e03707344);
	size_t at[256] = { 0 };
	for (size_t i = 0; i < n; i++) {
		size_t place = hash_keyed(keys[i], strlen(keys[i])) & 0xff;
		most = ++at[place] > most ? at[place] : most;
		(void)map_put(&m, keys[i], keys[i]);
	}
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(map_get(&m, keys[i]), keys[i]);
	/* 2,000 over 256 places are some 8 each, and not 2,000 in one. */
	assert_true(most <= CROWD_MAX);
	map_done(&m);
	free(keys);
	map_seed(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_behave_like_an_array),
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(keys_differ_by_all_their_bytes),
		cmocka_unit_test(hashes_are_fnv_1a),
		cmocka_unit_test(keyed_hashes_are_siphash),
		cmocka_unit_test(chosen_keys_do_not_meet_under_another_seed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
