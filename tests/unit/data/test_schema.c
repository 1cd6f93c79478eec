/* Runs schema.json: a `schema` with cases of a `value`; `default` and `prune` say what the value becomes,
 * `unknown` which fields went, `problems` what is wrong with it as "field: message". */
#include "data/pattern.h"
#include "data/schema.h"

#include "lib/test.h"

#include <fcntl.h>

static struct js *load(void)
{
	CLEANUP(freep) char *path = xasprintf("%s/schema.json", getenv("CASES"));
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
	CLEANUP(js_freep) struct js *doc = load();
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

static void patterns(void **state)
{
	static const struct {
		const char *re, *text;
		bool matches;
	} cases[] = {
		{ "^a+$", "aaa", true },
		{ "^a+$", "ab", false },
		{ "b", "abc", true },
		{ "^\\d{2,3}$", "123", true },
		{ "^\\d{2,3}$", "1", false },
		{ "^(?:x|y)+$", "xyx", true },
		{ "^[\\w.-]+$", "a_b.c-d", true },
		{ "^[\\w.-]+$", "a b", false },
		{ "^a\\.b$", "a.b", true },
		{ "^a\\.b$", "axb", false },
		{ "^[^\\s]+$", "a b", false },
		{ "^a*?b$", "aab", true },
		{ "^[\\]x]$", "]", true },
		{ "^[]x]$", "]", true },
		{ "^[a\\-z]$", "b", false },
		{ "^[a\\-z]$", "-", true },
		{ "^[\\^]$", "^", true },
		{ "^[[:alpha:]]+$", "ab", true },
		{ "^[-a-z0-9]+$", "a-1", true },
		{ "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", "", true },
		{ "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", "a_", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pattern *p = pattern_new(cases[i].re);
		if (!p || pattern_matches(p, cases[i].text) != cases[i].matches)
			fail_msg("%s on \"%s\" should%s match", cases[i].re, cases[i].text,
				 cases[i].matches ? "" : " not");
		pattern_free(p);
	}
	/* What POSIX cannot say is not checked. */
	assert_null(pattern_new("(?i)x"));
	assert_null(pattern_new("\\pL"));
	assert_null(pattern_new("("));
	assert_true(pattern_matches(NULL, "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(values),
					    cmocka_unit_test(bad_schemas_are_refused),
					    cmocka_unit_test(patterns) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
