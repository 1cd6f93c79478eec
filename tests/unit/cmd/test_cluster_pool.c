/* Flags of the cluster pool: each wrong combination has its line, and nothing else is said. */
#include "cmd/operator_options.h"
#include "lib/test.h"

static void parse(struct operator_options *o, struct flag_result *r, const char *const *args)
{
	char *argv[16] = { 0 };
	int n = 1;
	for (argv[0] = xstrdup("operator"); *args; args++)
		argv[n++] = xstrdup(*args);
	struct flag_input in = { .argc = n, .argv = argv };
	flags_parse(&operator_flags, &in, o, r);
	while (n > 0)
		free(argv[--n]);
}

static void assert_says(const char *want, const char *const *args)
{
	struct operator_options o = { 0 };
	CLEANUP(flag_result_done) struct flag_result r = { 0 };
	parse(&o, &r, args);
	assert_string_equal(buf_str(&r.mistakes.text), want);
	operator_options_done(&o);
}
#define SAYS(want, ...) assert_says((want), (const char *const[]){ __VA_ARGS__, NULL })
#define V4 "--cluster-pool-ipv4-cidr="
#define V6 "--cluster-pool-ipv6-cidr="

static void right_ones_say_nothing(void **state)
{
	SAYS("", NULL);
	SAYS("", V4 "10.0.0.0/8");
	SAYS("", V4 "10.0.0.0/8,192.168.0.0/16", V4 "172.16.0.0/12");
	SAYS("", "--ipam=cluster-pool", V6 "fd00::/104");
	SAYS("", "--ipam=none");
	SAYS("", V4 "10.0.0.0/30", "--cluster-pool-ipv4-mask-size=30");
	SAYS("", V4 "10.0.0.0/30", "--cluster-pool-ipv4-mask-size=32",
	     "--external-ips-from-cluster-pool=false");
	SAYS("", V6 "fd00::/88");
	SAYS("", V6 "fd00::/104", "--cluster-pool-ipv6-mask-size=126");
	SAYS("", V4 "10.0.0.0/8", "--operator-ipam-pod-cidr=10.0.0.0/9,10.200.0.0/24");
	SAYS("", "--service-cluster-ip-range=10.96.0.0/12,fd00:1::/112", "--nodes-gc-interval=0");
}

static void networks(void **state)
{
	SAYS("--cluster-pool-ipv4-cidr=10.0.0.0/33: \"10.0.0.0/33\" has a prefix length above 32\n",
	     V4 "10.0.0.0/33");
	SAYS("--cluster-pool-ipv4-cidr=fd00::/104: want IPv4 networks\n", V4 "fd00::/104");
	SAYS("--cluster-pool-ipv6-cidr=10.0.0.0/8: want IPv6 networks\n", V6 "10.0.0.0/8");
	/* One line for each pair. */
	SAYS("--cluster-pool-ipv4-cidr=10.1.0.0/16: overlaps 10.0.0.0/8, which is in the list too\n"
	     "--cluster-pool-ipv4-cidr=10.1.2.0/24: overlaps 10.0.0.0/8, which is in the list too\n"
	     "--cluster-pool-ipv4-cidr=10.1.2.0/24: overlaps 10.1.0.0/16, which is in the list too\n",
	     V4 "10.0.0.0/8,10.1.0.0/16,10.1.2.0/24");
	SAYS("--cluster-pool-ipv4-cidr=10.0.0.0/8: want none, since --enable-ipv4=false\n", V4 "10.0.0.0/8",
	     "--enable-ipv4=false");
	SAYS("--cluster-pool-ipv6-cidr=fd00::/104: want none, since --enable-ipv6=false\n", V6 "fd00::/104",
	     "--enable-ipv6=false");
}

static void masks(void **state)
{
	SAYS("--cluster-pool-ipv4-mask-size=16: shorter than the prefix of 10.0.0.0/17: want 17 or more\n",
	     V4 "10.0.0.0/17", "--cluster-pool-ipv4-mask-size=16");
	SAYS("--cluster-pool-ipv6-mask-size=112: more than 24 bits longer than the prefix of fd00::/64: want "
	     "at "
	     "most 88\n",
	     V6 "fd00::/64");
	SAYS("--cluster-pool-ipv4-mask-size=31: too long for a block of external addresses: want at most 30, "
	     "or "
	     "--external-ips-from-cluster-pool=false\n",
	     V4 "10.0.0.0/8", "--cluster-pool-ipv4-mask-size=31");
	SAYS("--cluster-pool-ipv6-mask-size=127: too long for a block of external addresses: want at most "
	     "126, or "
	     "--external-ips-from-cluster-pool=false\n",
	     V6 "fd00::/104", "--cluster-pool-ipv6-mask-size=127");
	SAYS("--cluster-pool-ipv4-mask-size=33: want a number from 0 to 32\n",
	     "--cluster-pool-ipv4-mask-size=33");
	SAYS("--cluster-pool-ipv6-mask-size=129: want a number from 0 to 128\n",
	     "--cluster-pool-ipv6-mask-size=129");
}

static void parts_for_pods(void **state)
{
	SAYS("--operator-ipam-pod-cidr=192.168.0.0/16: not inside the cluster pool\n", V4 "10.0.0.0/8",
	     "--operator-ipam-pod-cidr=192.168.0.0/16");
	SAYS("--operator-ipam-pod-cidr=10.0.0.0/8: not inside the cluster pool\n",
	     "--operator-ipam-pod-cidr=10.0.0.0/8");
	SAYS("--operator-ipam-pod-cidr=10.0.0.0/25: smaller than one PodCIDR: want a prefix of at most 24\n",
	     V4 "10.0.0.0/8", "--operator-ipam-pod-cidr=10.0.0.0/25");
	SAYS("--operator-ipam-pod-cidr=10.0.0.0/24: overlaps 10.0.0.0/16, which is in the list too\n",
	     V4 "10.0.0.0/8", "--operator-ipam-pod-cidr=10.0.0.0/16,10.0.0.0/24");
}

static void which_ipam(void **state)
{
	SAYS("--ipam=none: does not go with --cluster-pool-ipv4-cidr\n", "--ipam=none", V4 "10.0.0.0/8");
	SAYS("--ipam=none: does not go with --cluster-pool-ipv6-cidr\n", "--ipam=none", V6 "fd00::/104");
	SAYS("--ipam=cluster-pool: wants a pool: --cluster-pool-ipv4-cidr or --cluster-pool-ipv6-cidr\n",
	     "--ipam=cluster-pool");
	SAYS("--ipam=pool: want cluster-pool or none\n", "--ipam=pool");
	SAYS("", "--ipam=", V4 "10.0.0.0/8");
	/* As Cilium's ConfigMap has it. */
	SAYS("", "--ipam=eni");
	SAYS("", "--ipam=kubernetes");
	SAYS("--ipam=kubernetes: does not go with --cluster-pool-ipv4-cidr\n", "--ipam=kubernetes",
	     V4 "10.0.0.0/8");
	SAYS("--node-resource=pods: want auto, ciliumnodes, nodes or none\n", "--node-resource=pods");
}

static void all_at_once(void **state)
{
	SAYS("--cluster-pool-ipv4-cidr=10.1.0.0/16: overlaps 10.0.0.0/8, which is in the list too\n"
	     "--cluster-pool-ipv4-mask-size=4: shorter than the prefix of 10.0.0.0/8: want 8 or more\n"
	     "--cluster-pool-ipv4-mask-size=4: shorter than the prefix of 10.1.0.0/16: want 16 or more\n"
	     "--operator-ipam-pod-cidr=11.0.0.0/8: not inside the cluster pool\n"
	     "--ipam=none: does not go with --cluster-pool-ipv4-cidr\n",
	     V4 "10.0.0.0/8,10.1.0.0/16", "--cluster-pool-ipv4-mask-size=4",
	     "--operator-ipam-pod-cidr=11.0.0.0/8", "--ipam=none");
}

static void what_the_core_gets(void **state)
{
	struct operator_options o = { 0 };
	CLEANUP(flag_result_done) struct flag_result r = { 0 };
	parse(&o, &r,
	      (const char *const[]){ V4 "10.0.0.0/8", "--operator-ipam-pod-cidr=10.0.0.0/16",
				     "--node-resource=nodes", "--nodes-gc-interval=1m", NULL });
	const struct cluster_pool_config *c = cluster_pool_config(&o.pool);
	assert_non_null(c);
	assert_int_equal(c->family[IPV4].n_entries, 1);
	assert_int_equal(c->family[IPV4].n_pods, 1);
	assert_int_equal(c->family[IPV4].mask, 24);
	assert_int_equal(c->family[IPV6].n_entries, 0);
	assert_int_equal(c->resource, NODE_RESOURCE_NODES);
	assert_int_equal(c->nodes_gc_interval, 60000);
	assert_true(c->external);
	operator_options_done(&o);
	struct operator_options none = { 0 };
	CLEANUP(flag_result_done) struct flag_result nothing = { 0 };
	parse(&none, &nothing, (const char *const[]){ NULL });
	assert_null(cluster_pool_config(&none.pool));
	operator_options_done(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_ones_say_nothing),
		cmocka_unit_test(networks),
		cmocka_unit_test(masks),
		cmocka_unit_test(parts_for_pods),
		cmocka_unit_test(which_ipam),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(what_the_core_gets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
