#include "base/pages.h"

#include "lib/test.h"

static int number = 41;
static const char *texts[] = { "one", "two" };

/* kB of this process's pages that hold parts of files. */
static long of_files(void)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "RssFile:", 8) == 0)
			kb = strtol(line + 8, NULL, 10);
	(void)fclose(f);
	assert_true(kb > 0);
	return kb;
}

static void what_is_given_back_no_longer_counts(void **state)
{
	(void)state;
	long before = of_files();
	pages_give_back();
	assert_true(of_files() < before);
}

static void and_nothing_is_lost(void **state)
{
	(void)state;
	number++;
	texts[1] = "three";
	pages_give_back();
	assert_int_equal(number, 42);
	assert_string_equal(texts[0], "one");
	assert_string_equal(texts[1], "three");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_back_no_longer_counts),
		cmocka_unit_test(and_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
