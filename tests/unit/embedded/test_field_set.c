/* Sets of fields: the algebra, the fields of objects, and laws that hold for sets made at random. */
#include "embedded/field_set.h"

#include "lib/test.h"

#include <stdio.h>
#include <time.h>

static struct js *parse(const char *text)
{
	struct js *j = NULL;
	struct err e = { 0 };
	if (js_parse(slice_of(text), &j, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return j;
}

static void check_equal(const char *what, const struct js *is, const char *want)
{
	CLEANUP(js_freep) struct js *wanted = parse(want);
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	js_write(is, &text);
	if (!js_equal(is, wanted))
		fail_msg("%s is %s, want %s", what, buf_str(&text), want);
}

typedef struct js *operation_fn(const struct js *a, const struct js *b);

static void algebra(void **state)
{
	static const struct {
		const char *name;
		operation_fn *fn;
		const char *a, *b, *result;
	} cases[] = {
		{ "union of nothing", field_set_union, "{}", "{}", "{}" },
		{ "union", field_set_union, "{\"f:a\":{}}", "{\"f:b\":{}}", "{\"f:a\":{},\"f:b\":{}}" },
		{ "union: a member gets something below", field_set_union, "{\"f:a\":{}}",
		  "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{\".\":{},\"f:b\":{}}}" },
		{ "union: the other way", field_set_union, "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{}}",
		  "{\"f:a\":{\".\":{},\"f:b\":{}}}" },
		{ "intersection", field_set_intersection, "{\"f:a\":{},\"f:b\":{\"f:c\":{}}}",
		  "{\"f:b\":{\"f:c\":{},\"f:d\":{}}}", "{\"f:b\":{\"f:c\":{}}}" },
		{ "intersection: a member is not what is below it", field_set_intersection, "{\"f:a\":{}}",
		  "{\"f:a\":{\"f:b\":{}}}", "{}" },
		{ "intersection: the member of both", field_set_intersection,
		  "{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{}}", "{\"f:a\":{}}" },
		{ "difference", field_set_difference, "{\"f:a\":{},\"f:b\":{}}", "{\"f:a\":{}}",
		  "{\"f:b\":{}}" },
		{ "difference: what is below stays", field_set_difference, "{\"f:a\":{\".\":{},\"f:b\":{}}}",
		  "{\"f:a\":{}}", "{\"f:a\":{\"f:b\":{}}}" },
		{ "difference: the member stays", field_set_difference, "{\"f:a\":{\".\":{},\"f:b\":{}}}",
		  "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{}}" },
		{ "difference: a step that is left empty goes", field_set_difference,
		  "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{\"f:b\":{}}}", "{}" },
		{ "without: all below goes", field_set_without, "{\"f:a\":{\".\":{},\"f:b\":{}},\"f:c\":{}}",
		  "{\"f:a\":{}}", "{\"f:c\":{}}" },
		{ "without: a part", field_set_without, "{\"f:a\":{\"f:b\":{},\"f:c\":{}}}",
		  "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{\"f:c\":{}}}" },
		{ "without: a member that has less below", field_set_without, "{\"f:a\":{}}",
		  "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{}}" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(js_freep) struct js *a = parse(cases[i].a);
		CLEANUP(js_freep) struct js *b = parse(cases[i].b);
		CLEANUP(js_freep) struct js *is = cases[i].fn(a, b);
		check_equal(cases[i].name, is, cases[i].result);
		check_equal("the first set afterwards", a, cases[i].a);
		check_equal("the second set afterwards", b, cases[i].b);
	}
}

static uint64_t random_state;

static unsigned below(unsigned n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(random_state >> 33) % n;
}

/* Never an empty step that came into being by chance: {} is a member. */
static struct js *random_set(int depth)
{
	struct js *set = js_new_object();
	for (unsigned i = 0; i < 4; i++) {
		char key[8];
		snprintf(key, sizeof(key), "f:%c", (char)('a' + i));
		if (below(2))
			continue;
		struct js *step = depth > 0 ? random_set(depth - 1) : js_new_object();
		if (js_len(step) > 0 && below(2))
			js_set(step, ".", js_new_object());
		js_set(set, key, step);
	}
	return set;
}

static void assert_same(const char *law, const struct js *a, const struct js *b)
{
	CLEANUP(buf_done) struct buf x = BUF_INIT(JS_SIZE_MAX);
	CLEANUP(buf_done) struct buf y = BUF_INIT(JS_SIZE_MAX);
	js_write(a, &x);
	js_write(b, &y);
	if (!js_equal(a, b))
		fail_msg("%s: %s and %s", law, buf_str(&x), buf_str(&y));
}

static void laws(void **state)
{
	const char *given = getenv("SEED");
	random_state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("SEED=%llu\n", (unsigned long long)random_state);
	for (int i = 0; i < 2000; i++) {
		CLEANUP(js_freep) struct js *a = random_set(2);
		CLEANUP(js_freep) struct js *b = random_set(2);
		CLEANUP(js_freep) struct js *ab = field_set_union(a, b);
		CLEANUP(js_freep) struct js *ba = field_set_union(b, a);
		CLEANUP(js_freep) struct js *both = field_set_intersection(a, b);
		CLEANUP(js_freep) struct js *both2 = field_set_intersection(b, a);
		CLEANUP(js_freep) struct js *only_a = field_set_difference(a, b);
		CLEANUP(js_freep) struct js *again = field_set_union(only_a, both);
		CLEANUP(js_freep) struct js *none = field_set_difference(a, ab);
		CLEANUP(js_freep) struct js *apart = field_set_intersection(only_a, b);
		assert_same("a + b = b + a", ab, ba);
		assert_same("a & b = b & a", both, both2);
		assert_same("(a - b) + (a & b) = a", again, a);
		assert_int_equal(js_len(none), 0);
		assert_int_equal(js_len(apart), 0);
	}
}

static struct schema *schema(const char *text)
{
	CLEANUP(js_freep) struct js *doc = parse(text);
	struct schema *s = NULL;
	struct err e = { 0 };
	if (schema_new(doc, &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static struct schema *example(void)
{
	return schema(
		"{\"type\":\"object\",\"properties\":{\"free\":{\"type\":\"object\",\"additionalProperties\":"
		"{"
		"\"type\":\"string\"}},\"whole\":{\"type\":\"object\",\"x-kubernetes-map-type\":\"atomic\"},"
		"\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"set\":{\"type\":\"array\","
		"\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":\"string\"}},\"ports\":{\"type\":"
		"\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[\"protocol\","
		"\"port\"],\"items\":{\"type\":\"object\",\"properties\":{\"port\":{\"type\":\"integer\"},"
		"\"protocol\":{\"type\":\"string\",\"default\":\"TCP\"},\"name\":{\"type\":\"string\"}}}}}}");
}

static void fields_of_objects(void **state)
{
	static const struct {
		const char *object, *fields;
	} cases[] = {
		{ "{}", "{}" },
		{ "{\"free\":{\"a\":\"b\"}}", "{\"f:free\":{\"f:a\":{}}}" },
		{ "{\"free\":{}}", "{\"f:free\":{}}" },
		{ "{\"free\":null}", "{\"f:free\":{}}" },
		{ "{\"whole\":{\"a\":\"b\"}}", "{\"f:whole\":{}}" },
		{ "{\"list\":[\"a\"]}", "{\"f:list\":{}}" },
		{ "{\"set\":[\"a\",\"b\"]}", "{\"f:set\":{\"v:\\\"a\\\"\":{},\"v:\\\"b\\\"\":{}}}" },
		{ "{\"set\":[]}", "{}" },
		{ "{\"ports\":[{\"port\":1,\"name\":\"x\"}]}",
		  "{\"f:ports\":{\"k:{\\\"port\\\":1,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:port\":{},"
		  "\"f:name\":{}}}}" },
		{ "{\"unknown\":{\"a\":{\"b\":1}}}",
		  "{\"f:unknown\":{\".\":{},\"f:a\":{\".\":{},\"f:b\":{}}}}" },
	};
	CLEANUP(schema_freep) struct schema *s = example();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(js_freep) struct js *object = parse(cases[i].object);
		CLEANUP(js_freep) struct js *is = field_set_of(object, s, NULL);
		check_equal(cases[i].object, is, cases[i].fields);
	}
}

static void differences_of_objects(void **state)
{
	static const struct {
		const char *old, *new, *changed, *gone;
	} cases[] = {
		{ "{\"free\":{\"a\":\"b\"}}", "{\"free\":{\"a\":\"b\"}}", "{}", "{}" },
		{ "{\"free\":{\"a\":\"b\"}}", "{\"free\":{\"a\":\"c\",\"d\":\"e\"}}",
		  "{\"f:free\":{\"f:a\":{},\"f:d\":{}}}", "{}" },
		{ "{\"free\":{\"a\":\"b\",\"c\":\"d\"}}", "{\"free\":{\"a\":\"b\"}}", "{}",
		  "{\"f:free\":{\"f:c\":{}}}" },
		{ "{\"free\":{\"a\":\"b\"}}", "{}", "{}", "{\"f:free\":{}}" },
		{ "{}", "{\"free\":{\"a\":\"b\"}}", "{\"f:free\":{\".\":{},\"f:a\":{}}}", "{}" },
		{ "{}", "{\"set\":[\"a\"]}", "{\"f:set\":{\".\":{},\"v:\\\"a\\\"\":{}}}", "{}" },
		{ "{\"whole\":{\"a\":\"b\"}}", "{\"whole\":{\"a\":\"c\"}}", "{\"f:whole\":{}}", "{}" },
		{ "{\"set\":[\"a\",\"b\"]}", "{\"set\":[\"b\",\"c\"]}", "{\"f:set\":{\"v:\\\"c\\\"\":{}}}",
		  "{\"f:set\":{\"v:\\\"a\\\"\":{}}}" },
		{ "{\"ports\":[{\"port\":1,\"protocol\":\"TCP\",\"name\":\"a\"}]}",
		  "{\"ports\":[{\"port\":1,\"protocol\":\"TCP\",\"name\":\"b\"}]}",
		  "{\"f:ports\":{\"k:{\\\"port\\\":1,\\\"protocol\\\":\\\"TCP\\\"}\":{\"f:name\":{}}}}",
		  "{}" },
	};
	CLEANUP(schema_freep) struct schema *s = example();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(js_freep) struct js *old = parse(cases[i].old);
		CLEANUP(js_freep) struct js *new = parse(cases[i].new);
		CLEANUP(js_freep) struct js *changed = js_new_object();
		CLEANUP(js_freep) struct js *gone = js_new_object();
		field_set_compare(old, new, s, NULL, changed, gone);
		check_equal("changed", changed, cases[i].changed);
		check_equal("gone", gone, cases[i].gone);
	}
}

static void add_path(const char *path, void *arg)
{
	buf_addf(arg, "%s\n", path);
}

static void paths(void **state)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	CLEANUP(js_freep)
	struct js *set = parse("{\"f:a2\":{\"f:x\":{}},\"f:z\":{},\"f:b\":{\"k:{\\\"port\\\":80,"
			       "\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},"
			       "\"f:name\":{}}},\"f:a\":{\"v:\\\"x.io/a\\\"\":{}}}");
	field_set_paths(set, add_path, &text);
	assert_string_equal(buf_str(&text), ".z\n.a[=\"x.io/a\"]\n.a2.x\n.b[port=80,protocol=\"TCP\"]\n"
					    ".b[port=80,protocol=\"TCP\"].name\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algebra),
		cmocka_unit_test(laws),
		cmocka_unit_test(fields_of_objects),
		cmocka_unit_test(differences_of_objects),
		cmocka_unit_test(paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
