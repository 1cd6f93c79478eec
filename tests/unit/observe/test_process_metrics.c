#include "observe/process_metrics.h"

#include "exposition.h"

static double value_of(const struct buf *text, const char *name)
{
	CLEANUP(freep) char *start = xasprintf("\n%s ", name);
	const char *at = strstr(buf_str(text), start);
	if (!at)
		fail_msg("%s is not there", name);
	return at ? strtod(at + strlen(start), NULL) : 0;
}

static void the_line_of_proc_is_read(void **state)
{
	struct process_stat s;
	/* A program may call itself anything. */
	static const char line[] =
		"42 (a) R (b) S 1 42 42 0 -1 4194560 900 0 0 0 30 12 0 0 20 0 1 0 250 4096000 77 1844";
	assert_true(process_stat_parse(slice_of(line), 100, 4096, &s));
	assert_true(s.start_seconds > 2.499 && s.start_seconds < 2.501);
	assert_int_equal(s.virtual_bytes, 4096000);
	assert_int_equal(s.resident_bytes, 77 * 4096);
	static const char *const wrong[] = { "", "42", "42 (a", "42 (a)", "42 (a) " };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(process_stat_parse(slice_of(wrong[i]), 100, 4096, &s));
	assert_false(process_stat_parse(slice_of(line), 0, 4096, &s));
}

static void the_numbers_are_those_of_this_process(void **state)
{
	CLEANUP(buf_done) struct buf before = BUF_INIT(65536);
	CLEANUP(buf_done) struct buf after = BUF_INIT(65536);
	struct metrics m = { .out = &before };
	process_metrics(&m);
	exposition_check(buf_str(&before), false);
	double now = (double)time(NULL);
	assert_true(value_of(&before, "process_start_time_seconds") > now - 3600);
	assert_true(value_of(&before, "process_start_time_seconds") < now + 5);
	assert_true(value_of(&before, "process_resident_memory_bytes") > 100000);
	assert_true(value_of(&before, "process_virtual_memory_bytes") >=
		    value_of(&before, "process_resident_memory_bytes"));
	assert_true(value_of(&before, "process_max_fds") >= value_of(&before, "process_open_fds"));

	int fds[2];
	assert_int_equal(pipe(fds), 0);
	m.out = &after;
	process_metrics(&m);
	assert_int_equal(value_of(&after, "process_open_fds"), value_of(&before, "process_open_fds") + 2);
	close(fds[0]);
	close(fds[1]);
	assert_true(strncmp(buf_str(&after), "# HELP process_cpu_seconds_total ", 33) == 0);
	assert_true(value_of(&after, "process_cpu_seconds_total") >
		    value_of(&before, "process_cpu_seconds_total"));
}

static void the_build_is_told(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
	struct metrics m = { .out = &out };
	build_metrics(&m);
	assert_int_equal(exposition_check(buf_str(&out), false).samples, 1);
	assert_non_null(strstr(buf_str(&out), "berth_build_info{version=\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_of_proc_is_read),
		cmocka_unit_test(the_numbers_are_those_of_this_process),
		cmocka_unit_test(the_build_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
