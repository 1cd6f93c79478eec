/* Runs patterns.json, and schema.json: a `schema` with cases of a `value`; `default` and `prune` say what the
 * value becomes, `unknown` which fields went, `problems` what is wrong with it as "field: message". */
#include "data/pattern.h"
#include "data/schema.h"

#include "lib/test.h"

#include <fcntl.h>

static struct js *load(const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", getenv("CASES"), name);
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct js *doc = NULL;
	struct err e = { 0 };
	char piece[4096];
	ssize_t n;
	if (fd < 0)
		fail_msg("cannot open %s; CASES must name the folder", path);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(&text, piece, (size_t)n);
	if (js_parse(buf_slice(&text), &doc, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	return doc;
}

static int differs(const char *name, const char *what, const struct js *is, const struct js *want)
{
	CLEANUP(buf_done) struct buf a = BUF_INIT(JS_SIZE_MAX);
	CLEANUP(buf_done) struct buf b = BUF_INIT(JS_SIZE_MAX);
	if (js_equal(is, want))
		return 0;
	js_write(is, &a);
	js_write(want, &b);
	print_error("%s: %s is %s, want %s\n", name, what, buf_str(&a), buf_str(&b));
	return 1;
}

static int run_case(const struct schema *s, const struct js *c, const char *name)
{
	int wrong = 0;
	if (js_has(c, "default")) {
		CLEANUP(js_freep) struct js *v = js_clone(js_get(c, "value"));
		schema_default(s, v);
		wrong += differs(name, "with defaults it", v, js_get(c, "default"));
	}
	if (js_has(c, "prune")) {
		CLEANUP(js_freep) struct js *v = js_clone(js_get(c, "value"));
		CLEANUP(js_freep) struct js *unknown = js_new_array();
		schema_prune(s, v, unknown);
		wrong += differs(name, "pruned it", v, js_get(c, "prune"));
		if (js_has(c, "unknown"))
			wrong += differs(name, "unknown", unknown, js_get(c, "unknown"));
	}
	if (js_has(c, "problems")) {
		struct problems p = { 0 };
		CLEANUP(js_freep) struct js *is = js_new_array();
		schema_validate(s, js_get(c, "value"), "", &p);
		for (size_t i = 0; i < p.n; i++) {
			CLEANUP(freep) char *line = xasprintf("%s: %s", p.items[i].field, p.items[i].message);
			js_push(is, js_new_str(line));
		}
		wrong += differs(name, "problems", is, js_get(c, "problems"));
		problems_done(&p);
	}
	return wrong;
}

static void values(void **state)
{
	CLEANUP(js_freep) struct js *doc = load("schema.json");
	const struct js *groups = js_get(doc, "groups");
	int wrong = 0, run = 0;
	for (size_t g = 0; g < js_len(groups); g++) {
		const struct js *group = js_item(groups, g), *cases = js_get(group, "cases");
		CLEANUP(schema_freep) struct schema *s = NULL;
		struct err e = { 0 };
		if (schema_new(js_get(group, "schema"), &s, &e) < 0)
			fail_msg("%s: %s", js_str(js_get(group, "name")), e.msg);
		for (size_t i = 0; i < js_len(cases); i++, run++) {
			CLEANUP(freep) char *name = xasprintf("%s %zu", js_str(js_get(group, "name")), i + 1);
			wrong += run_case(s, js_item(cases, i), name);
		}
	}
	assert_true(run > 0);
	assert_int_equal(wrong, 0);
}

static void bad_schemas_are_refused(void **state)
{
	static const char *const bad[] = { "1", "[]", "{\"type\":\"set\"}", "{\"properties\":{\"a\":1}}",
					   "{\"type\":\"array\",\"items\":{\"type\":\"x\"}}" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(js_freep) struct js *doc = NULL;
		struct schema *s = NULL;
		struct err e = { 0 };
		assert_int_equal(js_parse(slice_of(bad[i]), &doc, NULL), 0);
		assert_true(schema_new(doc, &s, &e) < 0);
		assert_true(e.msg[0]);
		assert_null(s);
	}
}

/* Cases of patterns.json: `matches` and `not` are texts, `times` makes the pattern long by repeating it. */
static int run_pattern(const struct js *c)
{
	const char *re = js_str(js_get(c, "re"));
	CLEANUP(buf_done) struct buf all = BUF_INIT(JS_SIZE_MAX);
	for (int64_t i = js_int(js_get(c, "times"), 1); i > 0; i--)
		buf_add_str(&all, re);
	if (js_has(c, "then"))
		buf_add_str(&all, js_str(js_get(c, "then")));
	struct pattern *p = pattern_new(buf_str(&all));
	int wrong = 0;
	if (js_has(c, "refused") != !p) {
		print_error("%s: should%s be refused\n", re, js_has(c, "refused") ? "" : " not");
		wrong++;
	}
	for (int match = 0; p && match < 2; match++) {
		const struct js *texts = js_get(c, match ? "matches" : "not");
		for (size_t i = 0; i < js_len(texts); i++) {
			const char *text = js_str(js_item(texts, i));
			if (pattern_matches(p, text) == match)
				continue;
			print_error("%s on \"%s\" should%s match\n", re, text, match ? "" : " not");
			wrong++;
		}
	}
	pattern_free(p);
	return wrong;
}

static void patterns(void **state)
{
	CLEANUP(js_freep) struct js *cases = load("patterns.json");
	int wrong = 0;
	for (size_t i = 0; i < js_len(cases); i++)
		wrong += run_pattern(js_item(cases, i));
	assert_true(js_len(cases) > 0);
	assert_int_equal(wrong, 0);
	/* What is refused is not checked. */
	assert_true(pattern_matches(NULL, "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(values),
					    cmocka_unit_test(bad_schemas_are_refused),
					    cmocka_unit_test(patterns) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
