/* Policies (lifecycle.md 3 and 8), sentence by sentence, on the core alone. */
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

static void expect_policy(const struct wpolicy *x, const char *type, enum condition_status status,
			  const char *reason, const char *message)
{
	const struct wcondition *c = policy_condition(x, type);
	assert_int_equal(c->status, status);
	assert_string_equal(c->reason, reason);
	assert_string_equal(c->message, message);
	assert_int_equal(c->generation, x->in.generation);
}

static struct wservice *add(const char *ns, const char *name)
{
	struct wservice *s = world_service(&w, ns, name);
	tell_service(&w, s);
	return s;
}

/* A second pass and a restart of what has settled write nothing. */
static void expect_rest(void)
{
	w.writes = 0;
	world_run(&w);
	assert_int_equal(w.writes, 0);
	world_restart(&w);
	world_run(&w);
	assert_int_equal(w.writes, 0);
}

static void test_higher_priority_first_then_name(void **state)
{
	(void)state;
	world_start(&w);
	tell_pool(&w, world_pool(&w, "a", "10.0.0.0/30"));
	tell_pool(&w, world_pool(&w, "b", "10.0.1.0/30"));
	tell_pool(&w, world_pool(&w, "c", "10.0.2.0/30"));
	struct wservice *s = add("shop", "a");
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0");

	struct wpolicy *x = world_policy(&w, "x", "c");
	x->in.priority = 5;
	tell_policy(&w, x);
	struct wpolicy *y = world_policy(&w, "y", "a");
	y->in.priority = -1;
	tell_policy(&w, y);
	struct wservice *t = add("shop", "b");
	world_run(&w);
	assert_string_equal(addresses_of(t), "10.0.2.0");
	assert_string_equal(addresses_of(s), "10.0.0.0"); /* a valid address does not move */
	struct pool_row row;
	assert_true(ipam_pool_row(w.m, 0, &row));
	assert_string_equal(row.name, "c");
	assert_string_equal(row.policy, "x");
	assert_int_equal(row.priority, 5);
	assert_true(ipam_pool_row(w.m, 1, &row));
	assert_string_equal(row.name, "b");
	assert_null(row.policy);
	assert_true(ipam_pool_row(w.m, 2, &row));
	assert_string_equal(row.name, "a");
	expect_rest();

	delete_policy(&w, x);
	struct wservice *u = add("shop", "c");
	world_run(&w);
	assert_string_equal(addresses_of(u), "10.0.1.0");
}

static void test_the_smallest_name_wins(void **state)
{
	(void)state;
	world_start(&w);
	struct wpool *p = world_pool(&w, "blue", "10.0.0.0/30");
	p->labels[0] = (struct label){ "tier", "gold" };
	p->n_labels = 1;
	tell_pool(&w, p);
	struct wpolicy *b = world_policy(&w, "b", "blue");
	b->in.auto_assign = false;
	tell_policy(&w, b);
	const char *gold = "gold";
	struct match_in match = { "tier", NULL, &gold, 1 };
	struct wpolicy *a = world_policy(&w, "a", NULL);
	a->in.has_selector = true;
	a->in.matches = &match;
	a->in.n_matches = 1;
	tell_policy(&w, a);
	struct wservice *s = add("shop", "s");
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0");
	expect_policy(a, "berth.dev/Shadowed", COND_FALSE, "in_force", "");
	expect_policy(b, "berth.dev/Shadowed", COND_TRUE, "other_policy",
		      "pool \"blue\" is under policy \"a\"");
	expect_rest();

	/* The pool is not selected any more. */
	p->labels[0].value = "silver";
	tell_pool(&w, p);
	struct wservice *t = add("shop", "t");
	world_run(&w);
	assert_string_equal(addresses_of(t), "");
	expect_policy(b, "berth.dev/Shadowed", COND_FALSE, "in_force", "");
	/* And is again. */
	p->labels[0].value = "gold";
	tell_pool(&w, p);
	world_run(&w);
	assert_string_equal(addresses_of(t), "10.0.0.1");
	expect_policy(b, "berth.dev/Shadowed", COND_TRUE, "other_policy",
		      "pool \"blue\" is under policy \"a\"");
}

static void test_excluded_is_never_given(void **state)
{
	(void)state;
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/29"));
	struct wservice *first = add("shop", "first");
	world_run(&w);
	assert_string_equal(addresses_of(first), "10.0.0.0");

	static const char *const list[] = { "10.0.0.0", "10.0.0.2-10.0.0.3", " 10.0.0.4/31 ", "2001:db8::1" };
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.exclude = list;
	x->in.n_exclude = 4;
	tell_policy(&w, x);
	struct wservice *s = add("shop", "s"), *t = add("shop", "t");
	struct wservice *r = world_service(&w, "shop", "r");
	r->requests = "10.0.0.3";
	tell_service(&w, r);
	world_run(&w);
	assert_string_equal(addresses_of(first), "10.0.0.0"); /* who has it keeps it */
	assert_string_equal(addresses_of(s), "10.0.0.1");
	assert_string_equal(addresses_of(t), "10.0.0.6");
	assert_string_equal(addresses_of(r), "");
	assert_string_equal(r->reason, "reserved");
	assert_string_equal(r->message, "10.0.0.3 is excluded from pool \"blue\" by IPPoolPolicy \"x\"");
	expect_policy(x, "berth.dev/ExcludedInUse", COND_TRUE, "held", "10.0.0.0 is held by shop/first");
	expect_policy(x, "berth.dev/Valid", COND_TRUE, "valid", "");

	struct pool_row row;
	assert_true(ipam_pool_row(w.m, 0, &row));
	const struct pool_counts *c = &row.family[IPV4];
	assert_int_equal(c->total.lo, 8);
	assert_int_equal(c->used.lo, 3); /* an excluded one that is held is used */
	assert_int_equal(c->excluded.lo, 4);
	assert_int_equal(c->free.lo, 1);
	expect_rest();

	/* Its holder leaves it, and nobody gets it. */
	delete_service(&w, first);
	struct wservice *u = add("shop", "u"), *v = add("shop", "v");
	world_run(&w);
	expect_policy(x, "berth.dev/ExcludedInUse", COND_FALSE, "not_held", "");
	assert_string_equal(addresses_of(u), "10.0.0.7");
	assert_string_equal(v->reason, "out_of_ips");
	/* No longer excluded: those who wait get it at once, whoever asked by name first. */
	x->in.n_exclude = 0;
	tell_policy(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(r), "10.0.0.3");
	assert_string_equal(addresses_of(v), "10.0.0.0");
}

static void test_auto_assign_off(void **state)
{
	(void)state;
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/29"));
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.auto_assign = false;
	tell_policy(&w, x);
	struct wservice *s = add("shop", "s");
	struct wservice *by_request = world_service(&w, "shop", "r"),
			*by_name = world_service(&w, "shop", "n");
	by_request->requests = "10.0.0.5";
	tell_service(&w, by_request);
	by_name->pools = "blue";
	tell_service(&w, by_name);
	world_run(&w);
	assert_string_equal(s->reason, "no_pool");
	assert_string_equal(s->message,
			    "no usable pool with IPv4 addresses selects this Service: pool \"blue\" "
			    "gives only to those who ask for it (autoAssign: false)");
	assert_string_equal(addresses_of(by_request), "10.0.0.5");
	assert_string_equal(addresses_of(by_name), "10.0.0.0");
	expect_rest();

	/* Another pool that gives to all is taken. */
	tell_pool(&w, world_pool(&w, "red", "10.0.1.0/30"));
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.1.0");
	/* Switched off later it takes nothing away. */
	struct wpolicy *y = world_policy(&w, "y", "red");
	y->in.auto_assign = false;
	tell_policy(&w, y);
	struct wservice *t = add("shop", "t");
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.1.0");
	assert_string_equal(t->reason, "no_pool");
	y->in.auto_assign = true;
	tell_policy(&w, y);
	world_run(&w);
	assert_string_equal(addresses_of(t), "10.0.1.1");
}

static void shrink(struct wpool *p, const char *cidr)
{
	p->cidr = cidr;
	tell_pool(&w, p);
	world_run(&w);
}

/* With and without records. */
static void keep_in(bool records)
{
	w = (struct world){ .records = records };
	world_start(&w);
	struct wpool *blue = world_pool(&w, "blue", "10.0.0.0/30"),
		     *red = world_pool(&w, "red", "10.0.9.0/30");
	blue->select_label = "blue";
	tell_pool(&w, blue);
	tell_pool(&w, red);
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.keep = true;
	tell_policy(&w, x);
	struct wservice *s = world_service(&w, "shop", "s");
	s->labels[0] = (struct label){ "blue", "yes" };
	s->n_labels = 1;
	tell_service(&w, s);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0");

	shrink(blue, "10.0.0.2/31");
	assert_string_equal(addresses_of(s), "10.0.0.0");
	expect_rest();
	assert_string_equal(addresses_of(s), "10.0.0.0");

	/* A Service that the pool does not select any more is moved all the same. */
	s->n_labels = 0;
	tell_service(&w, s);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.9.0");

	/* Renumber: whoever is outside moves. */
	s->pools = "blue";
	s->n_labels = 1;
	tell_service(&w, s);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.2");
	shrink(blue, "10.0.0.0/31");
	assert_string_equal(addresses_of(s), "10.0.0.2");
	x->in.keep = false;
	tell_policy(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0");

	/* A pool that is deleted has shrunk too, as a policy that names it says. */
	x->in.keep = true;
	tell_policy(&w, x);
	world_run(&w);
	blue->exists = false;
	ipam_pool_deleted(w.m, "blue", NULL, w.now);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0");
	world_restart(&w);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0");
	delete_policy(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(s), "");
	world_end(&w);
}

static void test_keep_what_left_the_pool(void **state)
{
	(void)state;
	keep_in(true);
	keep_in(false);
}

static bool is_protected(const struct wpool *p)
{
	for (size_t i = 0; i < p->n_finalizers; i++)
		if (strcmp(p->finalizers[i], "berth.dev/protect") == 0)
			return true;
	return false;
}

static void test_protect(void **state)
{
	(void)state;
	world_start(&w);
	struct wpool *p = world_pool(&w, "blue", "10.0.0.0/30");
	(void)strcpy(p->finalizers[0], "example.com/other");
	p->n_finalizers = 1;
	tell_pool(&w, p);
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.protect = true;
	tell_policy(&w, x);
	world_run(&w);
	assert_false(is_protected(p)); /* nothing is held */
	struct wservice *s = add("shop", "s");
	world_run(&w);
	assert_true(is_protected(p));
	assert_int_equal(p->n_finalizers, 2); /* the other one stays */
	expect_rest();

	/* Nobody protects any more, then again. */
	x->in.protect = false;
	tell_policy(&w, x);
	world_run(&w);
	assert_false(is_protected(p));
	x->in.protect = true;
	tell_policy(&w, x);
	world_run(&w);
	assert_true(is_protected(p));

	/* Being deleted it gives nothing new, and its holders keep what they have. */
	p->deleting = true;
	p->n_finalizers = 1;
	(void)strcpy(p->finalizers[0], "berth.dev/protect");
	tell_pool(&w, p);
	struct wservice *t = add("shop", "t");
	world_run(&w);
	assert_true(p->exists);
	assert_string_equal(addresses_of(s), "10.0.0.0");
	assert_string_equal(t->reason, "no_pool");
	/* The last address is released: the deletion completes. */
	delete_service(&w, s);
	world_run(&w);
	assert_false(p->exists);
	struct pool_row row;
	assert_false(ipam_pool_row(w.m, 0, &row));
}

/* No finalizer can be added to what is being deleted: it is not even tried. */
static void test_protect_comes_too_late(void **state)
{
	(void)state;
	world_start(&w);
	struct wpool *p = world_pool(&w, "blue", "10.0.0.0/30");
	(void)strcpy(p->finalizers[0], "example.com/other");
	p->n_finalizers = 1;
	tell_pool(&w, p);
	(void)add("shop", "s");
	world_run(&w);
	p->deleting = true;
	tell_pool(&w, p);
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.protect = true;
	tell_policy(&w, x);
	world_run(&w);
	assert_false(is_protected(p));
	expect_rest();
}

static void test_records_required(void **state)
{
	(void)state;
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/30"));
	struct wpolicy *x = world_policy(&w, "x", "blue");
	tell_policy(&w, x);
	world_run(&w);
	expect_policy(x, "berth.dev/RecordsRequired", COND_FALSE, "not_missed", "");
	x->in.reuse_after = "5m";
	tell_policy(&w, x);
	world_run(&w);
	expect_policy(x, "berth.dev/RecordsRequired", COND_TRUE, "no_records",
		      "nothing cools down without records (--address-records)");
	x->in.reuse_after = "0s";
	tell_policy(&w, x);
	world_run(&w);
	expect_policy(x, "berth.dev/RecordsRequired", COND_FALSE, "not_missed", "");
	struct pool_row row;
	assert_true(ipam_pool_row(w.m, 0, &row));
	assert_int_equal(row.reuse_after, 0);
}

/* Parts that cannot be read do not count, the rest does. */
static void test_invalid_parts(void **state)
{
	(void)state;
	static const char *const bad_exclude[] = { "10.0.0.1-10.0.0.0", "10.0.0.300",
						   "10.0.0.0-2001:db8::", "x/3" };
	static const char *const one_excluded[] = { "10.0.0.0", "nonsense" };
	static const char *const namespaces[] = { "shop" };
	static const char *const values[] = { "a" };
	struct quota_in both = { .has_selector = true, .namespaces = namespaces, .n_namespaces = 1 };
	struct quota_in none = { 0 };
	struct match_in bad_op = { "a", "Near", values, 1 };
	struct quota_in bad_selector = { .has_selector = true, .matches = &bad_op, .n_matches = 1 };
	const struct {
		struct policy_in in;
		const char *flaw;
	} cases[] = {
		{ { .pool_name = "blue", .reuse_after = "soon" },
		  "spec.reuseAfter: \"soon\" is no duration such as 10m, 1h30m or 0s" },
		{ { .pool_name = "blue", .reuse_after = "-1m" },
		  "spec.reuseAfter: \"-1m\" is no duration such as 10m, 1h30m or 0s" },
		{ { .pool_name = "blue", .low_watermark = "101%" },
		  "spec.lowWatermark: \"101%\" is neither a number of addresses nor 0% to 100%" },
		{ { .pool_name = "blue", .low_watermark = "%" },
		  "spec.lowWatermark: \"%\" is neither a number of addresses nor 0% to 100%" },
		{ { .pool_name = "blue", .low_watermark = "-3" },
		  "spec.lowWatermark: \"-3\" is neither a number of addresses nor 0% to 100%" },
		{ { .pool_name = "blue", .exclude = bad_exclude, .n_exclude = 4 },
		  "spec.exclude[0]: \"10.0.0.1-10.0.0.0\" ends before it begins; "
		  "spec.exclude[1]: \"10.0.0.300\" is not an address; "
		  "spec.exclude[2]: \"10.0.0.0-2001:db8::\" begins and ends in different families; "
		  "spec.exclude[3]: \"x/3\" is not a CIDR" },
		{ { .pool_name = "blue", .quotas = &both, .n_quotas = 1 },
		  "spec.quotas[0]: each of namespaceSelector and namespaces is set, and exactly one is "
		  "needed" },
		{ { .pool_name = "blue", .quotas = &none, .n_quotas = 1 },
		  "spec.quotas[0]: none of namespaceSelector and namespaces is set, and exactly one is "
		  "needed" },
		{ { .pool_name = "blue", .quotas = &bad_selector, .n_quotas = 1 },
		  "spec.quotas[0].namespaceSelector: " },
		{ { .pool_name = "blue", .has_selector = true },
		  "spec: each of poolName and poolSelector is set, and exactly one is needed" },
		{ { 0 }, "spec: none of poolName and poolSelector is set, and exactly one is needed" },
		{ { .has_selector = true, .matches = &bad_op, .n_matches = 1 }, "spec.poolSelector: " },
	};
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/30"));
	struct wpolicy *x = world_policy(&w, "x", "blue");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t generation = x->in.generation;
		x->in = cases[i].in;
		x->in.name = "x";
		x->in.generation = generation;
		x->in.auto_assign = x->in.reuse_early = true;
		tell_policy(&w, x);
		world_run(&w);
		const struct wcondition *c = policy_condition(x, "berth.dev/Valid");
		assert_int_equal(c->status, COND_FALSE);
		assert_string_equal(c->reason, "invalid_spec");
		if (strncmp(c->message, cases[i].flaw, strlen(cases[i].flaw)) != 0)
			fail_msg("case %zu: %s", i, c->message);
		assert_int_equal(c->generation, x->in.generation);
	}
	x->in = (struct policy_in){ .name = "x",
				    .pool_name = "blue",
				    .exclude = one_excluded,
				    .n_exclude = 2,
				    .reuse_after = "soon",
				    .auto_assign = true };
	tell_policy(&w, x);
	struct wservice *s = add("shop", "s");
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.1");
}

/* A list that tells of a policy no more deletes it; a kind that is not served any more deletes nothing. */
static void test_lists(void **state)
{
	(void)state;
	world_start(&w);
	tell_pool(&w, world_pool(&w, "a", "10.0.0.0/30"));
	tell_pool(&w, world_pool(&w, "b", "10.0.1.0/30"));
	struct wpolicy *x = world_policy(&w, "x", "b");
	x->in.priority = 1;
	tell_policy(&w, x);
	ipam_kind_lost(w.m, KIND_POLICY, w.now);
	struct wservice *s = add("shop", "s");
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.1.0");
	ipam_list_begin(w.m, KIND_POLICY);
	ipam_list_end(w.m, KIND_POLICY, w.now);
	struct wservice *t = add("shop", "t");
	world_run(&w);
	assert_string_equal(addresses_of(t), "10.0.0.0");
}

/* The answer to a write may come after the watch has told of a later change: it is no news then, or what the
 * later change said would be forgotten for good. */
static void test_an_answer_that_comes_late_is_no_news(void **state)
{
	(void)state;
	world_start(&w);
	struct wpool *p = world_pool(&w, "a", "10.0.0.0/30");
	struct wpolicy *x = world_policy(&w, "x", "a");
	tell_pool(&w, p);
	tell_policy(&w, x);
	world_run(&w);
	const char *reserved = "10.0.0.0", *excluded = "10.0.0.1";
	struct block_in block = { .cidr = "10.0.0.0/30" };
	struct pool_in pool = {
		.name = "a", .uid = "a", .resource_version = "900", .blocks = &block, .n_blocks = 1
	};
	struct policy_in policy = x->in;
	policy.uid = "x";
	policy.resource_version = "900";
	struct reservation_in r = { .name = "r", .uid = "r", .resource_version = "900" };

	/* Somebody wrote these after us. */
	block.cidr = "10.0.0.0/29";
	pool.resource_version = "901";
	pool.generation = 7;
	policy.exclude = &excluded;
	policy.n_exclude = 1;
	policy.resource_version = "901";
	policy.generation = 7;
	r.addresses = &reserved;
	r.n_addresses = 1;
	r.resource_version = "901";
	r.generation = 7;
	ipam_pool(w.m, &pool, w.now);
	ipam_policy(w.m, &policy, w.now);
	ipam_reservation(w.m, &r, w.now);

	block.cidr = "10.0.0.0/30";
	pool.by = policy.by = r.by = TOLD_BY_ANSWER;
	pool.resource_version = policy.resource_version = r.resource_version = "900";
	pool.generation = policy.generation = r.generation = 6;
	policy.n_exclude = r.n_addresses = 0;
	ipam_pool(w.m, &pool, w.now);
	ipam_policy(w.m, &policy, w.now);
	ipam_reservation(w.m, &r, w.now);
	struct effect unused;
	(void)ipam_next(w.m, w.now, &unused); /* so that it works out what follows */
	struct pool_row row;
	assert_true(ipam_pool_row(w.m, 0, &row));
	char text[COUNT_TEXT_MAX];
	assert_string_equal(count_format(row.family[IPV4].total, text), "8");
	assert_string_equal(count_format(row.family[IPV4].excluded, text), "1");
	assert_string_equal(count_format(row.family[IPV4].reserved, text), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_higher_priority_first_then_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_smallest_name_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_excluded_is_never_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_auto_assign_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep_what_left_the_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_protect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_protect_comes_too_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_records_required, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalid_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_answer_that_comes_late_is_no_news, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
