#include "io/loop.h"

#include "lib/test.h"

#include <signal.h>
#include <sys/socket.h>

static struct loop *loop;
static struct buf order;

static int setup(void **state)
{
	(void)state;
	order = BUF_INIT(1000);
	return loop_new(&loop, NULL);
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&order);
	loop_free(loop);
	return 0;
}

static void note(void *text)
{
	buf_add_str(&order, text);
	if (strcmp(text, ".") == 0)
		loop_stop(loop);
}

static char a[] = "a", b[] = "b", c[] = "c", stop[] = ".";

static void timers_fire_in_order_once_and_not_when_cleared(void **state)
{
	(void)state;
	char *texts[] = { a, b, c, stop };
	struct loop_timer *t[4];
	for (size_t i = 0; i < 4; i++)
		t[i] = loop_timer_new(loop, note, texts[i]);
	assert_false(loop_timer_is_set(t[0]));
	loop_timer_set(t[0], 1);
	loop_timer_set(t[0], 30); /* moved */
	loop_timer_set(t[1], 10);
	loop_timer_set(t[2], 5);
	loop_timer_clear(t[2]);
	loop_timer_set(t[3], 40);
	assert_true(loop_timer_is_set(t[0]));
	msec before = loop_now(loop);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_string_equal(buf_str(&order), "ba.");
	assert_true(loop_now(loop) - before >= 40);
	assert_false(loop_timer_is_set(t[0]));
	for (size_t i = 0; i < 4; i++)
		loop_timer_free(t[i]);
}

struct nagger {
	struct loop_timer *timer;
	int times;
};

static void nag(int fd, int ready, void *arg)
{
	struct nagger *n = arg;
	(void)fd;
	(void)ready;
	loop_timer_set(n->timer, 0);
	if (++n->times == 1000)
		loop_stop(loop);
}

static void a_timer_that_is_set_each_turn_fires_all_the_same(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	struct nagger n = { .timer = loop_timer_new(loop, note, stop) };
	struct loop_fd *f = loop_fd_new(loop, pair[0], LOOP_READ, nag, &n); /* readable for ever */
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_string_equal(buf_str(&order), ".");
	assert_in_range(n.times, 1, 10);
	loop_fd_free(f);
	loop_timer_free(n.timer);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void a_stop_before_the_run_counts(void **state)
{
	(void)state;
	loop_stop(loop);
	assert_int_equal(loop_run(loop, NULL), 0);
	struct loop_timer *t = loop_timer_new(loop, note, stop);
	loop_timer_set(t, 0);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_string_equal(buf_str(&order), ".");
	loop_timer_free(t);
}

static struct loop_fd *watch;

static void on_fd(int fd, int ready, void *arg)
{
	char byte;
	buf_addf(&order, "%d", ready);
	if (ready & LOOP_READ) {
		assert_int_equal(read(fd, &byte, 1), 1);
		loop_fd_free(watch); /* in its own callback */
		loop_stop(loop);
	} else {
		loop_fd_want(watch, LOOP_READ);
		assert_int_equal(write(*(const int *)arg, "x", 1), 1);
	}
}

static void descriptors_tell_what_was_wanted_last(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	watch = loop_fd_new(loop, fds[0], 0, on_fd, &fds[1]);
	loop_fd_want(watch, LOOP_WRITE);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_string_equal(buf_str(&order), "21");
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void signals_arrive_in_the_loop(void **state)
{
	(void)state;
	assert_int_equal(loop_signal(loop, SIGUSR1, note, stop, NULL), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_string_equal(buf_str(&order), "");
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_string_equal(buf_str(&order), ".");
}

static msec fired[3];

static void note_time(void *at)
{
	*(msec *)at = loop_now(loop);
}

static void a_rest_comes_before_waiting_and_only_once(void **state)
{
	(void)state;
	struct loop_timer *t[4];
	for (size_t i = 0; i < 3; i++)
		t[i] = loop_timer_new(loop, note_time, &fired[i]);
	t[3] = loop_timer_new(loop, note, stop);
	loop_timer_set(t[0], 0);
	loop_timer_set(t[1], 10);
	loop_timer_set(t[2], 20);
	loop_timer_set(t[3], 220);
	msec before = loop_now(loop);
	loop_rest(loop, 200);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_true(fired[0] - before < 200); /* it was to be done at once */
	assert_true(fired[1] - before >= 200 && fired[2] - before >= 200);
	assert_true(loop_now(loop) - before < 400); /* no second rest */
	for (size_t i = 0; i < 4; i++)
		loop_timer_free(t[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_timer_that_is_set_each_turn_fires_all_the_same, setup,
						teardown),
		cmocka_unit_test_setup_teardown(timers_fire_in_order_once_and_not_when_cleared, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_rest_comes_before_waiting_and_only_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stop_before_the_run_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_tell_what_was_wanted_last, setup, teardown),
		cmocka_unit_test_setup_teardown(signals_arrive_in_the_loop, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
