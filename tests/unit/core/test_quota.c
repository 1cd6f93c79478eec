/* Quotas (lifecycle.md 3 and 8) on the core alone: sentence by sentence, and against a naive model. */
#include "../../lib/test.h"
#include "world.h"

static struct world w;
static const char *const shop[] = { "shop" };

static int setup(void **state)
{
	(void)state;
	w = (struct world){ 0 };
	world_namespace(&w, "shop", NULL, NULL);
	world_namespace(&w, "bank", NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static struct wservice *add(const char *ns, const char *name)
{
	struct wservice *s = world_service(&w, ns, name);
	tell_service(&w, s);
	return s;
}

static struct wservice *ask(const char *ns, const char *name, const char *requests)
{
	struct wservice *s = world_service(&w, ns, name);
	s->requests = requests;
	tell_service(&w, s);
	return s;
}

static void expect_rest(void)
{
	w.writes = 0;
	world_run(&w);
	assert_int_equal(w.writes, 0);
	world_restart(&w);
	world_run(&w);
	assert_int_equal(w.writes, 0);
}

/* One pool "blue" whose policy says of namespace "shop". */
static struct wpolicy *start_with(struct quota_in *q, uint64_t max)
{
	*q = (struct quota_in){ .namespaces = shop, .n_namespaces = 1, .max_addresses = max };
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/28"));
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.quotas = q;
	x->in.n_quotas = 1;
	tell_policy(&w, x);
	return x;
}

static void test_no_more_than_the_quota(void **state)
{
	(void)state;
	struct quota_in q;
	struct wpolicy *x = start_with(&q, 2);
	struct wservice *a = add("shop", "a");
	(void)add("shop", "b");
	struct wservice *c = add("shop", "c");
	struct wservice *d = add("bank", "d");
	world_run(&w);
	assert_string_equal(addresses_of(a), "10.0.0.0");
	assert_string_equal(c->reason, "quota_exceeded");
	assert_string_equal(c->message, "no IPv4 address: its namespace has 2 of the 2 addresses that it may "
					"have of pool \"blue\"");
	assert_string_equal(addresses_of(d), "10.0.0.2"); /* no quota speaks of it */
	expect_rest();

	/* The namespace gives one back. */
	delete_service(&w, a);
	world_run(&w);
	assert_string_equal(addresses_of(c), "10.0.0.0");

	/* Raised. */
	struct wservice *e = add("shop", "e");
	world_run(&w);
	assert_string_equal(e->reason, "quota_exceeded");
	q.max_addresses = 3;
	tell_policy(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(e), "10.0.0.3");

	/* Lowered: nothing is taken away, and the numbers stay right. */
	q.max_addresses = 1;
	tell_policy(&w, x);
	struct wservice *f = add("shop", "f"), *g = add("shop", "g");
	world_run(&w);
	assert_string_equal(addresses_of(e), "10.0.0.3");
	assert_string_equal(f->message, "no IPv4 address: its namespace has 3 of the 1 address that it may "
					"have of pool \"blue\"");
	delete_service(&w, e);
	world_run(&w);
	assert_string_equal(f->message, "no IPv4 address: its namespace has 2 of the 1 address that it may "
					"have of pool \"blue\"");
	assert_string_equal(g->message, f->message);
	expect_rest();

	/* 0 = none. */
	q.max_addresses = 0;
	tell_policy(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(c), "10.0.0.0");
	assert_string_equal(f->message,
			    "no IPv4 address: its namespace may have no address of pool \"blue\"");
	/* No quota at all. */
	delete_policy(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(f), "10.0.0.3");
	assert_string_equal(addresses_of(g), "10.0.0.4");
}

static void test_requests_count_too(void **state)
{
	(void)state;
	struct quota_in q;
	struct wpolicy *x = start_with(&q, 1);
	struct wservice *a = ask("shop", "a", "10.0.0.5,10.0.0.6");
	world_run(&w);
	assert_string_equal(addresses_of(a), "10.0.0.5");
	assert_string_equal(a->reason, "quota_exceeded");
	assert_string_equal(
		a->message,
		"10.0.0.6: its namespace has 1 of the 1 address that it may have of pool \"blue\"");
	/* Another request takes the place of the first: what it gives back does not stand against it. */
	a->requests = "10.0.0.7";
	tell_service(&w, a);
	world_run(&w);
	assert_string_equal(addresses_of(a), "10.0.0.7");
	assert_string_equal(a->reason, "satisfied");
	struct wservice *b = ask("shop", "b", "10.0.0.8");
	world_run(&w);
	assert_string_equal(b->reason, "quota_exceeded");
	q.max_addresses = 2;
	tell_policy(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(b), "10.0.0.8");
	expect_rest();
}

static void test_the_next_pool_is_tried(void **state)
{
	(void)state;
	struct quota_in q;
	(void)start_with(&q, 1);
	struct wpool *red = world_pool(&w, "red", "10.0.1.0/32");
	tell_pool(&w, red);
	struct wservice *a = add("shop", "a"), *b = add("shop", "b"), *c = add("shop", "c");
	world_run(&w);
	assert_string_equal(addresses_of(a), "10.0.0.0");
	assert_string_equal(addresses_of(b), "10.0.1.0");
	assert_string_equal(c->reason, "quota_exceeded");
	assert_string_equal(c->message, "no IPv4 address: its namespace has 1 of the 1 address that it may "
					"have of pool \"blue\"; none is free in pool \"red\"");
	/* Either makes it possible. */
	delete_service(&w, b);
	world_run(&w);
	assert_string_equal(addresses_of(c), "10.0.1.0");
	struct wservice *d = add("shop", "d");
	world_run(&w);
	delete_service(&w, a);
	world_run(&w);
	assert_string_equal(addresses_of(d), "10.0.0.0");
}

static void test_a_shared_address_counts_once(void **state)
{
	(void)state;
	struct quota_in q;
	(void)start_with(&q, 1);
	struct wservice *s[3];
	static const char *const names[] = { "a", "b", "c" };
	for (size_t i = 0; i < 3; i++) {
		s[i] = world_service(&w, "shop", names[i]);
		s[i]->key = "k";
		s[i]->port = (uint16_t)(80 + i);
		tell_service(&w, s[i]);
		world_run(&w);
		assert_string_equal(addresses_of(s[i]), "10.0.0.0");
	}
	struct wservice *d = add("shop", "d");
	world_run(&w);
	assert_string_equal(d->reason, "quota_exceeded");
	delete_service(&w, s[0]);
	delete_service(&w, s[1]);
	world_run(&w);
	assert_string_equal(d->reason, "quota_exceeded");
	delete_service(&w, s[2]);
	world_run(&w);
	assert_string_equal(addresses_of(d), "10.0.0.0");
	expect_rest();
}

static void test_dual_stack_is_two(void **state)
{
	(void)state;
	struct quota_in q;
	(void)start_with(&q, 1);
	struct wpool *p = world_pool(&w, "blue", NULL);
	p->cidr = "2001:db8::/124";
	tell_pool(&w, p);
	tell_pool(&w, world_pool(&w, "four", "10.0.0.0/28"));
	static const char *const both[] = { "shop" };
	struct quota_in two = { .namespaces = both, .n_namespaces = 1, .max_addresses = 0 };
	struct wservice *s = world_service(&w, "shop", "s");
	s->policy = POLICY_REQUIRE_DUAL;
	s->families[0] = IPV4;
	s->families[1] = IPV6;
	s->n_families = 2;
	tell_service(&w, s);
	world_run(&w);
	assert_string_equal(addresses_of(s), "10.0.0.0,2001:db8::");
	struct wpolicy *y = world_policy(&w, "y", "four");
	y->in.quotas = &two;
	y->in.n_quotas = 1;
	tell_policy(&w, y);
	struct wservice *t = world_service(&w, "shop", "t");
	t->policy = POLICY_PREFER_DUAL;
	tell_service(&w, t);
	world_run(&w);
	assert_string_equal(addresses_of(t), "");
	assert_string_equal(t->reason, "quota_exceeded");
	assert_string_equal(
		t->message,
		"no IPv4 address: its namespace may have no address of pool \"four\"; no IPv6 "
		"address: its namespace has 1 of the 1 address that it may have of pool \"blue\"");
}

static void test_the_first_match_wins(void **state)
{
	(void)state;
	const char *dev = "dev";
	struct match_in match = { "team", NULL, &dev, 1 };
	static const char *const all[] = { "shop", "bank" };
	struct quota_in q[] = {
		{ .has_selector = true, .matches = &match, .n_matches = 1, .max_addresses = 2 },
		{ .namespaces = all, .n_namespaces = 2, .max_addresses = 1 },
		{ .has_selector = true, .max_addresses = 0 }, /* everybody else */
	};
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/28"));
	struct wpolicy *x = world_policy(&w, "x", "blue");
	x->in.quotas = q;
	x->in.n_quotas = 3;
	tell_policy(&w, x);
	struct wservice *a = add("shop", "a"), *b = add("shop", "b"), *c = add("lab", "c");
	world_run(&w);
	assert_string_equal(addresses_of(a), "10.0.0.0");
	assert_string_equal(b->reason, "quota_exceeded");
	assert_string_equal(c->reason, "quota_exceeded");
	/* The labels of the Namespace change: whoever waits is woken. */
	world_namespace(&w, "shop", "team", "dev");
	world_run(&w);
	assert_string_equal(addresses_of(b), "10.0.0.1");
	world_namespace(&w, "lab", "team", "dev");
	world_run(&w);
	assert_string_equal(addresses_of(c), "10.0.0.2");
	struct wservice *d = add("lab", "d"), *e = add("lab", "e");
	world_run(&w);
	assert_string_equal(addresses_of(d), "10.0.0.3");
	assert_string_equal(e->reason, "quota_exceeded");
	/* It loses the label, and nothing else. */
	world_namespace(&w, "lab", NULL, NULL);
	world_run(&w);
	assert_string_equal(addresses_of(d), "10.0.0.3");
	assert_string_equal(e->message,
			    "no IPv4 address: its namespace may have no address of pool \"blue\"");
	expect_rest();
	/* The Namespace goes while some of its Services still wait. */
	ipam_namespace_deleted(w.m, "lab", w.now);
	delete_service(&w, c);
	delete_service(&w, d);
	delete_service(&w, e);
	world_run(&w);
}

/* One who waits for a quota does not stand in the way of those who wait for the pool, nor the other way. */
static void test_those_who_wait_for_the_pool(void **state)
{
	(void)state;
	struct quota_in q;
	(void)start_with(&q, 1);
	struct wpool *p = world_pool(&w, "blue", NULL);
	p->cidr = "10.0.0.0/31";
	tell_pool(&w, p);
	struct wservice *a = add("shop", "a"), *x = add("bank", "x");
	world_run(&w);
	struct wservice *b = add("shop", "b"), *y = add("bank", "y");
	world_run(&w);
	assert_string_equal(b->reason, "quota_exceeded");
	assert_string_equal(y->reason, "out_of_ips");
	delete_service(&w, x);
	world_run(&w);
	assert_string_equal(addresses_of(y), "10.0.0.1");
	assert_string_equal(b->reason, "quota_exceeded");
	delete_service(&w, a);
	world_run(&w);
	assert_string_equal(addresses_of(b), "10.0.0.0");
}

static void test_a_pool_that_goes_leaves_nobody_waiting_for_nothing(void **state)
{
	(void)state;
	struct quota_in q;
	(void)start_with(&q, 0);
	struct wservice *a = add("shop", "a");
	world_run(&w);
	assert_string_equal(a->reason, "quota_exceeded");
	world_pool(&w, "blue", NULL)->exists = false;
	ipam_pool_deleted(w.m, "blue", NULL, w.now);
	world_run(&w);
	assert_string_equal(a->reason, "no_pool");
	tell_pool(&w, world_pool(&w, "red", "10.0.1.0/30"));
	world_run(&w);
	assert_string_equal(addresses_of(a), "10.0.1.0");
}

/* ---- against a naive model ---------------------------------------------------------------------------- */

enum { SPACES = 3, PER_SPACE = 12, SIZE = 16, STEPS = 3000 };
static const char *const spaces[SPACES] = { "n0", "n1", "n2" };
static const char *const titles[PER_SPACE] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l" };
static const char *const keys[] = { NULL, NULL, "p", "q" };

static struct wservice *any_service(struct rng *r)
{
	return world_service(&w, spaces[rng_below(r, SPACES)], titles[rng_below(r, PER_SPACE)]);
}

/* Distinct addresses that the namespace has. */
static unsigned used(const char *ns, struct ip *seen)
{
	unsigned n = 0;
	for (size_t i = 0; i < w.n_services; i++) {
		const struct wservice *s = &w.services[i];
		if (!s->exists || strcmp(s->ns, ns) != 0)
			continue;
		for (size_t j = 0; j < s->n_has; j++) {
			unsigned k = 0;
			while (k < n && !ip_eq(seen[k], s->has[j]))
				k++;
			if (k == n)
				seen[n++] = s->has[j];
		}
	}
	return n;
}

static unsigned taken(void)
{
	unsigned n = 0;
	struct ip seen[SIZE * 8];
	for (size_t i = 0; i < w.n_services; i++)
		for (size_t j = 0; j < w.services[i].n_has && w.services[i].exists; j++) {
			unsigned k = 0;
			while (k < n && !ip_eq(seen[k], w.services[i].has[j]))
				k++;
			if (k == n)
				seen[n++] = w.services[i].has[j];
		}
	return n;
}

/* At rest: nobody is above the quota who was not before, and whoever waits has a reason to. */
static void check(const uint64_t *max, unsigned *most)
{
	struct ip seen[SIZE * 8];
	unsigned all = taken();
	for (size_t n = 0; n < SPACES; n++) {
		unsigned has = used(spaces[n], seen);
		if (has > max[n] && has > most[n])
			fail_msg("%s has %u of %llu, and had %u", spaces[n], has, (unsigned long long)max[n],
				 most[n]);
		most[n] = has;
		char count[80];
		(void)snprintf(count, sizeof(count), "has %u of the %llu address", has,
			       (unsigned long long)max[n]);
		for (size_t i = 0; i < w.n_services; i++) {
			const struct wservice *s = &w.services[i];
			if (!s->exists || strcmp(s->ns, spaces[n]) != 0 || s->n_has)
				continue;
			if (has < max[n] && all < SIZE)
				fail_msg("%s/%s waits (%s) with %u of %llu used and %u of %d taken", s->ns,
					 s->name, s->reason, has, (unsigned long long)max[n], all, SIZE);
			if (strcmp(s->reason, has < max[n] ? "out_of_ips" : "quota_exceeded") != 0)
				fail_msg("%s/%s: %s with %u of %llu", s->ns, s->name, s->reason, has,
					 (unsigned long long)max[n]);
			if (has >= max[n] && max[n] && !strstr(s->message, count))
				fail_msg("%s/%s: %s, and not %s", s->ns, s->name, s->message, count);
		}
	}
}

static void random_against_model(bool records)
{
	struct rng r = test_rng("quotas");
	uint64_t max[SPACES];
	unsigned most[SPACES] = { 0 };
	struct quota_in q[SPACES] = { 0 };
	w = (struct world){ .records = records };
	world_start(&w);
	tell_pool(&w, world_pool(&w, "blue", "10.0.0.0/28"));
	struct wpolicy *x = world_policy(&w, "x", "blue");
	for (size_t i = 0; i < SPACES; i++) {
		world_namespace(&w, spaces[i], NULL, NULL);
		max[i] = rng_below(&r, 8);
		q[i] = (struct quota_in){ .namespaces = &spaces[i],
					  .n_namespaces = 1,
					  .max_addresses = max[i] };
	}
	x->in.quotas = q;
	x->in.n_quotas = SPACES;
	tell_policy(&w, x);
	for (unsigned step = 0; step < STEPS; step++) {
		struct wservice *s = any_service(&r);
		uint64_t what = rng_below(&r, 20);
		if (what < 3) {
			size_t i = rng_below(&r, SPACES);
			q[i].max_addresses = max[i] = rng_below(&r, 8);
			tell_policy(&w, x);
		} else if (what == 3) {
			world_restart(&w);
		} else if (what < 12 && s->exists) {
			delete_service(&w, s);
		} else {
			if (!s->exists) {
				s->key = keys[rng_below(&r, 4)];
				s->port = (uint16_t)(80 + rng_below(&r, 5));
			}
			tell_service(&w, s);
		}
		if (rng_below(&r, 3) == 0)
			continue; /* more happens before it rests */
		world_run(&w);
		check(max, most);
		if (rng_below(&r, 10) == 0)
			expect_rest();
	}
	world_end(&w);
}

static void test_random(void **state)
{
	(void)state;
	random_against_model(false);
	random_against_model(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_more_than_the_quota, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requests_count_too, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_next_pool_is_tried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_shared_address_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dual_stack_is_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_first_match_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_those_who_wait_for_the_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_pool_that_goes_leaves_nobody_waiting_for_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
