/* What one operation on the address map costs with 1,000 to 1,000,000 addresses held, and how much
 * memory an address takes. "given" asks for a certain address, "any" for the lowest free one. */
#include "base/mem.h"
#include "base/rand.h"
#include "core/addr_map.h"
#include "core/block_alloc.h"

#include <stdio.h>
#include <time.h>

enum { OPS = 200000, GIVEN = 100000, BLOCKS = 65536, BLOCK_MASK = 24 };

static uint64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double per_op(uint64_t from, size_t n)
{
	return (double)(now_ns() - from) / (double)n;
}

/* What is measured must be used, or the compiler may leave it out. */
static volatile uint64_t sink;

struct bench {
	struct rng rng;
	struct addr_map map;
	struct range universe; /* 16 addresses for each one held */
	struct ip *held;
	size_t n;
};

static struct ip random_in(struct rng *rng, struct range r)
{
	return ip_make(range_family(r), ip_bits(r.lo) + rng_below(rng, (uint64_t)range_size(r).lo));
}

static struct range universe(enum family f, size_t n)
{
	u128 lo = f == IPV4 ? 0x0a000000 : (u128)0x20010db8 << 96;
	return (struct range){ ip_make(f, lo), ip_make(f, lo + n * 16 - 1) };
}

static double bench_put(struct bench *b)
{
	uint64_t t = now_ns();
	for (size_t i = 0; i < b->n; i++)
		sink += (uintptr_t)addr_map_put(&b->map, b->held[i], b);
	return per_op(t, b->n);
}

static double bench_get(struct bench *b)
{
	uint64_t t = now_ns();
	for (size_t i = 0; i < OPS; i++)
		sink += (uintptr_t)addr_map_get(&b->map, b->held[rng_below(&b->rng, b->n)]);
	return per_op(t, OPS);
}

static double bench_count(struct bench *b)
{
	uint64_t t = now_ns();
	for (size_t i = 0; i < OPS; i++) {
		struct ip x = random_in(&b->rng, b->universe), y = random_in(&b->rng, b->universe);
		sink += addr_map_count(&b->map,
				       ip_cmp(x, y) < 0 ? (struct range){ x, y } : (struct range){ y, x });
	}
	return per_op(t, OPS);
}

/* From addresses that are held, so that there is a run to cross. */
static double bench_first_free(struct bench *b)
{
	struct ip found;
	uint64_t t = now_ns();
	for (size_t i = 0; i < OPS; i++) {
		struct range r = { b->held[rng_below(&b->rng, b->n)], b->universe.hi };
		if (addr_map_first_free(&b->map, r, &found))
			sink += found.lo;
	}
	return per_op(t, OPS);
}

/* Gives one back and takes it again, anywhere: what a Service that is replaced costs. */
static double bench_del_put(struct bench *b, double *ret_del)
{
	uint64_t del = 0, put = 0;
	/* In batches: the clock itself costs as much as an operation. */
	enum { BATCH = 100 };
	struct ip batch[BATCH];
	for (size_t i = 0; i < OPS / BATCH; i++) {
		for (size_t k = 0; k < BATCH; k++)
			batch[k] = b->held[rng_below(&b->rng, b->n)];
		uint64_t t = now_ns();
		for (size_t k = 0; k < BATCH; k++)
			sink += (uintptr_t)addr_map_del(&b->map, batch[k]);
		del += now_ns() - t;
		t = now_ns();
		for (size_t k = 0; k < BATCH; k++)
			sink += (uintptr_t)addr_map_put(&b->map, batch[k], b);
		put += now_ns() - t;
	}
	*ret_del = (double)del / (double)OPS;
	return (double)put / (double)OPS;
}

/* Takes the lowest free address, n times. */
static double bench_any(struct bench *b, struct range r, size_t n)
{
	struct ip found;
	uint64_t t = now_ns();
	for (size_t i = 0; i < n; i++)
		if (addr_map_first_free(&b->map, r, &found))
			sink += (uintptr_t)addr_map_put(&b->map, found, b);
	return per_op(t, n);
}

/* The map full of holes, each of one address: the lowest one is filled, the address before it freed. */
static double bench_any_in_holes(struct bench *b, struct range r)
{
	struct ip found;
	size_t n = addr_map_size(&b->map, range_family(r));
	for (size_t i = 0; i < n; i += 2)
		sink += (uintptr_t)addr_map_del(&b->map, ip_make(range_family(r), ip_bits(r.lo) + i));
	uint64_t t = now_ns();
	size_t ops = n / 2 < OPS ? n / 2 : OPS;
	for (size_t i = 0; i < ops; i++)
		if (addr_map_first_free(&b->map, r, &found))
			sink += (uintptr_t)addr_map_put(&b->map, found, b);
	return per_op(t, ops);
}

static double bytes_each(const struct bench *b, enum family f)
{
	return (double)addr_map_bytes(&b->map) / (double)addr_map_size(&b->map, f);
}

static void row(enum family f, size_t n)
{
	struct bench b = { .rng = { 1 }, .universe = universe(f, n), .n = n };
	b.held = xcalloc(n, sizeof(*b.held));
	for (size_t i = 0; i < n; i++)
		b.held[i] = random_in(&b.rng, b.universe);
	double put = bench_put(&b), bytes = bytes_each(&b, f);
	double get = bench_get(&b), count = bench_count(&b), free_ns = bench_first_free(&b), del;
	double again = bench_del_put(&b, &del);
	addr_map_done(&b.map);

	double any = bench_any(&b, b.universe, n), bytes_any = bytes_each(&b, f);
	double holes = bench_any_in_holes(&b, b.universe);
	addr_map_done(&b.map);
	free(b.held);
	printf("%s %8zu | %5.0f %5.0f %5.0f %5.0f %5.0f %5.0f %5.0f %5.0f | %5.1f %5.1f\n", family_name(f), n,
	       put, again, del, get, count, free_ns, any, holes, bytes, bytes_any);
}

/* Random addresses of a /8, each asked for by number: is it free, then take it. */
static void given_in_a_slash_8(void)
{
	struct rng rng = { 1 };
	struct addr_map m = { 0 };
	struct range r = { ip_make(IPV4, 0x0a000000), ip_make(IPV4, 0x0affffff) };
	struct ip *asked = xcalloc(GIVEN, sizeof(*asked));
	for (size_t i = 0; i < GIVEN; i++)
		asked[i] = random_in(&rng, r);
	uint64_t t = now_ns();
	for (size_t i = 0; i < GIVEN; i++)
		if (!addr_map_get(&m, asked[i]))
			sink += (uintptr_t)addr_map_put(&m, asked[i], &m);
	double ms = per_op(t, 1) / 1e6;
	printf("\n%d random given addresses in 10.0.0.0/8: %.1f ms, %.0f ns each, %.1f bytes each\n", GIVEN,
	       ms, ms * 1e6 / (double)GIVEN, (double)addr_map_bytes(&m) / (double)addr_map_size(&m, IPV4));
	addr_map_done(&m);
	free(asked);
}

/* All blocks of a /8, handed out one after the other and given back at random. */
static void blocks_of_a_slash_8(void)
{
	struct rng rng = { 1 };
	struct range all = { ip_make(IPV4, 0x0a000000), ip_make(IPV4, 0x0affffff) };
	struct range *blocks = xcalloc(BLOCKS, sizeof(*blocks));
	struct block_alloc *a = block_alloc_new(&all, 1, BLOCK_MASK, NULL, 0);
	size_t n = 0;
	uint64_t t = now_ns();
	while (n < BLOCKS && block_alloc_next(a, BLOCK_POD, &blocks[n])) {
		block_alloc_occupy(a, blocks[n]);
		block_alloc_took(a, blocks[n++]);
	}
	double out = per_op(t, 1) / 1e6;
	for (size_t i = n; i > 1; i--) {
		size_t j = rng_below(&rng, i);
		struct range r = blocks[i - 1];
		blocks[i - 1] = blocks[j];
		blocks[j] = r;
	}
	t = now_ns();
	for (size_t i = 0; i < n; i++)
		block_alloc_release(a, blocks[i]);
	double back = per_op(t, 1) / 1e6;
	printf("\n%zu blocks of 10.0.0.0/8: handed out in %.1f ms, given back at random in %.1f ms\n", n, out,
	       back);
	block_alloc_free(a);
	free(blocks);
}

int main(void)
{
	static const size_t sizes[] = { 1000, 100000, 1000000 };
	printf("              |              ns per operation                   | bytes each\n");
	printf("         held | given again  free   get count first   any holes | random order\n");
	for (int f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
			row((enum family)f, sizes[i]);
	given_in_a_slash_8();
	blocks_of_a_slash_8();
	printf("\ngiven: put at random, from empty; again: put when full; free: take one out; first: lowest "
	       "free\n"
	       "from a held one on; any: lowest free and put, from empty; holes: the same with every other "
	       "one free\n");
	return 0;
}
