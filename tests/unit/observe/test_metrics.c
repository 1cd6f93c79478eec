#include "observe/metrics.h"

#include "exposition.h"

#include <math.h>

static const double bounds[] = { 0.25, 1, 10 };
static const uint64_t buckets[] = { 2, 0, 3 };
static const struct metric_histogram some = { bounds, buckets, ARRAY_LEN(bounds), 7, 99.5 };

static void write_all(struct metrics *m)
{
	metrics_family(m, "depth", METRIC_GAUGE, "How deep \"it\" is");
	metrics_value(m, 3);
	metrics_family(m, "calls_total", METRIC_COUNTER, "Calls");
	metrics_value(m, 17, LABEL("verb", "get"), LABEL("code", "200"));
	metrics_value(m, 1, LABEL("verb", "a\\b\"c\nd"), LABEL("code", ""));
	metrics_family(m, "took_seconds", METRIC_HISTOGRAM, "Line\nand \\");
	metrics_histogram(m, &some);
	metrics_histogram(m, &some, LABEL("verb", "put"));
	metrics_end(m);
}

static void the_text_format(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct metrics m = { .out = &out };
	write_all(&m);
	assert_string_equal(buf_str(&out), "# HELP depth How deep \"it\" is\n"
					   "# TYPE depth gauge\n"
					   "depth 3\n"
					   "# HELP calls_total Calls\n"
					   "# TYPE calls_total counter\n"
					   "calls_total{verb=\"get\",code=\"200\"} 17\n"
					   "calls_total{verb=\"a\\\\b\\\"c\\nd\",code=\"\"} 1\n"
					   "# HELP took_seconds Line\\nand \\\\\n"
					   "# TYPE took_seconds histogram\n"
					   "took_seconds_bucket{le=\"0.25\"} 2\n"
					   "took_seconds_bucket{le=\"1\"} 2\n"
					   "took_seconds_bucket{le=\"10\"} 5\n"
					   "took_seconds_bucket{le=\"+Inf\"} 7\n"
					   "took_seconds_sum 99.5\n"
					   "took_seconds_count 7\n"
					   "took_seconds_bucket{verb=\"put\",le=\"0.25\"} 2\n"
					   "took_seconds_bucket{verb=\"put\",le=\"1\"} 2\n"
					   "took_seconds_bucket{verb=\"put\",le=\"10\"} 5\n"
					   "took_seconds_bucket{verb=\"put\",le=\"+Inf\"} 7\n"
					   "took_seconds_sum{verb=\"put\"} 99.5\n"
					   "took_seconds_count{verb=\"put\"} 7\n");
	struct exposition x = exposition_check(buf_str(&out), false);
	assert_int_equal(x.families, 3);
	assert_int_equal(x.samples, 15);
}

static void openmetrics(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct metrics m = { .out = &out, .openmetrics = true };
	write_all(&m);
	exposition_check(buf_str(&out), true);
	assert_non_null(strstr(buf_str(&out), "# HELP depth How deep \\\"it\\\" is\n"));
	assert_non_null(strstr(buf_str(&out), "# TYPE calls counter\ncalls_total{verb=\"get\""));
	assert_non_null(strstr(buf_str(&out), "took_seconds_bucket{le=\"1.0\"} 2\n"));
	assert_non_null(strstr(buf_str(&out), "took_seconds_bucket{le=\"10.0\"} 5\n"));
	assert_non_null(strstr(buf_str(&out), "\n# EOF\n"));
}

static void numbers_keep_their_value(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -1.5, "-1.5" },
		{ 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 1e15, "1e+15" },
		{ 123456789012345, "123456789012345" },
		{ 9007199254740992.0, "9007199254740992" },
		{ 340282366920938463463374607431768211456.0, "3.402823669209385e+38" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(1024);
		struct metrics m = { .out = &out, .family = "v" };
		CLEANUP(freep) char *want = xasprintf("v %s\n", cases[i].text);
		metrics_value(&m, cases[i].v);
		assert_string_equal(buf_str(&out), want);
	}
	CLEANUP(buf_done) struct buf out = BUF_INIT(1024);
	struct metrics m = { .out = &out, .family = "v" };
	metrics_value(&m, (double)NAN);
	assert_string_equal(buf_str(&out), "v NaN\n");
}

static void the_client_chooses_by_accept(void **state)
{
	static const struct {
		const char *accept;
		bool open;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "*/*", false },
		{ "text/html", false },
		{ "application/openmetrics-text", true },
		{ "Application/OpenMetrics-Text; version=1.0.0", true },
		{ "application/openmetrics-text;q=0", false },
		{ "application/openmetrics-text;q=0.5,text/plain;q=0.9", false },
		{ "text/plain;q=0.5, application/openmetrics-text; q=0.75", true },
		/* What Prometheus 2 and 3 send. */
		{ "application/openmetrics-text;version=1.0.0;q=0.5,application/"
		  "openmetrics-text;version=0.0.1;"
		  "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		  true },
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		  "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		  true },
		{ "text/plain;version=0.0.4;q=1,*/*;q=0.1", false },
		{ ";;q=,,,q=1;application/openmetrics-text", false },
		{ "application/openmetrics-text;q=x", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (metrics_want_openmetrics(cases[i].accept) != cases[i].open)
			fail_msg("%s", cases[i].accept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_format),
		cmocka_unit_test(openmetrics),
		cmocka_unit_test(numbers_keep_their_value),
		cmocka_unit_test(the_client_chooses_by_accept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
