#include "data/json_keep.h"
#include "data/json_scan.h"

#include "lib/test.h"

#include <errno.h>

static const struct js_keep name[] = { JS_KEEP("name", NULL), JS_KEEP_END };
static const struct js_keep is_there[] = { JS_KEEP("x", js_keep_presence), JS_KEEP_END };
static const struct js_keep quoted[] = { JS_KEEP("a\\\"b", NULL), JS_KEEP_END };
static const struct js_keep fields[] = {
	JS_KEEP("a", NULL),   JS_KEEP("some", name), JS_KEEP("there", is_there),
	JS_KEEP("q", quoted), JS_KEEP_END,
};

static void only_what_is_kept_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{}", "{}" },
		{ "{\"a\":1,\"b\":2}", "{\"a\":1}" },
		{ "{\"b\":2,\"a\":{\"b\":[{},{\"c\":null}]}}", "{\"a\":{\"b\":[{},{\"c\":null}]}}" },
		{ " {\n\t\"b\" : \"}]\\\"\\\\\" ,\r\n \"a\" : true } ", "{\"a\":true}" },
		{ "{\"some\":{\"name\":\"n\",\"other\":{\"name\":\"m\"}}}", "{\"some\":{\"name\":\"n\"}}" },
		{ "{\"some\":[{\"name\":1,\"x\":2},{\"x\":3},[{\"name\":4}],5,null]}",
		  "{\"some\":[{\"name\":1},{},[{\"name\":4}],5,null]}" },
		{ "{\"some\":[]}", "{\"some\":[]}" },
		{ "{\"some\":\"text\",\"a\":-1.5e3}", "{\"some\":\"text\",\"a\":-1.5e3}" },
		{ "{\"there\":{\"x\":{\"y\":[1,2]},\"z\":1}}", "{\"there\":{\"x\":1}}" },
		{ "{\"there\":{\"x\":0}}", "{\"there\":{\"x\":1}}" },
		{ "{\"q\":{\"a\\\"b\":1,\"ab\":2}}", "{\"q\":{\"a\\\"b\":1}}" },
		{ "{\"aa\":1,\"\":2,\"a\":3}", "{\"a\":3}" },
		{ "[{\"a\":1,\"b\":1}]", "[{\"a\":1}]" },
		{ "7", "7" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(js_freep) struct js *j = NULL;
		CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
		struct err e = { 0 };
		if (js_parse_kept(slice_of(cases[i].text), fields, &j, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		js_write(j, &b);
		assert_string_equal(buf_str(&b), cases[i].want);
	}
}

static void without_a_choice_all_is_read(void **state)
{
	(void)state;
	CLEANUP(js_freep) struct js *j = NULL;
	assert_int_equal(js_parse_kept(SLICE_LIT("{\"b\":1}"), NULL, &j, NULL), 0);
	assert_int_equal(js_int(js_get(j, "b"), 0), 1);
}

/* Also where what is wrong stands in a part that is left out. */
static void what_does_not_hang_together_is_an_error(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1}}",
		"{\"a\":1} 2",
		"{\"b\":[1,2}",
		"{\"b\":\"open}",
		"{\"b\":\"open\\",
		"{\"b\":[[[]]}",
		"{\"b\"}",
		"{\"a\":1,}",
		"{b:1}",
		"{\"some\":[{}",
		"{\"some\":[{} {}]}",
		"{\"a\":x}",
		"{\"there\":{\"x\":}}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct js *j = NULL;
		if (js_parse_kept(slice_of(bad[i]), fields, &j, NULL) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_null(j);
	}
}

static void depth_and_size_have_an_end(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf b = BUF_INIT(8u << 20);
	struct js *j = NULL;
	buf_add_str(&b, "{\"some\":");
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&b, '[');
	assert_int_equal(js_parse_kept(buf_slice(&b), fields, &j, NULL), -EINVAL);
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&b, ']');
	buf_add_char(&b, '}');
	assert_int_equal(js_parse_kept(buf_slice(&b), fields, &j, NULL), -EINVAL);
	/* What nobody reads may be as deep and as long as it likes. */
	buf_clear(&b);
	buf_add_str(&b, "{\"b\":");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, '[');
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, ']');
	buf_add_str(&b, ",\"a\":1}");
	assert_int_equal(js_parse_kept(buf_slice(&b), fields, &j, NULL), 0);
	assert_int_equal(js_int(js_get(j, "a"), 0), 1);
	js_free(j);
}

/* A parser is kept from one text to the next: nothing of a bad one may be left in it. */
static void a_bad_text_leaves_nothing_behind(void **state)
{
	(void)state;
	static const char *const bad[] = { "{\"a\":{\"b\":[1,{\"c\":\"open", "[tru", "\"\\u12", "{\"a\":-",
					   "\"\xff\"" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(js_freep) struct js *j = NULL;
		assert_int_equal(js_parse(slice_of(bad[i]), &j, NULL), -EINVAL);
		assert_int_equal(js_parse(SLICE_LIT("{\"a\":[1,\"b\"]}"), &j, NULL), 0);
		assert_int_equal(js_len(js_get(j, "a")), 2);
	}
}

static void a_scan_walks_over_any_value(void **state)
{
	(void)state;
	static const char *const values[] = { "1",          "-1.5e+3",         "true", "null",
					      "\"a\\\"}\"", "{\"a\":[\"]\"]}", "[]" };
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		CLEANUP(freep) char *text = xasprintf(" %s ,\"end\"", values[i]);
		struct js_scan s = js_scan(slice_of(text));
		struct slice end;
		assert_true(js_scan_skip(&s));
		assert_true(js_scan_take(&s, ','));
		assert_true(js_scan_string(&s, &end));
		assert_true(slice_is(end, "end"));
		assert_int_equal(js_scan_next(&s), '\0');
		assert_false(js_scan_skip(&s));
		assert_false(js_scan_take(&s, ','));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_kept_is_read),
		cmocka_unit_test(without_a_choice_all_is_read),
		cmocka_unit_test(what_does_not_hang_together_is_an_error),
		cmocka_unit_test(depth_and_size_have_an_end),
		cmocka_unit_test(a_bad_text_leaves_nothing_behind),
		cmocka_unit_test(a_scan_walks_over_any_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
