#include "core/addr_map.h"

#include "lib/test.h"

/* Fewer rounds where every access is checked by a sanitizer. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif
#ifndef SLOW
#define SLOW 0
#endif

/* Values are made from keys, so that a key with another's value is noticed. */
static void *value_of(struct ip a, unsigned version)
{
	return (void *)(uintptr_t)((a.lo * 8 + version % 8) | 1u << 31);
}

/* --- A dense universe: one value per address of a window, so that neighbours meet --- */

struct window {
	const char *name;
	enum family family;
	u128 base;
	unsigned n;
	struct addr_map map;
	void **held;
};

static struct ip at(const struct window *w, unsigned i)
{
	return ip_make(w->family, w->base + i);
}

static void check_walk(const struct window *w, unsigned lo, unsigned hi)
{
	struct addr_walk walk = addr_walk(&w->map, (struct range){ at(w, lo), at(w, hi) });
	for (unsigned i = lo; i <= hi; i++) {
		if (!w->held[i])
			continue;
		assert_true(addr_walk_next(&walk));
		assert_true(ip_eq(walk.key, at(w, i)));
		assert_ptr_equal(walk.value, w->held[i]);
	}
	assert_false(addr_walk_next(&walk));
	assert_false(addr_walk_next(&walk));
}

static void check_range(const struct window *w, unsigned lo, unsigned hi)
{
	struct range r = { at(w, lo), at(w, hi) };
	uint64_t n = 0;
	unsigned free_at = hi + 1, held_at = w->n;
	for (unsigned i = hi + 1; i-- > lo;) {
		n += w->held[i] != NULL;
		if (w->held[i])
			held_at = i;
		else
			free_at = i;
	}
	for (unsigned i = hi + 1; i < w->n && held_at == w->n; i++)
		if (w->held[i])
			held_at = i;

	struct ip found;
	void *value;
	assert_int_equal(addr_map_count(&w->map, r), n);
	assert_int_equal(addr_map_first_free(&w->map, r, &found), free_at <= hi);
	if (free_at <= hi)
		assert_true(ip_eq(found, at(w, free_at)));
	assert_int_equal(addr_map_seek(&w->map, r.lo, &found, &value), held_at < w->n);
	if (held_at < w->n) {
		assert_true(ip_eq(found, at(w, held_at)));
		assert_ptr_equal(value, w->held[held_at]);
	}
}

static void put(struct window *w, unsigned i, unsigned version)
{
	assert_ptr_equal(addr_map_put(&w->map, at(w, i), value_of(at(w, i), version)), w->held[i]);
	w->held[i] = value_of(at(w, i), version);
}

static void del(struct window *w, unsigned i)
{
	assert_ptr_equal(addr_map_del(&w->map, at(w, i)), w->held[i]);
	w->held[i] = NULL;
}

/* One address, chosen by the mood of the moment: anywhere, the lowest free one, or in a heap. */
static void change(struct rng *rng, struct window *w, unsigned mood, unsigned round)
{
	unsigned i = (unsigned)rng_below(rng, w->n);
	bool add = rng_below(rng, 100) < (mood & 1 ? 70 : 30);
	struct ip found;
	if (mood & 2 && add) {
		if (!addr_map_first_free(&w->map, (struct range){ at(w, i), at(w, w->n - 1) }, &found))
			return;
		i = (unsigned)(ip_bits(found) - w->base);
	} else if (mood & 4) {
		i = (i & ~15u) + round % 16 < w->n ? (i & ~15u) + round % 16 : i;
	}
	if (add)
		put(w, i, round);
	else
		del(w, i);
}

static void play(struct rng *rng, struct window *w, unsigned rounds)
{
	w->held = xcalloc(w->n, sizeof(*w->held));
	unsigned mood = 1;
	for (unsigned round = 0; round < rounds; round++) {
		if (round % (w->n * 2) == 0)
			mood = (unsigned)rng_below(rng, 8);
		change(rng, w, mood, round);
		unsigned i = (unsigned)rng_below(rng, w->n), lo = (unsigned)rng_below(rng, w->n);
		assert_ptr_equal(addr_map_get(&w->map, at(w, i)), w->held[i]);
		if (round % 4 == 0)
			check_range(w, lo, lo + (unsigned)rng_below(rng, w->n - lo));
		if (round % 4096 == 0) {
			check_range(w, 0, w->n - 1);
			check_walk(w, 0, w->n - 1);
			check_walk(w, lo, lo + (unsigned)rng_below(rng, w->n - lo));
		}
	}
	check_walk(w, 0, w->n - 1);
	uint64_t n = 0;
	for (unsigned i = 0; i < w->n; i++)
		n += w->held[i] != NULL;
	assert_int_equal(addr_map_size(&w->map, w->family), n);
	assert_int_equal(addr_map_size(&w->map, family_other(w->family)), 0);
	for (unsigned i = 0; i < w->n; i++)
		del(w, i);
	assert_int_equal(addr_map_size(&w->map, w->family), 0);
	assert_int_equal(addr_map_bytes(&w->map), 0);
	addr_map_done(&w->map);
	free(w->held);
}

static void dense_maps_behave_like_an_array(void **state)
{
	struct rng rng = test_rng(__func__);
	struct window windows[] = {
		{ .name = "/32", .family = IPV4, .base = 0x0a000001, .n = 1 },
		{ .name = "/31", .family = IPV4, .base = 0x0a000000, .n = 2 },
		{ .name = "lowest IPv4", .family = IPV4, .base = 0, .n = 700 },
		{ .name = "10.0.0.0", .family = IPV4, .base = 0x0a000000, .n = 3000 },
		{ .name = "highest IPv4", .family = IPV4, .base = (u128)UINT32_MAX - 699, .n = 700 },
		{ .name = "lowest IPv6", .family = IPV6, .base = 0, .n = 700 },
		{ .name = "across 64 bits", .family = IPV6, .base = ((u128)0xfd00 << 64) - 350, .n = 700 },
		{ .name = "highest IPv6", .family = IPV6, .base = ~(u128)0 - 699, .n = 700 },
		{ .name = "highest IPv6 address", .family = IPV6, .base = ~(u128)0, .n = 1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		print_message("%s\n", windows[i].name);
		play(&rng, &windows[i], windows[i].n < 10 ? 1000 : SLOW ? 60000 : 180000);
	}
}

/* --- A sparse universe: keys of a whole family in a sorted array --- */

struct listing {
	struct addr_map map;
	struct ip *keys;
	void **values;
	size_t n, cap;
};

static size_t lower(const struct listing *l, struct ip a)
{
	size_t lo = 0, hi = l->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (ip_cmp(l->keys[mid], a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void toggle(struct listing *l, struct ip a, bool add, unsigned version)
{
	size_t i = lower(l, a);
	bool there = i < l->n && ip_eq(l->keys[i], a);
	if (add) {
		void *v = value_of(a, version);
		assert_ptr_equal(addr_map_put(&l->map, a, v), there ? l->values[i] : NULL);
		if (!there) {
			memmove(l->keys + i + 1, l->keys + i, (l->n - i) * sizeof(*l->keys));
			memmove(l->values + i + 1, l->values + i, (l->n - i) * sizeof(*l->values));
			l->keys[i] = a;
			l->n++;
		}
		l->values[i] = v;
		return;
	}
	assert_ptr_equal(addr_map_del(&l->map, a), there ? l->values[i] : NULL);
	if (there) {
		l->n--;
		memmove(l->keys + i, l->keys + i + 1, (l->n - i) * sizeof(*l->keys));
		memmove(l->values + i, l->values + i + 1, (l->n - i) * sizeof(*l->values));
	}
}

/* Anywhere in the family, near the ends of words, or beside a key that is there. */
static struct ip random_ip(struct rng *rng, const struct listing *l, enum family f)
{
	u128 bits = (u128)rng_next(rng) << 64 | rng_next(rng);
	switch (rng_below(rng, 4)) {
	case 0:
		break;
	case 1: /* the ends of the family */
		bits = (rng_below(rng, 2) ? ~(u128)0 : 0) ^ rng_below(rng, 64);
		break;
	case 2: /* both sides of a 64 bit boundary */
		bits = ((u128)rng_below(rng, 8) << 64) + rng_below(rng, 64) - 32;
		break;
	default:
		if (l->n)
			bits = ip_bits(l->keys[rng_below(rng, l->n)]) + rng_below(rng, 3) - 1;
	}
	return ip_make(f, f == IPV4 ? (uint32_t)bits : bits);
}

static void check_listing(struct rng *rng, const struct listing *l, enum family f)
{
	struct ip a = random_ip(rng, l, f), b = random_ip(rng, l, f);
	struct range r = ip_cmp(a, b) <= 0 ? (struct range){ a, b } : (struct range){ b, a };
	if (rng_below(rng, 8) == 0)
		r = (struct range){ ip_make(f, 0), ip_last(f) };
	size_t from = lower(l, r.lo), to = lower(l, r.hi);
	bool hi_held = to < l->n && ip_eq(l->keys[to], r.hi);
	assert_int_equal(addr_map_count(&l->map, r), to - from + hi_held);

	u128 x = ip_bits(r.lo);
	bool is_free = true;
	for (size_t i = from; i < l->n && ip_bits(l->keys[i]) == x; i++, x++) {
		if (x == ip_bits(r.hi)) {
			is_free = false;
			break;
		}
	}
	struct ip found;
	void *value;
	assert_int_equal(addr_map_first_free(&l->map, r, &found), is_free);
	if (is_free)
		assert_true(ip_eq(found, ip_make(f, x)));
	assert_int_equal(addr_map_seek(&l->map, r.lo, &found, &value), from < l->n);
	if (from < l->n) {
		assert_true(ip_eq(found, l->keys[from]));
		assert_ptr_equal(value, l->values[from]);
	}
	size_t i = lower(l, a);
	bool there = i < l->n && ip_eq(l->keys[i], a);
	assert_ptr_equal(addr_map_get(&l->map, a), there ? l->values[i] : NULL);
}

static void sparse_maps_behave_like_a_sorted_list(void **state)
{
	struct rng rng = test_rng(__func__);
	enum { MOST = 9000 };
	for (int f = 0; f < FAMILIES; f++) {
		struct listing l = { .keys = xcalloc(MOST + 1, sizeof(struct ip)),
				     .values = xcalloc(MOST + 1, sizeof(void *)) };
		bool growing = true;
		for (unsigned round = 0; round < (SLOW ? 100000 : 300000); round++) {
			if (l.n >= MOST)
				growing = false;
			else if (l.n == 0)
				growing = true;
			bool add = rng_below(&rng, 100) < (growing ? 80 : 5);
			struct ip a = random_ip(&rng, &l, (enum family)f);
			if (!add && l.n && rng_below(&rng, 4))
				a = l.keys[rng_below(&rng, l.n)];
			toggle(&l, a, l.n < MOST && add, round);
			check_listing(&rng, &l, (enum family)f);
			assert_int_equal(addr_map_size(&l.map, (enum family)f), l.n);
			if (round % 10000 == 0) {
				struct addr_walk w =
					addr_walk(&l.map, (struct range){ ip_make((enum family)f, 0),
									  ip_last((enum family)f) });
				for (size_t i = 0; i < l.n; i++) {
					assert_true(addr_walk_next(&w));
					assert_true(ip_eq(w.key, l.keys[i]));
				}
				assert_false(addr_walk_next(&w));
			}
		}
		addr_map_done(&l.map);
		free(l.keys);
		free(l.values);
	}
}

/* --- Claims about single things --- */

static struct ip v4(uint32_t bits)
{
	return ip_make(IPV4, bits);
}

static void the_families_are_kept_apart(void **state)
{
	struct addr_map m = { 0 };
	int a, b;
	struct ip found;
	void *value;
	assert_null(addr_map_put(&m, v4(1), &a));
	assert_null(addr_map_get(&m, ip_make(IPV6, 1)));
	assert_null(addr_map_put(&m, ip_make(IPV6, 1), &b));
	assert_ptr_equal(addr_map_get(&m, v4(1)), &a);
	assert_ptr_equal(addr_map_get(&m, ip_make(IPV6, 1)), &b);
	assert_int_equal(addr_map_size(&m, IPV4), 1);
	assert_int_equal(addr_map_size(&m, IPV6), 1);
	/* What follows the last IPv4 address is not the first of IPv6. */
	assert_false(addr_map_seek(&m, v4(2), &found, &value));
	assert_ptr_equal(addr_map_del(&m, v4(1)), &a);
	assert_ptr_equal(addr_map_get(&m, ip_make(IPV6, 1)), &b);
	addr_map_done(&m);
	assert_int_equal(addr_map_bytes(&m), 0);
}

static void an_empty_map_is_all_free(void **state)
{
	struct addr_map m = { 0 };
	struct range all = { v4(0), ip_last(IPV4) };
	struct ip found;
	void *value;
	assert_true(addr_map_first_free(&m, all, &found));
	assert_true(ip_eq(found, v4(0)));
	assert_int_equal(addr_map_count(&m, all), 0);
	assert_null(addr_map_get(&m, v4(0)));
	assert_null(addr_map_del(&m, v4(0)));
	assert_false(addr_map_seek(&m, v4(0), &found, &value));
	struct addr_walk w = addr_walk(&m, all);
	assert_false(addr_walk_next(&w));
	addr_map_done(&m);
}

static void a_full_range_has_nothing_free(void **state)
{
	struct addr_map m = { 0 };
	int x;
	struct ip found = v4(77);
	enum { FULL = 5000 };
	for (uint32_t i = 0; i < FULL; i++)
		(void)addr_map_put(&m, v4(UINT32_MAX - i), &x);
	assert_false(
		addr_map_first_free(&m, (struct range){ v4(UINT32_MAX - FULL + 1), ip_last(IPV4) }, &found));
	assert_true(ip_eq(found, v4(77)));
	assert_true(addr_map_first_free(&m, (struct range){ v4(UINT32_MAX - FULL), ip_last(IPV4) }, &found));
	assert_true(ip_eq(found, v4(UINT32_MAX - FULL)));
	assert_int_equal(addr_map_count(&m, (struct range){ v4(0), ip_last(IPV4) }), FULL);
	addr_map_done(&m);
}

/* Allocating the lowest free address over and over gives each address once, in order. */
static void the_lowest_free_address_is_given_out_in_order(void **state)
{
	struct addr_map m = { 0 };
	struct range r = { ip_make(IPV6, ((u128)9 << 64) - 1000), ip_make(IPV6, ((u128)9 << 64) + 999) };
	struct ip found;
	int x;
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(addr_map_first_free(&m, r, &found));
		assert_true(ip_eq(found, ip_make(IPV6, ip_bits(r.lo) + i)));
		(void)addr_map_put(&m, found, &x);
	}
	assert_false(addr_map_first_free(&m, r, &found));
	(void)addr_map_del(&m, ip_make(IPV6, ip_bits(r.lo) + 777));
	assert_true(addr_map_first_free(&m, r, &found));
	assert_true(ip_eq(found, ip_make(IPV6, ip_bits(r.lo) + 777)));
	addr_map_done(&m);
}

#ifndef ADDR_MAP_FANOUT
enum { HELD = 50000 };

static double bytes_per_key(const struct addr_map *m, enum family f)
{
	return (double)addr_map_bytes(m) / (double)addr_map_size(m, f);
}

/* Bytes per key with addresses in order, upwards, downwards and as many pools side by side. */
static void memory_is_near_the_size_of_the_keys_in_order(void **state)
{
	int x;
	for (int f = 0; f < FAMILIES; f++) {
		double most = f == IPV4 ? 13.5 : 26;
		for (int way = 0; way < 3; way++) {
			struct addr_map m = { 0 };
			for (uint32_t i = 0; i < HELD; i++) {
				uint32_t at = way == 0   ? i * 3
					      : way == 1 ? (HELD - i) * 3
							 : (i % 8) * 1000000 + i / 8;
				(void)addr_map_put(&m, ip_make((enum family)f, at), &x);
			}
			if (bytes_per_key(&m, (enum family)f) > most)
				fail_msg("%s, way %d: %.1f bytes", family_name((enum family)f), way,
					 bytes_per_key(&m, (enum family)f));
			addr_map_done(&m);
		}
	}
}

static void memory_stays_in_bounds_at_random(void **state)
{
	struct rng rng = test_rng(__func__);
	int x;
	for (int f = 0; f < FAMILIES; f++) {
		struct addr_map m = { 0 };
		struct ip *keys = xcalloc(HELD, sizeof(*keys));
		for (unsigned i = 0; i < HELD; i++) {
			u128 bits = (u128)rng_next(&rng) << 64 | rng_next(&rng);
			keys[i] = ip_make((enum family)f, f == IPV4 ? (uint32_t)bits : bits);
			(void)addr_map_put(&m, keys[i], &x);
		}
		double full = bytes_per_key(&m, (enum family)f);
		for (unsigned i = 0; i < HELD; i++)
			if (i % 16)
				(void)addr_map_del(&m, keys[i]);
		double thinned = bytes_per_key(&m, (enum family)f);
		print_message("%s: %.1f bytes at random fill, %.1f after taking most out\n",
			      family_name((enum family)f), full, thinned);
		assert_true(full < (f == IPV4 ? 17 : 33));
		assert_true(thinned < 2.2 * full);
		addr_map_done(&m);
		free(keys);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dense_maps_behave_like_an_array),
		cmocka_unit_test(sparse_maps_behave_like_a_sorted_list),
		cmocka_unit_test(the_families_are_kept_apart),
		cmocka_unit_test(an_empty_map_is_all_free),
		cmocka_unit_test(a_full_range_has_nothing_free),
		cmocka_unit_test(the_lowest_free_address_is_given_out_in_order),
#ifndef ADDR_MAP_FANOUT
		cmocka_unit_test(memory_is_near_the_size_of_the_keys_in_order),
		cmocka_unit_test(memory_stays_in_bounds_at_random),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
