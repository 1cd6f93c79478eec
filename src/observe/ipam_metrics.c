#include "observe/ipam_metrics.h"

#include <stdio.h>

static void gauge(struct metrics *m, const char *name, const char *help, double v)
{
	metrics_family(m, name, METRIC_GAUGE, help);
	metrics_value(m, v);
}

/* Cilium knows two numbers for both families together; used is all that cannot be given out. */
static void add_cilium_pools(struct metrics *m, const struct ipam *ipam)
{
	struct pool_row row;
	metrics_family(m, "cilium_operator_lbipam_ips_available", METRIC_GAUGE,
		       "Addresses that a pool can still give out");
	for (size_t i = 0; ipam_pool_row(ipam, i, &row); i++)
		metrics_value(m, count_double(count_add(row.family[IPV4].free, row.family[IPV6].free)),
			      LABEL("pool", row.name));
	metrics_family(m, "cilium_operator_lbipam_ips_used", METRIC_GAUGE,
		       "Addresses that a pool cannot give out");
	for (size_t i = 0; ipam_pool_row(ipam, i, &row); i++) {
		struct count used = { 0 };
		for (int f = 0; f < FAMILIES; f++)
			used = count_add(used, count_sub(row.family[f].total, row.family[f].free));
		metrics_value(m, count_double(used), LABEL("pool", row.name));
	}
}

static void add_states(struct metrics *m, const char *pool, const char *family, const struct pool_counts *c)
{
	const struct {
		const char *state;
		struct count n;
	} states[] = {
		{ "used", c->used },         { "foreign", c->foreign }, { "firstlast", c->first_last },
		{ "excluded", c->excluded }, { "free", c->free },       { "reserved", c->reserved },
		{ "cooling", c->cooling },
	};
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		metrics_value(m, count_double(states[i].n), LABEL("pool", pool), LABEL("family", family),
			      LABEL("state", states[i].state));
}

static const char *const families[FAMILIES] = { [IPV4] = "ipv4", [IPV6] = "ipv6" };

static bool gives_out(const struct pool_row *row)
{
	return row->valid && !row->conflicting && !row->disabled && !row->deleting;
}

/* A family that a pool does not have has no samples. */
static void add_pools(struct metrics *m, const struct ipam *ipam)
{
	struct pool_row row;
	metrics_family(m, "berth_pool_addresses", METRIC_GAUGE, "Addresses of a pool, by what they are");
	for (size_t i = 0; ipam_pool_row(ipam, i, &row); i++)
		for (int f = 0; f < FAMILIES; f++)
			if (!count_is_zero(row.family[f].total))
				add_states(m, row.name, families[f], &row.family[f]);
	metrics_family(
		m, "berth_pool_low", METRIC_GAUGE,
		"1 while the pool's condition berth.dev/Low is true of the family; of pools that give out");
	for (size_t i = 0; ipam_pool_row(ipam, i, &row); i++)
		for (int f = 0; f < FAMILIES; f++)
			if (!count_is_zero(row.family[f].total) && gives_out(&row))
				metrics_value(m, row.low[f], LABEL("pool", row.name),
					      LABEL("family", families[f]));
}

static void add_pod_cidrs(struct metrics *m, const struct ipam *ipam)
{
	uint64_t total[FAMILIES], used[FAMILIES];
	bool has[FAMILIES];
	for (int f = 0; f < FAMILIES; f++)
		has[f] = ipam_pod_cidrs(ipam, (enum family)f, &total[f], &used[f]);
	if (!has[IPV4] && !has[IPV6])
		return;
	metrics_family(m, "berth_podcidr_total", METRIC_GAUGE,
		       "PodCIDRs that the cluster pool has for nodes, without what is carved out");
	for (int f = 0; f < FAMILIES; f++)
		if (has[f])
			metrics_value(m, (double)total[f], LABEL("family", families[f]));
	metrics_family(m, "berth_podcidr_used", METRIC_GAUGE,
		       "Those of them that nodes, external addresses or others have");
	for (int f = 0; f < FAMILIES; f++)
		if (has[f])
			metrics_value(m, (double)used[f], LABEL("family", families[f]));
}

static void add_failures(struct metrics *m, const struct ipam_stats *s)
{
	metrics_family(m, "berth_allocation_failures_total", METRIC_COUNTER,
		       "Decisions that a Service does not get all that it wants, by reason");
	for (int r = 0; r < IPAM_REASONS; r++)
		if (r != REASON_SATISFIED)
			metrics_value(m, (double)s->failures[r],
				      LABEL("reason", ipam_reason_name((enum ipam_reason)r)));
}

void leader_metrics(struct metrics *m, bool leads)
{
	gauge(m, "berth_leader", "1 where this replica decides and writes, 0 where it follows", leads);
}

void ipam_metrics(struct metrics *m, const struct ipam *ipam)
{
	struct ipam_stats s = { 0 };
	ipam_stats(ipam, &s);
	gauge(m, "cilium_operator_lbipam_conflicting_pools", "Pools that are in conflict",
	      (double)s.pools_conflicting);
	add_cilium_pools(m, ipam);
	gauge(m, "cilium_operator_lbipam_services_matching", "Services that are ours",
	      (double)s.services_ours);
	gauge(m, "cilium_operator_lbipam_services_unsatisfied",
	      "Services of ours that did not get all that they want", (double)s.services_unsatisfied);
	add_pools(m, ipam);
	add_pod_cidrs(m, ipam);
	metrics_family(m, "berth_allocation_seconds", METRIC_HISTOGRAM,
		       "From the first sight of a Service to its status being written");
	metrics_histogram(m, (&(struct metric_histogram){ .bounds = ipam_latency_bounds,
							  .buckets = s.latency,
							  .n_bounds = LATENCY_BUCKETS,
							  .n = s.latency_n,
							  .sum = s.latency_sum }));
	add_failures(m, &s);
	gauge(m, "berth_queue_depth", "Services that wait to be looked at", (double)s.queued);
}

void forecast_metrics(struct metrics *m, const struct ipam *ipam, const struct forecast *f)
{
	struct pool_row row;
	metrics_family(m, "berth_pool_exhaustion_seconds", METRIC_GAUGE,
		       "Until a pool is empty, if its use grows as it did over the last week");
	for (size_t i = 0; ipam_pool_row(ipam, i, &row); i++) {
		for (int k = 0; k < FAMILIES; k++) {
			const struct pool_counts *c = &row.family[k];
			double seconds = 0;
			if (!count_is_zero(c->total) &&
			    forecast_seconds(f, row.name, (enum family)k, count_double(c->free), &seconds))
				metrics_value(m, seconds, LABEL("pool", row.name),
					      LABEL("family", families[k]));
		}
	}
}

void kube_stats_metrics(struct metrics *m, struct kube_stats s)
{
	metrics_family(m, "berth_api_requests_total", METRIC_COUNTER,
		       "Requests to the API server; the code is error where no answer came");
	for (size_t i = 0; i < s.n_counts; i++) {
		const struct kube_count *c = &s.counts[i];
		char code[16] = "error";
		if (c->code)
			(void)snprintf(code, sizeof(code), "%d", c->code);
		metrics_value(m, (double)c->n, LABEL("verb", c->verb), LABEL("resource", c->resource),
			      LABEL("code", code));
	}
	metrics_family(m, "berth_api_request_seconds", METRIC_HISTOGRAM,
		       "How long requests to the API server take, watches apart");
	for (size_t i = 0; i < s.n_latencies; i++) {
		const struct kube_latency *l = &s.latencies[i];
		metrics_histogram(m,
				  (&(struct metric_histogram){ .bounds = kube_bucket_bounds,
							       .buckets = l->buckets,
							       .n_bounds = KUBE_BUCKETS,
							       .n = l->n,
							       .sum = l->sum }),
				  LABEL("verb", l->verb));
	}
}

void kube_metrics(struct metrics *m, const struct kube *k)
{
	kube_stats_metrics(m, kube_stats(k));
}

void watch_metrics(struct metrics *m, size_t nth, const char *resource, uint64_t restarts)
{
	static const char name[] = "berth_watch_restarts_total";
	if (!m->family || strcmp(m->family, name) != 0)
		metrics_family(m, name, METRIC_COUNTER,
			       "Watches that broke and lists that had to be read again");
	metrics_value(m, (double)restarts, LABEL("resource", resource));
}
