#include "core/quota.h"

#include "core/ask.h"
#include "core/label_copy.h"
#include "core/ledger.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/wait.h"

struct quota_book {
	struct map uses; /* namespace -> struct quota_use */
	bool counted;    /* their `used` are up to date */
};

struct quota_use {
	const struct pool *pool;
	char *namespace; /* owned */
	uint64_t used;
	uint64_t max; /* if it is limited; what the first quota says that matches */
	bool limited;
	bool known; /* limited and max are up to date */
	struct wait_list waiters;
};

static bool has_quotas(const struct pool *p)
{
	return p->policy && p->policy->n_quotas > 0;
}

/* ---- one namespace in one pool --------------------------------------------------------------------- */

static struct quota_use *use_of(const struct pool *p, const char *namespace)
{
	struct quota_use *u = map_get(&p->quotas->uses, namespace);
	if (u)
		return u;
	u = xcalloc(1, sizeof(*u));
	u->pool = p;
	u->namespace = xstrdup(namespace);
	map_put(&p->quotas->uses, u->namespace, u);
	return u;
}

static void use_free(struct quota_use *u)
{
	map_del(&u->pool->quotas->uses, u->namespace);
	free(u->namespace);
	free(u);
}

static bool applies(const struct quota *q, const char *namespace, const struct label_view *labels)
{
	if (q->has_selector)
		return selector_matches(&q->selector, labels);
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->namespaces[i], namespace) == 0)
			return true;
	return false;
}

static void look_up(const struct ipam *m, struct quota_use *u)
{
	if (u->known)
		return;
	u->known = true;
	u->limited = false;
	const struct namespace *x = map_get(&m->namespaces, u->namespace);
	struct label_view labels = { .items = x ? x->labels : NULL, .n = x ? x->n_labels : 0 };
	const struct policy *policy = u->pool->policy;
	for (size_t i = 0; policy && i < policy->n_quotas && !u->limited; i++) {
		u->limited = applies(&policy->quotas[i], u->namespace, &labels);
		u->max = policy->quotas[i].max;
	}
}

/* ---- counting ------------------------------------------------------------------------------------------ */

/* Does another holder of the address live in the namespace of s? */
static bool has_neighbour(const struct addr *a, const struct service *s)
{
	for (size_t i = 0; i < a->n_holders; i++)
		if (a->holders[i] != s && a->holders[i]->ns == s->ns)
			return true;
	return false;
}

/* Each namespace once. */
static void count_address(const struct pool *p, const struct addr *a)
{
	for (size_t i = 0; i < a->n_holders; i++) {
		bool again = false;
		for (size_t j = 0; j < i; j++)
			again = again || a->holders[j]->ns == a->holders[i]->ns;
		if (!again)
			use_of(p, a->holders[i]->ns)->used++;
	}
}

static void count(const struct ipam *m, const struct pool *p)
{
	if (p->quotas->counted)
		return;
	p->quotas->counted = true;
	size_t at = 0;
	for (struct quota_use *u; (u = map_next(&p->quotas->uses, &at));)
		u->used = 0;
	for (size_t i = 0; i < p->n_blocks; i++) {
		struct addr_walk w = addr_walk(&m->addrs, p->blocks[i]);
		while (addr_walk_next(&w))
			count_address(p, w.value);
	}
}

static void wake_list(struct ipam *m, const struct wait_list *list, const char *ns, enum lane lane)
{
	for (struct wait *w = list ? list->head : NULL; w; w = w->next)
		if (strcmp(w->service->ns, ns) == 0)
			enqueue(m, w->service, lane);
}

/* Those of the namespace who wait for something of the pool, but not for its quota: it is the quota now. */
static void wake_namespace(struct ipam *m, const struct pool *p, const char *ns)
{
	for (int f = 0; f < FAMILIES; f++)
		wake_list(m, &p->waiters[f], ns, LANE_WAITING);
	for (size_t i = 0; i < p->n_blocks; i++) {
		struct addr_walk w = addr_walk(&m->asked, p->blocks[i]);
		while (addr_walk_next(&w))
			wake_list(m, w.value, ns, LANE_ASKED);
	}
}

/* One more, or counted for the first time. */
static void has_more(struct ipam *m, struct quota_use *u)
{
	look_up(m, u);
	if (!u->limited || u->used < u->max)
		return;
	wake_namespace(m, u->pool, u->namespace);
	/* The number in their messages is another now. */
	if (u->used > u->max)
		wake_all(m, &u->waiters);
}

void quota_held(struct ipam *m, const struct service *s, const struct addr *a)
{
	if (has_neighbour(a, s))
		return;
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, a->ip, &at));) {
		if (!has_quotas(p))
			continue;
		if (p->quotas->counted)
			use_of(p, s->ns)->used++;
		else
			count(m, p);
		has_more(m, use_of(p, s->ns));
	}
}

/* Nobody remembers a namespace that has gone, once it has nothing and wants nothing. */
static void forget_if_gone(const struct ipam *m, struct quota_use *u)
{
	if (!u->used && !u->waiters.head && !map_get(&m->namespaces, u->namespace))
		use_free(u);
}

void quota_left(struct ipam *m, const struct service *s, const struct addr *a)
{
	if (has_neighbour(a, s))
		return;
	struct pool *p;
	for (size_t at = 0; (p = pools_at(m, a->ip, &at));) {
		struct quota_use *u = map_get(&p->quotas->uses, s->ns);
		if (!u)
			continue;
		if (p->quotas->counted && u->used)
			u->used--;
		/* One may have what was given back. Where a quota was lowered nobody may yet, but the number
		 * in their messages is another now. */
		if (p->quotas->counted && u->known && (!u->limited || u->used < u->max))
			wake_first(m, &u->waiters);
		else
			wake_all(m, &u->waiters);
		forget_if_gone(m, u);
	}
}

/* ---- asking -------------------------------------------------------------------------------------------- */

/* Addresses of the pool that only s keeps in its namespace, and is about to give back. */
static uint64_t on_the_way_out(const struct service *s, const struct pool *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n_leaving; i++)
		n += pool_contains(p, s->leaving[i]->ip) && !has_neighbour(s->leaving[i], s);
	return n;
}

/* What of the quota is used, as far as s is concerned. */
static uint64_t used_for(const struct ipam *m, const struct service *s, const struct quota_use *u)
{
	count(m, u->pool);
	uint64_t leaves = on_the_way_out(s, u->pool);
	return u->used > leaves ? u->used - leaves : 0;
}

bool quota_allows(const struct ipam *m, const struct service *s, const struct pool *p, const struct addr *a)
{
	if (!has_quotas(p) || (a && (has_neighbour(a, s) || addr_has_holder(a, s))))
		return true;
	struct quota_use *u = use_of(p, s->ns);
	look_up(m, u);
	return !u->limited || used_for(m, s, u) < u->max;
}

void quota_text(const struct ipam *m, const struct service *s, const struct pool *p, struct buf *out)
{
	struct quota_use *u = use_of(p, s->ns);
	look_up(m, u);
	if (u->max == 0)
		buf_addf(out, "its namespace may have no address of pool \"%s\"", p->name);
	else
		buf_addf(out, "its namespace has %llu of the %llu address%s that it may have of pool \"%s\"",
			 (unsigned long long)used_for(m, s, u), (unsigned long long)u->max,
			 u->max == 1 ? "" : "es", p->name);
}

void quota_answer(const struct ipam *m, const struct service *s, const struct pool *p, struct buf *out)
{
	struct quota_use *u = use_of(p, s->ns);
	look_up(m, u);
	if (u->max == 0)
		buf_add_str(out, "has no address for the namespace by its quota");
	else
		buf_addf(out, "has given the namespace %llu of the %llu address%s that its quota allows",
			 (unsigned long long)used_for(m, s, u), (unsigned long long)u->max,
			 u->max == 1 ? "" : "es");
}

/* ---- waiting ---------------------------------------------------------------------------------------------
 */

void quota_wait(struct ipam *m, struct service *s, const struct pool *p)
{
	struct quota_use *u = use_of(p, s->ns);
	wait_for_quota(m, s, u, &u->waiters);
}

void quota_wait_at(struct ipam *m, struct service *s, struct ip ip)
{
	const struct pool *p;
	for (size_t at = 0; (p = pools_at(m, ip, &at));)
		if (ask_pool_for(m, s, p, ip) == POOL_QUOTA)
			quota_wait(m, s, p);
}

void quota_pass_on(struct ipam *m, struct quota_use *u)
{
	if (!u->waiters.head)
		return;
	look_up(m, u);
	if (u->limited)
		count(m, u->pool);
	if (!u->limited || u->used < u->max)
		wake_first(m, &u->waiters);
}

void quota_reset(struct pool *p)
{
	p->quotas->counted = false;
	size_t at = 0;
	for (struct quota_use *u; (u = map_next(&p->quotas->uses, &at));)
		u->known = false;
}

void quota_wake(struct ipam *m, struct pool *p)
{
	size_t at = 0;
	for (struct quota_use *u; (u = map_next(&p->quotas->uses, &at));)
		wake_all(m, &u->waiters);
}

void quota_relabelled(struct ipam *m, const char *namespace)
{
	for (size_t i = 0; i < m->n_pools; i++) {
		struct quota_use *u = map_get(&m->pools[i]->quotas->uses, namespace);
		if (!u)
			continue;
		u->known = false;
		wake_all(m, &u->waiters);
		wake_namespace(m, m->pools[i], namespace);
		forget_if_gone(m, u);
	}
}

struct quota_book *quota_book_new(void)
{
	return xcalloc(1, sizeof(struct quota_book));
}

void quota_book_free(struct ipam *m, struct quota_book *b)
{
	if (!b)
		return;
	size_t at = 0;
	for (struct quota_use *u; (u = map_next(&b->uses, &at));) {
		for (struct wait *w; (w = u->waiters.head);) {
			struct service *s = w->service;
			wait_clear(m, s);
			wait_for(m, s, &m->wait_any);
		}
		free(u->namespace);
		free(u);
	}
	map_done(&b->uses);
	free(b);
}

void namespace_free(struct ipam *m, struct namespace *x)
{
	labels_drop(m, &x->labels, &x->n_labels);
	free(x->name);
	free(x);
}
