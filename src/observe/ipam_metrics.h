/* Metrics of the allocation and of the requests to the API server. Names that begin with cilium_ are those
 * of Cilium's LB-IPAM, so that its dashboards go on working. */
#pragma once

#include "core/forecast.h"
#include "core/ipam.h"
#include "kube/kube.h"
#include "observe/metrics.h"

/* Does this process lead? */
void leader_metrics(struct metrics *m, bool leads);
void ipam_metrics(struct metrics *m, const struct ipam *ipam);
/* When pools will be empty. Behind the others: it has no sample for a pool whose use does not grow. */
void forecast_metrics(struct metrics *m, const struct ipam *ipam, const struct forecast *f);
void kube_metrics(struct metrics *m, const struct kube *k);
/* The same from counters. */
void kube_stats_metrics(struct metrics *m, struct kube_stats s);
/* Broken watches of the nth resource; the first call begins the family, the others follow at once. */
void watch_metrics(struct metrics *m, size_t nth, const char *resource, uint64_t restarts);
