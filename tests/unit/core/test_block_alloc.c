#include "core/block_alloc.h"

#include "base/mem.h"
#include "lib/test.h"

#include <time.h>

static struct range net(const char *text)
{
	struct range r;
	bool host_bits;
	struct err e = { 0 };
	assert_int_equal(range_parse_cidr(slice_of(text), &r, &host_bits, &e), 0);
	return r;
}

static void assert_next(struct block_alloc *a, enum block_use use, const char *want)
{
	struct range r;
	char text[RANGE_TEXT_MAX];
	if (!block_alloc_next(a, use, &r)) {
		assert_string_equal("none", want);
		return;
	}
	assert_string_equal(range_format(r, text), want);
}

static struct range take(struct block_alloc *a, enum block_use use)
{
	struct range r;
	assert_true(block_alloc_next(a, use, &r));
	assert_true(block_alloc_is_free(a, r));
	block_alloc_occupy(a, r);
	block_alloc_took(a, r);
	assert_false(block_alloc_is_free(a, r));
	return r;
}

static void test_order_and_next_fit(void **state)
{
	(void)state;
	struct range entries[] = { net("10.9.0.0/30"), net("10.1.0.0/30") };
	struct block_alloc *a = block_alloc_new(entries, 2, 31, NULL, 0);
	assert_next(a, BLOCK_POD, "10.9.0.0/31");
	struct range first = take(a, BLOCK_POD);
	/* What was given back rests until the round is over. */
	block_alloc_release(a, first);
	assert_next(a, BLOCK_POD, "10.9.0.2/31");
	take(a, BLOCK_EXTERNAL);
	assert_next(a, BLOCK_POD, "10.9.0.0/31");
	take(a, BLOCK_POD);
	/* The first entry is full: the second one. */
	take(a, BLOCK_POD);
	assert_next(a, BLOCK_POD, "10.1.0.2/31");
	take(a, BLOCK_POD);
	assert_next(a, BLOCK_POD, "none");
	block_alloc_release(a, net("10.9.0.2/31"));
	assert_next(a, BLOCK_POD, "10.9.0.2/31");
	block_alloc_free(a);
}

static void test_confined_pods(void **state)
{
	(void)state;
	struct range entries[] = { net("10.0.0.0/22") }, pods[] = { net("10.0.1.0/24") };
	struct block_alloc *a = block_alloc_new(entries, 1, 24, pods, 1);
	assert_next(a, BLOCK_EXTERNAL, "10.0.0.0/24");
	take(a, BLOCK_EXTERNAL);
	take(a, BLOCK_EXTERNAL);
	assert_next(a, BLOCK_EXTERNAL, "10.0.3.0/24");
	take(a, BLOCK_EXTERNAL);
	/* The remainder is used up: then what PodCIDRs come from. */
	assert_next(a, BLOCK_EXTERNAL, "10.0.1.0/24");
	assert_next(a, BLOCK_POD, "10.0.1.0/24");
	take(a, BLOCK_POD);
	assert_next(a, BLOCK_EXTERNAL, "none");
	block_alloc_release(a, net("10.0.3.0/24"));
	assert_next(a, BLOCK_POD, "none");
	assert_next(a, BLOCK_EXTERNAL, "10.0.3.0/24");
	assert_int_equal(block_alloc_count(a, BLOCK_POD).total, 1);
	assert_int_equal(block_alloc_count(a, BLOCK_EXTERNAL).total, 4);
	assert_int_equal(block_alloc_count(a, BLOCK_EXTERNAL).used, 3);
	block_alloc_free(a);
}

static void test_other_sizes(void **state)
{
	(void)state;
	struct range entries[] = { net("10.0.0.0/22") };
	struct block_alloc *a = block_alloc_new(entries, 1, 24, NULL, 0);
	/* A part of a block occupies it, a larger network each block that it touches. */
	block_alloc_occupy(a, net("10.0.0.64/26"));
	block_alloc_occupy(a, net("10.0.2.0/23"));
	assert_next(a, BLOCK_POD, "10.0.1.0/24");
	block_alloc_occupy(a, net("10.0.0.128/26"));
	block_alloc_release(a, net("10.0.0.64/26"));
	assert_next(a, BLOCK_POD, "10.0.1.0/24");
	block_alloc_release(a, net("10.0.0.128/26"));
	assert_next(a, BLOCK_POD, "10.0.0.0/24");
	/* One that is larger than the pool, twice. */
	block_alloc_occupy(a, net("10.0.0.0/8"));
	block_alloc_occupy(a, net("10.0.0.0/8"));
	assert_next(a, BLOCK_POD, "none");
	block_alloc_release(a, net("10.0.0.0/8"));
	assert_next(a, BLOCK_POD, "none");
	block_alloc_release(a, net("10.0.0.0/8"));
	assert_next(a, BLOCK_POD, "10.0.0.0/24");
	assert_true(block_alloc_covers(a, net("10.0.2.0/23")));
	assert_false(block_alloc_covers(a, net("10.0.0.0/21")));
	assert_true(block_alloc_is_block(a, net("10.0.2.0/24")));
	assert_false(block_alloc_is_block(a, net("10.0.2.0/25")));
	assert_false(block_alloc_is_block(a, net("10.0.4.0/24")));
	block_alloc_free(a);
}

static void test_carved(void **state)
{
	(void)state;
	struct range entries[] = { net("10.0.0.0/8") };
	struct block_alloc *a = block_alloc_new(entries, 1, 24, NULL, 0);
	CLEANUP(range_set_done) struct range_set off = { 0 };
	range_set_add(&off, net("10.96.0.0/12"));
	range_set_add(&off, net("10.0.0.0/24"));
	range_set_add(&off, net("192.168.0.0/16"));
	block_alloc_carve(a, &off);
	assert_next(a, BLOCK_POD, "10.0.1.0/24");
	struct block_counts c = block_alloc_count(a, BLOCK_POD);
	assert_int_equal(c.total, 65536 - 4096 - 1);
	assert_int_equal(c.used, 0);
	/* Somebody sits in what is carved out: it counts neither as given nor as there. */
	block_alloc_occupy(a, net("10.96.7.0/24"));
	assert_int_equal(block_alloc_count(a, BLOCK_POD).used, 0);
	block_alloc_took(a, net("10.95.255.0/24"));
	assert_next(a, BLOCK_POD, "10.112.0.0/24");
	range_set_sub(&off, net("10.96.0.0/12"));
	block_alloc_carve(a, &off);
	assert_next(a, BLOCK_POD, "10.96.0.0/24");
	assert_int_equal(block_alloc_count(a, BLOCK_POD).used, 1);
	block_alloc_free(a);
}

static void test_whole_families(void **state)
{
	(void)state;
	struct range entries[] = { net("0.0.0.0/0") };
	struct block_alloc *a = block_alloc_new(entries, 1, 32, NULL, 0);
	assert_next(a, BLOCK_POD, "0.0.0.0/32");
	assert_int_equal(block_alloc_count(a, BLOCK_POD).total, (uint64_t)1 << 32);
	block_alloc_free(a);
	struct range six[] = { net("fd00::/40") };
	a = block_alloc_new(six, 1, 64, NULL, 0);
	take(a, BLOCK_POD);
	assert_next(a, BLOCK_POD, "fd00:0:0:1::/64");
	block_alloc_free(a);
	struct range all[] = { net("::/0") };
	a = block_alloc_new(all, 1, 0, NULL, 0);
	assert_next(a, BLOCK_POD, "::/0");
	take(a, BLOCK_POD);
	assert_next(a, BLOCK_POD, "none");
	block_alloc_free(a);
}

/* ---- against a naive model ------------------------------------------------------------------------------
 */

enum { SIZE = 64, PLACES = 4 * SIZE, THINGS = 40 }; /* blocks are 4 addresses large */

struct model {
	struct range entries[3];
	size_t n_entries;
	struct range pods[2];
	size_t n_pods;
	struct range things[THINGS];
	bool there[THINGS];
	struct range_set off;
	struct ip last[8]; /* the last address of the block taken last, by region */
};

static struct ip at(unsigned i)
{
	return ip_make(IPV4, 0x0a000000u + i);
}

static bool model_is_free(const struct model *w, struct range block)
{
	for (int i = 0; i < THINGS; i++)
		if (w->there[i] && range_overlaps(w->things[i], block))
			return false;
	return range_set_overlap(&w->off, block) == NULL;
}

static bool is_pod(const struct model *w, struct range block)
{
	for (size_t i = 0; i < w->n_pods; i++)
		if (range_contains(w->pods[i], block))
			return true;
	return w->n_pods == 0;
}

static struct range block_at(const struct range *entry, unsigned i)
{
	struct ip lo = ip_make(IPV4, ip_bits(entry->lo) + 4u * i);
	return (struct range){ lo, ip_make(IPV4, ip_bits(lo) + 3) };
}

static unsigned n_blocks(const struct range *entry)
{
	return (unsigned)((ip_bits(entry->hi) - ip_bits(entry->lo) + 1) / 4);
}

static void check(struct model *w, struct block_alloc *a)
{
	for (int use = 0; use < BLOCK_USES; use++) {
		uint64_t total = 0, used = 0, free_ones = 0;
		for (size_t e = 0; e < w->n_entries; e++)
			for (unsigned i = 0; i < n_blocks(&w->entries[e]); i++) {
				struct range b = block_at(&w->entries[e], i);
				assert_int_equal(block_alloc_is_free(a, b), model_is_free(w, b));
				if (use == BLOCK_POD && !is_pod(w, b))
					continue;
				free_ones += model_is_free(w, b);
				bool carved = range_set_overlap(&w->off, b) != NULL;
				total += !carved;
				used += !carved && !model_is_free(w, b);
			}
		struct block_counts c = block_alloc_count(a, (enum block_use)use);
		assert_int_equal(c.total, total);
		assert_int_equal(c.used, used);
		struct range next;
		bool any = block_alloc_next(a, (enum block_use)use, &next);
		assert_int_equal(any, free_ones > 0);
		if (any) {
			assert_true(model_is_free(w, next));
			assert_true(block_alloc_is_block(a, next));
			if (use == BLOCK_POD)
				assert_true(is_pod(w, next));
		}
	}
}

static struct range random_net(struct rng *rng)
{
	unsigned size = 1u << rng_below(rng, 7);
	unsigned lo = (unsigned)rng_below(rng, PLACES / size) * size;
	return (struct range){ at(lo), at(lo + size - 1) };
}

static void run(struct rng *rng)
{
	struct model w = { .n_entries = 1 + rng_below(rng, 3) };
	static const char *const shapes[] = { "10.0.0.64/27", "10.0.0.0/26", "10.0.0.128/28" };
	for (size_t i = 0; i < w.n_entries; i++)
		w.entries[i] = net(shapes[i]);
	if (rng_below(rng, 2))
		w.pods[w.n_pods++] = net("10.0.0.80/28");
	if (w.n_entries > 1 && rng_below(rng, 2))
		w.pods[w.n_pods++] = net("10.0.0.0/30");
	struct block_alloc *a = block_alloc_new(w.entries, w.n_entries, 30, w.pods, w.n_pods);
	for (int step = 0; step < 300; step++) {
		int i = (int)rng_below(rng, THINGS);
		uint64_t what = rng_below(rng, 10);
		if (what == 0) {
			range_set_done(&w.off);
			for (uint64_t n = rng_below(rng, 3); n; n--)
				range_set_add(&w.off, random_net(rng));
			block_alloc_carve(a, &w.off);
		} else if (w.there[i]) {
			block_alloc_release(a, w.things[i]);
			w.there[i] = false;
		} else if (what < 6 && block_alloc_next(a, (enum block_use)(what % 2), &w.things[i])) {
			block_alloc_occupy(a, w.things[i]);
			block_alloc_took(a, w.things[i]);
			w.there[i] = true;
		} else {
			w.things[i] = random_net(rng);
			block_alloc_occupy(a, w.things[i]);
			w.there[i] = true;
		}
		check(&w, a);
	}
	range_set_done(&w.off);
	block_alloc_free(a);
}

static void test_against_model(void **state)
{
	(void)state;
	struct rng rng = test_rng(__func__);
	for (int i = 0; i < 60; i++)
		run(&rng);
}

/* Round and round with one block free: each one comes back only after all others were looked at. */
static void test_next_fit_is_fair(void **state)
{
	(void)state;
	struct range entries[] = { net("10.0.0.0/16") };
	struct block_alloc *a = block_alloc_new(entries, 1, 24, NULL, 0);
	for (unsigned i = 0; i < 1024; i++) {
		struct range r = take(a, BLOCK_POD);
		assert_int_equal(ip_bits(r.lo), 0x0a000000u + (i % 256) * 256);
		block_alloc_release(a, r);
	}
	block_alloc_free(a);
}

static double seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_a_whole_eight(void **state)
{
	(void)state;
	struct range entries[] = { net("10.0.0.0/8") };
	double since = seconds();
	struct block_alloc *a = block_alloc_new(entries, 1, 24, NULL, 0);
	struct range r;
	uint64_t n = 0;
	for (; block_alloc_next(a, BLOCK_POD, &r); n++) {
		block_alloc_occupy(a, r);
		block_alloc_took(a, r);
	}
	assert_int_equal(n, 65536);
	for (uint64_t i = 0; i < n; i++)
		block_alloc_release(a, (struct range){ at((unsigned)i * 256), at((unsigned)i * 256 + 255) });
	assert_int_equal(block_alloc_count(a, BLOCK_POD).used, 0);
	block_alloc_free(a);
	/* Milliseconds; sanitizers and a busy machine have their share. */
	assert_true(seconds() - since < 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_next_fit), cmocka_unit_test(test_confined_pods),
		cmocka_unit_test(test_other_sizes),        cmocka_unit_test(test_carved),
		cmocka_unit_test(test_whole_families),     cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_next_fit_is_fair),   cmocka_unit_test(test_a_whole_eight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
