#include "core/pool_status.h"

#include "core/condition.h"
#include "core/pool_low.h"

struct count pool_available(const struct ipam *m, const struct pool *p, enum family f)
{
	struct count n = { 0 };
	for (size_t i = 0; i < p->n_give; i++) {
		if (range_family(p->give[i]) != f)
			continue;
		struct count taken = count_of(addr_map_count(&m->addrs, p->give[i]));
		n = count_add(n, count_sub(range_size(p->give[i]), taken));
	}
	return n;
}

static struct count total(const struct pool *p)
{
	struct count n = { 0 };
	for (size_t i = 0; i < p->n_blocks; i++)
		n = count_add(n, range_size(p->blocks[i]));
	return n;
}

bool pool_status_effect(struct ipam *m, struct pool *p, struct effect *ret)
{
	struct count all = total(p),
		     free_ones = count_add(pool_available(m, p, IPV4), pool_available(m, p, IPV6));
	char text[COUNT_TEXT_MAX];
	for (int i = 0; i < 4; i++)
		buf_clear(&m->text[i]);
	buf_add_str(&m->text[0], count_format(all, text));
	buf_add_str(&m->text[1], count_format(free_ones, text));
	buf_add_str(&m->text[2], count_format(count_sub(all, free_ones), text));

	*ret = (struct effect){
		.kind = EFFECT_POOL_STATUS, .name = p->name, .uid = p->uid, .resource_version = p->rv
	};
	ret->pool.foreign = p->seen_conditions.foreign ? p->seen_conditions.foreign : "";
	const enum pool_low low = pool_low_update(m, p, &m->text[3]);
	bool differs = false;
	condition_want(ret, &p->seen_conditions, p->generation, &differs,
		       (struct condition_out){
			       .type = "cilium.io/PoolConflict",
			       .status = p->conflicting ? COND_TRUE : COND_FALSE,
			       .reason = p->conflicting ? "cidr_overlap" : "resolved",
			       .message = p->conflicting ? p->conflict_text : "",
		       });
	static const char *const counts[] = { "cilium.io/IPsTotal", "cilium.io/IPsAvailable",
					      "cilium.io/IPsUsed" };
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		condition_want(ret, &p->seen_conditions, p->generation, &differs,
			       (struct condition_out){
				       .type = counts[i],
				       .status = COND_UNKNOWN,
				       .reason = "noreason",
				       .message = buf_str(&m->text[i]),
			       });
	condition_want(ret, &p->seen_conditions, p->generation, &differs,
		       (struct condition_out){
			       .type = "berth.dev/Valid",
			       .status = p->flaw ? COND_FALSE : COND_TRUE,
			       .reason = p->flaw == FLAW_NAME       ? "reserved_name"
					 : p->flaw == FLAW_BLOCK    ? "invalid_block"
					 : p->flaw == FLAW_SELECTOR ? "invalid_selector"
								    : "valid",
			       .message = p->flaw_text ? p->flaw_text : "",
		       });
	condition_want(ret, &p->seen_conditions, p->generation, &differs,
		       (struct condition_out){
			       .type = "berth.dev/Low",
			       .status = low > LOW_ENOUGH ? COND_TRUE : COND_FALSE,
			       .reason = low == LOW_EMPTY   ? "exhausted"
					 : low == LOW_BELOW ? "below_watermark"
							    : "enough",
			       .message = buf_str(&m->text[3]),
		       });
	return differs;
}

static struct count size_without(const struct range_set *s, struct range r)
{
	struct range *rest = NULL;
	size_t n = 0, cap = 0;
	range_set_rest(s, r, &rest, &n, &cap);
	struct count sum = { 0 };
	for (size_t i = 0; i < n; i++)
		sum = count_add(sum, range_size(rest[i]));
	free(rest);
	return sum;
}

/* What an address that nobody holds is counted as. */
static uint64_t *standing(const struct addr *a, uint64_t *foreign, uint64_t *reserved, uint64_t *cooling)
{
	bool kept = false;
	for (const struct claim *c = a->claims; c; c = c->next) {
		if (c->kind != CLAIM_RESERVATION)
			return foreign;
		kept = true;
	}
	if (kept)
		return reserved;
	return a->record && a->record->ours ? cooling : foreign;
}

struct pool_counts pool_count(const struct ipam *m, const struct pool *p, enum family f)
{
	struct pool_counts c = { 0 };
	struct count given = { 0 };
	CLEANUP(range_set_done) struct range_set gives = { 0 };
	for (size_t i = 0; i < p->n_give; i++) {
		range_set_add(&gives, p->give[i]);
		if (range_family(p->give[i]) == f)
			given = count_add(given, range_size(p->give[i]));
	}
	uint64_t used = 0, foreign = 0, reserved = 0, cooling = 0, taken_given = 0, taken_excluded = 0,
		 taken_spared = 0;
	struct count outside = { 0 };
	for (size_t i = 0; i < p->n_blocks; i++) {
		if (range_family(p->blocks[i]) != f)
			continue;
		struct count size = range_size(p->blocks[i]);
		c.total = count_add(c.total, size);
		outside = count_add(outside, count_sub(size, size_without(&p->excluded, p->blocks[i])));
		struct addr_walk w = addr_walk(&m->addrs, p->blocks[i]);
		while (addr_walk_next(&w)) {
			const struct addr *a = w.value;
			/* The first address of a block of the cluster pool, spared like any first one: its
			 * record claims the block. */
			if (a->record && a->record->tenure && !a->n_holders)
				continue;
			used += a->n_holders > 0;
			if (a->n_holders == 0)
				(*standing(a, &foreign, &reserved, &cooling))++;
			if (range_set_has(&gives, a->ip))
				taken_given++;
			else if (range_set_has(&p->excluded, a->ip))
				taken_excluded++;
			else
				taken_spared++;
		}
	}
	c.used = count_of(used);
	c.foreign = count_of(foreign);
	c.reserved = count_of(reserved);
	c.cooling = count_of(cooling);
	c.free = count_sub(given, count_of(taken_given));
	c.excluded = count_sub(outside, count_of(taken_excluded));
	c.first_last = count_sub(count_sub(count_sub(c.total, given), outside), count_of(taken_spared));
	return c;
}
