/* Requests to the API server: connections, credentials, answers, and what is counted about them. */
#pragma once

#include "data/json.h"
#include "io/http_client.h"
#include "kube/config.h"
#include "kube/resource.h"

struct kube;
struct kube_call;

/* Each has connections of its own, so that a big list never delays a write, and nothing delays the
 * renewal of the Lease. */
enum kube_lane { KUBE_WATCH, KUBE_WRITE, KUBE_LEASE, KUBE_LANES };

/* `config` is handed over, also when this fails. max_in_flight: the most connections for writes, where each
 * needs its own. */
int kube_new(struct loop *l, struct kube_config *config, int max_in_flight, struct kube **ret, struct err *e);
void kube_free(struct kube *k); /* calls under way end without a callback; NULL allowed */

/* Asked each time before anything of the lane KUBE_WRITE is sent; see http_client_gate(). */
void kube_gate_writes(struct kube *k, bool (*open)(void *arg), void *arg);
/* Nothing of the lane KUBE_WRITE leaves any more, whatever was queued; calls under way never end. */
void kube_abort_writes(struct kube *k);
/* Nothing leaves any more, on any lane, whatever was queued; calls under way never end. */
void kube_abort(struct kube *k);

const struct kube_config *kube_config(const struct kube *k);
struct loop *kube_loop(const struct kube *k);

struct kube_request {
	enum kube_lane lane;
	const char *verb;                /* as RBAC names it: "get", "list", "watch", "create", "update",
					    "patch", "delete"; a literal, kept by pointer */
	const struct resource *resource; /* for the counters; NULL = not about one */
	const char *path;                /* with query */
	struct slice body;
	const char *content_type; /* NULL = application/json */
	msec timeout;             /* 0 = 30 s; negative = none, for streams */
	msec stall;               /* of a stream; 0 = never */
	size_t max_body;          /* 0 = 16 MiB */
	/* A stream: called with each piece of a 2xx body, first with an empty one when it begins. */
	void (*on_data)(struct slice piece, void *arg);
};

/* Content types of PATCH. */
#define KUBE_MERGE_PATCH "application/merge-patch+json"
#define KUBE_JSON_PATCH "application/json-patch+json"
#define KUBE_STRATEGIC_PATCH "application/strategic-merge-patch+json"
#define KUBE_APPLY_PATCH "application/apply-patch+yaml"

/* All borrowed until the callback returns. */
struct kube_result {
	int status;          /* HTTP; 0 = no answer */
	const char *error;   /* no answer, or not all of it; else NULL */
	bool sent;           /* no answer, but the request may have been carried out all the same */
	int64_t retry_after; /* seconds; -1 = not said */
	struct slice body;
	/* Of a Status object, with status >= 400; "" and NULL otherwise. */
	const char *reason; /* "Conflict", "AlreadyExists", "Expired", … */
	const char *message;
	const struct js *details; /* causes and so on */
};
typedef void kube_done_fn(const struct kube_result *r, void *arg);

/* True for 2xx with its whole body. */
bool kube_ok(const struct kube_result *r);
/* One line for people: "403 Forbidden: services is forbidden: …", "no answer: connection refused".
 * Returns `text`. */
const char *kube_result_text(const struct kube_result *r, char *text, size_t size);

/* Everything in the request is copied. `done` is called exactly once, later, unless kube_cancel() came
 * first. The bearer token is added; after 401 the credentials are got anew and the request is sent
 * once more. */
struct kube_call *kube_send(struct kube *k, const struct kube_request *r, kube_done_fn *done, void *arg);
void kube_cancel(struct kube_call *call); /* NULL allowed */

/* The API server's wall clock, by the Date header of its newest answer; ours until there was one.
 * Right to a second or so. */
msec kube_server_wall(const struct kube *k);
bool kube_server_wall_known(const struct kube *k);

/* Counters, for the metrics. */
struct kube_count {
	const char *verb;
	const char *resource; /* plural; "" = about none */
	int code;             /* HTTP; 0 = no answer */
	uint64_t n;
};
enum { KUBE_BUCKETS = 12 };
/* Upper bounds in seconds; beyond the last is only in `n`. */
extern const double kube_bucket_bounds[KUBE_BUCKETS];
struct kube_latency {
	const char *verb;
	uint64_t buckets[KUBE_BUCKETS]; /* not cumulative */
	uint64_t n;
	double sum; /* seconds */
};
struct kube_stats {
	const struct kube_count *counts; /* borrowed until the loop runs on */
	size_t n_counts;
	const struct kube_latency *latencies; /* without streams */
	size_t n_latencies;
};
struct kube_stats kube_stats(const struct kube *k);
