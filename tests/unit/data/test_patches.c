/* Runs merge_patch.json, json_patch.json and strategic_patch.json: each case has `doc`, `patch` and `result`,
 * or `fails` with a part of the message. */
#include "data/json_patch.h"
#include "data/merge_patch.h"
#include "data/strategic_patch.h"

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

typedef int apply_fn(struct js **doc, const struct js *patch, struct err *e);
static struct schema *schema;

static int apply_merge(struct js **doc, const struct js *patch, struct err *e)
{
	merge_patch(doc, patch);
	return 0;
}

static int apply_strategic(struct js **doc, const struct js *patch, struct err *e)
{
	return strategic_patch(doc, patch, schema, e);
}

static int run_case(const struct js *c, apply_fn *apply)
{
	struct err e = { 0 };
	CLEANUP(js_freep) struct js *doc = js_clone(js_get(c, "doc"));
	CLEANUP(js_freep) struct js *patch_before = js_clone(js_get(c, "patch"));
	CLEANUP(buf_done) struct buf is = BUF_INIT(JS_SIZE_MAX);
	const char *name = js_str(js_get(c, "name")), *fails = js_str(js_get(c, "fails"));
	int r = apply(&doc, js_get(c, "patch"), &e);
	js_write(doc, &is);
	if (!js_equal(patch_before, js_get(c, "patch"))) {
		print_error("%s: the patch itself was changed\n", name);
		return 1;
	}
	if (fails && (r >= 0 || !strstr(e.msg, fails))) {
		print_error("%s: got \"%s\", want a failure with \"%s\"\n", name,
			    r < 0 ? e.msg : buf_str(&is), fails);
		return 1;
	}
	/* A patch that fails changes nothing. */
	const struct js *want = js_get(c, fails ? "doc" : "result");
	if ((!fails && r < 0) || !js_equal(doc, want)) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
		js_write(want, &text);
		print_error("%s: got %s %s, want %s\n", name, buf_str(&is), e.msg, buf_str(&text));
		return 1;
	}
	return 0;
}

static void run_file(const char *name, apply_fn *apply)
{
	CLEANUP(js_freep) struct js *doc = load(name);
	const struct js *cases = js_get(doc, "cases");
	int wrong = 0;
	assert_true(js_len(cases) > 0);
	if (js_has(doc, "schema"))
		assert_int_equal(schema_new(js_get(doc, "schema"), &schema, NULL), 0);
	for (size_t i = 0; i < js_len(cases); i++)
		wrong += run_case(js_item(cases, i), apply);
	schema_free(schema);
	schema = NULL;
	assert_int_equal(wrong, 0);
}

static void merge(void **state)
{
	run_file("merge_patch.json", apply_merge);
}

static void json(void **state)
{
	run_file("json_patch.json", json_patch);
}

static void strategic(void **state)
{
	run_file("strategic_patch.json", apply_strategic);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(merge), cmocka_unit_test(json),
					    cmocka_unit_test(strategic) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
