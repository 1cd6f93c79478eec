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
	"\"f:status\":{\"f:loadBalancer\":{\"f:ingress\":{}}}}},"
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
	"\"annotations\":{\"berth.dev/holder\":\"n/s\",\"berth.dev/state\":\"releasing\"}},"
	"\"spec\":{\"parentRef\":{\"name\":\"s\"}}}";

static const char node[] =
	"{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"podCIDR\":\"10.1.0.0/24\"},\"status\":{\"images\":[{}],"
	"\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"192.0.2.7\"},{\"address\":\"host\"}]}}";

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
	struct record_in whole = { 0 }, kept = { 0 };
	const struct record_in *w = &whole, *k = &kept;
	assert_int_equal(view_record(b.whole, &whole, NULL), 0);
	assert_int_equal(view_record(b.kept, &kept, NULL), 0);
	SAME_TEXT(uid);
	SAME_TEXT(resource_version);
	SAME_TEXT(manager);
	SAME_TEXT(holders);
	SAME(ours);
	SAME(phase);
	assert_int_equal(ip_cmp(whole.ip, kept.ip), 0);
}

static void nodes_and_ranges_read_the_same(void **state)
{
	(void)state;
	CLEANUP(both_done) struct both n = parse(node, KIND_NODE);
	CLEANUP(both_done) struct both c = parse(cidr, KIND_SERVICE_CIDR);
	CLEANUP(freep) struct ip *ips = NULL;
	CLEANUP(freep) struct range *ranges = NULL;
	assert_int_equal(view_node(n.kept, &ips), 1);
	assert_int_equal(view_service_cidr(c.kept, &ranges), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_reads_the_same),
		cmocka_unit_test(a_record_reads_the_same),
		cmocka_unit_test(nodes_and_ranges_read_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
