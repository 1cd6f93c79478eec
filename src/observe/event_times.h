/* How long it takes to take in what a watch tells, by kind of object and of event: Cilium's
 * cilium_operator_lbipam_event_processing_time_seconds{event,resource}. */
#pragma once

#include "observe/metrics.h"

enum event_resource { EVENT_POOL, EVENT_SERVICE, EVENT_RESOURCES };
enum event_kind { EVENT_UPSERT, EVENT_DELETE, EVENT_KINDS };

enum { EVENT_BUCKETS = 12 };

/* All zero at the start. */
struct event_times {
	struct {
		uint64_t buckets[EVENT_BUCKETS], n;
		double sum; /* seconds */
	} of[EVENT_RESOURCES][EVENT_KINDS];
};

void event_times_add(struct event_times *t, enum event_resource r, enum event_kind k, double seconds);
void event_times_metrics(struct metrics *m, const struct event_times *t);
