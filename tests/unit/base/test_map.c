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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_behave_like_an_array),
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(keys_differ_by_all_their_bytes),
		cmocka_unit_test(hashes_are_fnv_1a),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
