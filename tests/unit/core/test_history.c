/* What is told of an address whose record is gone (lifecycle.md 3), on the core alone. */
#include "../../lib/test.h"
#include "world.h"

static struct world w;

static int setup(void **state)
{
	(void)state;
	w = (struct world){ .records = true };
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/29"));
	world_run(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static struct wservice *served(const char *name, const char *key, uint16_t port)
{
	struct wservice *s = world_service(&w, "ns", name);
	s->key = key;
	s->port = port;
	tell_service(&w, s);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0");
	return s;
}

static void check_told_once(enum deletion deletion)
{
	w.deletion = deletion;
	delete_service(&w, served("one", NULL, 80));
	world_run(&w);
	assert_int_equal(w.n_history, 1);
	assert_string_equal(w.history[0], "10.0.0.0 ns/one");
}

static void test_the_watch_is_first(void **state)
{
	(void)state;
	check_told_once(WATCH_IS_FIRST);
}

static void test_the_answer_is_first(void **state)
{
	(void)state;
	check_told_once(ANSWER_IS_FIRST);
}

static void test_the_answer_is_lost(void **state)
{
	(void)state;
	check_told_once(ANSWER_IS_LOST);
}

static void test_who_shares_it_is_told_of_too(void **state)
{
	(void)state;
	struct wservice *one = served("one", "k", 80), *two = served("two", "k", 81);
	delete_service(&w, one);
	delete_service(&w, two);
	world_run(&w);
	assert_int_equal(w.n_history, 2);
}

/* Its holder has it still: the record comes back. */
static void test_a_record_that_somebody_deletes_is_no_history(void **state)
{
	(void)state;
	struct wservice *one = served("one", NULL, 80);
	w.record[0].exists = false;
	ipam_record_deleted(w.m, w.record[0].ip, w.now);
	world_run(&w);
	assert_true(w.record[0].exists);
	assert_int_equal(w.n_history, 0);
	delete_service(&w, one);
	world_run(&w);
	assert_int_equal(w.n_history, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_the_watch_is_first),
		TEST(test_the_answer_is_first),
		TEST(test_the_answer_is_lost),
		TEST(test_who_shares_it_is_told_of_too),
		TEST(test_a_record_that_somebody_deletes_is_no_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
