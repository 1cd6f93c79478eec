#include "data/base64.h"

#include "lib/test.h"

#include <errno.h>

static void texts_of_the_rfc(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe", "//4=" },
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(100);
		base64_encode(slice_of(pairs[i][0]), &out);
		assert_string_equal(buf_str(&out), pairs[i][1]);
		buf_clear(&out);
		assert_int_equal(base64_decode(slice_of(pairs[i][1]), &out), 0);
		assert_string_equal(buf_str(&out), pairs[i][0]);
	}
}

static void line_breaks_are_skipped_and_the_rest_is_refused(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF_INIT(6);
	assert_int_equal(base64_decode(SLICE_LIT(" Zm9v\r\n\tYmFy\n"), &out), 0);
	assert_string_equal(buf_str(&out), "foobar");
	assert_int_equal(base64_decode(SLICE_LIT("Zg=="), &out), -E2BIG);
	static const char *const bad[] = { "Z",    "Zg",       "Zg=",   "Zg===", "====",
					   "Z===", "Zg==Zg==", "Zm9v!", "Zm-_",  "=Zg=" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_clear(&out);
		assert_int_equal(base64_decode(slice_of(bad[i]), &out), -EINVAL);
	}
	assert_int_equal(base64_decode((struct slice){ "Zm9\0", 4 }, &out), -EINVAL);
}

static void all_bytes_come_back(void **state)
{
	(void)state;
	struct rng rng = test_rng("all_bytes_come_back");
	for (int round = 0; round < 500; round++) {
		char bytes[200];
		size_t n = rng_below(&rng, sizeof(bytes));
		for (size_t i = 0; i < n; i++)
			bytes[i] = (char)rng_next(&rng);
		CLEANUP(buf_done) struct buf text = BUF_INIT(1000), back = BUF_INIT(1000);
		base64_encode((struct slice){ bytes, n }, &text);
		assert_int_equal(text.len, (n + 2) / 3 * 4);
		assert_int_equal(base64_decode(buf_slice(&text), &back), 0);
		assert_true(slice_eq(buf_slice(&back), (struct slice){ bytes, n }));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_the_rfc),
		cmocka_unit_test(line_breaks_are_skipped_and_the_rest_is_refused),
		cmocka_unit_test(all_bytes_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
