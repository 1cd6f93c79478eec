#include "core/ask.h"

#include "core/cluster_pool.h"
#include "core/ledger.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/quota.h"

void fail(struct verdict *v, enum ipam_reason r, const char *fmt, ...)
{
	v->reason = r;
	if (v->text.len)
		buf_add_str(&v->text, "; ");
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&v->text, fmt, ap);
	va_end(ap);
}

enum pool_answer ask_pool(const struct ipam *m, const struct service *s, const struct pool *p, enum family f)
{
	return !pool_has_family(p, f) && p->flaw != FLAW_BLOCK ? POOL_OTHER_FAMILY
	       : pool_not_named(p, s)                          ? POOL_UNNAMED
	       : !pool_selects(p, s)                           ? POOL_NOT_SELECTING
	       : !pool_usable(m, p)                            ? POOL_OFF
	       : p->builtin && !cluster_pool_serves(m, s, f)   ? POOL_BEHIND
	       : !pool_assigns(p, s)                           ? POOL_ONLY_ASKED
	       : !quota_allows(m, s, p, NULL)                  ? POOL_QUOTA
							       : POOL_GIVES;
}

/* Of a pool that contains the address. */
enum pool_answer ask_pool_for(const struct ipam *m, const struct service *s, const struct pool *p,
			      struct ip ip)
{
	return !pool_usable(m, p)                          ? POOL_OFF
	       : pool_not_named(p, s)                      ? POOL_UNNAMED
	       : !pool_selects(p, s)                       ? POOL_NOT_SELECTING
	       : !pool_gives(p, ip)                        ? POOL_SPARES
	       : !quota_allows(m, s, p, ledger_get(m, ip)) ? POOL_QUOTA
							   : POOL_GIVES;
}

void answer_text(const struct ipam *m, const struct service *s, const struct pool *p, enum pool_answer r,
		 struct buf *out)
{
	static const char *const texts[POOL_ANSWERS] = {
		[POOL_OTHER_FAMILY] = "has no block of this family",
		[POOL_UNNAMED] = "is not named by berth.dev/pool",
		[POOL_NOT_SELECTING] = "does not select the Service",
		[POOL_BEHIND] = "serves only Services that no other pool with this family selects",
		[POOL_SPARES] = "never gives this address",
		[POOL_ONLY_ASKED] = "gives only to those who ask for it",
		[POOL_COOLS] = "has nothing but what is kept for its last holders",
		[POOL_FULL] = "has no free address",
		[POOL_ELSEWHERE] = "contains no address that is asked for",
		[POOL_NOT_NEEDED] = "has a free address, which is not needed",
		[POOL_GIVES] = "gives an address",
	};
	if (r == POOL_QUOTA)
		quota_answer(m, s, p, out);
	else
		buf_add_str(out, r == POOL_OFF ? pool_unusable_why(m, p) : texts[r]);
}

void saw(const struct ipam *m, const struct service *s, const struct ipam_trace *t, const struct pool *p,
	 enum family f, enum pool_answer r)
{
	if (!t)
		return;
	CLEANUP(buf_done) struct buf what = BUF_INIT(MESSAGE_MAX);
	answer_text(m, s, p, r, &what);
	t->pool(t->arg, p->name, f, r, buf_str(&what));
}

/* An address of the cluster pool that is asked for by name: its block is taken if nobody has it. */
static void offer_block(struct ipam *m, const struct service *s, struct ip ip)
{
	size_t at = 0;
	const struct pool *p = m->cluster_pool->pool;
	if (p && !pools_at(m, ip, &at) && !pool_not_named(p, s))
		(void)cluster_pool_grow_at(m, ip);
}

/* Of the answers of pools the one that says most, and the pool that gave it; NULL: none stands against it. */
static const struct pool *refuser(const struct pool *const by[POOL_ANSWERS], enum pool_answer *ret)
{
	static const enum pool_answer order[] = { POOL_QUOTA, POOL_SPARES, POOL_NOT_SELECTING, POOL_UNNAMED,
						  POOL_OFF };
	for (size_t i = 0; !by[POOL_GIVES] && i < ARRAY_LEN(order); i++)
		if (by[order[i]]) {
			*ret = order[i];
			return by[order[i]];
		}
	return NULL;
}

const struct pool *pool_against(const struct ipam *m, const struct service *s, struct ip ip,
				enum pool_answer *ret)
{
	const struct pool *by[POOL_ANSWERS] = { NULL }, *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		by[ask_pool_for(m, s, p, ip)] = p;
	return refuser(by, ret);
}

bool some_pool_gives(struct ipam *m, const struct service *s, struct verdict *v, const char *text,
		     struct ip ip)
{
	const struct pool *by[POOL_ANSWERS] = { NULL };
	struct pool *p;
	offer_block(m, s, ip);
	for (size_t at = 0; (p = pools_at(m, ip, &at)) && !by[POOL_GIVES];)
		by[ask_pool_for(m, s, p, ip)] = p;
	if (by[POOL_GIVES])
		return true;
	size_t at = 0;
	const bool at_all = pools_at(m, ip, &at) != NULL;
	enum pool_answer why = POOL_ELSEWHERE;
	const struct pool *against = refuser(by, &why);
	if (why == POOL_QUOTA) {
		CLEANUP(buf_done) struct buf quota = BUF_INIT(MESSAGE_MAX);
		quota_text(m, s, against, &quota);
		fail(v, REASON_QUOTA_EXCEEDED, "%s: %s", text, buf_str(&quota));
		return false;
	}
	const struct pool *spared = why == POOL_SPARES ? against : NULL;
	CLEANUP(buf_done) struct buf pod = BUF_INIT(MESSAGE_MAX);
	if ((spared || !at_all) && cluster_pool_pod_of(m, ip, &pod))
		fail(v, REASON_RESERVED, "%s %s", text, buf_str(&pod));
	else if (spared && spared->policy && range_set_has(&spared->policy->exclude, ip))
		fail(v, REASON_RESERVED, "%s is excluded from pool \"%s\" by IPPoolPolicy \"%s\"", text,
		     spared->name, spared->policy->name);
	else if (spared && range_set_has(&m->excluded, ip))
		fail(v, REASON_RESERVED, "%s is excluded from pool \"%s\": it belongs to a ServiceCIDR", text,
		     spared->name);
	else if (!at_all && cluster_pool_covers(m, ip) && range_set_has(&m->excluded, ip))
		fail(v, REASON_RESERVED, "%s is excluded from the cluster pool: it belongs to a ServiceCIDR",
		     text);
	else if (spared || (!at_all && cluster_pool_spares(m, ip)))
		fail(v, REASON_ALREADY_ALLOCATED,
		     "%s is the first or last address of a block of pool \"%s\", which spares them", text,
		     spared ? spared->name : m->cluster_pool->pool->name);
	else if (why == POOL_NOT_SELECTING)
		fail(v, REASON_SELECTOR_MISMATCH, "%s is in pool \"%s\", which does not select this Service",
		     text, against->name);
	else if (why == POOL_UNNAMED)
		fail(v, REASON_NO_POOL, "%s is in pool \"%s\", which berth.dev/pool does not name", text,
		     against->name);
	else if (why == POOL_OFF)
		fail(v, REASON_NO_POOL, "%s is in pool \"%s\", which %s", text, against->name,
		     pool_unusable_why(m, against));
	else if (!at_all && cluster_pool_covers(m, ip))
		fail(v, REASON_ALREADY_ALLOCATED,
		     "%s is in a block of the cluster pool that cannot be had: somebody has a part of it",
		     text);
	else
		fail(v, REASON_NO_POOL, "no pool contains %s", text);
	return false;
}
