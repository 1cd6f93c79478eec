#include "observe/event_times.h"

/* Seconds. Taking in an object is a matter of microseconds; a pool can wake thousands of Services. */
static const double bounds[EVENT_BUCKETS] = {
	0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10,
};

void event_times_add(struct event_times *t, enum event_resource r, enum event_kind k, double seconds)
{
	size_t i = 0;
	while (i < EVENT_BUCKETS && seconds > bounds[i])
		i++;
	if (i < EVENT_BUCKETS)
		t->of[r][k].buckets[i]++;
	t->of[r][k].n++;
	t->of[r][k].sum += seconds;
}

void event_times_metrics(struct metrics *m, const struct event_times *t)
{
	static const char *const resources[EVENT_RESOURCES] = { "pool", "service" };
	static const char *const kinds[EVENT_KINDS] = { "upsert", "delete" };
	metrics_family(m, "cilium_operator_lbipam_event_processing_time_seconds", METRIC_HISTOGRAM,
		       "How long it takes to take in an event of a pool or Service");
	for (size_t r = 0; r < EVENT_RESOURCES; r++) {
		for (size_t k = 0; k < EVENT_KINDS; k++) {
			const struct metric_histogram h = { .bounds = bounds,
							    .buckets = t->of[r][k].buckets,
							    .n_bounds = EVENT_BUCKETS,
							    .n = t->of[r][k].n,
							    .sum = t->of[r][k].sum };
			metrics_histogram(m, &h, LABEL("event", kinds[k]), LABEL("resource", resources[r]));
		}
	}
}
