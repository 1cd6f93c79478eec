#include "embedded/addresses.h"

#include "lib/test.h"

static struct js *service(const char *ip)
{
	struct js *s = js_new_object(), *ips = js_new_array();
	js_push(ips, js_new_str(ip));
	js_set(js_need_object(s, "spec"), "clusterIPs", ips);
	return s;
}

static void hold(struct addresses *a, const char *ip, bool on)
{
	CLEANUP(js_freep) struct js *s = service(ip);
	addresses_update(a, on ? NULL : s, on ? s : NULL);
}

static void freep_addresses(struct addresses **a)
{
	addresses_free(*a);
}

static void a_range_is_given_to_its_end(void **state)
{
	(void)state;
	CLEANUP(freep_addresses) struct addresses *a = addresses_new();
	char ip[NET_TEXT_MAX];
	for (int i = 0; i < 65534; i++) {
		assert_true(addresses_free_ip(a, 6, ip));
		assert_true(addresses_ip_valid(a, ip));
		assert_false(addresses_ip_used(a, ip));
		hold(a, ip, true);
	}
	assert_false(addresses_free_ip(a, 6, ip));
	/* What is outside takes nothing from it. */
	hold(a, "fd00:10:97::1", true);
	hold(a, "fd00:10:97::1", false);
	assert_false(addresses_free_ip(a, 6, ip));
	hold(a, "fd00:10:96::7", false);
	assert_true(addresses_free_ip(a, 6, ip));
	assert_string_equal(ip, "fd00:10:96::7");
	/* Held twice is held until both have gone. */
	hold(a, "fd00:10:96::7", true);
	hold(a, "fd00:10:96::7", true);
	hold(a, "fd00:10:96::7", false);
	assert_false(addresses_free_ip(a, 6, ip));
}

static void there_are_enough_for_many_services(void **state)
{
	(void)state;
	CLEANUP(freep_addresses) struct addresses *a = addresses_new();
	char ip[NET_TEXT_MAX];
	for (int i = 0; i < 100000; i++) {
		assert_true(addresses_free_ip(a, 4, ip));
		assert_false(addresses_ip_used(a, ip));
		hold(a, ip, true);
	}
	assert_string_equal(ip, "10.97.134.169");
	assert_false(addresses_ip_valid(a, "10.96.0.0"));
	assert_false(addresses_ip_valid(a, "10.112.0.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_is_given_to_its_end),
		cmocka_unit_test(there_are_enough_for_many_services),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
