#include "data/yaml.h"

#include "lib/test.h"

#include <errno.h>

/* What a text becomes, as JSON; or the error, in angle brackets. */
static char *read_one(struct slice text)
{
	CLEANUP(js_freep) struct js *j = NULL;
	struct err e = { 0 };
	struct buf out = BUF_INIT(1u << 20);
	if (yaml_parse_one(text, &j, &e) < 0)
		buf_addf(&out, "<%s>", e.msg);
	else
		js_write(j, &out);
	return buf_take(&out);
}

static void check(const char *yaml, const char *want)
{
	CLEANUP(freep) char *got = read_one(slice_of(yaml));
	if (strcmp(got, want) != 0)
		fail_msg("%s\n  gives %s\n  not   %s", yaml, got, want);
}

/* The right column is what sigs.k8s.io/yaml v1.6.0 makes of it. */
static void scalars_have_the_types_that_kubectl_gives_them(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "a", "\"a\"" },
		{ "true", "true" },
		{ "True", "true" },
		{ "tRUE", "\"tRUE\"" },
		{ "yes", "true" },
		{ "Y", "true" },
		{ "on", "true" },
		{ "oN", "\"oN\"" },
		{ "n", "false" },
		{ "No", "false" },
		{ "OFF", "false" },
		{ "FALSE", "false" },
		{ "~", "null" },
		{ "Null", "null" },
		{ "nULL", "\"nULL\"" },
		{ "", "null" },
		{ "0", "0" },
		{ "-0", "0" },
		{ "12", "12" },
		{ "+12", "12" },
		{ "-12", "-12" },
		{ "0x1F", "31" },
		{ "-0x1f", "-31" },
		{ "0o17", "15" },
		{ "017", "15" },
		{ "08", "8" },
		{ "0b101", "5" },
		{ "1_000", "1000" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "1.5", "1.5" },
		{ ".5", "0.5" },
		{ "5.", "5" },
		{ "1e3", "1000" },
		{ "-1.5e-3", "-0.0015" },
		{ "1e", "\"1e\"" },
		{ "1.2.3", "\"1.2.3\"" },
		{ "10.0.0.1", "\"10.0.0.1\"" },
		{ "10.0.0.0/24", "\"10.0.0.0/24\"" },
		{ "fd00::1", "\"fd00::1\"" },
		{ "1:30", "\"1:30\"" },
		{ "2001-01-01", "\"2001-01-01\"" },
		{ "2026-11-23T01:22:25Z", "\"2026-11-23T01:22:25Z\"" },
		{ "-", "[null]" },
		{ "+", "\"+\"" },
		{ ".", "\".\"" },
		{ "0x", "\"0x\"" },
		{ "0xg", "\"0xg\"" },
		{ "1e999", "\"1e999\"" },
		{ "'true'", "\"true\"" },
		{ "\"12\"", "\"12\"" },
		{ "'it''s'", "\"it's\"" },
		{ "\"a\\tb\\u00e4\"", "\"a\\tb\xc3\xa4\"" },
		{ "!!str 12", "\"12\"" },
		{ "!!str true", "\"true\"" },
		{ "!!int \"12\"", "12" },
		{ "!!float 12", "12" },
		{ "!!bool yes", "true" },
		{ "!mine 12", "\"12\"" },
		{ "|\n  a\n  b\n", "\"a\\nb\\n\"" },
		{ ">-\n  a\n  b\n", "\"a b\"" },
		{ ".inf", "<line 1, column 1: .inf has no counterpart in JSON>" },
		{ "x: .nan", "<line 1, column 4: .nan has no counterpart in JSON>" },
		{ "!!int a", "<line 1, column 1: \"a\" is no int>" },
		{ "!!bool 1", "<line 1, column 1: \"1\" is no bool>" },
		{ "!!binary aGk=", "<line 1, column 1: !!binary is not supported>" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		/* In a field, because a document of null is an empty one. */
		CLEANUP(freep) char *field = xasprintf("k: %s", cases[i][0]);
		CLEANUP(freep) char *want = xasprintf("{\"k\":%s}", cases[i][1]);
		if (cases[i][1][0] == '<')
			check(cases[i][0], cases[i][1]);
		else if (strcmp(cases[i][0], "-") == 0)
			check(cases[i][0], cases[i][1]);
		else
			check(field, want);
	}
}

static void keys_become_text(void **state)
{
	(void)state;
	check("true: 1\n2: b\n1.5: c\n'3': d\nno: e",
	      "{\"true\":1,\"2\":\"b\",\"1.5\":\"c\",\"3\":\"d\",\"false\":\"e\"}");
	check("~: 1", "<line 1, column 1: a key must be text>");
	check("[a]: 1", "<line 1, column 2: nested too deeply>");
	check("{}: 1", "<line 1, column 1: a key must be text>");
	check("\"a\\0b\": 1", "<line 1, column 1: a key with a NUL in it>");
}

static void structures_nest(void **state)
{
	(void)state;
	check("a:\n- b: 1\n  c: [1, {d: e}]\n-\n- f\ng: {}\nh: []",
	      "{\"a\":[{\"b\":1,\"c\":[1,{\"d\":\"e\"}]},null,\"f\"],\"g\":{},\"h\":[]}");
	check("{\"json\": [1, true, null, \"x\"]}", "{\"json\":[1,true,null,\"x\"]}");
	check("\xef\xbb\xbf"
	      "a: b # comment",
	      "{\"a\":\"b\"}");
}

static void anchors_aliases_and_merges_work(void **state)
{
	(void)state;
	check("a: &x {b: 1}\nc: *x\nd: [*x, *x]",
	      "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"d\":[{\"b\":1},{\"b\":1}]}");
	check("a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}");
	check("a: &x ~\nb: *x", "{\"a\":null,\"b\":null}");
	check("&k key: 1\nother: *k", "{\"key\":1,\"other\":\"key\"}");
	check("x: &x {a: 1, b: 2}\nw:\n  <<: *x\n  b: 3",
	      "{\"x\":{\"a\":1,\"b\":2},\"w\":{\"b\":3,\"a\":1}}");
	check("x: &x {a: 1}\nz: &z {a: 2, b: 2}\nw:\n  <<: [*x, *z]",
	      "{\"x\":{\"a\":1},\"z\":{\"a\":2,\"b\":2},\"w\":{\"a\":1,\"b\":2}}");
	check("'<<': 1", "{\"<<\":1}");
	check("<<: 1", "<line 1, column 1: << takes mappings>");
	check("a: *x", "<line 1, column 4: an alias of an anchor that is not known here>");
	check("a: &x [*x]", "<line 1, column 8: an alias of an anchor that is not known here>");
	/* Copies, not the same node twice: changing one must not change the other. */
	CLEANUP(js_freep) struct js *j = NULL;
	assert_int_equal(yaml_parse_one(SLICE_LIT("a: &x {b: 1}\nc: *x"), &j, NULL), 0);
	js_set(js_get(j, "a"), "b", js_new_int(2));
	assert_int_equal(js_int(js_path(j, "c", "b"), 0), 1);
}

static void aliases_cannot_blow_up(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf bomb = BUF_INIT(10000);
	buf_add_str(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 12; i++)
		buf_addf(&bomb, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1,
			 i - 1, i - 1, i - 1, i - 1);
	CLEANUP(freep) char *got = read_one(buf_slice(&bomb));
	assert_non_null(strstr(got, "the aliases add up to too much"));
	/* And not by depth either. */
	buf_clear(&bomb);
	buf_add_str(&bomb, "a0: &a0 [x]\n");
	for (int i = 1; i < 80; i++)
		buf_addf(&bomb, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	CLEANUP(freep) char *deep = read_one(buf_slice(&bomb));
	assert_non_null(strstr(deep, "the aliases add up to too much"));
}

static void mistakes_have_a_place(void **state)
{
	(void)state;
	check("a: 1\nb: 2\na: 3", "<line 3, column 1: the key \"a\" comes twice>");
	check("a:\n  - {b: 1, b: 2}", "<line 2, column 12: the key \"b\" comes twice>");
	check("1: a\n'1': b", "<line 2, column 1: the key \"1\" comes twice>");
	check("a: [1", "<line 2, column 1: did not find expected ',' or ']' while parsing a flow sequence>");
	check("a: b: c", "<line 1, column 5: mapping values are not allowed in this context>");
	check("\ta: b", "<line 1, column 1: found character that cannot start any token while scanning for "
			"the next token>");
	check("", "<line 1, column 1: nothing in it>");
	check("# only a comment", "<line 1, column 1: nothing in it>");
	check("a: 1\n---\nb: 2", "<line 2, column 1: a second document; only one is taken>");
	assert_int_equal(yaml_parse_one(SLICE_LIT("a: \xff"), &(struct js *){ NULL }, NULL), -EINVAL);
}

static void depth_and_size_have_ceilings(void **state)
{
	(void)state;
	for (int n = YAML_DEPTH_MAX - 1; n <= YAML_DEPTH_MAX + 1; n++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(10000);
		for (int i = 0; i < n; i++)
			buf_add_char(&text, '[');
		for (int i = 0; i < n; i++)
			buf_add_char(&text, ']');
		CLEANUP(freep) char *got = read_one(buf_slice(&text));
		assert_int_equal(got[0] == '<', n > YAML_DEPTH_MAX);
	}
	CLEANUP(freep) char *large = xcalloc(1, YAML_SIZE_MAX + 2);
	memset(large, ' ', YAML_SIZE_MAX + 1);
	assert_int_equal(
		yaml_parse_one((struct slice){ large, YAML_SIZE_MAX + 1 }, &(struct js *){ NULL }, NULL),
		-E2BIG);
}

static int tell(struct js *document, int line, void *arg, struct err *e)
{
	struct buf *told = arg;
	buf_addf(told, "%d:", line);
	js_write(document, told);
	buf_add_char(told, ' ');
	return js_has(document, "stop") ? err_set(e, ECANCELED, "stop") : 0;
}

static void documents_are_told_one_by_one(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf told = BUF_INIT(1000);
	assert_int_equal(
		yaml_parse(SLICE_LIT("# c\na: &x 1\n---\n---\n# nothing\n---\nb: 2\n...\n--- {c: 3}\n"), tell,
			   &told, NULL),
		0);
	assert_string_equal(buf_str(&told), "2:{\"a\":1} 6:{\"b\":2} 9:{\"c\":3} ");
	buf_clear(&told);
	assert_int_equal(yaml_parse(SLICE_LIT("a: &x 1\n---\nb: *x"), tell, &told, NULL), -EINVAL);
	assert_string_equal(buf_str(&told), "1:{\"a\":1} ");
	buf_clear(&told);
	assert_int_equal(yaml_parse(SLICE_LIT("stop: 1\n---\nb: 1"), tell, &told, NULL), -ECANCELED);
	assert_string_equal(buf_str(&told), "1:{\"stop\":1} ");
	buf_clear(&told);
	assert_int_equal(yaml_parse((struct slice){ 0 }, tell, &told, NULL), 0);
	assert_int_equal(told.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_have_the_types_that_kubectl_gives_them),
		cmocka_unit_test(keys_become_text),
		cmocka_unit_test(structures_nest),
		cmocka_unit_test(anchors_aliases_and_merges_work),
		cmocka_unit_test(aliases_cannot_blow_up),
		cmocka_unit_test(mistakes_have_a_place),
		cmocka_unit_test(depth_and_size_have_ceilings),
		cmocka_unit_test(documents_are_told_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
