/* How a cluster stands, and who held what: documents in, documents out. */
#include "data/yaml.h"
#include "plan/past.h"
#include "plan/status.h"

#include "lib/test.h"

static const char *const managers[] = { "berth", NULL };
static const char *const classes[] = { "berth.dev/lb", NULL };
static const struct view_config view = { .managers = managers };
static const struct ipam_config config = {
	.classes = classes,
	.proxy_name = "",
	.family_on = { true, true },
	.records = true,
	.classless_are_ours = true,
	.reuse_after = 600000,
};
enum { NOON = 12 * 3600 };

static int push(struct js *document, int line, void *arg, struct err *e)
{
	(void)line;
	(void)e;
	js_push(arg, js_clone(document));
	return 0;
}

static struct js *documents(const char *yaml)
{
	struct js *list = js_new_array();
	struct err e = { 0 };
	if (yaml_parse(slice_of(yaml), push, list, &e) < 0)
		fail_msg("%s", e.msg);
	return list;
}

/* 1970-01-01T12:00:00Z. */
static struct standing_in world(const struct js *objects, const struct js *own)
{
	return (struct standing_in){ .config = &config,
				     .view = &view,
				     .objects = objects,
				     .own = own,
				     .pools_served = true,
				     .lease = "berth-operator",
				     .wall = (msec)NOON * 1000 };
}

static struct js *status_of(const char *objects, const char *own)
{
	CLEANUP(js_freep) struct js *a = documents(objects), *b = documents(own);
	const struct standing_in in = world(a, b);
	return status_document(&in);
}

static void expect_problems(const char *objects, const char *own, const char *want)
{
	CLEANUP(js_freep) struct js *document = status_of(objects, own);
	CLEANUP(buf_done) struct buf got = BUF_INIT(4096);
	js_write(js_get(document, "problems"), &got);
	assert_string_equal(buf_str(&got), want);
	assert_int_equal(status_is_well(document), strcmp(want, "[]") == 0);
}

#define LEASE(holder, renewed)                                                                          \
	"{kind: Lease, metadata: {name: berth-operator, namespace: a}, spec: {holderIdentity: '" holder \
	"', leaseDurationSeconds: 15, acquireTime: '1970-01-01T10:00:00.000000Z', renewTime: '" renewed \
	"'}}\n"
#define HELD LEASE("x", "1970-01-01T11:59:50.000000Z")
#define POOL(name, cidr)                                                                    \
	"{apiVersion: cilium.io/v2, kind: CiliumLoadBalancerIPPool, metadata: {name: " name \
	"}, spec: {blocks: [{cidr: " cidr "}]}}\n---\n"
#define SERVICE(name, status)                                                                    \
	"{apiVersion: v1, kind: Service, metadata: {name: " name                                 \
	", namespace: d, annotations: {io.cilium.operator.external-ips: 'true'}}, spec: {type: " \
	"LoadBalancer, "                                                                         \
	"ports: [{port: 80}]}, status: " status "}\n---\n"
#define HAS(ip)                                                                                          \
	"{loadBalancer: {ingress: [{ip: " ip "}]}, conditions: [{type: cilium.io/IPAMRequestSatisfied, " \
	"status: 'True', reason: satisfied}]}"

#define RECORD(name, notes)                                                                              \
	"{apiVersion: networking.k8s.io/v1, kind: IPAddress, metadata: {name: " name                     \
	", labels: {ipaddress.kubernetes.io/managed-by: berth}, annotations: {berth.dev/pool: a, " notes \
	"}}}\n---\n"

#define NODE(name, spec) "{apiVersion: v1, kind: Node, metadata: {name: " name "}, spec: " spec "}\n---\n"

static void a_lease_leads_until_it_is_too_old(void **state)
{
	expect_problems(POOL("a", "10.0.0.0/30"), HELD, "[]");
	expect_problems(POOL("a", "10.0.0.0/30"), LEASE("x", "1970-01-01T11:59:40.000000Z"),
			"[\"nobody leads: the Lease was not renewed in time\"]");
	expect_problems(POOL("a", "10.0.0.0/30"), LEASE("", "1970-01-01T11:59:59.000000Z"),
			"[\"nobody leads: nobody has the Lease\"]");
	expect_problems(
		POOL("a", "10.0.0.0/30"), "{kind: Lease, metadata: {name: other}}",
		"[\"nobody is known to lead: there is no such Lease; for an operator without an election "
		"say --leader-elect=false here too\"]");
}

static void without_an_election_leases_do_not_count(void **state)
{
	CLEANUP(js_freep)
	struct js *a = documents(POOL("a", "10.0.0.0/30")),
		  *b = documents(LEASE("x", "1970-01-01T01:00:00Z"));
	struct standing_in in = world(a, b);
	in.no_election = true;
	CLEANUP(js_freep) struct js *document = status_document(&in);
	assert_true(status_is_well(document));
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	status_print(document, PLAN_AS_TABLE, false, &text);
	assert_non_null(
		strstr(buf_str(&text), "Leads: the only one (Lease berth-operator): there is no election"));
}

static void blocks_of_the_cluster_pool_and_nodes_without_one_are_told(void **state)
{
	static const char objects[] = SERVICE("s", HAS("10.0.1.1")) SERVICE("t", HAS("10.0.1.2"))
		RECORD("10.0.1.1", "berth.dev/holder: d/s") RECORD("10.0.1.2", "berth.dev/holder: d/t")
			RECORD("10.0.1.0", "berth.dev/block: 10.0.1.0/24, berth.dev/owner: external")
				RECORD("10.0.0.0", "berth.dev/block: 10.0.0.0/24, berth.dev/owner: node/a")
					NODE("a", "{podCIDR: 10.0.0.0/24, podCIDRs: [10.0.0.0/24]}")
						NODE("b", "{}");
	static const char entry_text[] = "10.0.0.0/23";
	struct range entry;
	bool host_bits;
	assert_true(range_parse_cidr(slice_of(entry_text), &entry, &host_bits, NULL) >= 0);
	const struct cluster_pool_config pool = {
		.family[IPV4] = { .entries = &entry, .n_entries = 1, .mask = 24 }, .external = true
	};
	struct ipam_config with = config;
	with.cluster_pool = &pool;
	CLEANUP(js_freep) struct js *a = documents(objects), *b = documents(HELD);
	struct standing_in in = world(a, b);
	in.config = &with;
	CLEANUP(js_freep) struct js *document = status_document(&in);
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	status_print(document, PLAN_AS_TABLE, false, &text);
	assert_non_null(strstr(buf_str(&text),
			       "BLOCK OF SERVICES   USED\n10.0.1.0/24         2\n"
			       "PodCIDRs of IPv4: 2 of 2 in use\n\n"
			       "NODE   PODCIDRS   MESSAGE\nb      -          has no PodCIDR\n"));
	assert_non_null(strstr(buf_str(&text), "Problem: 1 node without a good PodCIDR\n"));
}

static void what_is_full_by_design_is_no_problem(void **state)
{
	expect_problems(POOL("a", "10.0.0.1/32") SERVICE("s", HAS("10.0.0.1")), HELD, "[]");
	expect_problems(POOL("a", "10.0.0.0/31") SERVICE("s", HAS("10.0.0.0")) SERVICE("t", HAS("10.0.0.1")),
			HELD, "[\"pool a: exhausted for IPv4\"]");
}

static void pools_that_cannot_give_are_problems(void **state)
{
	expect_problems(POOL("a", "10.0.0.300/31"), HELD, "[\"pool a: invalid\"]");
	expect_problems(POOL("a", "10.0.0.0/30") POOL("b", "10.0.0.0/29"), HELD,
			"[\"pool b: conflict for IPv4\"]");
}

static void nothing_is_decided(void **state)
{
	CLEANUP(js_freep)
	struct js *document = status_of(POOL("a", "10.0.0.0/30") SERVICE("s", "{}"), HELD);
	const struct js *s = js_item(js_get(document, "services"), 0);
	assert_string_equal(js_str(js_get(s, "reason")), "undecided");
	assert_string_equal(js_str(js_get(js_item(js_get(document, "pools"), 0), "free")), "4");
}

static void a_forecast_is_that_of_the_leaders_namespace(void **state)
{
	static const char maps[] = HELD "---\n{kind: ConfigMap, metadata: {name: berth-forecast, namespace: "
					"b}, data: {samples: \"a ipv4 3 1 "
					"1 1\\n\"}}\n---\n"
					"{kind: ConfigMap, metadata: {name: berth-forecast, namespace: a}, "
					"data: {samples: \"a ipv4 3 1 3 "
					"5\\n\"}}\n";
	CLEANUP(js_freep) struct js *document = status_of(POOL("a", "10.0.0.0/30"), maps);
	const struct js *pool = js_item(js_get(document, "pools"), 0);
	assert_int_equal(js_int(js_get(pool, "exhaustionSeconds"), -1), 2 * 3600);
}

static void colour_is_for_terminals_and_shifts_nothing(void **state)
{
	CLEANUP(js_freep) struct js *document = status_of(POOL("a", "10.0.0.0/30"), HELD);
	CLEANUP(buf_done)
	struct buf plain = BUF_INIT(4096), coloured = BUF_INIT(4096), stripped = BUF_INIT(4096);
	status_print(document, PLAN_AS_TABLE, false, &plain);
	status_print(document, PLAN_AS_TABLE, true, &coloured);
	bool inside = false;
	for (size_t i = 0; i < coloured.len; i++) {
		inside = inside || coloured.ptr[i] == '\033';
		if (!inside)
			buf_add_char(&stripped, coloured.ptr[i]);
		inside = inside && coloured.ptr[i] != 'm';
	}
	assert_null(strchr(buf_str(&plain), '\033'));
	assert_true(coloured.len > plain.len);
	assert_string_equal(buf_str(&stripped), buf_str(&plain));
}

static void expect_past(const char *objects, const char *own, const char *ip, const char *service,
			const char *want)
{
	CLEANUP(js_freep) struct js *a = documents(objects), *b = documents(own);
	const struct standing_in in = world(a, b);
	struct past_question q = { .by_address = ip != NULL, .service = service };
	if (ip)
		assert_int_equal(ip_parse(slice_of(ip), &q.ip, NULL), 0);
	CLEANUP(js_freep) struct js *document = past_document(&in, &q);
	CLEANUP(buf_done) struct buf got = BUF_INIT(4096);
	past_print(document, PLAN_AS_TABLE, &got);
	assert_string_equal(buf_str(&got), want);
}

static void a_record_and_its_pool_tell_one_story(void **state)
{
	static const char records[] = POOL("a", "10.0.0.0/30") RECORD(
		"10.0.0.1",
		"berth.dev/holder: 'd/b,d/c', berth.dev/allocated-at: '1970-01-01T02:00:00Z', "
		"berth.dev/history: "
		"'[{\"holder\":\"d/a\",\"from\":\"1970-01-01T01:00:00Z\",\"until\":\"1970-01-01T01:30:00Z\"},"
		"{\"holder\":\"d/c\",\"from\":\"1970-01-01T03:00:00Z\"}]'");
	static const char own[] = "{kind: ConfigMap, metadata: {name: berth-history-a, annotations: "
				  "{berth.dev/pool: a}}, data: {history: '"
				  "{\"address\":\"10.0.0.1\",\"holder\":\"d/"
				  "z\",\"from\":\"1970-01-01T00:01:00Z\",\"until\":\"1970-01-"
				  "01T00:30:00Z\"}\n\nbroken\n\n"
				  "{\"address\":\"10.0.0.1\",\"holder\":\"d/"
				  "a\",\"from\":\"1970-01-01T01:00:00Z\",\"until\":\"1970-01-"
				  "01T01:30:00Z\"}\n\n"
				  "{\"address\":\"10.0.0.2\",\"holder\":\"d/"
				  "b\",\"from\":\"1970-01-01T01:00:00Z\",\"until\":\"1970-01-"
				  "01T01:40:00Z\"}'}}\n";
	expect_past(records, own, "10.0.0.1", NULL,
		    "ADDRESS    HOLDER   FROM                   UNTIL\n"
		    "10.0.0.1   d/z      1970-01-01T00:01:00Z   1970-01-01T00:30:00Z\n"
		    "10.0.0.1   d/a      1970-01-01T01:00:00Z   1970-01-01T01:30:00Z\n"
		    "10.0.0.1   d/b      1970-01-01T02:00:00Z   -                      holds it still\n"
		    "10.0.0.1   d/c      1970-01-01T03:00:00Z   -                      holds it still\n");
	expect_past(records, own, NULL, "d/b",
		    "ADDRESS    HOLDER   FROM                   UNTIL\n"
		    "10.0.0.2   d/b      1970-01-01T01:00:00Z   1970-01-01T01:40:00Z\n"
		    "10.0.0.1   d/b      1970-01-01T02:00:00Z   -                      holds it still\n");
	expect_past(records, own, "10.0.0.3", NULL, "Nothing is known of it.\n");
}

static void what_cools_says_until_when(void **state)
{
	expect_past(POOL("a", "10.0.0.0/30") RECORD(
			    "10.0.0.1",
			    "berth.dev/holder: d/b, berth.dev/allocated-at: '1970-01-01T02:00:00Z', "
			    "berth.dev/state: "
			    "cooling, berth.dev/released-at: '1970-01-01T11:55:00Z', berth.dev/history: "
			    "'[{\"holder\":\"d/"
			    "b\",\"from\":\"1970-01-01T02:00:00Z\",\"until\":\"1970-01-01T11:55:"
			    "00Z\"}]'"),
		    "{}", "10.0.0.1", NULL,
		    "ADDRESS    HOLDER   FROM                   UNTIL\n"
		    "10.0.0.1   d/b      1970-01-01T02:00:00Z   1970-01-01T11:55:00Z   cools until "
		    "1970-01-01T12:05:00Z\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease_leads_until_it_is_too_old),
		cmocka_unit_test(without_an_election_leases_do_not_count),
		cmocka_unit_test(blocks_of_the_cluster_pool_and_nodes_without_one_are_told),
		cmocka_unit_test(what_is_full_by_design_is_no_problem),
		cmocka_unit_test(pools_that_cannot_give_are_problems),
		cmocka_unit_test(nothing_is_decided),
		cmocka_unit_test(a_forecast_is_that_of_the_leaders_namespace),
		cmocka_unit_test(colour_is_for_terminals_and_shifts_nothing),
		cmocka_unit_test(a_record_and_its_pool_tell_one_story),
		cmocka_unit_test(what_cools_says_until_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
