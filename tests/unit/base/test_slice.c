#include "base/slice.h"

#include "lib/test.h"

#include <errno.h>

static void equality_is_of_bytes(void **state)
{
	assert_true(slice_eq(SLICE_LIT("abc"), (struct slice){ "abcd", 3 }));
	assert_false(slice_eq(SLICE_LIT("abc"), SLICE_LIT("abd")));
	assert_false(slice_eq(SLICE_LIT("abc"), SLICE_LIT("ab")));
	assert_false(slice_eq(SLICE_LIT("a\0b"), SLICE_LIT("a\0c")));
	assert_true(slice_eq((struct slice){ 0 }, SLICE_LIT("")));
	assert_true(slice_is(SLICE_LIT("abc"), "abc"));
	assert_false(slice_is(SLICE_LIT("abc"), "abcd"));
	assert_int_equal(slice_of(NULL).len, 0);
}

static void prefixes_are_found(void **state)
{
	assert_true(slice_starts(SLICE_LIT("abc"), ""));
	assert_true(slice_starts((struct slice){ 0 }, ""));
	assert_true(slice_starts(SLICE_LIT("abc"), "ab"));
	assert_true(slice_starts(SLICE_LIT("abc"), "abc"));
	assert_false(slice_starts(SLICE_LIT("abc"), "abcd"));
	assert_false(slice_starts(SLICE_LIT("abc"), "b"));
}

static void trimming_takes_white_space_at_the_ends_only(void **state)
{
	static const char *const cases[][2] = { { "", "" },           { " \t\r\n\v\f", "" }, { "a", "a" },
						{ "  a b  ", "a b" }, { "\na", "a" },        { "a\n", "a" } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(slice_is(slice_trim(slice_of(cases[i][0])), cases[i][1]));
	assert_int_equal(slice_trim((struct slice){ 0 }).len, 0);
}

/* The pieces of `text`, each in square brackets. */
static void cuts_to(const char *text, const char *want)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(100);
	struct slice rest = slice_of(text), piece;
	while (slice_cut(&rest, ',', &piece))
		buf_addf(&b, "[%.*s]", SLICE_ARG(piece));
	assert_string_equal(buf_str(&b), want);
	assert_false(slice_cut(&rest, ',', &piece));
}

static void cutting_keeps_empty_pieces(void **state)
{
	cuts_to("a,b", "[a][b]");
	cuts_to("a,,b", "[a][][b]");
	cuts_to("a", "[a]");
	cuts_to("", "[]");
	cuts_to(",", "[][]");
	cuts_to("a,", "[a][]");
	cuts_to(",a", "[][a]");
	cuts_to(NULL, "");
}

static void numbers_are_whole_and_in_range(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x1", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = 77;
		assert_int_equal(slice_to_u64(slice_of(cases[i].text), &v), cases[i].r);
		assert_int_equal(v, cases[i].r ? 77 : cases[i].v);
	}
	uint64_t v = 0;
	assert_int_equal(slice_to_u64((struct slice){ "123", 2 }, &v), 0);
	assert_int_equal(v, 12);
}

static void booleans_are_those_of_go(void **state)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
	static const char *const neither[] = { "", "yes", "no", "on", "tRUE", "2", " true", "10" };
	bool v;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		v = false;
		assert_int_equal(slice_to_bool(slice_of(yes[i]), &v), 0);
		assert_true(v);
		assert_int_equal(slice_to_bool(slice_of(no[i]), &v), 0);
		assert_false(v);
	}
	v = true;
	for (size_t i = 0; i < ARRAY_LEN(neither); i++)
		assert_int_equal(slice_to_bool(slice_of(neither[i]), &v), -EINVAL);
	assert_true(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_is_of_bytes),
		cmocka_unit_test(prefixes_are_found),
		cmocka_unit_test(trimming_takes_white_space_at_the_ends_only),
		cmocka_unit_test(cutting_keeps_empty_pieces),
		cmocka_unit_test(numbers_are_whole_and_in_range),
		cmocka_unit_test(booleans_are_those_of_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
