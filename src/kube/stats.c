#include "kube/stats.h"

const double kube_bucket_bounds[KUBE_BUCKETS] = {
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
};

void stats_done(struct stats *s)
{
	free(s->counts);
	free(s->latencies);
	*s = (struct stats){ 0 };
}

void stats_count(struct stats *s, const char *verb, const char *resource, int code)
{
	for (size_t i = 0; i < s->n_counts; i++) {
		struct kube_count *c = &s->counts[i];
		if (c->code == code && strcmp(c->verb, verb) == 0 && strcmp(c->resource, resource) == 0) {
			c->n++;
			return;
		}
	}
	vec_grow(&s->counts, &s->cap_counts, s->n_counts + 1);
	s->counts[s->n_counts++] =
		(struct kube_count){ .verb = verb, .resource = resource, .code = code, .n = 1 };
}

void stats_latency(struct stats *s, const char *verb, msec took)
{
	size_t at = 0, bucket = 0;
	double seconds = (double)took / 1000;
	while (at < s->n_latencies && strcmp(s->latencies[at].verb, verb) != 0)
		at++;
	if (at == s->n_latencies) {
		vec_grow(&s->latencies, &s->cap_latencies, s->n_latencies + 1);
		s->latencies[s->n_latencies++] = (struct kube_latency){ .verb = verb };
	}
	struct kube_latency *l = &s->latencies[at];
	while (bucket < KUBE_BUCKETS && seconds > kube_bucket_bounds[bucket])
		bucket++;
	if (bucket < KUBE_BUCKETS)
		l->buckets[bucket]++;
	l->n++;
	l->sum += seconds;
}
