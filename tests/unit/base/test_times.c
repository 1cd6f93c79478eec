#include "base/times.h"

#include "lib/test.h"

#include <errno.h>

static void times_are_written_as_kubernetes_does(void **state)
{
	char text[RFC3339_MAX];
	assert_string_equal(time_format(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(time_format(1795396945000, text), "2026-11-23T01:22:25Z");
	assert_string_equal(time_format(1795396945999, text), "2026-11-23T01:22:25Z");
	assert_string_equal(time_format(-1, text), "1969-12-31T23:59:59Z");
	assert_string_equal(time_format(951782400000, text), "2000-02-29T00:00:00Z");
	assert_string_equal(time_format_micro(1795396945007, text), "2026-11-23T01:22:25.007000Z");
	assert_string_equal(time_format_micro(-1, text), "1969-12-31T23:59:59.999000Z");
}

struct reading {
	const char *text;
	int r;
	msec at;
};

static void check(int (*parse)(struct slice, msec *), const struct reading *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		msec at = 77;
		int r = parse(slice_of(cases[i].text), &at);
		if (r != cases[i].r || at != (cases[i].r ? 77 : cases[i].at))
			fail_msg("\"%s\": %d, %lld", cases[i].text, r, (long long)at);
	}
}

static void rfc_3339_is_read(void **state)
{
	static const struct reading cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-11-23T01:22:25Z", 0, 1795396945000 },
		{ "2026-11-23t01:22:25z", 0, 1795396945000 },
		{ "2026-11-23T01:22:25.5Z", 0, 1795396945500 },
		{ "2026-11-23T01:22:25.123456Z", 0, 1795396945123 },
		{ "2026-11-23T01:22:25.123456789Z", 0, 1795396945123 },
		{ "2026-11-23T03:22:25+02:00", 0, 1795396945000 },
		{ "2026-11-22T23:52:25.001-01:30", 0, 1795396945001 },
		{ "2000-02-29T00:00:00Z", 0, 951782400000 },
		{ "1969-12-31T23:59:59Z", 0, -1000 },
		{ "2016-12-31T23:59:60Z", 0, 1483228800000 }, /* a leap second */
		{ "", -EINVAL, 0 },
		{ "2026-11-23", -EINVAL, 0 },
		{ "2026-11-23T01:22:25", -EINVAL, 0 },
		{ "2026-11-23 01:22:25Z", -EINVAL, 0 },
		{ "2026-11-23T01:22Z", -EINVAL, 0 },
		{ "2026-11-23T01:22:25.Z", -EINVAL, 0 },
		{ "2026-11-23T01:22:25Zx", -EINVAL, 0 },
		{ "2026-11-23T01:22:25+0200", -EINVAL, 0 },
		{ "2026-11-23T01:22:25+02", -EINVAL, 0 },
		{ "2026-13-23T01:22:25Z", -EINVAL, 0 },
		{ "2026-00-23T01:22:25Z", -EINVAL, 0 },
		{ "2026-11-00T01:22:25Z", -EINVAL, 0 },
		{ "2026-11-32T01:22:25Z", -EINVAL, 0 },
		{ "2026-11-23T24:22:25Z", -EINVAL, 0 },
		{ "2026-11-23T01:60:25Z", -EINVAL, 0 },
		{ "2026-11-23T01:22:61Z", -EINVAL, 0 },
		{ "26-11-23T01:22:25Z", -EINVAL, 0 },
		{ "+026-11-23T01:22:25Z", -EINVAL, 0 },
		{ "2026-02-31T00:00:00Z", -EINVAL, 0 },
		{ "2026-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2100-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2026-04-31T00:00:00Z", -EINVAL, 0 },
		{ "2024-02-29T00:00:00Z", 0, 1709164800000 },
		{ "2000-02-29T00:00:00Z", 0, 951782400000 },
		{ "2026-11-23T01:22:25+24:00", -EINVAL, 0 },
		{ "2026-11-23T01:22:25+01:60", -EINVAL, 0 },
	};
	check(time_parse, cases, ARRAY_LEN(cases));
}

static void what_is_written_reads_back(void **state)
{
	struct rng rng = test_rng(__func__);
	for (int i = 0; i < 100000; i++) {
		char text[RFC3339_MAX];
		/* Years 1900 to 9999. */
		msec at = (msec)rng_below(&rng, 255611289600000u) - 2208988800000, back;
		assert_int_equal(time_parse(slice_of(time_format_micro(at, text)), &back), 0);
		assert_int_equal(back, at);
		assert_int_equal(time_parse(slice_of(time_format(at, text)), &back), 0);
		assert_true(back <= at && at - back < 1000);
	}
}

static void http_dates_are_read(void **state)
{
	static const struct reading cases[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0, 784111777000 }, /* the example of RFC 9110 */
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0, 0 },
		{ "", -EINVAL, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 CET", -EINVAL, 0 },
		{ "Sun, 06 Nvo 1994 08:49:37 GMT", -EINVAL, 0 },
		{ "Sun, 6 Nov 1994 08:49:37 GMT", -EINVAL, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMTx", -EINVAL, 0 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", -EINVAL, 0 },
		{ "Sun Nov  6 08:49:37 1994", -EINVAL, 0 },
		{ "Sun, 32 Nov 1994 08:49:37 GMT", -EINVAL, 0 },
		{ "Thu, 31 Nov 1994 08:49:37 GMT", -EINVAL, 0 },
	};
	check(time_parse_http, cases, ARRAY_LEN(cases));
}

static void durations_are_those_of_go(void **state)
{
	static const struct reading cases[] = {
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "15s", 0, 15000 },
		{ "100ms", 0, 100 },
		{ "1.5s", 0, 1500 },
		{ "1h30m", 0, 5400000 },
		{ "1h0m1s", 0, 3601000 },
		{ ".5s", 0, 500 },
		{ "1.s", 0, 1000 },
		{ "1m1m", 0, 120000 },
		{ "1500us", 0, 1 },
		{ "1500\xc2\xb5s", 0, 1 },
		{ "999999ns", 0, 0 },
		{ "0.3333333333333333333h", 0, 1199999 },
		{ "2562047h47m16.854s", 0, 9223372036854 },
		{ "2562048h", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1s1", -EINVAL, 0 },
		{ "1..5s", -EINVAL, 0 },
	};
	check(duration_parse, cases, ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_as_kubernetes_does),
		cmocka_unit_test(rfc_3339_is_read),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(http_dates_are_read),
		cmocka_unit_test(durations_are_those_of_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
