#include "core/policy_status.h"

#include "core/condition.h"
#include "core/effect.h"
#include "core/ledger.h"
#include "core/pool.h"

#define COND_VALID "berth.dev/Valid"
#define COND_SHADOWED "berth.dev/Shadowed"
#define COND_EXCLUDED_IN_USE "berth.dev/ExcludedInUse"
#define COND_RECORDS_REQUIRED "berth.dev/RecordsRequired"

const char *const policy_conditions[] = {
	COND_VALID,
	COND_SHADOWED,
	COND_EXCLUDED_IN_USE,
	COND_RECORDS_REQUIRED,
};
const size_t n_policy_conditions = ARRAY_LEN(policy_conditions);

enum {
	LISTED_MAX = 20,    /* named in a message; the rest is only said to be there */
	COALESCE = 1000,    /* at most one write in so many ms */
	NEWS_WITHIN = 5000, /* the newest object comes by the watch, or not at all */
};

/* ---- what is so ---------------------------------------------------------------------------------------- */

/* Pools that it names and that are under another policy, as text. */
static void shadowed(const struct ipam *m, const struct policy *x, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_pools; i++) {
		const struct pool *p = m->pools[i];
		if (p->policy == x || !p->policy || !policy_names(x, p))
			continue;
		if (n++ < LISTED_MAX)
			buf_addf(out, "%spool \"%s\" is under policy \"%s\"", out->len ? "; " : "", p->name,
				 p->policy->name);
	}
	if (n > LISTED_MAX)
		buf_addf(out, "; and %zu more", n - LISTED_MAX);
}

/* It speaks of no pool that there is: a slip in a name or a label is seen by that alone. */
static bool is_idle(const struct ipam *m, const struct policy *x, struct buf *out)
{
	for (size_t i = 0; i < m->n_pools; i++)
		if (policy_names(x, m->pools[i]))
			return false;
	if (x->pool_name)
		buf_addf(out, "there is no pool \"%s\"", x->pool_name);
	else if (x->has_selector)
		buf_add_str(out, "no pool has the labels of spec.poolSelector");
	return true;
}

/* Of several the first by name: who joined first nobody knows after a restart without records. */
static const char *first_holder(const struct addr *a)
{
	const char *first = a->holders[0]->key;
	for (size_t i = 1; i < a->n_holders; i++)
		if (strcmp(a->holders[i]->key, first) < 0)
			first = a->holders[i]->key;
	return first;
}

/* One of its pools has the address. */
static bool governs(const struct ipam *m, const struct policy *x, struct ip ip)
{
	const struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		if (p->policy == x)
			return true;
	return false;
}

/* Excluded addresses of its pools that Services hold, as text. */
static void excluded_in_use(const struct ipam *m, const struct policy *x, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < x->exclude.n; i++) {
		struct addr_walk w = addr_walk(&m->addrs, x->exclude.items[i]);
		while (addr_walk_next(&w)) {
			const struct addr *a = w.value;
			char text[IP_TEXT_MAX];
			if (a->n_holders == 0 || !governs(m, x, a->ip))
				continue;
			if (n++ == LISTED_MAX) {
				buf_add_str(out, "; and more");
				return;
			}
			buf_addf(out, "%s%s is held by %s", out->len ? "; " : "", ip_format(a->ip, text),
				 first_holder(a));
		}
	}
}

static void want(struct effect *e, const struct policy *x, bool *differs, const char *type, bool is,
		 const char *when_so, const char *when_not, const char *message)
{
	condition_want(e, &x->seen_conditions, x->generation, differs,
		       (struct condition_out){
			       .type = type,
			       .status = is ? COND_TRUE : COND_FALSE,
			       .reason = is ? when_so : when_not,
			       .message = message,
		       });
}

static bool status_effect(struct ipam *m, const struct policy *x, struct effect *ret)
{
	static const char records_message[] = "nothing cools down without records (--address-records)";
	*ret = (struct effect){
		.kind = EFFECT_POLICY_STATUS, .name = x->name, .uid = x->uid, .resource_version = x->rv
	};
	ret->pool.foreign = x->seen_conditions.foreign ? x->seen_conditions.foreign : "";
	buf_clear(&m->text[0]);
	buf_clear(&m->text[1]);
	const bool idle = is_idle(m, x, &m->text[0]);
	shadowed(m, x, &m->text[0]);
	const bool is_shadowed = !idle && m->text[0].len > 0;
	excluded_in_use(m, x, &m->text[1]);
	const bool no_records = !m->config.records && x->reuse_after > 0;
	bool differs = false;
	want(ret, x, &differs, COND_VALID, x->flaw == NULL, "valid", "invalid_spec", x->flaw ? x->flaw : "");
	want(ret, x, &differs, COND_SHADOWED, is_shadowed, "other_policy", idle ? "no_pool" : "in_force",
	     buf_str(&m->text[0]));
	want(ret, x, &differs, COND_EXCLUDED_IN_USE, m->text[1].len > 0, "held", "not_held",
	     buf_str(&m->text[1]));
	want(ret, x, &differs, COND_RECORDS_REQUIRED, no_records, "no_records", "not_missed",
	     no_records ? records_message : "");
	return differs;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

bool policy_next(struct ipam *m, struct moment now, struct effect *ret)
{
	for (size_t i = 0; i < m->n_policies; i++) {
		struct policy *x = m->policies[i];
		if (!x->dirty || x->in_flight || x->status_at > now.mono)
			continue;
		x->dirty = false;
		if (!status_effect(m, x, ret))
			continue;
		effect_out(m, ret, NULL, NULL, NULL);
		struct flight *f = &m->flights[ret->id];
		f->policy = x;
		f->rv = x->rv ? xstrdup(x->rv) : NULL;
		x->in_flight = true;
		return true;
	}
	return false;
}

void policy_result(struct policy *x, const char *rv, enum outcome o, msec delay, struct moment now)
{
	x->in_flight = false;
	x->status_at = now.mono + COALESCE;
	x->dirty = o != OUTCOME_GONE;
	switch (o) {
	case OUTCOME_DONE:
		x->tries = 0;
		return;
	case OUTCOME_CONFLICT:
	case OUTCOME_EXISTS:
		if (same_text(x->rv, rv)) {
			str_replace(&x->stale_rv, rv);
			x->status_at = now.mono + NEWS_WITHIN;
		}
		return;
	case OUTCOME_GONE:
		return;
	case OUTCOME_UNKNOWN:
	case OUTCOME_REFUSED:
		break;
	}
	x->status_at = now.mono + delay;
	if (x->tries < UINT8_MAX)
		x->tries++;
}

msec policy_wake_at(const struct ipam *m)
{
	msec at = -1;
	for (size_t i = 0; i < m->n_policies; i++) {
		const struct policy *x = m->policies[i];
		if (x->dirty && !x->in_flight && (at < 0 || x->status_at < at))
			at = x->status_at;
	}
	return at;
}

void policies_touch(struct ipam *m, const struct addr *a)
{
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, a->ip, &at));) {
		p->dirty = true; /* is anything of it held? */
		if (p->policy && range_set_has(&p->policy->exclude, a->ip))
			p->policy->dirty = true;
	}
}
