/* Objects as large as an API server lets through, and as strange as somebody can write them by hand. None may
 * take long, take an address from another, or hold up anybody else. */
#include "plan/cluster.h"

#include "lib/test.h"

enum { WALL = 1700000000, PATIENCE = 10 * 1000, LIMIT = 100000, SECONDS = 20 };

static struct cluster *c;
static struct buf text;
static clock_t began;

static void put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void put_text(const char *json)
{
	CLEANUP(js_freep) struct js *object = NULL;
	struct err e = { 0 };
	if (js_parse(slice_of(json), &object, &e) < 0)
		fail_msg("%s: %.200s", e.msg, json);
	if (cluster_put(c, object, &e) < 0)
		fail_msg("%s", e.msg);
}

static void put(const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(JS_SIZE_MAX);
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	put_text(buf_str(&b));
}

static void run(void)
{
	if (cluster_run(c, LIMIT, PATIENCE) >= LIMIT)
		fail_msg("it writes without end");
}

#define OPT_IN "\"io.cilium.operator.external-ips\":\"true\""

static void put_service(const char *ns, const char *name, const char *more_annotations, const char *spec)
{
	put("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\","
	    "\"annotations\":{" OPT_IN "%s%s}},\"spec\":{\"type\":\"LoadBalancer\"%s%s}}",
	    ns, name, more_annotations[0] ? "," : "", more_annotations, spec[0] ? "," : "", spec);
}

static const char *address(const char *ns, const char *name)
{
	const struct js *s = cluster_get(c, "Service", ns, name);
	const char *ip = js_str(js_get(js_item(js_path(s, "status", "loadBalancer", "ingress"), 0), "ip"));
	return ip ? ip : "";
}

static const char *condition(const char *ns, const char *name, const char *what)
{
	const struct js *s = cluster_get(c, "Service", ns, name);
	const char *value = js_str(js_get(js_item(js_path(s, "status", "conditions"), 0), what));
	return value ? value : "";
}

static int setup(void **state)
{
	static const char *const classes[] = { "berth.dev/lb", NULL }, *const managers[] = { "berth", NULL };
	static const struct ipam_config config = {
		.opt_in = OPT_IN_ANNOTATION,
		.classes = classes,
		.proxy_name = "",
		.family_on = { true, true },
		.records = true,
		.classless_are_ours = true,
		.max_in_flight = 64,
	};
	static const struct view_config view = { .managers = managers };
	c = cluster_new(&config, &view, (msec)WALL * 1000);
	text = BUF_INIT(JS_SIZE_MAX);
	cluster_sync(c);
	put("{\"apiVersion\":\"cilium.io/"
	    "v2\",\"kind\":\"CiliumLoadBalancerIPPool\",\"metadata\":{\"name\":\"blue\"},"
	    "\"spec\":{\"blocks\":[{\"cidr\":\"192.0.2.0/28\"}]}}");
	run();
	began = clock();
	return 0;
}

/* Somebody else is served, also by one who starts anew, and all of it took seconds and not minutes. */
static int teardown(void **state)
{
	static const char *const classes[] = { "berth.dev/lb", NULL };
	const struct ipam_config config = {
		.opt_in = OPT_IN_ANNOTATION,
		.classes = classes,
		.proxy_name = "",
		.family_on = { true, true },
		.records = true,
		.classless_are_ours = true,
		.max_in_flight = 64,
	};
	put_service("other", "web", "", "");
	run();
	CLEANUP(freep) char *had = xstrdup(address("other", "web"));
	cluster_restart(c, &config);
	cluster_sync(c);
	run();
	bool kept = had[0] && strcmp(address("other", "web"), had) == 0;
	long took = (long)((clock() - began) / CLOCKS_PER_SEC);
	if (!kept)
		print_error("another Service had \"%s\" and has \"%s\"\n", had, address("other", "web"));
	if (took > SECONDS)
		print_error("it took %ld s of the processor\n", took);
	cluster_free(TAKE(c));
	buf_done(&text);
	return kept && took <= SECONDS ? 0 : -1;
}

/* "10.x.y.z","10.x.y.z" and so on, with `tail` behind each. */
static const char *many(size_t from, size_t n, const char *head, const char *tail)
{
	buf_clear(&text);
	for (size_t i = from; i < from + n; i++)
		buf_addf(&text, "%s%s10.%zu.%zu.%zu%s", i > from ? "," : "", head, i >> 16 & 255,
			 i >> 8 & 255, i & 255, tail);
	return buf_str(&text);
}

static void a_hundred_thousand_external_ips(void **state)
{
	for (int round = 0; round < 2; round++) {
		CLEANUP(freep) char *list = xstrdup(many((size_t)round * 1000, 100 * 1000, "\"", "\""));
		put("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"a\",\"name\":"
		    "\"many\"},"
		    "\"spec\":{\"type\":\"ClusterIP\",\"externalIPs\":[%s,\"192.0.2.0\"]}}",
		    list);
		run();
	}
	/* The last of them counts like the first. */
	put_service("a", "web", "", "");
	run();
	assert_string_equal(address("a", "web"), "192.0.2.1");
}

static void a_node_of_fifty_thousand_addresses(void **state)
{
	for (int round = 0; round < 2; round++) {
		CLEANUP(freep)
		char *list = xstrdup(many((size_t)round * 1000, 50 * 1000,
					  "{\"type\":\"InternalIP\",\"address\":\"", "\"}"));
		put("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\",\"annotations\":{"
		    "\"x\":\"%01000000d\"}},"
		    "\"status\":{\"addresses\":[%s,{\"type\":\"ExternalIP\",\"address\":\"192.0.2.0\"}]}}",
		    0, list);
		run();
	}
	put_service("a", "web", "", "");
	run();
	assert_string_equal(address("a", "web"), "192.0.2.1");
	assert_true(cluster_delete(c, "Node", "", "n"));
	run();
}

static void a_node_of_fifty_thousand_pod_cidrs(void **state)
{
	for (int round = 0; round < 2; round++) {
		CLEANUP(freep) char *list = xstrdup(many((size_t)round * 1000, 50 * 1000, "\"", "/32"));
		CLEANUP(buf_done) struct buf quoted = BUF_INIT(JS_SIZE_MAX);
		struct slice rest = slice_of(list), one;
		while (slice_cut(&rest, ',', &one))
			buf_addf(&quoted, "%s%.*s\"", quoted.len ? "," : "", SLICE_ARG(one));
		put("{\"apiVersion\":\"cilium.io/v2\",\"kind\":\"CiliumNode\",\"metadata\":{\"name\":\"n\"},"
		    "\"spec\":{\"ipam\":{\"podCIDRs\":[%s,\"192.0.2.0/32\",\"192.0.2.0/32\",\"junk\"]}}}",
		    buf_str(&quoted));
		run();
	}
	put_service("a", "web", "", "");
	run();
	assert_string_equal(address("a", "web"), "192.0.2.1");
}

static void too_long(const char *key, const char *told)
{
	CLEANUP(freep) char *notes = xasprintf("\"%s\":\"%0200000d\"", key, 7);
	put_service("a", "web", notes, "");
	run();
	assert_string_equal(address("a", "web"), "");
	assert_string_equal(condition("a", "web", "reason"), "invalid_request");
	assert_non_null(strstr(condition("a", "web", "message"), told));
	assert_true(strlen(condition("a", "web", "message")) < 200);
	assert_true(cluster_delete(c, "Service", "a", "web"));
	run();
}

static void annotations_have_a_ceiling(void **state)
{
	too_long("lbipam.cilium.io/ips", "asks for addresses is longer than the 16384 bytes");
	too_long("berth.dev/pool", "berth.dev/pool is longer than the 16384 bytes");
	too_long("lbipam.cilium.io/sharing-key", "sharing key is longer than the 16384 bytes");
	too_long("lbipam.cilium.io/sharing-cross-namespace", "to share with is longer than the 16384 bytes");
	CLEANUP(freep) char *spec = xasprintf("\"loadBalancerIP\":\"%0200000d\"", 7);
	put_service("a", "web", "", spec);
	run();
	assert_non_null(strstr(condition("a", "web", "message"), "spec.loadBalancerIP is longer than"));

	/* What it has already stays, and the rest of the way is open as soon as it is right. */
	put_service("a", "late", "", "");
	run();
	CLEANUP(freep) char *has = xstrdup(address("a", "late"));
	assert_true(has[0]);
	CLEANUP(freep) char *notes = xasprintf("\"berth.dev/pool\":\"%0200000d\"", 7);
	CLEANUP(js_freep) struct js *late = js_clone(cluster_get(c, "Service", "a", "late"));
	js_set(js_path(late, "metadata", "annotations"), "berth.dev/pool", js_new_str(notes));
	assert_int_equal(cluster_put(c, late, NULL), 1);
	run();
	assert_string_equal(condition("a", "late", "reason"), "invalid_request");
	assert_string_equal(address("a", "late"), has);
}

static void a_service_names_64_pools_at_most(void **state)
{
	buf_clear(&text);
	for (int i = 0; i < 64; i++)
		buf_addf(&text, "p%d, ", i);
	CLEANUP(freep) char *one_more = xasprintf("\"berth.dev/pool\":\"%sblue\"", buf_str(&text));
	put_service("a", "web", one_more, "");
	run();
	assert_string_equal(condition("a", "web", "message"),
			    "berth.dev/pool names 65 pools; at most 64 are taken");
	CLEANUP(freep) char *as_many = xasprintf("\"berth.dev/pool\":\"%s\"", buf_str(&text));
	put_service("a", "just", as_many, "");
	run();
	assert_string_equal(condition("a", "just", "reason"), "pool_not_found");
}

static void what_is_quoted_is_cut_and_shown(void **state)
{
	CLEANUP(freep) char *notes = xasprintf("\"berth.dev/pool\":\"\\u001b[2J%0300d\"", 7);
	put_service("a", "web", notes, "");
	put_service("a", "asks", "\"lbipam.cilium.io/ips\":\"1.2.3.4\\nlevel=error\\u009b2J\"", "");
	run();
	assert_non_null(strstr(condition("a", "web", "message"), "pool \"\\u001b[2J000"));
	assert_non_null(strstr(condition("a", "web", "message"), "...\" does not exist"));
	assert_string_equal(condition("a", "web", "reason"), "pool_not_found");
	assert_non_null(
		strstr(condition("a", "asks", "message"), "\"1.2.3.4\\u000alevel=error\\u009b2J\" is not"));
}

/* Who may write labels of a Service chooses what is kept of them and looked up. */
static void twenty_thousand_labels(void **state)
{
	buf_clear(&text);
	for (int i = 0; i < 20000; i++)
		buf_addf(&text, "%s\"l%d\":\"v%d\"", i ? "," : "", i, i);
	for (int i = 0; i < 5; i++) {
		put("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"a\",\"name\":"
		    "\"s%d\","
		    "\"labels\":{%s},\"annotations\":{" OPT_IN "}},\"spec\":{\"type\":\"LoadBalancer\"}}",
		    i, buf_str(&text));
	}
	run();
	assert_true(address("a", "s4")[0]);
}

static void put_record(const char *ip, const char *notes)
{
	put("{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IPAddress\",\"metadata\":{\"name\":\"%s\","
	    "\"labels\":{\"ipaddress.kubernetes.io/managed-by\":\"berth\"},\"annotations\":{%s}}}",
	    ip, notes);
}

/* Records under our label that we never made. */
static void records_made_by_hand(void **state)
{
	buf_clear(&text);
	for (int i = 0; i < 60000; i++)
		buf_addf(&text, "%sn/%x", i ? "," : "", i);
	CLEANUP(freep)
	char *crowd =
		xasprintf("\"berth.dev/holder\":\"%s\",\"berth.dev/state\":\"cooling\","
			  "\"berth.dev/released-at\":\"2023-11-14T22:13:20Z\",\"berth.dev/pool\":\"blue\"",
			  buf_str(&text));
	put_record("192.0.2.0", crowd);
	put_record("192.0.2.1", "");
	put_record("192.0.2.2", "\"berth.dev/holder\":\",,//, ,\\u001b[2J,\",\"berth.dev/state\":\"sold\","
				"\"berth.dev/allocated-at\":\"yesterday\",\"berth.dev/history\":\"{]\"");
	put_record("192.0.2.3",
		   "\"berth.dev/holder\":\"no/body\",\"berth.dev/state\":\"cooling\","
		   "\"berth.dev/released-at\":\"9999-12-31T23:59:59Z\",\"berth.dev/pool\":\"no such pool\"");
	put_record("192.0.2.4", "\"berth.dev/block\":\"0.0.0.0/0\",\"berth.dev/owner\":\"node/\"");
	put_record("198.51.100.1", "\"berth.dev/holder\":\"other/web\"");
	put_record("::", "\"berth.dev/holder\":\"other/web\",\"berth.dev/state\":\"releasing\"");
	put("{\"apiVersion\":\"networking.k8s.io/"
	    "v1\",\"kind\":\"IPAddress\",\"metadata\":{\"name\":\"192.0.2.5\","
	    "\"labels\":{\"ipaddress.kubernetes.io/managed-by\":\"%0400d\"}}}",
	    7);
	run();
	/* To ask for one of them tells whose it is, and not all of it. */
	put_service("a", "web", "\"lbipam.cilium.io/ips\":\"192.0.2.5\"", "");
	run();
	assert_string_equal(condition("a", "web", "reason"), "already_allocated");
	assert_non_null(strstr(condition("a", "web", "message"), "192.0.2.5 has a record of 000"));
	/* With time all that names nobody is gone, and those addresses are free again. */
	cluster_advance(c, 3600 * 1000);
	run();
	for (int i = 0; i < 4; i++) {
		CLEANUP(freep) char *name = xasprintf("192.0.2.%d", i);
		if (cluster_get(c, "IPAddress", "", name))
			fail_msg("the record of %s is still there", name);
	}
}

static void reservations_of_strange_addresses(void **state)
{
	static const char *const strange[] = {
		"",           "::ffff:192.0.2.1",   "192.0.2.1/32", "fe80::1%eth0",
		"192.0.2.1 ", "0300.0.0.1",         "192.0.2",      "2001:db8::g",
		"-",          "192.0.2.1-192.0.2.5"
	};
	buf_clear(&text);
	for (size_t i = 0; i < ARRAY_LEN(strange); i++)
		put("{\"apiVersion\":\"berth.dev/"
		    "v1alpha1\",\"kind\":\"IPReservation\",\"metadata\":{\"name\":\"r%zu\"},"
		    "\"spec\":{\"addresses\":[\"%s\"]}}",
		    i, strange[i]);
	CLEANUP(freep) char *list = xstrdup(many(0, 50 * 1000, "\"", "\""));
	put("{\"apiVersion\":\"berth.dev/"
	    "v1alpha1\",\"kind\":\"IPReservation\",\"metadata\":{\"name\":\"many\"},"
	    "\"spec\":{\"addresses\":[%s],\"expiresAt\":\"%0100000d\"}}",
	    list, 7);
	run();
	const struct js *r = cluster_get(c, "IPReservation", "", "many");
	assert_string_equal(js_str(js_path(r, "status", "phase")), "Unusable");
	const char *why = js_str(js_path(r, "status", "message"));
	assert_true(why && why[0] && strlen(why) < 1000);
}

static void a_policy_of_thousands(void **state)
{
	CLEANUP(freep) char *exclude = xstrdup(many(0, 20 * 1000, "\"", "\""));
	buf_clear(&text);
	for (int i = 0; i < 5000; i++)
		buf_addf(&text, "%s{\"namespaces\":[\"n%d\",\"m%d\"],\"maxAddresses\":1}", i ? "," : "", i,
			 i);
	put("{\"apiVersion\":\"berth.dev/v1alpha1\",\"kind\":\"IPPoolPolicy\",\"metadata\":{\"name\":\"p\"},"
	    "\"spec\":{\"poolName\":\"blue\",\"exclude\":[%s,\"192.0.2.0\",\"junk\"],\"quotas\":[%s,"
	    "{\"namespaces\":[\"a\"],\"maxAddresses\":1}],\"lowWatermark\":\"%0100000d\",\"reuseAfter\":\"%"
	    "0100000d\"}}",
	    exclude, buf_str(&text), 7, 7);
	put_service("a", "one", "", "");
	put_service("a", "two", "", "");
	run();
	assert_string_equal(condition("a", "two", "reason"), "quota_exceeded");
	const struct js *list = js_path(cluster_get(c, "IPPoolPolicy", "", "p"), "status", "conditions");
	const char *status = NULL;
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_get(js_item(list, i), "type")), "berth.dev/Valid"))
			status = js_str(js_get(js_item(list, i), "status"));
	assert_string_equal(status ? status : "none", "False");
}

/* That a value is too long to be quoted is no reason to take it for right. */
static void a_flaw_too_long_to_tell_is_a_flaw(void **state)
{
	put("{\"apiVersion\":\"berth.dev/v1alpha1\",\"kind\":\"IPPoolPolicy\",\"metadata\":{\"name\":\"p\"},"
	    "\"spec\":{\"poolName\":\"blue\",\"lowWatermark\":\"%0100000d%%%%\"}}",
	    101);
	run();
	const struct js *first =
		js_item(js_path(cluster_get(c, "IPPoolPolicy", "", "p"), "status", "conditions"), 0);
	assert_string_equal(js_str(js_get(first, "type")), "berth.dev/Valid");
	assert_string_equal(js_str(js_get(first, "status")), "False");
	assert_non_null(strstr(js_str(js_get(first, "message")), "spec.lowWatermark"));
}

/* One address for as many as a tenant cares to make. */
static void a_group_of_a_thousand(void **state)
{
	enum { MEMBERS = 1000 };
	for (int i = 0; i < MEMBERS; i++) {
		CLEANUP(freep) char *name = xasprintf("s%d", i);
		CLEANUP(freep)
		char *spec = xasprintf("\"ports\":[{\"port\":%d,\"protocol\":\"TCP\"}]", i + 1);
		put_service("a", name, "\"lbipam.cilium.io/sharing-key\":\"k\"", spec);
	}
	run();
	assert_string_equal(address("a", "s0"), "192.0.2.0");
	assert_string_equal(address("a", "s999"), "192.0.2.0");
}

/* What others wrote into the conditions of a pool is theirs, however long. */
static void conditions_of_others_stay(void **state)
{
	CLEANUP(js_freep) struct js *pool = js_clone(cluster_get(c, "CiliumLoadBalancerIPPool", "", "blue"));
	struct js *list = js_path(pool, "status", "conditions");
	CLEANUP(freep) char *message = xasprintf("%0120000d", 7);
	size_t ours = js_len(list);
	for (int i = 0; i < 8; i++) {
		struct js *other = js_new_object();
		CLEANUP(freep) char *type = xasprintf("example.com/c%d", i);
		js_set(other, "type", js_new_str(type));
		js_set(other, "status", js_new_str("True"));
		js_set(other, "message", js_new_str(message));
		js_push(list, other);
	}
	assert_int_equal(cluster_put(c, pool, NULL), 1);
	put_service("a", "web", "", "");
	run();
	const struct js *now =
		js_path(cluster_get(c, "CiliumLoadBalancerIPPool", "", "blue"), "status", "conditions");
	assert_int_equal(js_len(now), ours + 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_hundred_thousand_external_ips),
		T(a_node_of_fifty_thousand_addresses),
		T(a_node_of_fifty_thousand_pod_cidrs),
		T(annotations_have_a_ceiling),
		T(a_service_names_64_pools_at_most),
		T(what_is_quoted_is_cut_and_shown),
		T(twenty_thousand_labels),
		T(records_made_by_hand),
		T(reservations_of_strange_addresses),
		T(a_policy_of_thousands),
		T(a_flaw_too_long_to_tell_is_a_flaw),
		T(a_group_of_a_thousand),
		T(conditions_of_others_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
