/* The controllers: watches the cluster, lets the core decide, writes. */
#pragma once

#include "base/log.h"
#include "core/ipam.h"
#include "kube/kube.h"
#include "observe/event_times.h"

/* Not `struct operator`, which tools take for a word of C++. */
struct berth_operator;

/* Whether addresses get records: where the API serves them, in any case, never. */
enum records_mode { RECORDS_IF_SERVED, RECORDS_ALWAYS, RECORDS_NEVER };

struct operator_config {
	struct ipam_config ipam; /* `records` is worked out from the next field */
	enum records_mode records;
	const char *const *managers; /* NULL-terminated; the first one writes, all count as ours */
	bool metallb;
	bool install_crds;
	uint64_t seed;             /* of jitter */
	struct event_times *times; /* what events cost is added here; NULL = nowhere */
	const struct log *log;     /* borrowed, as all pointers above, for the life of the operator */
};

/* Starts to list and watch in the next turn of the loop. */
struct berth_operator *operator_new(struct loop *l, struct kube *k, const struct operator_config *c);
void operator_free(struct berth_operator *o); /* NULL allowed */

/* Gives out nothing new and lets what is on its way come back; then, or after `patience`, calls fn. */
void operator_stop(struct berth_operator *o, msec patience, loop_fn *fn, void *arg);

/* NULL when it is ready, else why not; borrowed until the loop runs on. */
const char *operator_not_ready(struct berth_operator *o);
const struct ipam *operator_ipam(const struct berth_operator *o);

/* Watches that broke, by resource: for (i = 0; operator_watch(o, i, &resource, &restarts); i++). */
bool operator_watch(const struct berth_operator *o, size_t i, const char **ret_resource,
		    uint64_t *ret_restarts);
