/* Faults that the embedded API plays on its clients, for tests: which, how often, to whom and when. Pure: a
 * plan, its seeded generator and a request in, a verdict out.
 *
 *	seed=7;429:0.05,verb=patch,resource=services,retry-after=1;latency:0.1,ms=200
 *
 * Rules stand between ';', each KIND[:PROBABILITY][,OPTION=VALUE…]; the probability is 1 if not given.
 *
 *	latency   answered ms= later (100)            403 404 409 410 500 503   answered with that code
 *	429       with Retry-After: retry-after= (1)  drop   connection closed, nothing done
 *	lost      done, then the connection closed    cut    a watch closed up to ms= after its start (1000)
 *
 *	verb=get+list+watch+create+update+patch+delete+deletecollection, or read, write
 *	resource=services+services/status+ipaddresses    plurals of the path; not=… all but these
 *	agent=berth                                      clients whose User-Agent begins so
 *	from=10s,until=20s,every=1m                      only then, counted from the start, again each minute
 *
 * Without verb= a rule strikes where it makes sense: 409 and lost writes, 410 lists and watches, cut watches,
 * others all. */
#pragma once

#include "base/err.h"
#include "base/rand.h"
#include "base/times.h"

enum fault_kind {
	FAULT_LATENCY,
	FAULT_403,
	FAULT_404,
	FAULT_409,
	FAULT_410,
	FAULT_429,
	FAULT_500,
	FAULT_503,
	FAULT_DROP,
	FAULT_LOST,
	FAULT_CUT,
	N_FAULTS,
};

enum fault_verb {
	FAULT_GET = 1 << 0,
	FAULT_LIST = 1 << 1,
	FAULT_WATCH = 1 << 2,
	FAULT_CREATE = 1 << 3,
	FAULT_UPDATE = 1 << 4,
	FAULT_PATCH = 1 << 5,
	FAULT_DELETE = 1 << 6,
	FAULT_DELETE_COLLECTION = 1 << 7,
};

struct fault_rule {
	enum fault_kind kind;
	uint64_t chance; /* of FAULT_CERTAIN */
	unsigned verbs;  /* enum fault_verb */
	bool all_but;    /* `resources` are those that are spared */
	char *resources; /* owned; "services+ipaddresses", NULL = all */
	char *agent;     /* owned; NULL = all */
	msec delay;      /* of latency and cut */
	int retry_after; /* seconds */
	/* until 0 = for ever, every 0 = once */
	msec from, until, every;
	uint64_t struck; /* how often so far */
};

enum { FAULT_CERTAIN = 1'000'000 };

struct fault_plan {
	struct fault_rule *rules; /* owned */
	size_t n, cap;
	struct rng rng;
};

struct fault_request {
	enum fault_verb verb;
	const char *resource;    /* "services" */
	const char *subresource; /* "" = none */
	const char *agent;       /* NULL = none */
	msec at;                 /* since the plan began */
};

struct fault_verdict {
	msec latency;
	int code;        /* of the answer, 0 = as usual */
	int retry_after; /* seconds, 0 = not said */
	bool drop, lost;
	bool cut;
	msec cut_after;
};

/* -EINVAL: what, where, and what would be right. */
int fault_parse(const char *spec, struct fault_plan *ret, struct err *e);
void fault_plan_done(struct fault_plan *p);
/* The first rule that ends the request decides how; delays add up. */
struct fault_verdict fault_decide(struct fault_plan *p, const struct fault_request *r);
/* "429" */
const char *fault_kind_name(enum fault_kind k);
