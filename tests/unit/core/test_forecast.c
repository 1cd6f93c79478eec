#include "core/forecast.h"

#include "lib/test.h"

static const char *text_of(const struct forecast *f, struct buf *out)
{
	buf_clear(out);
	forecast_write(f, out);
	return buf_str(out);
}

/* ---- known lines -------------------------------------------------------------------------------- */

static const struct {
	const char *name, *text;
	double free_ones, seconds; /* seconds < 0: nothing can be said */
} cases[] = {
	{ "two samples say nothing", "p ipv4 100 1 2\n", 10, -1 },
	{ "one more an hour", "p ipv4 100 1 2 3\n", 10, 36000 },
	{ "what stays does not run out", "p ipv4 100 7 7 7 7\n", 10, -1 },
	{ "nor what shrinks", "p ipv4 100 9 8 7 7\n", 10, -1 },
	{ "hours without a sample are no zeros", "p ipv4 100 1 - 3 - 5\n", 10, 36000 },
	{ "two in three hours", "p ipv4 100 0 0 2 2\n", 8, 36000 },
	{ "a full pool is empty now", "p ipv4 100 1 2 3\n", 0, 0 },
	{ "another family", "p ipv6 100 1 2 3\n", 10, -1 },
	{ "another pool", "pp ipv4 100 1 2 3\n", 10, -1 },
};

static void lines_are_drawn(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct forecast *f = forecast_new();
		double seconds;
		forecast_read(f, slice_of(cases[i].text));
		bool said = forecast_seconds(f, "p", IPV4, cases[i].free_ones, &seconds);
		print_message("  %s\n", cases[i].name);
		assert_int_equal(said, cases[i].seconds >= 0);
		if (said)
			assert_true(seconds > cases[i].seconds - 1 && seconds < cases[i].seconds + 1);
		forecast_free(f);
	}
}

static void junk_is_left_out(void **state)
{
	(void)state;
	static const char text[] =
		"\n\n p ipv4 1 2\nnothing\np ipv5 100 1 2 3\np ipv4 x 1 2\np ipv4 -3 1\n"
		"p ipv4 99999999999999999999 1\nq ipv4 100 1 two 3 4\np ipv4 100\nq ipv6 7 8";
	struct forecast *f = forecast_new();
	CLEANUP(buf_done) struct buf out = BUF_INIT(10000);
	forecast_read(f, slice_of(text));
	assert_string_equal(text_of(f, &out), "q ipv4 100 1 - 3 4\nq ipv6 7 8\n");
	forecast_free(f);
}

/* ---- against a plain array ------------------------------------------------------------------------- */

enum { HOURS = 1000 };

static void check(const struct forecast *f, const int64_t *used, int64_t last, double free_ones)
{
	int64_t first = last - FORECAST_HOURS + 1 > 0 ? last - FORECAST_HOURS + 1 : 0;
	double n = 0, mx = 0, my = 0, up = 0, down = 0, seconds = 0;
	for (int64_t h = first; h <= last; h++)
		if (used[h] >= 0) {
			n++;
			mx += (double)h;
			my += (double)used[h];
		}
	mx /= n;
	my /= n;
	for (int64_t h = first; h <= last; h++)
		if (used[h] >= 0) {
			up += ((double)h - mx) * ((double)used[h] - my);
			down += ((double)h - mx) * ((double)h - mx);
		}
	double slope = (int)n >= FORECAST_SAMPLES_MIN && down > 0 ? up / down : 0;
	bool said = forecast_seconds(f, "p", IPV4, free_ones, &seconds);
	/* A slope of nothing is a matter of rounding. */
	if (slope > -1e-9 && slope < 1e-9)
		return;
	assert_int_equal(said, slope > 0);
	if (said)
		assert_true(seconds > free_ones / slope * 3600 * 0.999 - 1 &&
			    seconds < free_ones / slope * 3600 * 1.001 + 1);
}

static void samples_at_random(void **state)
{
	(void)state;
	struct rng rng = test_rng("samples_at_random");
	for (int round = 0; round < 20; round++) {
		struct forecast *f = forecast_new();
		int64_t used[HOURS], last = -1;
		for (int h = 0; h < HOURS; h++)
			used[h] = -1;
		for (int64_t hour = (int64_t)rng_below(&rng, 50); hour < HOURS;
		     hour += 1 + (int64_t)rng_below(&rng, rng_below(&rng, 30) ? 3 : 300)) {
			used[hour] = (int64_t)rng_below(&rng, 1000);
			last = hour;
			forecast_add(f, "p", IPV4, hour, (uint64_t)used[hour]);
			check(f, used, last, (double)rng_below(&rng, 500));
			/* As a failover finds it. */
			if (rng_below(&rng, 10) == 0) {
				CLEANUP(buf_done)
				struct buf text = BUF_INIT(FORECAST_TEXT_MAX),
					   again = BUF_INIT(FORECAST_TEXT_MAX);
				forecast_write(f, &text);
				forecast_free(f);
				f = forecast_new();
				forecast_read(f, buf_slice(&text));
				assert_string_equal(text_of(f, &again), buf_str(&text));
				buf_done(&again);
			}
		}
		forecast_prune(f, last);
		double seconds;
		forecast_prune(f, last + 1);
		assert_false(forecast_seconds(f, "p", IPV4, 1, &seconds));
		forecast_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_drawn),
		cmocka_unit_test(junk_is_left_out),
		cmocka_unit_test(samples_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
