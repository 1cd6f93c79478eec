/* The process itself, by the names that Prometheus' client libraries use; and what it was built from. */
#pragma once

#include "observe/metrics.h"

/* What /proc/self/stat says. */
struct process_stat {
	double start_seconds; /* after boot */
	double virtual_bytes, resident_bytes;
};
/* False if the text is something else. ticks: per second; page: bytes. */
bool process_stat_parse(struct slice text, long ticks, long page, struct process_stat *ret);

/* What cannot be read is left out. */
void process_metrics(struct metrics *m);

void build_metrics(struct metrics *m);
