/* Single fields of policies, reservations and records, whatever stands there. */
#include "view/view.h"

#include "lib/test.h"

static struct js *parse(const char *text)
{
	struct js *j = NULL;
	struct err e = { 0 };
	if (js_parse(slice_of(text), &j, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return j;
}

/* `spec` of a policy; the view's texts lie in *ret_document. */
static struct policy_view policy_of(const char *spec, struct js **ret_document)
{
	CLEANUP(freep) char *text = xasprintf("{\"metadata\":{\"name\":\"p\"},\"spec\":%s}", spec);
	*ret_document = parse(text);
	struct policy_view v = { 0 };
	assert_int_equal(view_policy(*ret_document, &v, NULL), 0);
	return v;
}

static void what_a_policy_leaves_out_has_its_default(void **state)
{
	(void)state;
	CLEANUP(js_freep) struct js *document = NULL;
	CLEANUP(policy_view_done) struct policy_view v = policy_of("{}", &document);
	assert_null(v.in.pool_name);
	assert_false(v.in.has_selector);
	assert_int_equal(v.in.priority, 0);
	assert_null(v.in.reuse_after);
	assert_true(v.in.reuse_early);
	assert_true(v.in.auto_assign);
	assert_false(v.in.protect);
	assert_false(v.in.keep);
	assert_null(v.in.low_watermark);
	assert_int_equal(v.in.n_exclude + v.in.n_quotas + v.in.n_matches + v.in.n_conditions, 0);
}

static void what_a_policy_says_is_read(void **state)
{
	(void)state;
	CLEANUP(js_freep) struct js *document = NULL;
	CLEANUP(policy_view_done)
	struct policy_view v = policy_of(
		"{\"poolSelector\":{},\"priority\":99999999999,\"reuseEarly\":false,\"autoAssign\":false,"
		"\"protect\":true,\"onShrink\":\"Renumber\",\"lowWatermark\":\"15%\",\"exclude\":[\"a\",7],"
		"\"quotas\":[{\"namespaceSelector\":{},\"maxAddresses\":0},"
		"{\"namespaceSelector\":{\"matchExpressions\":[{\"key\":\"k\",\"operator\":\"In\","
		"\"values\":[\"v\",\"w\"]}]},\"maxAddresses\":-4},{\"namespaces\":[\"n\"]}]}",
		&document);
	assert_true(v.in.has_selector);
	assert_int_equal(v.in.n_matches, 0);
	assert_int_equal(v.in.priority, INT32_MAX);
	assert_false(v.in.reuse_early);
	assert_false(v.in.auto_assign);
	assert_true(v.in.protect);
	assert_false(v.in.keep);
	assert_string_equal(v.in.low_watermark, "15%");
	assert_int_equal(v.in.n_exclude, 2);
	assert_string_equal(v.in.exclude[1], ""); /* is said to be no address */
	assert_int_equal(v.in.n_quotas, 3);
	assert_true(v.in.quotas[0].has_selector);
	assert_int_equal(v.in.quotas[0].max_addresses, 0);
	assert_int_equal(v.in.quotas[1].n_matches, 1);
	assert_int_equal(v.in.quotas[1].matches[0].n_values, 2);
	assert_int_equal(v.in.quotas[1].max_addresses, 0);
	assert_false(v.in.quotas[2].has_selector);
	assert_true(v.in.quotas[2].max_addresses == INT64_MAX); /* without a number no limit */
}

static void wrong_types_count_as_absent(void **state)
{
	(void)state;
	CLEANUP(js_freep) struct js *document = NULL;
	CLEANUP(policy_view_done)
	struct policy_view v =
		policy_of("{\"poolName\":1,\"poolSelector\":[1],\"priority\":\"x\",\"exclude\":{"
			  "\"a\":1},\"quotas\":{\"x\":1},\"reuseAfter\":9,\"lowWatermark\":1.5,"
			  "\"protect\":\"true\"}",
			  &document);
	assert_null(v.in.pool_name);
	assert_false(v.in.has_selector);
	assert_int_equal(v.in.n_exclude + v.in.n_quotas + v.in.n_matches, 0);
	assert_null(v.in.reuse_after);
	assert_null(v.in.low_watermark);
	assert_false(v.in.protect);
}

static void a_reservation_for_nobody(void **state)
{
	(void)state;
	CLEANUP(js_freep)
	struct js *document = parse("{\"metadata\":{\"name\":\"r\"},\"spec\":{\"addresses\":[\"10.0.0.1\"]},"
				    "\"status\":{\"phase\":\"Lost\"}}");
	CLEANUP(reservation_view_done) struct reservation_view v = { 0 };
	assert_int_equal(view_reservation(document, &v, NULL), 0);
	assert_null(v.in.service_name);
	assert_null(v.in.service_namespace);
	assert_null(v.in.expires_at);
	assert_int_equal(v.in.phase, RESERVATION_NEW);
	static const char *const phases[] = { "Free", "Bound", "Expired", "Conflict", "Unusable" };
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		js_set(js_get(document, "status"), "phase", js_new_str(phases[i]));
		reservation_view_done(&v);
		assert_int_equal(view_reservation(document, &v, NULL), 0);
		assert_int_equal(v.in.phase, RESERVATION_FREE + i);
	}
}

static struct record_view record_of(const char *notes, struct js **ret_document)
{
	CLEANUP(freep)
	char *text = xasprintf("{\"metadata\":{\"name\":\"10.0.0.1\",\"annotations\":{%s}}}", notes);
	*ret_document = parse(text);
	struct record_view v = { 0 };
	assert_int_equal(view_record(*ret_document, &v, NULL), 0);
	return v;
}

static void a_record_has_a_phase(void **state)
{
	(void)state;
	static const struct {
		const char *notes;
		enum record_phase phase;
	} cases[] = {
		{ "", RECORD_HELD },
		{ "\"berth.dev/state\":\"releasing\"", RECORD_RELEASED },
		{ "\"berth.dev/state\":\"cooling\"", RECORD_IS_COOLING },
		{ "\"berth.dev/state\":\"something\"", RECORD_HELD },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(js_freep) struct js *document = NULL;
		CLEANUP(record_view_done) struct record_view v = record_of(cases[i].notes, &document);
		assert_int_equal(v.in.phase, cases[i].phase);
		assert_true(v.in.allocated_at == 0 && v.in.released_at == 0);
		assert_null(v.in.pool);
	}
}

static void of_a_history_the_last_holders_count(void **state)
{
	(void)state;
	CLEANUP(js_freep) struct js *list = js_new_array();
	CLEANUP(js_freep) struct js *document = NULL;
	for (int i = 0; i < 12; i++) {
		CLEANUP(freep) char *name = xasprintf("n/s%d", i);
		struct js *h = js_new_object();
		js_set(h, "holder", js_new_str(name));
		js_set(h, "from", js_new_str("2026-01-02T03:04:05Z"));
		if (i < 11)
			js_set(h, "until", js_new_str("2026-01-02T03:04:06Z"));
		js_push(list, h);
	}
	CLEANUP(buf_done) struct buf text = BUF_INIT(64 * 1024);
	CLEANUP(buf_done) struct buf note = BUF_INIT(64 * 1024);
	js_write(list, &text);
	buf_add_str(&note, "\"berth.dev/history\":");
	buf_add_json(&note, buf_slice(&text));
	CLEANUP(record_view_done) struct record_view v = record_of(buf_str(&note), &document);
	assert_int_equal(v.in.n_history, HOLDINGS_MAX);
	assert_string_equal(v.in.history[0].holder, "n/s4");
	assert_string_equal(v.in.history[7].holder, "n/s11");
	assert_true(v.in.history[6].until == v.in.history[6].from + 1000);
	assert_true(v.in.history[7].until == 0);
}

static void a_history_that_cannot_be_read_is_none(void **state)
{
	(void)state;
	static const char *const notes[] = {
		"\"berth.dev/history\":\"[\"",
		"\"berth.dev/history\":\"{}\"",
		"\"berth.dev/history\":\"[1,{},{\\\"holder\\\":7}]\"",
		"\"berth.dev/history\":7",
	};
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		CLEANUP(js_freep) struct js *document = NULL;
		CLEANUP(record_view_done) struct record_view v = record_of(notes[i], &document);
		assert_int_equal(v.in.n_history, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_policy_leaves_out_has_its_default),
		cmocka_unit_test(what_a_policy_says_is_read),
		cmocka_unit_test(wrong_types_count_as_absent),
		cmocka_unit_test(a_reservation_for_nobody),
		cmocka_unit_test(a_record_has_a_phase),
		cmocka_unit_test(of_a_history_the_last_holders_count),
		cmocka_unit_test(a_history_that_cannot_be_read_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
