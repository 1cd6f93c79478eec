#include "cmd/nearest.h"

#include "lib/test.h"

static void distances_are_those_of_typing(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned want;
	} cases[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "operator", "operator", 0 },
		{ "oprator", "operator", 1 },
		{ "operattor", "operator", 1 },
		{ "operetor", "operator", 1 },
		{ "opertaor", "operator", 1 },
		{ "kitten", "sitting", 3 },
		{ "abcd", "dcba", 3 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice a = slice_of(cases[i].a), b = slice_of(cases[i].b);
		assert_int_equal(typing_distance(a, b, 10), cases[i].want);
		assert_int_equal(typing_distance(b, a, 10), cases[i].want);
	}
	assert_int_equal(typing_distance(slice_of("kitten"), slice_of("sitting"), 1), 2);
}

static void texts_of_any_length_are_taken(void **state)
{
	char text[80];
	memset(text, 'a', sizeof(text));
	for (size_t n = 60; n <= sizeof(text); n++) {
		unsigned d = typing_distance((struct slice){ text, n }, (struct slice){ text, n }, 3);
		assert_int_equal(d, n <= 64 ? 0 : 4);
	}
}

static void only_what_is_near_is_asked_for(void **state)
{
	assert_int_equal(nearness(slice_of("log-levle"), "log-level"), 1);
	assert_int_equal(nearness(slice_of("log-level"), "log-level"), 0);
	assert_int_equal(nearness(slice_of("enable-lb"), "enable-lb-ipam"), 1);
	assert_true(nearness(slice_of("enable_ipv4"), "enable-ipv4") == 1);
	assert_int_equal(nearness(slice_of("no-such-flag"), "log-level"), -1);
	assert_int_equal(nearness(slice_of("en"), "enable-lb-ipam"), -1);
	assert_int_equal(nearness(slice_of(""), "plan"), -1);
	assert_int_equal(nearness(slice_of("help"), "man"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances_are_those_of_typing),
		cmocka_unit_test(texts_of_any_length_are_taken),
		cmocka_unit_test(only_what_is_near_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
