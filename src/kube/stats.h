/* What is counted about requests; for kube.c, which shows it to the metrics. */
#pragma once

#include "kube/kube.h"

struct stats {
	struct kube_count *counts;
	size_t n_counts, cap_counts;
	struct kube_latency *latencies;
	size_t n_latencies, cap_latencies;
};

void stats_done(struct stats *s);
/* verb and resource are literals, kept by pointer. */
void stats_count(struct stats *s, const char *verb, const char *resource, int code);
void stats_latency(struct stats *s, const char *verb, msec took);
