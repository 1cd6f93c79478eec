#include "core/forecast.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

static const uint64_t NONE = UINT64_MAX;

struct series {
	char *name;                    /* key: "pool family" */
	int64_t last;                  /* hour of the newest sample */
	uint64_t used[FORECAST_HOURS]; /* of hour h at h % FORECAST_HOURS; NONE = no sample */
};

struct forecast {
	struct map series;
};

struct forecast *forecast_new(void)
{
	return xcalloc(1, sizeof(struct forecast));
}

static void series_free(struct series *s)
{
	free(s->name);
	free(s);
}

void forecast_free(struct forecast *f)
{
	if (!f)
		return;
	size_t at = 0;
	for (struct series *s; (s = map_next(&f->series, &at));)
		series_free(s);
	map_done(&f->series);
	free(f);
}

int64_t forecast_hour(int64_t wall_msec)
{
	return wall_msec / (3600 * 1000);
}

static uint64_t *place(struct series *s, int64_t hour)
{
	return &s->used[hour % FORECAST_HOURS];
}

static uint64_t sample(const struct series *s, int64_t hour)
{
	return s->used[hour % FORECAST_HOURS];
}

static struct series *find(const struct forecast *f, const char *pool, enum family family)
{
	CLEANUP(freep) char *name = xasprintf("%s %s", pool, family == IPV4 ? "ipv4" : "ipv6");
	return map_get(&f->series, name);
}

static struct series *need(struct forecast *f, const char *pool, enum family family, int64_t hour)
{
	struct series *s = find(f, pool, family);
	if (s)
		return s;
	s = xmalloc(sizeof(*s));
	s->name = xasprintf("%s %s", pool, family == IPV4 ? "ipv4" : "ipv6");
	s->last = hour;
	for (int i = 0; i < FORECAST_HOURS; i++)
		s->used[i] = NONE;
	map_put(&f->series, s->name, s);
	return s;
}

void forecast_add(struct forecast *f, const char *pool, enum family family, int64_t hour, uint64_t used)
{
	if (hour < 0 || used == NONE)
		return;
	struct series *s = need(f, pool, family, hour);
	if (hour <= s->last - FORECAST_HOURS)
		return;
	/* What lay where the new hours come to lie is too old. */
	if (hour - s->last >= FORECAST_HOURS)
		s->last = hour - FORECAST_HOURS;
	while (s->last < hour)
		*place(s, ++s->last) = NONE;
	*place(s, hour) = used;
}

void forecast_prune(struct forecast *f, int64_t hour)
{
	for (bool found = true; found;) {
		size_t at = 0;
		struct series *s;
		while ((s = map_next(&f->series, &at)) && s->last >= hour)
			;
		found = s != NULL;
		if (found) {
			map_del(&f->series, s->name);
			series_free(s);
		}
	}
}

/* The hour of the oldest sample. */
static int64_t first_hour(const struct series *s)
{
	int64_t hour = s->last >= FORECAST_HOURS ? s->last - FORECAST_HOURS + 1 : 0;
	while (hour < s->last && sample(s, hour) == NONE)
		hour++;
	return hour;
}

bool forecast_seconds(const struct forecast *f, const char *pool, enum family family, double free_ones,
		      double *ret)
{
	const struct series *s = find(f, pool, family);
	if (!s)
		return false;
	/* Around the first sample, so that the sums stay small and exact. */
	int64_t first = first_hour(s);
	double n = 0, x = 0, y = 0, xx = 0, xy = 0, base = (double)sample(s, first);
	for (int64_t hour = first; hour <= s->last; hour++) {
		if (sample(s, hour) == NONE)
			continue;
		double dx = (double)(hour - first), dy = (double)sample(s, hour) - base;
		n += 1;
		x += dx;
		y += dy;
		xx += dx * dx;
		xy += dx * dy;
	}
	double across = n * xx - x * x;
	double slope = (int)n >= FORECAST_SAMPLES_MIN && across > 0 ? (n * xy - x * y) / across : 0;
	if (slope <= 0)
		return false;
	*ret = free_ones / slope * 3600;
	return true;
}

/* ---- as text ------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct series *const *)a)->name, (*(const struct series *const *)b)->name);
}

void forecast_write(const struct forecast *f, struct buf *out)
{
	CLEANUP(freep) const struct series **list = xmalloc((f->series.n + 1) * sizeof(*list));
	size_t n = 0, at = 0;
	for (const struct series *s; (s = map_next(&f->series, &at));)
		list[n++] = s;
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	for (size_t i = 0; i < n; i++) {
		const struct series *s = list[i];
		int64_t hour = first_hour(s);
		buf_addf(out, "%s %lld", s->name, (long long)hour);
		for (; hour <= s->last; hour++)
			if (sample(s, hour) == NONE)
				buf_add_str(out, " -");
			else
				buf_addf(out, " %llu", (unsigned long long)sample(s, hour));
		buf_add_char(out, '\n');
	}
}

static void read_line(struct forecast *f, struct slice line)
{
	struct slice pool, family, number;
	uint64_t hour, used;
	if (!slice_cut(&line, ' ', &pool) || !slice_cut(&line, ' ', &family) ||
	    !slice_cut(&line, ' ', &number) || !pool.len || pool.len > 253 ||
	    memchr(pool.ptr, '\0', pool.len) || slice_to_u64(number, &hour) < 0 ||
	    hour > INT32_MAX - FORECAST_HOURS)
		return;
	if (!slice_is(family, "ipv4") && !slice_is(family, "ipv6"))
		return;
	CLEANUP(freep) char *name = xstrndup(pool.ptr, pool.len);
	for (int64_t h = (int64_t)hour; slice_cut(&line, ' ', &number) && h < (int64_t)hour + FORECAST_HOURS;
	     h++)
		if (slice_to_u64(number, &used) == 0)
			forecast_add(f, name, slice_is(family, "ipv4") ? IPV4 : IPV6, h, used);
}

void forecast_read(struct forecast *f, struct slice text)
{
	struct slice line;
	if (text.len > FORECAST_TEXT_MAX)
		text.len = FORECAST_TEXT_MAX;
	while (slice_cut(&text, '\n', &line))
		read_line(f, line);
}
