/* Pools that run low (lifecycle.md 5 and 8), on the core alone. */
#include "../../lib/test.h"
#include "world.h"

#include <stdio.h>

static struct world w;
static struct wpool *blue;
enum { MANY = 160 };
static char names[MANY][8];

static int setup(void **state)
{
	(void)state;
	w = (struct world){ 0 };
	for (int i = 0; i < MANY; i++)
		(void)snprintf(names[i], sizeof(names[i]), "s%03d", i);
	world_start(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static void pool(const char *cidr)
{
	blue = world_pool(&w, "blue", cidr);
	tell_pool(&w, blue);
	world_run(&w);
	(void)events_since(&w);
}

/* So many Services have an address of the family, or wait for one. */
static void have(int n, enum family f)
{
	for (int i = 0; i < MANY; i++) {
		struct wservice *s = world_service(&w, f == IPV4 ? "four" : "six", names[i]);
		s->families[0] = f;
		s->n_families = 1;
		if (i < n && !s->exists)
			tell_service(&w, s);
		else if (i >= n && s->exists)
			delete_service(&w, s);
		world_run(&w);
	}
}

static void expect(enum condition_status status, const char *reason, const char *message)
{
	const struct wcondition *c = pool_condition(blue, "berth.dev/Low");
	assert_int_equal(c->status, status);
	assert_string_equal(c->reason, reason);
	assert_string_equal(c->message, message);
}

/* Ten percent without a policy; at or below; hysteresis of a tenth of it. */
static void test_down_and_up(void **state)
{
	(void)state;
	pool("10.0.0.0/25"); /* 128: watermark 12, hysteresis 1 */
	expect(COND_FALSE, "enough", "");
	have(115, IPV4); /* 13 free */
	expect(COND_FALSE, "enough", "");
	assert_string_equal(events_since(&w), "");
	have(116, IPV4);
	expect(COND_TRUE, "below_watermark", "IPv4: 12 of 128 addresses are free, and 12 is low");
	assert_string_equal(events_since(&w), "PoolLow blue");
	have(117, IPV4); /* once per change */
	assert_string_equal(events_since(&w), "");
	have(128, IPV4);
	expect(COND_TRUE, "exhausted", "IPv4: none of 128 addresses is free");
	assert_string_equal(events_since(&w), "PoolExhausted blue");
	have(127, IPV4); /* from empty to below: none */
	expect(COND_TRUE, "below_watermark", "IPv4: 1 of 128 addresses are free, and 12 is low");
	assert_string_equal(events_since(&w), "");
	have(115, IPV4); /* not yet clearly above */
	expect(COND_TRUE, "below_watermark", "IPv4: 13 of 128 addresses are free, and 12 is low");
	/* A restart does not tell anything again, and does not forget that it was low. */
	w.writes = 0;
	world_restart(&w);
	world_run(&w);
	assert_int_equal(w.writes, 0);
	assert_string_equal(events_since(&w), "");
	expect(COND_TRUE, "below_watermark", "IPv4: 13 of 128 addresses are free, and 12 is low");
	have(114, IPV4);
	expect(COND_FALSE, "enough", "");
	assert_string_equal(events_since(&w), "PoolRecovered blue");
	have(115, IPV4); /* to and fro across 13 is quiet */
	have(114, IPV4);
	assert_string_equal(events_since(&w), "");
}

static void test_exhausted_over_a_restart(void **state)
{
	(void)state;
	pool("10.0.0.0/30");
	have(4, IPV4);
	assert_string_equal(events_since(&w), "PoolExhausted blue"); /* alone: 0 is its watermark */
	world_restart(&w);
	world_run(&w);
	assert_string_equal(events_since(&w), "");
	have(5, IPV4);
	assert_string_equal(events_since(&w), "");
	have(3, IPV4);
	assert_string_equal(events_since(&w), "");
	have(2, IPV4);
	assert_string_equal(events_since(&w), "PoolRecovered blue");
}

/* A pool of one address is enough again when it is free. */
static void test_one_address(void **state)
{
	(void)state;
	pool("10.0.0.0/32");
	expect(COND_FALSE, "enough", "");
	have(1, IPV4);
	expect(COND_TRUE, "exhausted", "IPv4: none of 1 addresses is free");
	have(0, IPV4);
	expect(COND_FALSE, "enough", "");
	assert_string_equal(events_since(&w), "PoolExhausted blue,PoolRecovered blue");
}

static void test_watermark_of_a_policy(void **state)
{
	(void)state;
	static const char *const exclude[] = { "10.0.0.0-10.0.0.15" };
	pool("10.0.0.0/27");
	have(20, IPV4);
	expect(COND_FALSE, "enough", "");
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.low_watermark = "12";
	tell_policy(&w, x);
	world_run(&w);
	expect(COND_TRUE, "below_watermark", "IPv4: 12 of 32 addresses are free, and 12 is low");
	x->in.low_watermark = "25%";
	tell_policy(&w, x);
	world_run(&w);
	expect(COND_FALSE, "enough", "");
	/* Of what can be given: without what is excluded. */
	x->in.exclude = exclude;
	x->in.n_exclude = 1;
	x->in.low_watermark = "75%";
	tell_policy(&w, x);
	world_run(&w);
	expect(COND_TRUE, "below_watermark", "IPv4: 12 of 16 addresses are free, and 12 is low");
	x->in.low_watermark = "0";
	tell_policy(&w, x);
	world_run(&w);
	expect(COND_FALSE, "enough", "");
	x->in.low_watermark = "100%";
	tell_policy(&w, x);
	world_run(&w);
	expect(COND_TRUE, "below_watermark", "IPv4: 12 of 16 addresses are free, and 16 is low");
	delete_policy(&w, x);
	world_run(&w);
	expect(COND_FALSE, "enough", "");
}

/* It is low if any family is, and names them. */
static void test_families(void **state)
{
	(void)state;
	pool("10.0.0.0/30");
	struct wpool *six = world_pool(&w, "six", "2001:db8::/64");
	tell_pool(&w, six);
	have(4, IPV4);
	have(3, IPV6);
	expect(COND_TRUE, "exhausted", "IPv4: none of 4 addresses is free");
	assert_int_equal(pool_condition(six, "berth.dev/Low")->status, COND_FALSE);
	struct pool_row row;
	assert_true(ipam_pool_row(w.m, 0, &row));
	assert_true(row.low[IPV4]);
	assert_false(row.low[IPV6]);
	struct wpolicy *x = world_policy(&w, "x", "six");
	x->in.low_watermark = "18446744073709551613";
	tell_policy(&w, x);
	world_run(&w);
	assert_string_equal(policy_condition(x, "berth.dev/Valid")->reason, "invalid_spec");
	x->in.low_watermark = "9223372036854775807";
	tell_policy(&w, x);
	world_run(&w);
	assert_string_equal(policy_condition(x, "berth.dev/Valid")->reason, "valid");
	assert_int_equal(pool_condition(six, "berth.dev/Low")->status, COND_FALSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_down_and_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exhausted_over_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watermark_of_a_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_families, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
