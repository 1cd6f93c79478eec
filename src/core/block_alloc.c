#include "core/block_alloc.h"

#include "base/mem.h"
#include "core/addr_map.h"

/* Blocks are numbered through all entries. A number is kept as an address, so that the ordered map and the
 * range set of addresses serve for blocks too. */
struct entry {
	struct range range;
	uint64_t first; /* number of its first block */
	uint64_t n;
};

/* Blocks that are searched together, and where the search goes on. */
struct region {
	struct ip lo, hi, next;
	bool pods;
};

struct wide {
	struct range numbers;
};

struct block_alloc {
	int mask;
	unsigned host_bits;
	struct entry *entries; /* owned */
	size_t n_entries;
	struct region *regions; /* owned: those of PodCIDRs in their order, then the rest */
	size_t n_regions, cap_regions;
	struct addr_map used; /* number -> how many things lie in that one block, as a pointer */
	struct wide *wide;    /* owned: what lies in several blocks */
	size_t n_wide, cap_wide;
	struct range_set carved; /* numbers */
	struct range_set off;    /* carved ones and wide ones */
	bool off_is_old;
};

static struct ip number(uint64_t n)
{
	return ip_make(IPV6, n);
}

static struct range numbers(uint64_t lo, uint64_t hi)
{
	return (struct range){ number(lo), number(hi) };
}

static uint64_t value_of(struct ip number)
{
	return number.lo;
}

/* ---- making ------------------------------------------------------------------------------------------ */

static void add_region(struct block_alloc *a, struct range r, bool pods)
{
	vec_grow(&a->regions, &a->cap_regions, a->n_regions + 1);
	a->regions[a->n_regions++] = (struct region){ r.lo, r.hi, r.lo, pods };
}

/* The numbers of the blocks of the entry that the range touches. */
static bool touched(const struct block_alloc *a, const struct entry *e, struct range r, struct range *ret)
{
	if (!range_overlaps(e->range, r))
		return false;
	u128 base = ip_bits(e->range.lo);
	u128 lo = ip_cmp(r.lo, e->range.lo) < 0 ? base : ip_bits(r.lo);
	u128 hi = ip_cmp(r.hi, e->range.hi) > 0 ? ip_bits(e->range.hi) : ip_bits(r.hi);
	/* A shift by all bits of the type has no meaning: then there is one block, of the whole family. */
	unsigned bits = a->host_bits;
	*ret = numbers(e->first + (bits < 128 ? (uint64_t)((lo - base) >> bits) : 0),
		       e->first + (bits < 128 ? (uint64_t)((hi - base) >> bits) : 0));
	return true;
}

struct block_alloc *block_alloc_new(const struct range *entries, size_t n_entries, int mask,
				    const struct range *pods, size_t n_pods)
{
	struct block_alloc *a = xcalloc(1, sizeof(*a));
	a->mask = mask;
	a->host_bits = (n_entries && range_family(entries[0]) == IPV6 ? 128u : 32u) - (unsigned)mask;
	a->entries = xcalloc(n_entries, sizeof(*a->entries));
	a->n_entries = n_entries;
	uint64_t first = 0;
	for (size_t i = 0; i < n_entries; i++) {
		struct entry *e = &a->entries[i];
		struct range all;
		*e = (struct entry){ .range = entries[i], .first = first };
		(void)touched(a, e, entries[i], &all);
		e->n = value_of(all.hi) - value_of(all.lo) + 1;
		first += e->n;
	}
	CLEANUP(range_set_done) struct range_set confined = { 0 };
	for (size_t i = 0; i < n_pods; i++) {
		for (size_t j = 0; j < n_entries; j++) {
			struct range r;
			if (!touched(a, &a->entries[j], pods[i], &r))
				continue;
			add_region(a, r, true);
			range_set_add(&confined, r);
		}
	}
	for (size_t i = 0; i < n_entries; i++) {
		const struct entry *e = &a->entries[i];
		struct range *rest = NULL;
		size_t n = 0, cap = 0;
		range_set_rest(&confined, numbers(e->first, e->first + e->n - 1), &rest, &n, &cap);
		for (size_t j = 0; j < n; j++)
			add_region(a, rest[j], n_pods == 0);
		free(rest);
	}
	return a;
}

void block_alloc_free(struct block_alloc *a)
{
	if (!a)
		return;
	addr_map_done(&a->used);
	range_set_done(&a->carved);
	range_set_done(&a->off);
	free(a->wide);
	free(a->regions);
	free(a->entries);
	free(a);
}

/* ---- questions --------------------------------------------------------------------------------------- */

bool block_alloc_covers(const struct block_alloc *a, struct range r)
{
	for (size_t i = 0; i < a->n_entries; i++)
		if (range_contains(a->entries[i].range, r))
			return true;
	return false;
}

bool block_alloc_is_block(const struct block_alloc *a, struct range r)
{
	struct range block;
	return block_alloc_at(a, r.lo, &block) && ip_eq(block.lo, r.lo) && ip_eq(block.hi, r.hi);
}

static struct range block_of(const struct block_alloc *a, const struct entry *e, uint64_t n)
{
	enum family f = range_family(e->range);
	if (a->host_bits >= 128)
		return e->range;
	u128 lo = ip_bits(e->range.lo) + ((u128)(n - e->first) << a->host_bits);
	return (struct range){ ip_make(f, lo), ip_make(f, lo + (((u128)1 << a->host_bits) - 1)) };
}

bool block_alloc_at(const struct block_alloc *a, struct ip ip, struct range *ret)
{
	for (size_t i = 0; i < a->n_entries; i++) {
		struct range n;
		if (!touched(a, &a->entries[i], (struct range){ ip, ip }, &n))
			continue;
		*ret = block_of(a, &a->entries[i], value_of(n.lo));
		return true;
	}
	return false;
}

/* ---- what lies where --------------------------------------------------------------------------------- */

void block_alloc_occupy(struct block_alloc *a, struct range r)
{
	for (size_t i = 0; i < a->n_entries; i++) {
		struct range n;
		if (!touched(a, &a->entries[i], r, &n))
			continue;
		if (ip_eq(n.lo, n.hi)) {
			uintptr_t times = (uintptr_t)addr_map_get(&a->used, n.lo);
			(void)addr_map_put(&a->used, n.lo, (void *)(times + 1));
			continue;
		}
		vec_grow(&a->wide, &a->cap_wide, a->n_wide + 1);
		a->wide[a->n_wide++] = (struct wide){ n };
		a->off_is_old = true;
	}
}

static void release_wide(struct block_alloc *a, struct range n)
{
	for (size_t i = a->n_wide; i-- > 0;) {
		if (!ip_eq(a->wide[i].numbers.lo, n.lo) || !ip_eq(a->wide[i].numbers.hi, n.hi))
			continue;
		a->wide[i] = a->wide[--a->n_wide];
		a->off_is_old = true;
		return;
	}
}

void block_alloc_release(struct block_alloc *a, struct range r)
{
	for (size_t i = 0; i < a->n_entries; i++) {
		struct range n;
		if (!touched(a, &a->entries[i], r, &n))
			continue;
		if (!ip_eq(n.lo, n.hi)) {
			release_wide(a, n);
			continue;
		}
		uintptr_t times = (uintptr_t)addr_map_get(&a->used, n.lo);
		if (times > 1)
			(void)addr_map_put(&a->used, n.lo, (void *)(times - 1));
		else
			(void)addr_map_del(&a->used, n.lo);
	}
}

void block_alloc_carve(struct block_alloc *a, const struct range_set *off)
{
	range_set_done(&a->carved);
	for (size_t i = 0; i < off->n; i++)
		for (size_t j = 0; j < a->n_entries; j++) {
			struct range n;
			if (touched(a, &a->entries[j], off->items[i], &n))
				range_set_add(&a->carved, n);
		}
	a->off_is_old = true;
}

static int by_low(const void *x, const void *y)
{
	return ip_cmp(((const struct wide *)x)->numbers.lo, ((const struct wide *)y)->numbers.lo);
}

/* Worked out only when somebody asks: many changes may come in a row. */
static const struct range_set *off(struct block_alloc *a)
{
	if (!a->off_is_old)
		return &a->off;
	a->off_is_old = false;
	range_set_done(&a->off);
	if (a->n_wide)
		qsort(a->wide, a->n_wide, sizeof(*a->wide), by_low);
	for (size_t i = 0; i < a->n_wide; i++)
		range_set_add(&a->off, a->wide[i].numbers);
	for (size_t i = 0; i < a->carved.n; i++)
		range_set_add(&a->off, a->carved.items[i]);
	return &a->off;
}

/* ---- taking ------------------------------------------------------------------------------------------ */

/* The lowest free number in [at, hi]. */
static bool find(struct block_alloc *a, struct ip at, struct ip hi, struct ip *ret)
{
	const struct range_set *set = off(a);
	while (ip_cmp(at, hi) <= 0 && addr_map_first_free(&a->used, (struct range){ at, hi }, &at)) {
		const struct range *in = range_set_overlap(set, (struct range){ at, at });
		if (!in) {
			*ret = at;
			return true;
		}
		at = number(value_of(in->hi) + 1);
	}
	return false;
}

static bool find_round(struct block_alloc *a, const struct region *g, struct ip *ret)
{
	if (find(a, g->next, g->hi, ret))
		return true;
	return !ip_eq(g->next, g->lo) && find(a, g->lo, number(value_of(g->next) - 1), ret);
}

static struct range block_with_number(const struct block_alloc *a, struct ip n)
{
	const struct entry *e = a->entries;
	while (value_of(n) >= e->first + e->n)
		e++;
	return block_of(a, e, value_of(n));
}

bool block_alloc_next(struct block_alloc *a, enum block_use use, struct range *ret)
{
	/* External addresses take what PodCIDRs may not have first. */
	for (int round = use == BLOCK_EXTERNAL ? 0 : 1; round < 2; round++) {
		for (size_t i = 0; i < a->n_regions; i++) {
			struct ip n;
			if (a->regions[i].pods != (round == 1) || !find_round(a, &a->regions[i], &n))
				continue;
			*ret = block_with_number(a, n);
			return true;
		}
	}
	return false;
}

void block_alloc_took(struct block_alloc *a, struct range r)
{
	for (size_t i = 0; i < a->n_entries; i++) {
		struct range n;
		if (!touched(a, &a->entries[i], r, &n))
			continue;
		for (size_t j = 0; j < a->n_regions; j++) {
			struct region *g = &a->regions[j];
			if (range_has((struct range){ g->lo, g->hi }, n.hi))
				g->next = ip_eq(n.hi, g->hi) ? g->lo : number(value_of(n.hi) + 1);
		}
	}
}

bool block_alloc_is_free(struct block_alloc *a, struct range block)
{
	struct ip found;
	for (size_t i = 0; i < a->n_entries; i++) {
		struct range n;
		if (touched(a, &a->entries[i], block, &n))
			return ip_eq(n.lo, n.hi) && find(a, n.lo, n.hi, &found);
	}
	return false;
}

bool block_alloc_is_carved(const struct block_alloc *a, struct range r)
{
	for (size_t i = 0; i < a->n_entries; i++) {
		struct range n;
		if (touched(a, &a->entries[i], r, &n) && range_set_overlap(&a->carved, n))
			return true;
	}
	return false;
}

/* ---- counts ------------------------------------------------------------------------------------------ */

static uint64_t size_of(struct range r)
{
	return value_of(r.hi) - value_of(r.lo) + 1;
}

/* The parts of the set that lie in the region: how many blocks, and how many of them are in use one by one.
 */
static uint64_t count_inside(const struct block_alloc *a, const struct range_set *s, const struct region *g,
			     uint64_t *ret_used)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct range r = s->items[i];
		if (!range_overlaps(r, (struct range){ g->lo, g->hi }))
			continue;
		r.lo = ip_cmp(r.lo, g->lo) < 0 ? g->lo : r.lo;
		r.hi = ip_cmp(r.hi, g->hi) > 0 ? g->hi : r.hi;
		n += size_of(r);
		*ret_used += addr_map_count(&a->used, r);
	}
	return n;
}

struct block_counts block_alloc_count(struct block_alloc *a, enum block_use use)
{
	struct block_counts c = { 0 };
	const struct range_set *set = off(a);
	for (size_t i = 0; i < a->n_regions; i++) {
		const struct region *g = &a->regions[i];
		if (use == BLOCK_POD && !g->pods)
			continue;
		struct range all = { g->lo, g->hi };
		uint64_t in_off = 0, in_carved = 0;
		uint64_t unusable = count_inside(a, set, g, &in_off);
		uint64_t carved = count_inside(a, &a->carved, g, &in_carved);
		c.total += size_of(all) - carved;
		c.used += unusable - carved + addr_map_count(&a->used, all) - in_off;
	}
	return c;
}
