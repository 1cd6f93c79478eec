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

/* One of several replicas leads: see kube/lease.h. */
struct election_config {
	const char *ns, *name; /* of the Lease */
	const char *identity;  /* of this process and of no other that ever was */
	msec lease_duration, renew_deadline, retry_period;
};

struct operator_config {
	struct ipam_config ipam; /* `records` is worked out from the next field */
	enum records_mode records;
	const struct range *service_ranges; /* of ClusterIPs, where the API serves no ServiceCIDRs */
	size_t n_service_ranges;
	const char *const *managers; /* NULL-terminated; the first one writes, all count as ours */
	bool metallb;
	bool install_crds;
	/* NULL = no election: it decides and writes from the start. Else it follows first: lists and watches,
	 * and neither decides nor writes anything. */
	const struct election_config *election;
	/* Leadership is lost: nothing leaves any more, and nothing of the operator works any more. */
	loop_fn *on_lost;
	void *on_lost_arg;
	/* The configuration does not go with what the cluster holds: nothing was written, and nothing will
	 * be; ipam_refusal() says why. */
	loop_fn *on_refused;
	void *on_refused_arg;
	const char *ns;            /* where the operator's own objects are */
	uint64_t seed;             /* of jitter */
	struct event_times *times; /* what events cost is added here; NULL = nowhere */
	const struct log *log;     /* borrowed, as all pointers above, for the life of the operator */
};

/* Starts to list and watch in the next turn of the loop. */
struct berth_operator *operator_new(struct loop *l, struct kube *k, const struct operator_config *c);
void operator_free(struct berth_operator *o); /* NULL allowed */

/* Gives out nothing new and lets what is on its way come back; then, or after `patience`, gives up the Lease
 * if it has it, and calls fn. */
void operator_stop(struct berth_operator *o, msec patience, loop_fn *fn, void *arg);

/* Does it decide and write, or follow? */
bool operator_leads(const struct berth_operator *o);

/* NULL when it is ready, else why not; borrowed until the loop runs on. */
const char *operator_not_ready(struct berth_operator *o);
const struct ipam *operator_ipam(const struct berth_operator *o);
/* What is known of the use of its pools over the last days; NULL where it does not lead, or serves no
 * Service. */
const struct forecast *operator_forecast(const struct berth_operator *o);

/* Watches that broke, by resource: for (i = 0; operator_watch(o, i, &resource, &restarts); i++). */
bool operator_watch(const struct berth_operator *o, size_t i, const char **ret_resource,
		    uint64_t *ret_restarts);
