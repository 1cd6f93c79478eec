#include "observe/event_times.h"

#include "exposition.h"

static double value_of(const struct buf *text, const char *sample)
{
	const char *at = strstr(buf_str(text), sample);
	if (!at)
		fail_msg("%s is not there", sample);
	return at ? strtod(strchr(at, ' '), NULL) : -1;
}
#define NAME "cilium_operator_lbipam_event_processing_time_seconds"

static void events_are_counted_apart(void **state)
{
	struct event_times t = { 0 };
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct metrics m = { .out = &out };
	event_times_add(&t, EVENT_SERVICE, EVENT_UPSERT, 0.000002);
	event_times_add(&t, EVENT_SERVICE, EVENT_UPSERT, 0.001); /* a bound belongs to its bucket */
	event_times_add(&t, EVENT_SERVICE, EVENT_UPSERT, 99);
	event_times_add(&t, EVENT_POOL, EVENT_DELETE, 0);
	event_times_metrics(&m, &t);
	struct exposition x = exposition_check(buf_str(&out), false);
	assert_int_equal(x.families, 1);
	assert_int_equal(x.samples, 4 * (EVENT_BUCKETS + 3));
	assert_int_equal(value_of(&out, NAME "_count{event=\"upsert\",resource=\"service\"}"), 3);
	assert_int_equal(value_of(&out, NAME "_count{event=\"delete\",resource=\"pool\"}"), 1);
	assert_int_equal(value_of(&out, NAME "_count{event=\"delete\",resource=\"service\"}"), 0);
	assert_int_equal(value_of(&out, NAME "_bucket{event=\"upsert\",resource=\"service\",le=\"1e-05\"}"),
			 1);
	assert_int_equal(value_of(&out, NAME "_bucket{event=\"upsert\",resource=\"service\",le=\"0.0005\"}"),
			 1);
	assert_int_equal(value_of(&out, NAME "_bucket{event=\"upsert\",resource=\"service\",le=\"0.001\"}"),
			 2);
	assert_int_equal(value_of(&out, NAME "_bucket{event=\"upsert\",resource=\"service\",le=\"10\"}"), 2);
	assert_int_equal(value_of(&out, NAME "_bucket{event=\"upsert\",resource=\"service\",le=\"+Inf\"}"),
			 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(events_are_counted_apart) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
