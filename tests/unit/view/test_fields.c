/* What view_fields() leaves out must be nothing that the readers look at: both ways of parsing give the
 * same values. Each document has every field that its reader knows. */
#include "view/view.h"

#include "lib/test.h"

static const char service[] =
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"s\",\"namespace\":\"n\","
	"\"uid\":\"u\","
	"\"resourceVersion\":\"7\",\"generation\":3,\"creationTimestamp\":\"2026-01-02T03:04:05Z\","
	"\"deletionTimestamp\":\"2026-02-02T03:04:05Z\",\"labels\":{\"a\":\"b\",\"c\":\"d\"},\"annotations\":"
	"{"
	"\"io.cilium.operator.external-ips\":\"true\",\"lbipam.cilium.io/ips\":\"10.0.0.1\","
	"\"lbipam.cilium.io/sharing-key\":\"k\",\"lbipam.cilium.io/sharing-cross-namespace\":\"*\","
	"\"lbipam.cilium.io/sharing-permit-different-pods\":\"true\",\"berth.dev/pool\":\"blue\"},"
	"\"finalizers\":[\"x\"],\"managedFields\":["
	"{\"manager\":\"other\",\"operation\":\"Update\",\"fieldsV1\":{\"f:spec\":{\"f:type\":{}},"
	"\"f:status\":{\"f:loadBalancer\":{\"f:ingress\":{}},\"f:conditions\":{"
	"\"k:{\\\"type\\\":\\\"cilium.io/IPAMRequestSatisfied\\\"}\":{\"f:message\":{}}}}}},"
	"{\"manager\":\"berth\",\"operation\":\"Update\",\"subresource\":\"status\",\"fieldsV1\":{\"f:"
	"status\":{"
	"\"f:conditions\":{\".\":{},\"k:{\\\"type\\\":\\\"cilium.io/IPAMRequestSatisfied\\\"}\":{\".\":{}}},"
	"\"f:loadBalancer\":{\"f:ingress\":{}}}}}]},"
	"\"spec\":{\"type\":\"LoadBalancer\",\"loadBalancerClass\":\"c\",\"loadBalancerIP\":\"10.0.0.2\","
	"\"externalTrafficPolicy\":\"Local\",\"ipFamilyPolicy\":\"PreferDualStack\",\"ipFamilies\":[\"IPv6\","
	"\"IPv4\"],\"externalIPs\":[\"192.0.2.1\"],\"clusterIP\":\"10.96.0.1\",\"selector\":{\"x\":\"y\"},"
	"\"ports\":[{\"name\":\"p\",\"port\":80,\"protocol\":\"UDP\",\"targetPort\":8080},{\"port\":81}]},"
	"\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.0.0.3\",\"ports\":[{\"port\":1}]},"
	"{\"hostname\":\"h\"}]},\"conditions\":[{\"type\":\"other\",\"status\":\"True\"},"
	"{\"type\":\"cilium.io/"
	"IPAMRequestSatisfied\",\"status\":\"False\",\"reason\":\"r\",\"message\":\"m\","
	"\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"}]}}";

static const char record[] =
	"{\"metadata\":{\"name\":\"10.0.0.1\",\"uid\":\"u\",\"resourceVersion\":\"8\","
	"\"labels\":{\"ipaddress.kubernetes.io/"
	"managed-by\":\"berth\"},\"managedFields\":[{\"manager\":\"m\"}],"
	"\"annotations\":{\"berth.dev/holder\":\"n/s\",\"berth.dev/state\":\"cooling\","
	"\"berth.dev/pool\":\"blue\",\"berth.dev/allocated-at\":\"2026-01-02T03:04:05Z\","
	"\"berth.dev/released-at\":\"2026-01-02T04:04:05Z\",\"berth.dev/history\":\"["
	"{\\\"holder\\\":\\\"n/r\\\",\\\"from\\\":\\\"2026-01-01T00:00:00Z\\\","
	"\\\"until\\\":\\\"2026-01-02T00:00:00Z\\\"},"
	"{\\\"holder\\\":\\\"n/s\\\",\\\"from\\\":\\\"2026-01-02T03:04:05Z\\\"}]\"}},"
	"\"spec\":{\"parentRef\":{\"name\":\"s\"}}}";

static const char pool[] =
	"{\"metadata\":{\"name\":\"blue\",\"uid\":\"u\",\"resourceVersion\":\"9\",\"generation\":2,"
	"\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"deletionTimestamp\":\"2026-02-02T03:04:05Z\","
	"\"labels\":{\"a\":\"b\"},\"finalizers\":[\"x/y\",\"berth.dev/"
	"protect\"],\"managedFields\":[{\"manager\":\"z\","
	"\"fieldsV1\":{\"f:spec\":{},\"f:status\":{\"f:conditions\":{\".\":{}}}}}]},"
	"\"spec\":{\"disabled\":true,\"allowFirstLastIPs\":\"No\",\"blocks\":[{\"cidr\":\"10.0.0.0/24\"}],"
	"\"serviceSelector\":{\"matchLabels\":{\"k\":\"v\"}}},"
	"\"status\":{\"conditions\":[{\"type\":\"t\",\"status\":\"True\",\"reason\":\"r\",\"message\":\"m\"}]"
	"}}";

static const char policy[] =
	"{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"resourceVersion\":\"10\",\"generation\":4,"
	"\"managedFields\":[{}]},"
	"\"spec\":{\"poolName\":\"blue\",\"poolSelector\":{\"matchLabels\":{\"a\":\"b\"}},\"priority\":-7,"
	"\"exclude\":[\"10.0.0.1\"],\"reuseAfter\":\"90s\",\"reuseEarly\":false,\"autoAssign\":false,"
	"\"protect\":true,\"onShrink\":\"Keep\",\"lowWatermark\":5,\"quotas\":[{\"maxAddresses\":3,"
	"\"namespaces\":[\"n\"]}]},\"status\":{\"conditions\":[{\"type\":\"t\",\"status\":\"True\"}]}}";

static const char reservation[] =
	"{\"metadata\":{\"name\":\"r\",\"uid\":\"u\",\"resourceVersion\":\"11\",\"generation\":5,"
	"\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"managedFields\":[{}]},"
	"\"spec\":{\"addresses\":[\"10.0.0.1\",\"fd00::1\"],\"serviceRef\":{\"namespace\":\"n\","
	"\"name\":\"s\"},\"expiresAt\":\"2026-12-31T00:00:00Z\"},"
	"\"status\":{\"phase\":\"Bound\",\"holder\":\"n/s\",\"message\":\"m\",\"observedGeneration\":5}}";

static const char namespace[] = "{\"metadata\":{\"name\":\"team\",\"labels\":{\"tier\":\"gold\"}},"
				"\"status\":{\"phase\":\"Active\"}}";
#define NODE_METADATA                                                                                     \
	"\"metadata\":{\"name\":\"n1\",\"uid\":\"u\",\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}," \
	"\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","  \
	"\"ownerReferences\":[{\"name\":\"x\"}],\"managedFields\":[{\"manager\":\"berth\",\"fieldsV1\":{" \
	"\"f:spec\":"                                                                                     \
	"{\"f:podCIDRs\":{\".\":{}},\"f:ipam\":{\"f:podCIDRs\":{}}}}}]}"

static const char node[] =
	"{" NODE_METADATA
	",\"spec\":{\"podCIDR\":\"10.1.0.0/24\",\"podCIDRs\":[\"10.1.0.0/24\",\"fd00::/112\"]},"
	"\"status\":{\"images\":[{}],"
	"\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"192.0.2.7\"},{\"address\":\"host\"}]}}";

static const char cilium_node[] =
	"{" NODE_METADATA
	",\"spec\":{\"health\":{},\"ipam\":{\"pool\":{},\"podCIDRs\":[\"10.1.0.0/24\",\"fd00::/112\"]}},"
	"\"status\":{\"eni\":{},\"ipam\":{\"operator-status\":{\"error\":\"full\"}}}}";

static const char cidr[] = "{\"metadata\":{\"name\":\"kubernetes\"},\"spec\":{\"cidrs\":[\"10.96.0.0/12\"]},"
			   "\"status\":{\"conditions\":[{}]}}";

struct both {
	struct js *whole, *kept;
};

static struct both parse(const char *text, enum ipam_kind k)
{
	struct both b = { 0 };
	assert_int_equal(js_parse(slice_of(text), &b.whole, NULL), 0);
	assert_int_equal(js_parse_kept(slice_of(text), view_fields(k), &b.kept, NULL), 0);
	assert_false(js_equal(b.whole, b.kept));
	assert_string_equal(view_name(b.whole), view_name(b.kept));
	return b;
}

static void both_done(struct both *b)
{
	js_free(b->whole);
	js_free(b->kept);
}

static void a_service_reads_the_same(void **state)
{
	(void)state;
	static const char *const managers[] = { "berth", NULL };
	struct view_config config = { .managers = managers, .metallb = true };
	CLEANUP(both_done) struct both b = parse(service, KIND_SERVICE);
	CLEANUP(service_view_done) struct service_view whole = { 0 };
	CLEANUP(service_view_done) struct service_view kept = { 0 };
	assert_int_equal(view_service(b.whole, &config, &whole, NULL), 0);
	assert_int_equal(view_service(b.kept, &config, &kept, NULL), 0);
	const struct service_in *w = &whole.in, *k = &kept.in;
#define SAME_TEXT(field)           \
	assert_non_null(w->field); \
	assert_non_null(k->field); \
	assert_string_equal(w->field, k->field)
#define SAME(field)                 \
	assert_true(w->field != 0); \
	assert_int_equal(w->field, k->field)
	SAME_TEXT(namespace);
	SAME_TEXT(name);
	SAME_TEXT(uid);
	SAME_TEXT(resource_version);
	SAME_TEXT(class);
	SAME_TEXT(opt_in);
	SAME_TEXT(requests);
	SAME_TEXT(request_ip);
	SAME_TEXT(sharing_key);
	SAME_TEXT(sharing_namespaces);
	SAME_TEXT(pools);
	SAME_TEXT(pods);
	SAME_TEXT(ingress_manager);
	SAME_TEXT(condition_manager);
	SAME_TEXT(reason);
	SAME_TEXT(message);
	SAME(created);
	SAME(is_load_balancer);
	SAME(deleting);
	SAME(permit_different_pods);
	SAME(local);
	SAME(policy);
	SAME(n_families);
	SAME(n_labels);
	SAME(n_ports);
	SAME(n_ingress);
	SAME(n_external_ips);
	SAME(ingress_ours);
	SAME(condition_ours);
	SAME(condition);
	assert_memory_equal(w->families, k->families, sizeof(w->families));
	assert_memory_equal(w->ports, k->ports, w->n_ports * sizeof(*w->ports));
	assert_memory_equal(w->external_ips, k->external_ips, w->n_external_ips * sizeof(*w->external_ips));
	for (size_t i = 0; i < w->n_labels; i++) {
		SAME_TEXT(labels[i].key);
		SAME_TEXT(labels[i].value);
	}
	for (size_t i = 0; i < w->n_ingress; i++) {
		SAME_TEXT(ingress[i].extra);
	}
}

static void a_record_reads_the_same(void **state)
{
	(void)state;
	CLEANUP(both_done) struct both b = parse(record, KIND_RECORD);
	CLEANUP(record_view_done) struct record_view whole = { 0 };
	CLEANUP(record_view_done) struct record_view kept = { 0 };
	const struct record_in *w = &whole.in, *k = &kept.in;
	assert_int_equal(view_record(b.whole, &whole, NULL), 0);
	assert_int_equal(view_record(b.kept, &kept, NULL), 0);
	SAME_TEXT(uid);
	SAME_TEXT(resource_version);
	SAME_TEXT(manager);
	SAME_TEXT(holders);
	SAME(ours);
	SAME(phase);
	SAME_TEXT(pool);
	SAME(allocated_at);
	SAME(released_at);
	SAME(n_history);
	SAME_TEXT(history[0].holder);
	SAME(history[0].from);
	SAME(history[0].until);
	SAME_TEXT(history[1].holder);
	assert_int_equal(ip_cmp(w->ip, k->ip), 0);
}

static void a_pool_reads_the_same(void **state)
{
	(void)state;
	static const char *const managers[] = { "berth", NULL };
	struct view_config config = { .managers = managers };
	CLEANUP(both_done) struct both b = parse(pool, KIND_POOL);
	CLEANUP(pool_view_done) struct pool_view whole = { 0 };
	CLEANUP(pool_view_done) struct pool_view kept = { 0 };
	assert_int_equal(view_pool(b.whole, &config, &whole, NULL), 0);
	assert_int_equal(view_pool(b.kept, &config, &kept, NULL), 0);
	const struct pool_in *w = &whole.in, *k = &kept.in;
	SAME_TEXT(uid);
	SAME_TEXT(resource_version);
	SAME(created);
	SAME(generation);
	SAME(deleting);
	SAME(disabled);
	SAME(reserve_first_last);
	SAME(n_blocks);
	SAME(n_matches);
	SAME(n_labels);
	SAME_TEXT(labels[0].key);
	SAME_TEXT(labels[0].value);
	SAME(n_finalizers);
	SAME_TEXT(finalizers[0]);
	SAME_TEXT(finalizers[1]);
	SAME(n_conditions);
	SAME_TEXT(conditions[0].raw);
	SAME_TEXT(condition_manager);
}

static void a_policy_reads_the_same(void **state)
{
	(void)state;
	CLEANUP(both_done) struct both b = parse(policy, KIND_POLICY);
	CLEANUP(policy_view_done) struct policy_view whole = { 0 };
	CLEANUP(policy_view_done) struct policy_view kept = { 0 };
	assert_int_equal(view_policy(b.whole, &whole, NULL), 0);
	assert_int_equal(view_policy(b.kept, &kept, NULL), 0);
	const struct policy_in *w = &whole.in, *k = &kept.in;
	SAME_TEXT(uid);
	SAME_TEXT(resource_version);
	SAME(generation);
	SAME_TEXT(pool_name);
	SAME(has_selector);
	SAME(n_matches);
	SAME(priority);
	SAME(n_exclude);
	SAME_TEXT(exclude[0]);
	SAME_TEXT(reuse_after);
	SAME(protect);
	SAME(keep);
	SAME_TEXT(low_watermark);
	SAME(n_quotas);
	SAME(quotas[0].max_addresses);
	SAME_TEXT(quotas[0].namespaces[0]);
	SAME(n_conditions);
}

static void a_reservation_reads_the_same(void **state)
{
	(void)state;
	CLEANUP(both_done) struct both b = parse(reservation, KIND_RESERVATION);
	CLEANUP(reservation_view_done) struct reservation_view whole = { 0 };
	CLEANUP(reservation_view_done) struct reservation_view kept = { 0 };
	assert_int_equal(view_reservation(b.whole, &whole, NULL), 0);
	assert_int_equal(view_reservation(b.kept, &kept, NULL), 0);
	const struct reservation_in *w = &whole.in, *k = &kept.in;
	SAME_TEXT(uid);
	SAME_TEXT(resource_version);
	SAME(created);
	SAME(generation);
	SAME(n_addresses);
	SAME_TEXT(addresses[0]);
	SAME_TEXT(addresses[1]);
	SAME_TEXT(service_namespace);
	SAME_TEXT(service_name);
	SAME_TEXT(expires_at);
	SAME(phase);
	SAME_TEXT(holder);
	SAME_TEXT(message);
	SAME(observed_generation);
}

static void a_namespace_reads_the_same(void **state)
{
	(void)state;
	CLEANUP(both_done) struct both b = parse(namespace, KIND_NAMESPACE);
	CLEANUP(freep) struct label *labels = NULL;
	assert_int_equal(view_namespace_labels(b.kept, &labels), 1);
	assert_string_equal(labels[0].key, "tier");
	assert_string_equal(labels[0].value, "gold");
}

static void one_node_reads_the_same(const struct both *b, enum node_side side, size_t n_addresses)
{
	static const char *const managers[] = { "berth", NULL };
	static const struct view_config us = { .managers = managers };
	struct node_view whole, kept;
	assert_int_equal(view_node(b->whole, side, &us, &whole, NULL), 0);
	assert_int_equal(view_node(b->kept, side, &us, &kept, NULL), 0);
	const struct node_in *w = &whole.in, *k = &kept.in;
	SAME_TEXT(name);
	SAME_TEXT(uid);
	SAME_TEXT(resource_version);
	SAME(created);
	SAME(deleting);
	SAME(owned);
	SAME(cidrs_ours);
	SAME(n_cidrs);
	assert_int_equal(w->n_addresses, n_addresses);
	assert_int_equal(k->n_addresses, n_addresses);
	assert_int_equal(w->n_cidrs, 2);
	for (size_t i = 0; i < w->n_cidrs; i++) {
		SAME_TEXT(cidrs[i]);
	}
	if (side == SIDE_CILIUM) {
		SAME_TEXT(error);
	}
	node_view_done(&whole);
	node_view_done(&kept);
}

static void nodes_and_ranges_read_the_same(void **state)
{
	(void)state;
	CLEANUP(both_done) struct both n = parse(node, KIND_NODE);
	CLEANUP(both_done) struct both c = parse(cidr, KIND_SERVICE_CIDR);
	CLEANUP(freep) struct range *ranges = NULL;
	assert_int_equal(view_service_cidr(c.kept, &ranges), 1);
	one_node_reads_the_same(&n, SIDE_NODE, 1);
	CLEANUP(both_done) struct both o = parse(cilium_node, KIND_CILIUM_NODE);
	one_node_reads_the_same(&o, SIDE_CILIUM, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_reads_the_same),
		cmocka_unit_test(a_record_reads_the_same),
		cmocka_unit_test(a_pool_reads_the_same),
		cmocka_unit_test(a_policy_reads_the_same),
		cmocka_unit_test(a_reservation_reads_the_same),
		cmocka_unit_test(a_namespace_reads_the_same),
		cmocka_unit_test(nodes_and_ranges_read_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
