/* When a pool will be empty, if things go on as they did: a line through hourly samples of the addresses in
 * use (lifecycle.md 5). Values in, values out; whoever drives it says what hour it is and keeps the text. */
#pragma once

#include "base/buf.h"
#include "core/ip.h"

enum {
	FORECAST_HOURS = 7 * 24,  /* as far back as samples are kept */
	FORECAST_SAMPLES_MIN = 3, /* fewer say nothing */
	FORECAST_TEXT_MAX = 900 * 1024,
};

/* Where the text is kept, in the operator's namespace. */
#define FORECAST_CONFIG_MAP "berth-forecast"
#define FORECAST_KEY "samples"

struct forecast;
struct forecast *forecast_new(void);
void forecast_free(struct forecast *f); /* NULL allowed */

/* Hours since 1970 of a wall time. */
int64_t forecast_hour(int64_t wall_msec);
/* Addresses in use at this hour; of two for one hour the last one counts. Samples that are more than
 * FORECAST_HOURS older than the newest of their pool go. */
void forecast_add(struct forecast *f, const char *pool, enum family family, int64_t hour, uint64_t used);
/* Pools without a sample since this hour are forgotten. */
void forecast_prune(struct forecast *f, int64_t hour);
/* Seconds until `free` more are in use; false when the use does not grow or too little is known. */
bool forecast_seconds(const struct forecast *f, const char *pool, enum family family, double free_ones,
		      double *ret);

/* A line for each pool and family: name, family, the first hour, then one number or "-" for each hour. */
void forecast_write(const struct forecast *f, struct buf *out);
/* Adds what a text says; lines that are none are left out. */
void forecast_read(struct forecast *f, struct slice text);
