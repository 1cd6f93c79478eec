/* What goes over the wire for records, finalizers, reservations; and what is kept of past holders. */
#include "view/body.h"
#include "view/history.h"

#include "lib/test.h"

static const struct body_context context = { 1767225600000, "berth", 1 }; /* 2026-01-01T00:00:00Z */

static void check(const struct effect *x, enum body_type type, const char *want)
{
	CLEANUP(buf_done) struct buf is = BUF_INIT(256 * 1024);
	CLEANUP(js_freep) struct js *a = NULL;
	CLEANUP(js_freep) struct js *b = NULL;
	struct err e = { 0 };
	assert_int_equal(body_of_effect(x, &context, &is), type);
	assert_false(is.overflow);
	assert_int_equal(js_parse(buf_slice(&is), &a, &e), 0);
	if (js_parse(slice_of(want), &b, &e) < 0)
		fail_msg("%s: %s", want, e.msg);
	if (!js_equal(a, b))
		fail_msg("%s\nnot %s", buf_str(&is), want);
}

static struct effect record(enum effect_kind kind)
{
	struct effect x = { .kind = kind, .name = "10.0.0.1", .uid = "u", .resource_version = "7" };
	x.record.holders = "n/s";
	x.record.first_namespace = "n";
	x.record.first_name = "s";
	x.record.pool = "blue";
	x.record.allocated_at = context.wall;
	return x;
}

static void a_record_is_created(void **state)
{
	(void)state;
	struct effect x = record(EFFECT_RECORD_CREATE);
	check(&x, BODY_JSON,
	      "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IPAddress\",\"metadata\":{"
	      "\"name\":\"10.0.0.1\",\"labels\":{\"ipaddress.kubernetes.io/managed-by\":\"berth\","
	      "\"berth.dev/pool\":\"blue\"},\"annotations\":{\"berth.dev/holder\":\"n/s\","
	      "\"berth.dev/pool\":\"blue\",\"berth.dev/allocated-at\":\"2026-01-01T00:00:00Z\"}},"
	      "\"spec\":{\"parentRef\":{\"group\":\"\",\"resource\":\"services\",\"namespace\":\"n\","
	      "\"name\":\"s\"}}}");
}

static void a_record_that_is_held_loses_what_it_said_of_its_release(void **state)
{
	(void)state;
	struct effect x = record(EFFECT_RECORD_PATCH);
	check(&x, BODY_MERGE_PATCH,
	      "{\"metadata\":{\"resourceVersion\":\"7\",\"labels\":{\"berth.dev/pool\":\"blue\"},"
	      "\"annotations\":{\"berth.dev/holder\":\"n/s\",\"berth.dev/state\":null,"
	      "\"berth.dev/pool\":\"blue\",\"berth.dev/allocated-at\":\"2026-01-01T00:00:00Z\","
	      "\"berth.dev/released-at\":null,\"berth.dev/history\":null}}}");
}

static void a_record_cools_with_its_history(void **state)
{
	(void)state;
	const struct holding past[] = { { "n/r", context.wall - 60000, context.wall - 30000 },
					{ "n/s", context.wall - 20000, 0 } };
	struct effect x = record(EFFECT_RECORD_PATCH);
	x.record.phase = RECORD_IS_COOLING;
	x.record.pool = NULL;
	x.record.allocated_at = 0;
	x.record.released_at = context.wall + 1000;
	x.record.history = past;
	x.record.n_history = 2;
	check(&x, BODY_MERGE_PATCH,
	      "{\"metadata\":{\"resourceVersion\":\"7\",\"annotations\":{\"berth.dev/holder\":\"n/s\","
	      "\"berth.dev/state\":\"cooling\",\"berth.dev/released-at\":\"2026-01-01T00:00:01Z\","
	      "\"berth.dev/history\":\"[{\\\"holder\\\":\\\"n/"
	      "r\\\",\\\"from\\\":\\\"2025-12-31T23:59:00Z\\\","
	      "\\\"until\\\":\\\"2025-12-31T23:59:30Z\\\"},{\\\"holder\\\":\\\"n/s\\\","
	      "\\\"from\\\":\\\"2025-12-31T23:59:40Z\\\"}]\"}}}");
	x.record.phase = RECORD_RELEASED;
	x.record.released_at = 0;
	x.record.n_history = 0;
	check(&x, BODY_MERGE_PATCH,
	      "{\"metadata\":{\"resourceVersion\":\"7\",\"annotations\":{\"berth.dev/holder\":\"n/s\","
	      "\"berth.dev/state\":\"releasing\",\"berth.dev/released-at\":null,\"berth.dev/"
	      "history\":null}}}");
}

static void the_label_of_a_long_name_is_shortened(void **state)
{
	(void)state;
	char name[254], label[LABEL_VALUE_MAX], map[HISTORY_NAME_MAX];
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_string_equal(pool_label("blue", label), "blue");
	assert_string_equal(history_name("blue", map), "berth-history-blue");
	assert_int_equal(strlen(pool_label(name, label)), 63);
	assert_memory_equal(label, name, 54);
	assert_int_equal(label[54], '-');
	name[53] = '.'; /* would stand before the dash, which no name of an object may have */
	assert_null(strstr(history_name(name, map), ".-"));
	assert_int_equal(strlen(map), strlen("berth-history-") + 63);
}

static void finalizers_are_written_as_they_are_to_be(void **state)
{
	(void)state;
	const char *const list[] = { "x/y", "berth.dev/protect" };
	struct effect x = { .kind = EFFECT_POOL_FINALIZERS, .name = "blue", .resource_version = "7" };
	x.finalizers.list = list;
	x.finalizers.n = 2;
	check(&x, BODY_MERGE_PATCH,
	      "{\"metadata\":{\"resourceVersion\":\"7\",\"finalizers\":[\"x/y\",\"berth.dev/protect\"]}}");
	x.finalizers.n = 0;
	check(&x, BODY_MERGE_PATCH, "{\"metadata\":{\"resourceVersion\":\"7\",\"finalizers\":[]}}");
}

static void the_status_of_a_reservation(void **state)
{
	(void)state;
	struct effect x = { .kind = EFFECT_RESERVATION_STATUS, .name = "r", .resource_version = "7" };
	x.reservation.phase = RESERVATION_BOUND;
	x.reservation.holder = "n/s";
	x.reservation.message = "";
	x.reservation.generation = 3;
	check(&x, BODY_MERGE_PATCH,
	      "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"phase\":\"Bound\",\"holder\":\"n/s\","
	      "\"message\":null,\"observedGeneration\":3}}");
}

static void the_status_of_a_policy(void **state)
{
	(void)state;
	struct effect x = { .kind = EFFECT_POLICY_STATUS, .name = "p", .resource_version = "7" };
	x.pool.foreign = "";
	x.pool.n = 1;
	x.pool.conditions[0] = (struct condition_out){
		"berth.dev/Shadowed", COND_TRUE, "shadowed", "by a", NULL, 2,
	};
	check(&x, BODY_MERGE_PATCH,
	      "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"conditions\":[{"
	      "\"type\":\"berth.dev/Shadowed\",\"status\":\"True\",\"reason\":\"shadowed\","
	      "\"message\":\"by a\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\","
	      "\"observedGeneration\":2}]}}");
}

static size_t count_lines(const char *text)
{
	size_t n = 0;
	for (; text[0]; text++)
		n += text[0] == '\n';
	return n;
}

static void of_a_history_the_last_thousand_are_kept(void **state)
{
	(void)state;
	struct past items[600];
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		items[i] = (struct past){ ip_make(IPV4, (10 << 24) + i), { "n/s", 1000, 2000 } };
	CLEANUP(buf_done) struct buf lines = BUF_INIT(2 * HISTORY_BYTES_MAX);
	CLEANUP(buf_done) struct buf once = BUF_INIT(2 * HISTORY_BYTES_MAX);
	CLEANUP(buf_done) struct buf twice = BUF_INIT(2 * HISTORY_BYTES_MAX);
	assert_int_equal(history_lines(items, ARRAY_LEN(items), &lines), 600);
	history_append(NULL, buf_slice(&lines), 600, &once);
	assert_string_equal(buf_str(&once), buf_str(&lines));
	history_append(buf_str(&once), buf_slice(&lines), 600, &twice);
	assert_int_equal(count_lines(buf_str(&twice)), HISTORY_LINES_MAX);
	/* The oldest 200 went. */
	assert_int_equal(strncmp(buf_str(&twice), "{\"address\":\"10.0.0.200\"", 23), 0);
	static const char last[] =
		"{\"address\":\"10.0.2.87\",\"holder\":\"n/s\",\"from\":\"1970-01-01T00:00:"
		"01Z\",\"until\":\"1970-01-01T00:00:02Z\"}\n";
	assert_string_equal(buf_str(&twice) + twice.len - strlen(last), last);
}

static void a_history_has_a_size(void **state)
{
	(void)state;
	/* Of these a hundred are more than there may be. */
	CLEANUP(freep) char *name = xcalloc(1, 20001);
	memset(name, 'x', 20000);
	struct past items[100];
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		items[i] = (struct past){ ip_make(IPV4, i), { name, 0, 0 } };
	CLEANUP(buf_done) struct buf lines = BUF_INIT(2 * HISTORY_BYTES_MAX);
	CLEANUP(buf_done) struct buf all = BUF_INIT(2 * HISTORY_BYTES_MAX);
	size_t n = history_lines(items, ARRAY_LEN(items), &lines);
	assert_true(n > 40 && n < 50);
	assert_true(lines.len <= HISTORY_BYTES_MAX);
	history_append(buf_str(&lines), buf_slice(&lines), n, &all);
	assert_true(all.len <= HISTORY_BYTES_MAX && all.len >= lines.len);
	assert_non_null(strstr(buf_str(&all), "\"0.0.0.99\""));
	/* What somebody wrote into it by hand does not swallow a line. */
	buf_clear(&all);
	history_append("by hand", slice_of("{}\n"), 1, &all);
	assert_string_equal(buf_str(&all), "by hand\n{}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_created),
		cmocka_unit_test(a_record_that_is_held_loses_what_it_said_of_its_release),
		cmocka_unit_test(a_record_cools_with_its_history),
		cmocka_unit_test(the_label_of_a_long_name_is_shortened),
		cmocka_unit_test(finalizers_are_written_as_they_are_to_be),
		cmocka_unit_test(the_status_of_a_reservation),
		cmocka_unit_test(the_status_of_a_policy),
		cmocka_unit_test(of_a_history_the_last_thousand_are_kept),
		cmocka_unit_test(a_history_has_a_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
