#include "base/intern.h"

#include "lib/test.h"

static void equal_texts_are_one_pointer(void **state)
{
	CLEANUP(intern_done) struct intern t = { 0 };
	const char *a = intern(&t, SLICE_LIT("web"));
	char other[] = "website";
	assert_string_equal(a, "web");
	assert_ptr_equal(intern(&t, (struct slice){ other, 3 }), a);
	assert_ptr_not_equal(intern(&t, SLICE_LIT("website")), a);
	/* A copy: the original may change. */
	memset(other, 'x', 3);
	assert_string_equal(a, "web");
	assert_string_equal(intern(&t, SLICE_LIT("")), "");
}

static void texts_go_with_their_last_user(void **state)
{
	CLEANUP(intern_done) struct intern t = { 0 };
	const char *a = intern(&t, SLICE_LIT("web"));
	assert_ptr_equal(intern(&t, SLICE_LIT("web")), a);
	intern_put(&t, a);
	assert_ptr_equal(intern_peek(&t, SLICE_LIT("web")), a);
	intern_put(&t, a);
	assert_null(intern_peek(&t, SLICE_LIT("web")));
	assert_int_equal(t.map.n, 0);
	intern_put(&t, NULL);
}

static void counts_hold_over_many_random_users(void **state)
{
	struct rng rng = test_rng(__func__);
	CLEANUP(intern_done) struct intern t = { 0 };
	enum { TEXTS = 50 };
	unsigned users[TEXTS] = { 0 };
	for (int i = 0; i < 100000; i++) {
		unsigned k = (unsigned)rng_below(&rng, TEXTS);
		char text[8];
		struct slice s = { text, (size_t)snprintf(text, sizeof(text), "%u", k) };
		if (rng_below(&rng, 2)) {
			assert_string_equal(intern(&t, s), text);
			users[k]++;
		} else if (users[k]) {
			intern_put(&t, intern_peek(&t, s));
			users[k]--;
		}
		assert_int_equal(intern_peek(&t, s) != NULL, users[k] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_one_pointer),
		cmocka_unit_test(texts_go_with_their_last_user),
		cmocka_unit_test(counts_hold_over_many_random_users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
