#include "embedded/protobuf.h"

#include "lib/test.h"

static struct registry kinds;

static int setup(void **state)
{
	return registry_init(&kinds, NULL);
}

static int teardown(void **state)
{
	registry_done(&kinds);
	return 0;
}

#define BYTES(text) ((struct slice){ (text), sizeof(text) - 1 })

static int read_as(const char *resource, struct slice bytes, struct js **ret)
{
	const struct kind *k = registry_by_resource(&kinds, resource);
	return protobuf_read(k, kind_storage(k), bytes, ret, NULL);
}

static void is(const char *resource, struct slice bytes, const char *want)
{
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(js_freep) struct js *expected = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	assert_int_equal(read_as(resource, bytes, &object), 0);
	assert_int_equal(js_parse(slice_of(want), &expected, NULL), 0);
	js_write(object, &text);
	if (!js_equal(object, expected))
		fail_msg("got %s, want %s", buf_str(&text), want);
}

/* In the form in which clients written in Go send them: empty fields are there. */
static const char namespace_bytes[] =
	"k8s\000\012\017\012\002v1\022\011Namespace\022\023\012\013\012\001n\022\000\032\000"
	"B\0008\000\022\000\032\002\012\000\032\000\042\000";
static const char service_bytes[] =
	"k8s\000\012\015\012\002v1\022\007Service\022c\012\017\012\001sZ\012\012\003app\022"
	"\003web\022L\012\025\012\001p\022\003TCP\030P\042\007\010\000\020\322\011\032\000"
	"(\000\012\026\012\000\022\003UDP\030Q\042\011\010\001\020\000\032\003web(\000\022"
	"\006\012\001a\022\001b\032\000\042\014LoadBalancer`\000\240\001\000\032\002\012\000"
	"\032\000\042\000";

static void objects_are_read(void **state)
{
	is("namespaces", BYTES(namespace_bytes),
	   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"n\"}}");
	is("services", BYTES(service_bytes),
	   "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"s\",\"labels\":{\"app\":"
	   "\"web\"}},"
	   "\"spec\":{\"ports\":[{\"name\":\"p\",\"protocol\":\"TCP\",\"port\":80,\"targetPort\":1234},"
	   "{\"protocol\":\"UDP\",\"port\":81,\"targetPort\":\"web\"}],\"selector\":{\"a\":\"b\"},"
	   "\"type\":\"LoadBalancer\",\"allocateLoadBalancerNodePorts\":false}}");
}

static void what_is_cut_off_is_refused_or_read_as_less(void **state)
{
	for (size_t n = 0; n < sizeof(service_bytes) - 1; n++) {
		struct js *object = NULL;
		/* In memory of its own, so that reading on is seen. */
		char *piece = xmalloc(n + 1);
		memcpy(piece, service_bytes, n);
		int r = read_as("services", (struct slice){ piece, n }, &object);
		assert_true(r < 0 || object);
		js_free(object);
		free(piece);
	}
	struct js *object = NULL;
	assert_true(read_as("services", BYTES("{\"kind\":\"Service\"}"), &object) < 0);
}

static void no_bytes_do_harm(void **state)
{
	struct rng rng = test_rng("no_bytes_do_harm");
	for (int i = 0; i < 20'000; i++) {
		char *bytes = xmalloc(sizeof(service_bytes));
		struct js *object = NULL;
		memcpy(bytes, service_bytes, sizeof(service_bytes));
		for (uint64_t n = rng_below(&rng, 6); n > 0; n--)
			bytes[4 + rng_below(&rng, sizeof(service_bytes) - 5)] = (char)rng_next(&rng);
		(void)read_as("services", (struct slice){ bytes, sizeof(service_bytes) - 1 }, &object);
		js_free(object);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(objects_are_read),
					    cmocka_unit_test(what_is_cut_off_is_refused_or_read_as_less),
					    cmocka_unit_test(no_bytes_do_harm) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
