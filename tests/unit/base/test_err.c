/* Errors as values: set, wrapped, cut. */
#include "base/err.h"
#include "lib/test.h"

#include <errno.h>
#include <string.h>

static void wrapping_puts_what_was_done_in_front(void **state)
{
	(void)state;
	struct err e = { 0 };
	assert_int_equal(err_set(&e, ENOENT, "%s is missing", "it"), -ENOENT);
	assert_int_equal(err_wrap(&e, "reading %d", 7), -ENOENT);
	assert_string_equal(e.msg, "reading 7: it is missing");
}

static void text_that_does_not_fit_is_cut(void **state)
{
	(void)state;
	char text[ERR_TEXT_MAX * 2];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct err e = { 0 };
	assert_int_equal(err_set(&e, EINVAL, "%s", text), -EINVAL);
	assert_int_equal(strlen(e.msg), ERR_TEXT_MAX - 1);
	assert_int_equal(err_wrap(&e, "in front"), -EINVAL);
	assert_int_equal(strlen(e.msg), ERR_TEXT_MAX - 1);
	assert_memory_equal(e.msg, "in front: xxx", 13);
	assert_int_equal(err_wrap(&e, "%s", text), -EINVAL);
	assert_int_equal(strlen(e.msg), ERR_TEXT_MAX - 1);
}

static void nobody_needs_the_text(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ENOENT, "x"), -ENOENT);
	assert_int_equal(err_set(NULL, 0, "a code is always an error"), -EINVAL);
	assert_int_equal(err_wrap(NULL, "x"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrapping_puts_what_was_done_in_front),
		cmocka_unit_test(text_that_does_not_fit_is_cut),
		cmocka_unit_test(nobody_needs_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
