/* What was told once is no news; whatever differs is. */
#include "view/tell.h"

#include "lib/test.h"

static const struct moment now = { 0, 0 };
static struct ipam *ipam;

static int setup(void **state)
{
	(void)state;
	static const struct ipam_config config = { .max_in_flight = 8, .records = true };
	ipam = ipam_new(&config);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ipam_free(ipam);
	return 0;
}

static struct js *object(const char *name, const char *uid, const char *version)
{
	struct js *j = NULL;
	CLEANUP(freep)
	char *text = xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\",\"uid\":\"%s\","
			       "\"resourceVersion\":\"%s\"},\"spec\":{\"type\":\"LoadBalancer\"}}",
			       name, uid, version);
	assert_int_equal(js_parse(slice_of(text), &j, NULL), 0);
	return j;
}

static void tell(enum ipam_kind kind, const char *name, const char *uid, const char *version)
{
	static const char *const managers[] = { "berth", NULL };
	static const struct view_config config = { .managers = managers };
	CLEANUP(js_freep) struct js *j = object(name, uid, version);
	assert_int_equal(view_tell(ipam, kind, j, &config, TOLD_BY_WATCH, now, NULL), 0);
}

static void only_what_was_told_is_known(enum ipam_kind kind, const char *name, const char *other)
{
	assert_false(view_known(ipam, kind, "n", name, "u", "7"));
	tell(kind, name, "u", "7");
	assert_true(view_known(ipam, kind, "n", name, "u", "7"));
	assert_true(view_known(ipam, kind, "n", name, "u", "6"));
	assert_false(view_known(ipam, kind, "n", name, "u", "8"));
	assert_false(view_known(ipam, kind, "n", name, "u", "10"));
	assert_false(view_known(ipam, kind, "n", name, "u2", "7"));
	assert_false(view_known(ipam, kind, "n", name, "", "7"));
	assert_false(view_known(ipam, kind, "n", other, "u", "7"));
	/* Versions that are no numbers have no order. */
	tell(kind, name, "u", "x");
	assert_true(view_known(ipam, kind, "n", name, "u", "x"));
	assert_false(view_known(ipam, kind, "n", name, "u", "w"));
	CLEANUP(js_freep) struct js *j = object(name, "u", "y");
	view_tell_deleted(ipam, kind, j, now);
	assert_false(view_known(ipam, kind, "n", name, "u", "x"));
}

static void a_service_is_known(void **state)
{
	(void)state;
	only_what_was_told_is_known(KIND_SERVICE, "a", "b");
	tell(KIND_SERVICE, "a", "u", "7");
	assert_false(view_known(ipam, KIND_SERVICE, "m", "a", "u", "7"));
}

static void a_record_is_known(void **state)
{
	(void)state;
	only_what_was_told_is_known(KIND_RECORD, "10.0.0.1", "10.0.0.2");
	assert_false(view_known(ipam, KIND_RECORD, "", "x", "u", "7"));
}

static void nothing_else_is(void **state)
{
	(void)state;
	tell(KIND_POOL, "p", "u", "7");
	assert_false(view_known(ipam, KIND_POOL, "", "p", "u", "7"));
	tell(KIND_NODE, "p", "u", "7");
	assert_false(view_known(ipam, KIND_NODE, "", "p", "u", "7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_service_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(a_record_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_else_is, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
