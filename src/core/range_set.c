#include "core/range_set.h"

#include "base/mem.h"

void range_set_done(struct range_set *s)
{
	free(s->items);
	*s = (struct range_set){ 0 };
}

/* Index of the first range that ends at or above a; n if there is none. */
static size_t first_ending(const struct range_set *s, struct ip a)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ip_cmp(s->items[mid].hi, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Index of the first range that starts above a. */
static size_t first_starting_above(const struct range_set *s, struct ip a)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ip_cmp(s->items[mid].lo, a) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Puts `with` in the place of the ranges [from, to). */
static void splice(struct range_set *s, size_t from, size_t to, const struct range *with, size_t n)
{
	size_t after = s->n - to;
	vec_grow(&s->items, &s->cap, s->n - (to - from) + n);
	if (after)
		memmove(s->items + from + n, s->items + to, after * sizeof(*s->items));
	if (n)
		memcpy(s->items + from, with, n * sizeof(*s->items));
	s->n = from + n + after;
}

/* The neighbour below or above, or a itself at the end of its family. */
static struct ip before(struct ip a)
{
	return ip_bits(a) == 0 ? a : ip_make((enum family)a.family, ip_bits(a) - 1);
}

static struct ip behind(struct ip a)
{
	return ip_eq(a, ip_last((enum family)a.family)) ? a : ip_make((enum family)a.family, ip_bits(a) + 1);
}

void range_set_add(struct range_set *s, struct range r)
{
	/* What overlaps it or touches it becomes one with it. */
	size_t from = first_ending(s, before(r.lo)), to = first_starting_above(s, behind(r.hi));
	if (from < to) {
		if (ip_cmp(s->items[from].lo, r.lo) < 0)
			r.lo = s->items[from].lo;
		if (ip_cmp(s->items[to - 1].hi, r.hi) > 0)
			r.hi = s->items[to - 1].hi;
	}
	splice(s, from, to, &r, 1);
}

void range_set_sub(struct range_set *s, struct range r)
{
	size_t from = first_ending(s, r.lo), to = first_starting_above(s, r.hi);
	if (from >= to)
		return;
	struct range left[2];
	size_t n = 0;
	struct ip lo = s->items[from].lo, hi = s->items[to - 1].hi;
	if (ip_cmp(lo, r.lo) < 0)
		left[n++] = (struct range){ lo, before(r.lo) };
	if (ip_cmp(hi, r.hi) > 0)
		left[n++] = (struct range){ behind(r.hi), hi };
	splice(s, from, to, left, n);
}

bool range_set_has(const struct range_set *s, struct ip a)
{
	size_t i = first_ending(s, a);
	return i < s->n && range_has(s->items[i], a);
}

const struct range *range_set_overlap(const struct range_set *s, struct range r)
{
	size_t i = first_ending(s, r.lo);
	return i < s->n && range_overlaps(s->items[i], r) ? &s->items[i] : NULL;
}

void range_set_rest(const struct range_set *s, struct range r, struct range **out, size_t *n, size_t *cap)
{
	for (size_t i = first_ending(s, r.lo); i < s->n && range_overlaps(s->items[i], r); i++) {
		struct range taken = s->items[i];
		if (ip_cmp(r.lo, taken.lo) < 0) {
			vec_grow(out, cap, *n + 1);
			(*out)[(*n)++] = (struct range){ r.lo, before(taken.lo) };
		}
		if (ip_cmp(taken.hi, r.hi) >= 0)
			return;
		r.lo = behind(taken.hi);
	}
	vec_grow(out, cap, *n + 1);
	(*out)[(*n)++] = r;
}

struct count range_set_count(const struct range_set *s, enum family f)
{
	struct count sum = count_of(0);
	for (size_t i = 0; i < s->n; i++)
		if (range_family(s->items[i]) == f)
			sum = count_add(sum, range_size(s->items[i]));
	return sum;
}

bool range_set_eq(const struct range_set *a, const struct range_set *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!ip_eq(a->items[i].lo, b->items[i].lo) || !ip_eq(a->items[i].hi, b->items[i].hi))
			return false;
	return true;
}
