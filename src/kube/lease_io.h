/* Carries out the steps of lease.h against the API: reads, writes and watches one Lease, on connections of
 * its own, each request with a deadline well within the renew deadline. */
#pragma once

#include "kube/kube.h"
#include "kube/lease.h"

struct elector;

/* They may do anything but free the elector. */
struct elector_ops {
	/* This process leads now, for the first and only time. */
	void (*leads)(void *arg);
	/* Another holds the Lease; told when the holder changes. `since` as the holder wrote it. */
	void (*follows)(const char *holder, const char *since, void *arg);
	/* It led, and nothing may be written any more. The last that is told. */
	void (*lost)(const char *why, void *arg);
	/* A request about the Lease failed; it is tried again. */
	void (*trouble)(const char *verb, int status, const char *why, void *arg);
};

struct elector_options {
	struct kube *kube;
	const char *ns, *name; /* of the Lease; copied */
	const char *manager;   /* that writes it; copied */
	struct lease_config lease;
	const struct elector_ops *ops; /* kept by pointer */
	void *arg;
};

/* Starts in the next turn of the loop. */
struct elector *elector_new(const struct elector_options *o);
void elector_free(struct elector *x); /* NULL allowed */

/* May this process write, now? Reads the clock. For kube_gate_writes() as well. */
bool elector_leads(void *x);
/* Gives the Lease up if it is held, then calls fn once; at the latest after `patience`. */
void elector_release(struct elector *x, msec patience, loop_fn *fn, void *arg);

/* Why nothing is known of the Lease yet; NULL = it is. Borrowed until the loop runs on. */
const char *elector_problem(struct elector *x);
