#include "core/cidr_index.h"

void cidr_index_done(struct cidr_index *x)
{
	addr_map_done(&x->by_first);
}

void cidr_index_add(struct cidr_index *x, struct cidr_item *item,
		    int (*cmp)(const struct cidr_item *a, const struct cidr_item *b))
{
	struct cidr_item *first = addr_map_get(&x->by_first, item->range.lo), **at = &first;
	while (*at && cmp(*at, item) < 0)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	if (first == item)
		(void)addr_map_put(&x->by_first, item->range.lo, item);
	x->lengths[range_family(item->range)][item->prefix]++;
}

void cidr_index_del(struct cidr_index *x, struct cidr_item *item)
{
	struct cidr_item *first = addr_map_get(&x->by_first, item->range.lo);
	if (first == item) {
		if (item->next)
			(void)addr_map_put(&x->by_first, item->range.lo, item->next);
		else
			(void)addr_map_del(&x->by_first, item->range.lo);
	} else {
		while (first->next != item)
			first = first->next;
		first->next = item->next;
	}
	item->next = NULL;
	x->lengths[range_family(item->range)][item->prefix]--;
}

bool cidr_index_each(const struct cidr_index *x, struct range r,
		     bool (*fn)(struct cidr_item *item, void *arg), void *arg)
{
	enum family f = range_family(r);
	int bits = f == IPV4 ? 32 : 128;
	for (int prefix = 0; prefix < bits; prefix++) {
		if (!x->lengths[f][prefix])
			continue;
		u128 host = prefix ? ((u128)1 << (bits - prefix)) - 1 : ip_bits(ip_last(f));
		struct ip first = ip_make(f, ip_bits(r.lo) & ~host);
		/* Those that start in the range come below. */
		if (ip_eq(first, r.lo))
			continue;
		for (struct cidr_item *i = addr_map_get(&x->by_first, first), *next; i; i = next) {
			next = i->next;
			if (i->prefix == prefix && fn(i, arg))
				return true;
		}
	}
	struct addr_walk w = addr_walk(&x->by_first, r);
	while (addr_walk_next(&w))
		for (struct cidr_item *i = w.value, *next; i; i = next) {
			next = i->next;
			if (fn(i, arg))
				return true;
		}
	return false;
}
