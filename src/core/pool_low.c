#include "core/pool_low.h"

#include "core/condition.h"
#include "core/ledger.h"
#include "core/notice.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/pool_status.h"
#include "core/reservation.h"

enum {
	DEFAULT_PERCENT = 10,   /* the watermark of a pool that no policy says it of */
	HYSTERESIS_PERCENT = 10 /* of the watermark */
};

struct level {
	struct count free, assignable, watermark;
};

/* Several may keep one address; it counts as that of one of them. */
static bool is_counted_for(const struct addr *a, const struct reservation *r)
{
	const struct claim *c = a->claims;
	while (c && c->kind != CLAIM_RESERVATION)
		c = c->next;
	return c && c->owner == r;
}

/* Addresses of the pool that are kept for somebody who does not have them yet. */
static uint64_t kept(const struct ipam *m, const struct pool *p, enum family f)
{
	uint64_t n = 0;
	const struct reservation *r;
	for (size_t at = 0; (r = map_next(&m->reservations, &at));) {
		for (size_t i = 0; i < r->n_claims; i++) {
			struct ip ip = r->claims[i].ip;
			const struct addr *a = ip.family == f && pool_gives(p, ip) ? ledger_get(m, ip) : NULL;
			n += a && a->n_holders == 0 && is_counted_for(a, r);
		}
	}
	return n;
}

static struct level measure(const struct ipam *m, const struct pool *p, enum family f)
{
	struct level l = { .free = pool_available(m, p, f) };
	for (size_t i = 0; i < p->n_give; i++)
		if (range_family(p->give[i]) == f)
			l.assignable = count_add(l.assignable, range_size(p->give[i]));
	struct count reserved = count_of(kept(m, p, f));
	if (count_cmp(l.assignable, reserved) >= 0)
		l.assignable = count_sub(l.assignable, reserved);
	const struct policy *x = p->policy;
	if (x && x->low >= 0 && !x->low_is_percent)
		l.watermark = count_of((uint64_t)x->low);
	else
		l.watermark =
			count_percent(l.assignable, x && x->low >= 0 ? (unsigned)x->low : DEFAULT_PERCENT);
	return l;
}

static enum pool_low judge(const struct level *l, enum pool_low was)
{
	if (count_is_zero(l->free))
		return LOW_EMPTY;
	if (count_cmp(l->free, l->watermark) <= 0)
		return LOW_BELOW;
	if (was <= LOW_ENOUGH)
		return LOW_ENOUGH;
	/* Low it stays until it is clearly above, so that one address to and fro does not tell each time. */
	struct count more = count_percent(l->watermark, HYSTERESIS_PERCENT);
	if (count_is_zero(more))
		more = count_of(1);
	const bool clearly = count_cmp(l->free, count_add(l->watermark, more)) > 0;
	/* In a pool of a few addresses there may be nothing clearer than all of them. */
	return clearly || count_cmp(l->free, l->assignable) >= 0 ? LOW_ENOUGH : LOW_BELOW;
}

static void describe(const struct level *l, enum family f, enum pool_low is, struct buf *out)
{
	char is_free[COUNT_TEXT_MAX], all[COUNT_TEXT_MAX], mark[COUNT_TEXT_MAX];
	if (is == LOW_EMPTY)
		buf_addf(out, "%s: none of %s addresses is free", family_name(f),
			 count_format(l->assignable, all));
	else
		buf_addf(out, "%s: %s of %s addresses are free, and %s is low", family_name(f),
			 count_format(l->free, is_free), count_format(l->assignable, all),
			 count_format(l->watermark, mark));
}

/* As the condition in the API has it: see describe(). */
static enum pool_low told(const struct pool *p, enum family f)
{
	const struct pool_condition *c = condition_seen(&p->seen_conditions, "berth.dev/Low");
	if (!c || c->status == COND_UNKNOWN)
		return LOW_UNKNOWN;
	const char *at = c->status == COND_TRUE ? strstr(c->message, family_name(f)) : NULL;
	if (!at)
		return LOW_ENOUGH;
	return strncmp(at + strlen(family_name(f)), ": none", 6) == 0 ? LOW_EMPTY : LOW_BELOW;
}

static void tell(struct ipam *m, const struct pool *p, enum pool_low was, enum pool_low is, const char *text)
{
	if (is == LOW_ENOUGH && was > LOW_ENOUGH)
		notice_pool(m, p, false, "PoolRecovered", "%s", text);
	else if (is == LOW_EMPTY && was != LOW_EMPTY)
		notice_pool(m, p, true, "PoolExhausted", "%s", text);
	else if (is == LOW_BELOW && was <= LOW_ENOUGH)
		notice_pool(m, p, true, "PoolLow", "%s", text);
}

enum pool_low pool_low_update(struct ipam *m, struct pool *p, struct buf *message)
{
	enum pool_low worst = LOW_ENOUGH;
	for (int i = 0; i < FAMILIES; i++) {
		enum family f = (enum family)i;
		if (!pool_has_family(p, f)) {
			p->low[f] = LOW_UNKNOWN;
			continue;
		}
		const struct level l = measure(m, p, f);
		const enum pool_low was = p->low[f] ? (enum pool_low)p->low[f] : told(p, f);
		const enum pool_low is = judge(&l, was);
		CLEANUP(buf_done) struct buf text = BUF_INIT(256);
		describe(&l, f, is, &text);
		tell(m, p, was, is, buf_str(&text));
		p->low[f] = (uint8_t)is;
		if (is > LOW_ENOUGH)
			buf_addf(message, "%s%s", message->len ? "; " : "", buf_str(&text));
		if (is > worst)
			worst = is;
	}
	return worst;
}
