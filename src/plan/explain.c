#include "plan/explain.h"

enum { TEXT_MAX = 4 * 1024 };

void explanation_done(struct explanation *x)
{
	for (size_t i = 0; i < x->n_requests; i++) {
		free(x->requests[i].item);
		free(x->requests[i].why);
		free(x->requests[i].reservation);
		free(x->requests[i].pool);
	}
	for (size_t i = 0; i < x->n_shares; i++) {
		free(x->shares[i].ip);
		free(x->shares[i].with);
		free(x->shares[i].why);
	}
	for (size_t i = 0; i < x->n_pools; i++) {
		struct explained_pool *p = &x->pools[i];
		for (int f = 0; f < FAMILIES; f++) {
			free(p->by[f].what);
			free(p->by[f].free);
		}
		free(p->name);
		free(p->selector);
		free(p->disorder);
		free(p->policy);
		free(p->what);
	}
	char **texts[] = { &x->namespace,   &x->name,    &x->not_ours_why, &x->sharing_key,
			   &x->pools_named, &x->before,  &x->after,        &x->leaves,
			   &x->reason,      &x->message, &x->advice };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*texts[i]);
	free(x->requests);
	free(x->shares);
	free(x->pools);
	*x = (struct explanation){ 0 };
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* ---- what the decision tells ------------------------------------------------------------------------------
 */

static struct explained_pool *need_pool(struct explanation *x, const char *name)
{
	for (size_t i = 0; i < x->n_pools; i++)
		if (strcmp(x->pools[i].name, name) == 0)
			return &x->pools[i];
	vec_grow(&x->pools, &x->cap_pools, x->n_pools + 1);
	struct explained_pool *p = &x->pools[x->n_pools++];
	*p = (struct explained_pool){ .name = xstrdup(name) };
	return p;
}

static void on_pool(void *arg, const char *name, enum family f, enum pool_answer a, const char *what)
{
	struct explanation *x = arg;
	struct explained_pool *p = need_pool(x, name);
	if (f == FAMILIES) {
		p->answer = a;
		str_replace(&p->what, what);
		return;
	}
	/* Of several addresses that are asked for each has something to say. */
	CLEANUP(freep) char *before = TAKE(p->by[f].what);
	p->by[f].what = before ? xasprintf("%s; %s", before, what) : xstrdup(what);
	if (!p->by[f].asked || p->by[f].answer > a)
		p->by[f].answer = a;
	p->by[f].asked = true;
}

static void on_request(void *arg, const struct asked_trace *t)
{
	struct explanation *x = arg;
	vec_grow(&x->requests, &x->cap_requests, x->n_requests + 1);
	x->requests[x->n_requests++] = (struct explained_request){
		.item = xstrdup(t->item),
		.why = copy(t->why),
		.reservation = copy(t->reservation),
		.pool = copy(t->pool),
		.reason = t->reason,
		.answer = t->answer,
	};
}

static void on_share(void *arg, struct ip ip, const char *with, const char *why)
{
	struct explanation *x = arg;
	char text[IP_TEXT_MAX];
	vec_grow(&x->shares, &x->cap_shares, x->n_shares + 1);
	x->shares[x->n_shares++] =
		(struct explained_share){ xstrdup(ip_format(ip, text)), xstrdup(with), copy(why) };
}

/* What the decision did not need to know of the pools that it looked at. */
static void describe_pools(struct ipam *m, struct explanation *x)
{
	struct pool_row row;
	struct pool_text text;
	CLEANUP(buf_done) struct buf selector = BUF_INIT(TEXT_MAX);
	for (size_t i = 0; ipam_pool_row(m, i, &row); i++) {
		buf_clear(&selector);
		(void)ipam_pool_text(m, i, &text, &selector);
		struct explained_pool *p = need_pool(x, row.name);
		p->selector = xstrdup(buf_str(&selector));
		p->disorder = copy(text.disorder);
		p->policy = copy(row.policy);
		for (int f = 0; f < FAMILIES; f++) {
			char number[COUNT_TEXT_MAX];
			if (!count_is_zero(row.family[f].total))
				p->by[f].free = xstrdup(count_format(row.family[f].free, number));
		}
	}
}

static void on_row(const struct plan_row *row, void *arg)
{
	struct explanation *x = arg;
	str_replace(&x->before, row->before);
	str_replace(&x->after, row->after);
	str_replace(&x->leaves, row->leaves);
	str_replace(&x->reason, row->reason);
	str_replace(&x->message, row->message);
}

bool explain(struct plan *p, const char *ns, const char *name, struct explanation *ret)
{
	struct explanation x = { .namespace = xstrdup(ns), .name = xstrdup(name) };
	struct ipam *m = plan_ipam(p);
	const struct ipam_trace trace = { on_pool, on_request, on_share, &x };
	if (!ipam_explain(m, ns, name, &trace, &x.wish)) {
		explanation_done(&x);
		return false;
	}
	x.sharing_key = copy(x.wish.sharing_key);
	x.pools_named = copy(x.wish.pools);
	x.wish.sharing_key = x.wish.pools = NULL;
	CLEANUP(buf_done) struct buf why = BUF_INIT(TEXT_MAX);
	x.not_ours = ipam_not_ours(m, ns, name, &why);
	x.not_ours_why = xstrdup(buf_str(&why));
	x.before = xstrdup("");
	x.after = xstrdup("");
	x.leaves = xstrdup("");
	x.reason = xstrdup("");
	x.message = xstrdup("");
	(void)plan_row(p, ns, name, on_row, &x);
	x.satisfied = x.not_ours == OURS && strcmp(x.reason, ipam_reason_name(REASON_SATISFIED)) == 0;
	if (x.not_ours == OURS && !x.wish.deleting)
		describe_pools(m, &x);
	x.advice = explain_advice(&x);
	*ret = x;
	return true;
}
