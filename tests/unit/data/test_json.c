#include "data/json.h"

#include "lib/test.h"

#include <errno.h>

static struct js *parse(const char *text)
{
	struct js *j = NULL;
	struct err e;
	if (js_parse(slice_of(text), &j, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return j;
}

static void writes(const struct js *j, const char *want)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(10000);
	js_write(j, &b);
	assert_string_equal(buf_str(&b), want);
}

static void documents_read_and_write(void **state)
{
	static const char *const same[] = {
		"{}",
		"[]",
		"null",
		"true",
		"0",
		"-1",
		"9223372036854775807",
		"-9223372036854775808",
		"\"\"",
		"\"a\\\"b\\\\c/\\n\\u0001\"",
		"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":false}",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"",
		"[[[]]]",
		"\"NaN ' 1. \\\"I'\"",
		"[1.5,-0.25,1e3,true,false,null]",
	};
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		CLEANUP(js_freep) struct js *j = parse(same[i]);
		writes(j, same[i]);
		CLEANUP(js_freep) struct js *copy = js_clone(j);
		assert_true(js_equal(j, copy));
		writes(copy, same[i]);
	}
	static const char *const spaced[][2] = {
		{ " { \"a\" : [ 1 , 2 ] }\n", "{\"a\":[1,2]}" },
		{ "\t7 ", "7" },
		{ "\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
	};
	for (size_t i = 0; i < ARRAY_LEN(spaced); i++) {
		CLEANUP(js_freep) struct js *j = parse(spaced[i][0]);
		writes(j, spaced[i][1]);
	}
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",           " ",         "{",         "[1,",       "[1,]",   "{\"a\":}",   "{\"a\" 1}",
		"{a:1}",      "{'a':1}",   "nul",       "True",      "1 2",    "{} {}",      "{}x",
		"\"open",     "\"\xff\"",  "[1] // no", "/* no */1", "\"\n\"", "{\"a\":1,}", "NaN",
		"[Infinity]", "-Infinity", "1.",        "[1.,2]",    "1.e3",   "+1",         ".5",
		"01",         "\"a\tb\"",  "{'':1}",    "'a'",
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct js *j = NULL;
		struct err e = { 0 };
		int r = js_parse(slice_of(wrong[i]), &j, &e);
		if (r != -EINVAL || j || strncmp(e.msg, "bad JSON at byte ", 17) != 0)
			fail_msg("%s: %d %s", wrong[i], r, e.msg);
	}
	/* Only the slice counts, not what lies behind it. */
	CLEANUP(js_freep) struct js *j = NULL;
	assert_int_equal(js_parse((struct slice){ "12}", 2 }, &j, NULL), 0);
	assert_int_equal(js_int(j, 0), 12);
	struct js *none = NULL;
	assert_int_equal(js_parse((struct slice){ 0 }, &none, NULL), -EINVAL);
	/* A NUL is not the end of the text. */
	assert_int_equal(js_parse((struct slice){ "1\0x", 3 }, &none, NULL), -EINVAL);
	assert_int_equal(js_parse((struct slice){ "{}\0", 3 }, &none, NULL), -EINVAL);
}

static int parse_nested(unsigned depth)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(10000);
	CLEANUP(js_freep) struct js *j = NULL;
	for (unsigned i = 0; i < depth; i++)
		buf_add_char(&b, '[');
	for (unsigned i = 0; i < depth; i++)
		buf_add_char(&b, ']');
	return js_parse(buf_slice(&b), &j, NULL);
}

static void depth_and_size_have_a_ceiling(void **state)
{
	assert_int_equal(parse_nested(JS_DEPTH_MAX - 1), 0);
	assert_int_equal(parse_nested(JS_DEPTH_MAX + 1), -EINVAL);
	assert_int_equal(parse_nested(4000), -EINVAL);

	struct js *j = NULL;
	struct err e;
	size_t len = (size_t)JS_SIZE_MAX + 1;
	CLEANUP(freep) char *big = xmalloc(len);
	memset(big, ' ', len);
	big[0] = '1';
	assert_int_equal(js_parse((struct slice){ big, len }, &j, &e), -E2BIG);
	assert_int_equal(js_parse((struct slice){ big, len - 1 }, &j, &e), 0);
	js_free(j);
}

static void readers_take_the_wrong_type_as_absent(void **state)
{
	CLEANUP(js_freep)
	struct js *j = parse("{\"s\":\"x\",\"i\":7,\"d\":1.5,\"b\":true,\"n\":null,\"a\":[1],\"o\":{\"k\":1},"
			     "\"z\":\"a\\u0000b\"}");
	assert_string_equal(js_str(js_get(j, "s")), "x");
	assert_null(js_str(js_get(j, "i")));
	assert_null(js_text(js_get(j, "none")).ptr);
	/* A NUL inside: whole as a slice, but no C string. */
	assert_null(js_str(js_get(j, "z")));
	assert_int_equal(js_text(js_get(j, "z")).len, 3);

	assert_int_equal(js_int(js_get(j, "i"), -1), 7);
	assert_int_equal(js_int(js_get(j, "d"), -1), -1);
	assert_int_equal(js_int(js_get(j, "s"), -1), -1);
	assert_true(js_double(js_get(j, "d"), 0) == 1.5);
	assert_true(js_double(js_get(j, "i"), 0) == 7);
	assert_true(js_double(js_get(j, "s"), 2) == 2);
	assert_true(js_bool(js_get(j, "b"), false));
	assert_true(js_bool(js_get(j, "s"), true));
	assert_false(js_bool(NULL, false));

	assert_int_equal(js_len(js_get(j, "a")), 1);
	assert_int_equal(js_len(j), 8);
	assert_int_equal(js_len(js_get(j, "s")), 0);
	assert_null(js_item(js_get(j, "a"), 1));
	assert_null(js_item(js_get(j, "o"), 0));
	assert_null(js_get(js_get(j, "a"), "k"));

	assert_int_equal(js_int(js_path(j, "o", "k"), 0), 1);
	assert_null(js_path(j, "o", "k", "deeper"));
	assert_null(js_path(j, "none", "k"));
	assert_null(js_path(NULL, "a"));
}

static void null_and_absent_differ_only_for_has(void **state)
{
	CLEANUP(js_freep) struct js *j = parse("{\"n\":null}");
	assert_null(js_get(j, "n"));
	assert_null(js_get(j, "x"));
	assert_true(js_has(j, "n"));
	assert_false(js_has(j, "x"));
	assert_false(js_has(NULL, "n"));
	assert_int_equal(js_type(js_get(j, "n")), JS_NULL);
}

static void types_are_told(void **state)
{
	static const struct {
		const char *text;
		enum js_type type;
	} cases[] = {
		{ "null", JS_NULL },    { "true", JS_BOOL }, { "1", JS_INT },     { "1.5", JS_DOUBLE },
		{ "\"a\"", JS_STRING }, { "[]", JS_ARRAY },  { "{}", JS_OBJECT }, { "1e3", JS_DOUBLE }
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(js_freep) struct js *j = parse(cases[i].text);
		assert_int_equal(js_type(j), cases[i].type);
	}
}

static void objects_are_walked_in_order_of_writing(void **state)
{
	CLEANUP(js_freep) struct js *j = parse("{\"b\":1,\"a\":null,\"c\":3}");
	CLEANUP(buf_done) struct buf b = BUF_INIT(100);
	for (struct js_iter it = js_iter(j); js_next(&it);)
		buf_addf(&b, "%s=%lld ", it.key, (long long)js_int(it.value, 0));
	assert_string_equal(buf_str(&b), "b=1 a=0 c=3 ");
	struct js_iter none = js_iter(NULL);
	assert_false(js_next(&none));
	CLEANUP(js_freep) struct js *array = parse("[1]");
	none = js_iter(array);
	assert_false(js_next(&none));
}

static void objects_are_equal_in_any_order(void **state)
{
	CLEANUP(js_freep) struct js *a = parse("{\"x\":1,\"y\":[1,2]}");
	CLEANUP(js_freep) struct js *b = parse("{\"y\":[1,2],\"x\":1}");
	CLEANUP(js_freep) struct js *c = parse("{\"y\":[2,1],\"x\":1}");
	CLEANUP(js_freep) struct js *d = parse("{\"y\":[1,2],\"x\":1,\"z\":null}");
	assert_true(js_equal(a, b));
	assert_false(js_equal(a, c));
	assert_false(js_equal(b, d));
	assert_true(js_equal(NULL, NULL));
	assert_false(js_equal(a, NULL));
}

static void trees_are_built(void **state)
{
	CLEANUP(js_freep) struct js *j = js_new_object();
	js_set(j, "s", js_new_str("x"));
	js_set(j, "n", js_new_str(NULL));
	js_set(j, "t", js_new_text((struct slice){ "abc", 2 }));
	js_set(j, "i", js_new_int(-5));
	js_set(j, "b", js_new_bool(true));
	js_set(j, "d", js_new_double(1.5));
	js_set(j, "a", js_new_array());
	struct js *a = js_get(j, "a");
	js_push(a, js_new_int(2));
	js_push(a, NULL);
	js_insert_item(a, 0, js_new_int(1));
	js_put_item(a, 2, js_new_int(3));
	js_put_item(a, 3, js_new_int(4));
	writes(j, "{\"s\":\"x\",\"n\":null,\"t\":\"ab\",\"i\":-5,\"b\":true,\"d\":1.5,\"a\":[1,2,3,4]}");
	js_del_item(a, 0);
	js_del_item(a, 9);
	js_insert_item(a, 3, js_new_int(5));
	js_set(j, "s", js_new_int(1));
	js_del(j, "t");
	js_del(j, "not there");
	writes(j, "{\"s\":1,\"n\":null,\"i\":-5,\"b\":true,\"d\":1.5,\"a\":[2,3,4,5]}");
}

static void texts_that_are_no_utf8_are_json_all_the_same(void **state)
{
	CLEANUP(js_freep) struct js *bad = js_new_str("a\xff\xe2\x82");
	CLEANUP(js_freep) struct js *good = js_new_str("\xe2\x82\xac");
	writes(bad, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	writes(good, "\"\xe2\x82\xac\"");
}

static void need_object_replaces_what_is_none(void **state)
{
	CLEANUP(js_freep) struct js *j = parse("{\"a\":{\"x\":1},\"b\":7}");
	assert_ptr_equal(js_need_object(j, "a"), js_get(j, "a"));
	js_set(js_need_object(j, "b"), "y", js_new_int(2));
	js_set(js_need_object(js_need_object(j, "c"), "d"), "z", js_new_int(3));
	writes(j, "{\"a\":{\"x\":1},\"b\":{\"y\":2},\"c\":{\"d\":{\"z\":3}}}");
}

static void a_clone_is_a_tree_of_its_own_and_a_ref_is_not(void **state)
{
	CLEANUP(js_freep) struct js *j = parse("{\"a\":{\"x\":1}}");
	CLEANUP(js_freep) struct js *copy = js_clone(j);
	CLEANUP(js_freep) struct js *ref = js_ref(j);
	js_set(js_get(j, "a"), "x", js_new_int(2));
	writes(copy, "{\"a\":{\"x\":1}}");
	writes(ref, "{\"a\":{\"x\":2}}");
	assert_null(js_clone(NULL));
	assert_null(js_ref(NULL));
	js_free(NULL);
}

static void people_get_an_indent_of_two(void **state)
{
	CLEANUP(js_freep) struct js *j = parse("{\"a\":[1],\"u\":\"http://x/\"}");
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
	js_write_pretty(j, &b);
	assert_non_null(strstr(buf_str(&b), "\n  \"a\": "));
	assert_non_null(strstr(buf_str(&b), "http://x/"));
	CLEANUP(js_freep) struct js *back = parse(buf_str(&b));
	assert_true(js_equal(j, back));
}

static struct js *random_tree(struct rng *rng, unsigned depth)
{
	static const char *const keys[] = { "", "a", "b", "key with \"quotes\"", "\xc3\xa9", "~/" };
	switch (rng_below(rng, depth ? 7 : 5)) {
	case 0:
		return NULL;
	case 1:
		return js_new_bool(rng_below(rng, 2));
	case 2:
		return js_new_int((int64_t)(rng_next(rng) >> rng_below(rng, 64)));
	case 3:
		return js_new_double((double)(int64_t)rng_next(rng) / 1024);
	case 4: {
		char text[4];
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (char)rng_below(rng, 128);
		return js_new_text((struct slice){ text, rng_below(rng, sizeof(text) + 1) });
	}
	case 5: {
		struct js *a = js_new_array();
		for (uint64_t n = rng_below(rng, 5); n > 0; n--)
			js_push(a, random_tree(rng, depth - 1));
		return a;
	}
	default: {
		struct js *o = js_new_object();
		for (uint64_t n = rng_below(rng, 5); n > 0; n--)
			js_set(o, keys[rng_below(rng, ARRAY_LEN(keys))], random_tree(rng, depth - 1));
		return o;
	}
	}
}

static void any_tree_reads_back_as_it_was_written(void **state)
{
	struct rng rng = test_rng(__func__);
	for (int i = 0; i < 20000; i++) {
		CLEANUP(js_freep) struct js *j = random_tree(&rng, 5);
		CLEANUP(buf_done) struct buf b = BUF_INIT(1000000);
		if (i % 2)
			js_write(j, &b);
		else
			js_write_pretty(j, &b);
		CLEANUP(js_freep) struct js *back = parse(buf_str(&b));
		if (!js_equal(j, back))
			fail_msg("%s", buf_str(&b));
	}
}

static void a_bad_text_leaves_nothing_behind(void **state)
{
	CLEANUP(js_freep) struct js *j = NULL;
	assert_int_equal(js_parse(SLICE_LIT("\"\\ud83d\\u"), &j, NULL), -EINVAL);
	assert_int_equal(js_parse(SLICE_LIT("\"\\ud83d\\uzz\""), &j, NULL), -EINVAL);
	assert_int_equal(js_parse(SLICE_LIT("\"\\u0041\""), &j, NULL), 0);
	assert_string_equal(js_str(j), "A");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_read_and_write),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(depth_and_size_have_a_ceiling),
		cmocka_unit_test(readers_take_the_wrong_type_as_absent),
		cmocka_unit_test(null_and_absent_differ_only_for_has),
		cmocka_unit_test(types_are_told),
		cmocka_unit_test(objects_are_walked_in_order_of_writing),
		cmocka_unit_test(objects_are_equal_in_any_order),
		cmocka_unit_test(trees_are_built),
		cmocka_unit_test(texts_that_are_no_utf8_are_json_all_the_same),
		cmocka_unit_test(need_object_replaces_what_is_none),
		cmocka_unit_test(a_clone_is_a_tree_of_its_own_and_a_ref_is_not),
		cmocka_unit_test(people_get_an_indent_of_two),
		cmocka_unit_test(any_tree_reads_back_as_it_was_written),
		cmocka_unit_test(a_bad_text_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
