#include "../../lib/test.h"
#include "core/uid.h"

/* Whatever is set comes out again as it was, in 16 bytes or as text. */
static void test_round_trip(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"123e4567-e89b-42d3-a456-426614174000", /* a UUID as Kubernetes makes them */
		"123e4567-e89b-42d3-b456-426614174000",
		"123e4567-e89b-42d3-c456-426614174000", /* another variant */
		"00000000-0000-0000-0000-000000000000",
		"123E4567-E89B-42D3-A456-426614174000",
		"123e4567-e89b-42d3-a456-42661417400",
		"123e4567-e89b-42d3-a456-4266141740000",
		"123e4567+e89b-42d3-a456-426614174000",
		"123e4567-e89b-42d3-a456-42661417400g",
		"x",
		"",
	};
	struct uid u = { 0 };
	char room[UID_TEXT_MAX];
	assert_true(uid_is(&u, NULL));
	assert_null(uid_text(&u, room));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		uid_set(&u, texts[i]);
		assert_string_equal(uid_text(&u, room), texts[i]);
		for (size_t j = 0; j < ARRAY_LEN(texts); j++)
			assert_int_equal(uid_is(&u, texts[j]), i == j);
		assert_false(uid_is(&u, NULL));
	}
	uid_set(&u, NULL);
	assert_true(uid_is(&u, NULL));
	uid_done(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round_trip) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
