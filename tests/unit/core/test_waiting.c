/* Who waits for what, on the core alone: no address is left over while somebody waits for it. */
#include "../../lib/test.h"
#include "world.h"

static struct world w;

static int setup(void **state)
{
	(void)state;
	w = (struct world){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

/* The record of the address as somebody else's, then as one that cools. */
static void tell_record(struct ip ip, bool ours)
{
	char rv[16];
	struct record_in in = {
		.ip = ip, .uid = "r0", .ours = ours, .holders = "shop/former", .pool = "blue"
	};
	in.manager = ours ? NULL : "other";
	in.phase = ours ? RECORD_IS_COOLING : RECORD_HELD;
	w.record[0] = (struct wrecord){ .ip = ip, .phase = in.phase, .rv = ++w.rv, .exists = ours };
	w.n_records = 1;
	(void)snprintf(rv, sizeof(rv), "%u", w.rv);
	in.resource_version = rv;
	ipam_record(w.m, &in, w.now);
}

/* An address begins to cool, and wakes one of two who wait; before that one is looked at it goes. */
static void one_goes(size_t which)
{
	w = (struct world){ .records = true };
	world_start(&w);
	struct ip ip;
	assert_int_equal(ip_parse(slice_of("10.0.0.1"), &ip, NULL), 0);
	struct wpolicy *policy = world_policy(&w, "ten", "blue");
	policy->in.reuse_after = "10m";
	tell_policy(&w, policy);
	tell_record(ip, false);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.1/32"));
	struct wservice *s[2] = { world_service(&w, "shop", "a"), world_service(&w, "shop", "b") };
	for (size_t i = 0; i < 2; i++) {
		tell_service(&w, s[i]);
		world_run(&w);
		assert_string_equal(addresses_of(s[i]), "");
	}
	const msec began = w.now.mono;
	tell_record(ip, true);
	delete_service(&w, s[which]);
	world_run(&w);
	assert_string_equal(addresses_of(s[!which]), "10.0.0.1");
	assert_true(w.now.mono - began < 60 * 1000); /* and not because its time is over */
}

static void who_was_woken_for_one_that_cools_passes_it_on(void **state)
{
	(void)state;
	one_goes(0);
	world_end(&w);
	one_goes(1);
}

/* The one who has waited longest is just being told why, when something comes. */
static void who_is_just_being_told_that_it_waits_does_not_lose_its_turn(void **state)
{
	(void)state;
	struct effect e;
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.1/32"));
	struct wservice *first = world_service(&w, "shop", "first"), *a = world_service(&w, "shop", "a"),
			*b = world_service(&w, "shop", "b");
	tell_service(&w, first);
	world_run(&w);
	tell_service(&w, a);
	do
		assert_true(ipam_next(w.m, w.now, &e));
	while (e.kind == EFFECT_EVENT);
	assert_int_equal(e.kind, EFFECT_SERVICE_STATUS);
	assert_string_equal(e.name, "a");
	const unsigned told = e.id;
	tell_service(&w, b);
	world_run(&w);
	tell_pool(&w, world_pool(&w, "red", "10.0.0.9/32"));
	world_run(&w);
	assert_string_equal(addresses_of(b), "");
	ipam_result(w.m, told, OUTCOME_DONE, 0, w.now);
	world_run(&w);
	assert_string_equal(addresses_of(a), "10.0.0.9");
	assert_string_equal(addresses_of(b), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_was_woken_for_one_that_cools_passes_it_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_is_just_being_told_that_it_waits_does_not_lose_its_turn,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
