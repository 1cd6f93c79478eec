#include "core/cidr_index.h"

#include "base/mem.h"
#include "lib/test.h"

enum { ITEMS = 60 };

struct found {
	const struct cidr_item *items;
	unsigned times[ITEMS];
	unsigned n, stop_at;
};

static bool note(struct cidr_item *item, void *arg)
{
	struct found *f = arg;
	f->times[item - f->items]++;
	return ++f->n == f->stop_at;
}

static struct range random_range(struct rng *rng, enum family f, u128 base)
{
	u128 lo = base + rng_below(rng, 256);
	u128 hi = lo + rng_below(rng, 40);
	return (struct range){ ip_make(f, lo), ip_make(f, hi) };
}

static int by_length(const struct cidr_item *a, const struct cidr_item *b)
{
	return a->prefix - b->prefix;
}

static void run(struct rng *rng, enum family f, u128 base)
{
	struct cidr_index x = { 0 };
	struct cidr_item items[ITEMS] = { 0 };
	bool in[ITEMS] = { 0 };
	for (int step = 0; step < 400; step++) {
		unsigned i = (unsigned)rng_below(rng, ITEMS);
		if (in[i]) {
			cidr_index_del(&x, &items[i]);
		} else {
			unsigned bits = (unsigned)rng_below(rng, 8);
			u128 size = (u128)1 << bits, lo = (base + rng_below(rng, 256)) & ~(size - 1);
			items[i] = (struct cidr_item){ { ip_make(f, lo), ip_make(f, lo + size - 1) },
						       (f == IPV4 ? 32 : 128) - (int)bits,
						       NULL };
			cidr_index_add(&x, &items[i], by_length);
		}
		in[i] = !in[i];
		struct range r = random_range(rng, f, base);
		struct found found = { .items = items };
		assert_false(cidr_index_each(&x, r, note, &found));
		for (unsigned j = 0; j < ITEMS; j++)
			assert_int_equal(found.times[j], in[j] && range_overlaps(items[j].range, r));
		struct found first = { .items = items, .stop_at = 1 };
		assert_int_equal(cidr_index_each(&x, r, note, &first), found.n > 0);
		assert_int_equal(first.n, found.n > 0);
	}
	cidr_index_done(&x);
}

static void test_against_model(void **state)
{
	(void)state;
	struct rng rng = test_rng(__func__);
	for (int i = 0; i < 20; i++) {
		run(&rng, IPV4, 0x0a000000);
		run(&rng, IPV4, 0xfffffe00);
		run(&rng, IPV6, (u128)0xfd00 << 112);
		run(&rng, IPV6, 0);
	}
}

/* The largest network of all contains everything, and starts where others start. */
static void test_everything(void **state)
{
	(void)state;
	struct cidr_index x = { 0 };
	struct cidr_item all[] = { { { ip_make(IPV4, 0), ip_last(IPV4) }, 0, NULL },
				   { { ip_make(IPV4, 0), ip_make(IPV4, 255) }, 24, NULL } };
	/* The one that comes later goes first. */
	cidr_index_add(&x, &all[1], by_length);
	cidr_index_add(&x, &all[0], by_length);
	assert_ptr_equal(all[0].next, &all[1]);
	assert_null(all[1].next);
	struct found f = { .items = all };
	struct ip some = ip_make(IPV4, 0x0a000001);
	(void)cidr_index_each(&x, (struct range){ some, some }, note, &f);
	assert_int_equal(f.times[0], 1);
	assert_int_equal(f.times[1], 0);
	cidr_index_del(&x, &all[0]);
	f = (struct found){ .items = all };
	(void)cidr_index_each(&x, (struct range){ ip_make(IPV4, 0), ip_make(IPV4, 0) }, note, &f);
	assert_int_equal(f.times[1], 1);
	cidr_index_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
