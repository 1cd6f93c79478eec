/* Why one Service has what it has: what its decision looked at, in the order in which it did, and one
 * sentence of what to do. Made on a plan, so on a core that nothing is written from. */
#pragma once

#include "plan/plan.h"
#include "plan/print.h"

struct explained_pool {
	char *name, *selector; /* "everything" */
	char *disorder;        /* NULL = none */
	char *policy;          /* that it is under; NULL = none */
	struct {
		bool asked;
		enum pool_answer answer;
		char *what; /* a clause behind the pool's name */
		char *free; /* number of free addresses */
	} by[FAMILIES];
	char *what; /* where no family was asked for */
	enum pool_answer answer;
};
struct explained_request {
	char *item, *why;  /* why NULL: it has it, or gets it */
	char *reservation; /* that keeps the address for it; NULL: it asks for it itself */
	char *pool;        /* that stands against it; NULL = none */
	enum ipam_reason reason;
	enum pool_answer answer; /* of that pool */
};
struct explained_share {
	char *ip, *with, *why; /* why NULL: it may be shared */
};

struct explanation {
	char *namespace, *name;
	enum not_ours not_ours;
	char *not_ours_why;
	struct ipam_wish wish; /* its texts are not kept */
	char *sharing_key, *pools_named;
	char *before, *after, *leaves; /* as in struct plan_row */
	char *reason, *message;
	bool satisfied;
	struct explained_request *requests;
	struct explained_share *shares;
	struct explained_pool *pools; /* in the order in which they were asked */
	size_t n_requests, cap_requests, n_shares, cap_shares, n_pools, cap_pools;
	char *advice; /* one sentence */
};

/* After plan_begin(). False if there is no such Service. */
bool explain(struct plan *p, const char *ns, const char *name, struct explanation *ret);
void explanation_done(struct explanation *x);

/* What to do, as one sentence; owned by the caller. */
char *explain_advice(const struct explanation *x);

void explain_print(const struct explanation *x, enum plan_form form, struct buf *out);
