#include "kube/resource.h"

#include "lib/test.h"

static void every_row_is_complete_and_found_again(void **state)
{
	(void)state;
	for (int id = 0; id < RES_COUNT; id++) {
		const struct resource *r = resource((enum resource_id)id);
		assert_non_null(r->group);
		assert_non_null(r->versions[0]);
		assert_non_null(r->plural);
		assert_non_null(r->kind);
		assert_null(r->versions[RESOURCE_VERSIONS_MAX]);
		assert_ptr_equal(resource_find(slice_of(r->group), slice_of(r->plural)), r);
		CLEANUP(buf_done) struct buf api = BUF_INIT(100);
		resource_api_version(&api, r, NULL);
		assert_ptr_equal(resource_of_object(buf_slice(&api), slice_of(r->kind)), r);
	}
	assert_null(resource_find(SLICE_LIT(""), SLICE_LIT("ciliumnodes")));
	assert_null(resource_of_object(SLICE_LIT("v1"), SLICE_LIT("Lease")));
	assert_null(resource_of_object((struct slice){ 0 }, (struct slice){ 0 }));
	/* Any version of the group: the object of an older server is still of this kind. */
	assert_ptr_equal(
		resource_of_object(SLICE_LIT("cilium.io/v2alpha1"), SLICE_LIT("CiliumLoadBalancerIPPool")),
		resource(RES_CILIUM_POOLS));
}

static void paths_are_those_of_the_api(void **state)
{
	(void)state;
	static const struct {
		enum resource_id id;
		const char *version, *ns, *name, *sub, *want;
	} cases[] = {
		{ RES_SERVICES, NULL, NULL, NULL, NULL, "/api/v1/services" },
		{ RES_SERVICES, NULL, "a", NULL, NULL, "/api/v1/namespaces/a/services" },
		{ RES_SERVICES, NULL, "a", "b", "status", "/api/v1/namespaces/a/services/b/status" },
		{ RES_NODES, NULL, NULL, "n1", NULL, "/api/v1/nodes/n1" },
		{ RES_NODES, NULL, "ignored", "n1", NULL, "/api/v1/nodes/n1" },
		{ RES_LEASES, NULL, "x", "y", NULL, "/apis/coordination.k8s.io/v1/namespaces/x/leases/y" },
		{ RES_CILIUM_POOLS, "v2alpha1", NULL, "p", "status",
		  "/apis/cilium.io/v2alpha1/ciliumloadbalancerippools/p/status" },
		{ RES_IPADDRESSES, NULL, NULL, "fd00::1", NULL,
		  "/apis/networking.k8s.io/v1/ipaddresses/fd00%3A%3A1" },
		{ RES_SERVICES, NULL, "../x", "a/b?c#d%", NULL,
		  "/api/v1/namespaces/..%2Fx/services/a%2Fb%3Fc%23d%25" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf path = BUF_INIT(1000);
		resource_path(&path, resource(cases[i].id), cases[i].version, cases[i].ns, cases[i].name,
			      cases[i].sub);
		assert_string_equal(buf_str(&path), cases[i].want);
	}
}

static void queries_are_joined_and_escaped(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf path = BUF_INIT(1000);
	buf_add_str(&path, "/x");
	path_add_query(&path, "limit", "500");
	path_add_query(&path, "fieldSelector", "metadata.name=a&b");
	assert_string_equal(buf_str(&path), "/x?limit=500&fieldSelector=metadata.name%3Da%26b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete_and_found_again),
		cmocka_unit_test(paths_are_those_of_the_api),
		cmocka_unit_test(queries_are_joined_and_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
