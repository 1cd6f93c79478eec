/* Metrics as text: the Prometheus format 0.0.4 or OpenMetrics 1.0.
 *
 * A family is begun once, then its samples follow:
 *
 *	metrics_family(m, "berth_queue_depth", METRIC_GAUGE, "Services that wait to be looked at");
 *	metrics_value(m, 3);
 *	metrics_family(m, "berth_api_requests_total", METRIC_COUNTER, "…");
 *	metrics_value(m, 17, LABEL("verb", "get"), LABEL("code", "200"));
 *
 * Names and label names are literals that follow the rules; values of labels may be any text. */
#pragma once

#include "base/buf.h"
#include "base/mem.h"

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

struct metric_label {
	const char *name, *value;
};
#define LABEL(n, v) ((struct metric_label){ (n), (v) })

struct metrics {
	struct buf *out; /* borrowed */
	bool openmetrics;
	const char *family; /* the one begun last */
};

/* A counter's name ends in "_total". */
void metrics_family(struct metrics *m, const char *name, enum metric_type type, const char *help);

#define metrics_value(m, v, ...)                                                      \
	metrics_value_of((m), (v), (struct metric_label[]){ { 0 }, __VA_ARGS__ } + 1, \
			 ARRAY_LEN(((struct metric_label[]){ { 0 }, __VA_ARGS__ })) - 1)
void metrics_value_of(struct metrics *m, double v, const struct metric_label *labels, size_t n_labels);

struct metric_histogram {
	const double *bounds;    /* upper, rising, without +Inf */
	const uint64_t *buckets; /* as many; each counts what is above the bound before it */
	size_t n_bounds;
	uint64_t n; /* all, also those beyond the last bound */
	double sum;
};
#define metrics_histogram(m, h, ...)                                                      \
	metrics_histogram_of((m), (h), (struct metric_label[]){ { 0 }, __VA_ARGS__ } + 1, \
			     ARRAY_LEN(((struct metric_label[]){ { 0 }, __VA_ARGS__ })) - 1)
void metrics_histogram_of(struct metrics *m, const struct metric_histogram *h,
			  const struct metric_label *labels, size_t n_labels);

/* After all families. */
void metrics_end(struct metrics *m);

/* Which of the two the client wants, by its Accept header (NULL = there was none). */
bool metrics_want_openmetrics(const char *accept);
const char *metrics_content_type(bool openmetrics);
