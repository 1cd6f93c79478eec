#include "io/proc.h"

#include "lib/test.h"

#include <errno.h>
#include <signal.h>

static struct loop *loop;
static int n_done, exit_code;
static struct buf out, err, why;

static int setup(void **state)
{
	(void)state;
	out = err = why = BUF_INIT(1u << 20);
	n_done = 0;
	return loop_new(&loop, NULL);
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&out);
	buf_done(&err);
	buf_done(&why);
	loop_free(loop);
	return 0;
}

static void on_done(const struct proc_result *r, void *arg)
{
	(void)arg;
	n_done++;
	exit_code = r->exit_code;
	buf_add_slice(&out, r->out);
	buf_add_slice(&err, r->err);
	buf_add_str(&why, r->error ? r->error : "");
	loop_stop(loop);
}

static void run(const char *script, msec deadline, size_t max_out)
{
	const char *const argv[] = { "sh", "-c", script, "sh", "second word", NULL };
	const char *const env[] = { "BERTH_TEST=from us", NULL };
	struct proc_spec spec = { .argv = argv, .env = env, .deadline = deadline, .max_out = max_out };
	(void)proc_run(loop, &spec, on_done, NULL);
	assert_int_equal(n_done, 0);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(n_done, 1);
}

static void output_and_arguments_and_environment_go_through(void **state)
{
	(void)state;
	assert_int_equal(setenv("BERTH_TEST", "from outside", 1), 0);
	assert_int_equal(setenv("BERTH_OTHER", "kept", 1), 0);
	run("echo \"$1 $BERTH_TEST $BERTH_OTHER\"; echo oops >&2; cat", 10000, 1000);
	assert_int_equal(exit_code, 0);
	assert_string_equal(buf_str(&out), "second word from us kept\n");
	assert_string_equal(buf_str(&err), "oops\n");
	assert_string_equal(buf_str(&why), "");
}

static void a_failure_says_how(void **state)
{
	(void)state;
	run("echo no >&2; exit 3", 10000, 1000);
	assert_int_equal(exit_code, 3);
	assert_string_equal(buf_str(&why), "it exited with code 3");
	assert_string_equal(buf_str(&err), "no\n");
}

static void a_signal_is_a_failure(void **state)
{
	(void)state;
	/* The loop ignores SIGPIPE; the child must not. */
	run("kill -PIPE $$; echo survived", 10000, 1000);
	assert_int_equal(exit_code, -1);
	assert_string_equal(buf_str(&out), "");
	assert_non_null(strstr(buf_str(&why), "killed by signal"));
}

static void much_output_is_taken_and_refused(void **state)
{
	(void)state;
	run("head -c 300000 /dev/zero | tr '\\0' x", 10000, 300000);
	assert_string_equal(buf_str(&why), "");
	assert_int_equal(out.len, 300000);
	n_done = 0;
	buf_clear(&out);
	run("head -c 300000 /dev/zero | tr '\\0' x", 10000, 299999);
	assert_string_equal(buf_str(&why), "it wrote more than 299999 bytes");
}

static void the_deadline_kills_all_of_it(void **state)
{
	(void)state;
	/* The shell says who it is, and its child holds the pipes. */
	msec before = loop_now(loop);
	run("echo $$; sleep 1000 & sleep 1000", 200, 1000);
	assert_true(loop_now(loop) - before < 9000);
	assert_int_equal(exit_code, -1);
	assert_string_equal(buf_str(&why), "it did not end in time");
	pid_t group = (pid_t)atoi(buf_str(&out));
	assert_true(group > 1);
	/* Whoever is left of the group is dead and waits for its parent. */
	for (int i = 0; i < 1000 && kill(-group, 0) == 0; i++)
		(void)usleep(10000);
	assert_int_equal(kill(-group, 0), -1);
}

static void who_is_left_behind_does_not_hold_us(void **state)
{
	(void)state;
	msec before = loop_now(loop);
	run("sleep 5 & echo done", 4000, 1000);
	assert_string_equal(buf_str(&out), "done\n");
	assert_true(loop_now(loop) - before < 4000);
}

static void what_does_not_exist_is_told_later(void **state)
{
	(void)state;
	const char *const argv[] = { "/nonexistent/plugin", NULL };
	struct proc_spec spec = { .argv = argv, .deadline = 1000, .max_out = 10 };
	(void)proc_run(loop, &spec, on_done, NULL);
	assert_int_equal(n_done, 0);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(exit_code, -1);
	assert_string_equal(buf_str(&why), "cannot start /nonexistent/plugin: No such file or directory");
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void a_cancelled_one_says_nothing(void **state)
{
	(void)state;
	const char *const argv[] = { "sleep", "1000", NULL };
	struct proc_spec spec = { .argv = argv, .deadline = 10, .max_out = 10 };
	struct proc *p = proc_run(loop, &spec, on_done, NULL);
	proc_cancel(p);
	proc_cancel(NULL);
	struct loop_timer *t = loop_timer_new(loop, stop, NULL);
	loop_timer_set(t, 30);
	assert_int_equal(loop_run(loop, NULL), 0);
	loop_timer_free(t);
	assert_int_equal(n_done, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(output_and_arguments_and_environment_go_through),
		T(a_failure_says_how),
		T(a_signal_is_a_failure),
		T(much_output_is_taken_and_refused),
		T(the_deadline_kills_all_of_it),
		T(who_is_left_behind_does_not_hold_us),
		T(what_does_not_exist_is_told_later),
		T(a_cancelled_one_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
