/* What a scenario expects of the cluster; see README.md. */
#pragma once

#include "flags.h"
#include "plan/cluster.h"

struct run {
	struct scenario_flags flags;
	struct cluster *cluster;
	msec began;
	const struct js *fault; /* the next effect of its kind ends as it says; NULL = none */
	int64_t fault_times;
	struct buf order;    /* names of the effects since the last expect */
	struct buf versions; /* "ns/name resourceVersion" lines of the last expect */
	uint64_t decided;    /* decisions until the last expect */
};

/* Forgets what was counted so far. */
void begin_counting(struct run *r);
/* Appends a "# ..." line to `wrong` for each thing that is not as expected, and begins to count anew. */
void expect(struct run *r, const struct js *want, struct buf *wrong);
/* No address is in two statuses, unless all of them have one sharing key. */
void check_unique(const struct cluster *c, struct buf *wrong);
size_t record_writes(const struct cluster *c);
/* The pool kind "goes" with its objects, or is "back". */
void pool_kind(struct run *r, const char *what);
