#include "core/range_set.h"

#include "lib/test.h"

/* The model: one flag per address of a small universe that starts at `base`. */
enum { N = 200 };

struct world {
	const char *name;
	enum family family;
	u128 base;
	struct range_set set;
	bool held[N];
};

static struct range between(const struct world *w, unsigned lo, unsigned hi)
{
	return (struct range){ ip_make(w->family, w->base + lo), ip_make(w->family, w->base + hi) };
}

static struct range random_range(struct rng *rng, const struct world *w)
{
	unsigned lo = (unsigned)rng_below(rng, N), hi = (unsigned)rng_below(rng, N);
	/* Mostly short ones, so that the set stays in pieces; many at the ends of the universe. */
	if (rng_below(rng, 4))
		hi = lo + (unsigned)rng_below(rng, 8);
	if (hi >= N)
		hi = N - 1;
	return lo <= hi ? between(w, lo, hi) : between(w, hi, lo);
}

static unsigned index_of(const struct world *w, struct ip a)
{
	return (unsigned)(ip_bits(a) - w->base);
}

/* Sorted, disjoint, never touching, and exactly what the model holds. */
static void check(const struct world *w)
{
	uint64_t held = 0;
	for (unsigned i = 0; i < N; i++) {
		held += w->held[i];
		assert_int_equal(range_set_has(&w->set, ip_make(w->family, w->base + i)), w->held[i]);
	}
	for (size_t i = 0; i < w->set.n; i++) {
		struct range r = w->set.items[i];
		assert_true(ip_cmp(r.lo, r.hi) <= 0);
		if (i > 0)
			assert_true(ip_bits(r.lo) - ip_bits(w->set.items[i - 1].hi) > 1);
	}
	assert_int_equal(count_cmp(range_set_count(&w->set, w->family), count_of(held)), 0);
	assert_true(count_is_zero(range_set_count(&w->set, family_other(w->family))));
}

static void check_questions(struct rng *rng, const struct world *w)
{
	struct range r = random_range(rng, w);
	unsigned lo = index_of(w, r.lo), hi = index_of(w, r.hi);
	unsigned first = lo;
	while (first <= hi && !w->held[first])
		first++;
	const struct range *overlap = range_set_overlap(&w->set, r);
	assert_int_equal(overlap != NULL, first <= hi);
	if (overlap)
		assert_true(range_has(*overlap, ip_make(w->family, w->base + first)));

	struct range *rest = NULL;
	size_t n = 0, cap = 0;
	range_set_rest(&w->set, r, &rest, &n, &cap);
	unsigned at = lo;
	for (size_t i = 0; i < n; i++) {
		unsigned from = index_of(w, rest[i].lo), to = index_of(w, rest[i].hi);
		for (; at < from; at++)
			assert_true(w->held[at]);
		for (; at <= to; at++)
			assert_false(w->held[at]);
	}
	for (; at <= hi; at++)
		assert_true(w->held[at]);
	free(rest);
}

static void play(struct rng *rng, struct world *w, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		struct range r = random_range(rng, w);
		bool add = rng_below(rng, 2);
		if (add)
			range_set_add(&w->set, r);
		else
			range_set_sub(&w->set, r);
		for (unsigned x = index_of(w, r.lo); x <= index_of(w, r.hi); x++)
			w->held[x] = add;
		check_questions(rng, w);
		if (i % 16 == 0)
			check(w);
	}
	check(w);
	range_set_done(&w->set);
}

static void sets_behave_like_a_flag_per_address(void **state)
{
	struct rng rng = test_rng(__func__);
	struct world worlds[] = {
		{ "lowest IPv4", IPV4, 0, { 0 }, { 0 } },
		{ "10.0.0.0", IPV4, 0x0a000000, { 0 }, { 0 } },
		{ "highest IPv4", IPV4, (u128)UINT32_MAX - N + 1, { 0 }, { 0 } },
		{ "lowest IPv6", IPV6, 0, { 0 }, { 0 } },
		{ "across 64 bits", IPV6, ((u128)0x20010db800000001 << 64) - N / 2, { 0 }, { 0 } },
		{ "highest IPv6", IPV6, ~(u128)0 - N + 1, { 0 }, { 0 } },
	};
	for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
		print_message("%s\n", worlds[i].name);
		play(&rng, &worlds[i], 60000);
	}
}

static struct range range(const char *cidr)
{
	struct range r;
	bool host_bits;
	struct err e;
	if (range_parse_cidr(slice_of(cidr), &r, &host_bits, &e) < 0)
		fail_msg("%s", e.msg);
	return r;
}

static void the_families_do_not_touch(void **state)
{
	CLEANUP(range_set_done) struct range_set s = { 0 };
	range_set_add(&s, range("255.255.255.255/32"));
	range_set_add(&s, range("::/128"));
	assert_int_equal(s.n, 2);
	range_set_sub(&s, range("0.0.0.0/0"));
	assert_int_equal(s.n, 1);
	assert_true(range_set_has(&s, ip_make(IPV6, 0)));
	assert_false(range_set_has(&s, ip_last(IPV4)));
	assert_null(range_set_overlap(&s, range("0.0.0.0/0")));
}

static void a_whole_family_is_one_range(void **state)
{
	CLEANUP(range_set_done) struct range_set s = { 0 };
	char text[COUNT_TEXT_MAX];
	struct range *rest = NULL;
	size_t n = 0, cap = 0;
	range_set_add(&s, range("::/1"));
	range_set_add(&s, range("8000::/1"));
	range_set_add(&s, range("0.0.0.0/0"));
	assert_int_equal(s.n, 2);
	assert_string_equal(count_format(range_set_count(&s, IPV6), text),
			    "340282366920938463463374607431768211456");
	assert_string_equal(count_format(range_set_count(&s, IPV4), text), "4294967296");
	range_set_rest(&s, range("::/0"), &rest, &n, &cap);
	assert_int_equal(n, 0);
	range_set_sub(&s, range("::/0"));
	range_set_rest(&s, range("::/0"), &rest, &n, &cap);
	assert_int_equal(n, 1);
	assert_true(range_contains(rest[0], range("::/0")));
	free(rest);
}

static void rest_appends(void **state)
{
	CLEANUP(range_set_done) struct range_set s = { 0 };
	struct range *out = NULL;
	size_t n = 0, cap = 0;
	char text[RANGE_TEXT_MAX];
	range_set_add(&s, range("10.0.0.4/30"));
	range_set_rest(&s, range("10.0.0.0/29"), &out, &n, &cap);
	range_set_rest(&s, range("10.0.0.0/28"), &out, &n, &cap);
	assert_int_equal(n, 3);
	assert_string_equal(range_format(out[0], text), "10.0.0.0/30");
	assert_string_equal(range_format(out[1], text), "10.0.0.0/30");
	assert_string_equal(range_format(out[2], text), "10.0.0.8/29");
	free(out);
}

static void equal_sets_are_equal_however_they_came_about(void **state)
{
	CLEANUP(range_set_done) struct range_set a = { 0 };
	CLEANUP(range_set_done) struct range_set b = { 0 };
	assert_true(range_set_eq(&a, &b));
	range_set_add(&a, range("10.0.0.0/24"));
	assert_false(range_set_eq(&a, &b));
	range_set_add(&b, range("10.0.0.128/25"));
	range_set_add(&b, range("10.0.0.0/25"));
	assert_true(range_set_eq(&a, &b));
	range_set_sub(&b, range("10.0.0.7/32"));
	assert_false(range_set_eq(&a, &b));
	range_set_add(&b, range("10.0.0.7/32"));
	assert_true(range_set_eq(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_behave_like_a_flag_per_address),
		cmocka_unit_test(the_families_do_not_touch),
		cmocka_unit_test(a_whole_family_is_one_range),
		cmocka_unit_test(rest_appends),
		cmocka_unit_test(equal_sets_are_equal_however_they_came_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
