#include "kube/listing.h"

#include "lib/test.h"

#include <errno.h>

static struct buf told;

static int on_object(struct js *object, void *arg, struct err *e)
{
	(void)arg;
	js_write(object, &told);
	buf_add_char(&told, '\n');
	return js_has(object, "stop") ? err_set(e, ECANCELED, "stop") : 0;
}

static struct listing fresh(void)
{
	struct listing l;
	buf_done(&told);
	told = BUF_INIT(64u << 20);
	listing_init(&l, on_object, NULL);
	return l;
}

/* Fed whole, and then byte by byte: the outcome must be the same. */
static int take(struct listing *l, const char *text, struct err *e)
{
	struct err again_e = { 0 };
	*l = fresh();
	for (size_t i = 0; text[i]; i++)
		if (listing_feed(l, (struct slice){ text + i, 1 }, &again_e) < 0)
			break;
	CLEANUP(freep) char *bytewise = xstrdup(buf_str(&told));
	int again = again_e.code ? -again_e.code : listing_end(l, &again_e);
	listing_done(l);

	*l = fresh();
	int r = listing_feed(l, slice_of(text), e);
	if (r == 0)
		r = listing_end(l, e);
	assert_int_equal(r, again);
	assert_string_equal(buf_str(&told), bytewise);
	return r;
}

static void fields_come_in_any_order(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"kind\":\"L\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"x=\"},"
		"\"items\":[{\"a\":1},{\"b\":[1,{\"c\":\"}]\\\"\"}]}]}",
		"{\"items\":[{\"a\":1},{\"b\":[1,{\"c\":\"}]\\\"\"}]}],\"x\":[[{\"items\":3}]],"
		"\"metadata\":{\"continue\":\"x=\",\"resourceVersion\":\"7\"}}\n",
		" {\r\n\t\"items\" : [ {\"a\": 1} ,\n{\"b\":[1, {\"c\":\"}]\\\"\"}]} ] , \"n\" : null, "
		"\"metadata\" : "
		"{\"resourceVersion\":\"7\", \"continue\" :\"x=\"}, \"t\":true } ",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(listing_done) struct listing l;
		assert_int_equal(take(&l, texts[i], NULL), 0);
		assert_string_equal(buf_str(&told), "{\"a\":1}\n{\"b\":[1,{\"c\":\"}]\\\"\"}]}\n");
		assert_string_equal(l.resource_version, "7");
		assert_string_equal(l.next, "x=");
	}
}

static void an_empty_list_is_a_list(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"\"},\"items\":null}",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(listing_done) struct listing l;
		assert_int_equal(take(&l, texts[i], NULL), 0);
		assert_int_equal(told.len, 0);
		assert_null(l.next);
	}
}

static void what_is_no_list_is_an_error(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"[]",
		"null",
		"x",
		"\"items\"",
		"{}",
		"{\"items\":[]}",
		"{\"items\":[],\"metadata\":{}}",
		"{\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":{},\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}",
		"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}}",
		"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}{",
		"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}x",
		"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}\"",
		"{\"items\":[],\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[1],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[null],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[\"a\"],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[[]],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[{\"a\":1]],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[{\"a\"}],\"metadata\":{\"resourceVersion\":\"7\"}}",
		"{\"items\":[],\"metadata\":{\"resourceVersion\":7}}",
		"}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(listing_done) struct listing l;
		struct err e = { 0 };
		if (take(&l, bad[i], &e) != -EINVAL)
			fail_msg("taken as a list: %s", bad[i]);
		assert_true(e.msg[0] != '\0');
	}
}

static void a_long_key_is_another_key(void **state)
{
	(void)state;
	CLEANUP(listing_done) struct listing l;
	CLEANUP(freep)
	char *text = xasprintf(
		"{\"items%0*d\":[1],\"items\":[{\"a\":1}],\"metadata\":{\"resourceVersion\":\"7\"}}", 100, 0);
	assert_int_equal(take(&l, text, NULL), 0);
	assert_string_equal(buf_str(&told), "{\"a\":1}\n");
}

static void the_consumers_error_stops_the_feeding(void **state)
{
	(void)state;
	CLEANUP(listing_done) struct listing l;
	assert_int_equal(take(&l, "{\"items\":[{\"a\":1},{\"stop\":1},{\"b\":1}]", NULL), -ECANCELED);
	assert_string_equal(buf_str(&told), "{\"a\":1}\n{\"stop\":1}\n");
}

static void an_object_has_a_ceiling(void **state)
{
	(void)state;
	CLEANUP(listing_done) struct listing l = fresh();
	char chunk[4096];
	memset(chunk, ' ', sizeof(chunk));
	assert_int_equal(listing_feed(&l, SLICE_LIT("{\"items\":[{"), NULL), 0);
	int r = 0;
	size_t fed = 0;
	for (; r == 0 && fed < 2 * (size_t)LISTING_OBJECT_MAX; fed += sizeof(chunk))
		r = listing_feed(&l, (struct slice){ chunk, sizeof(chunk) }, NULL);
	assert_int_equal(r, -E2BIG);
	assert_true(fed <= LISTING_OBJECT_MAX + 2 * sizeof(chunk));
}

static void white_space_between_objects_costs_no_memory(void **state)
{
	(void)state;
	CLEANUP(listing_done) struct listing l = fresh();
	char chunk[4096];
	memset(chunk, ' ', sizeof(chunk));
	assert_int_equal(listing_feed(&l, SLICE_LIT("{\"items\":[{\"a\":1},"), NULL), 0);
	for (size_t fed = 0; fed < 2 * (size_t)LISTING_OBJECT_MAX; fed += sizeof(chunk))
		assert_int_equal(listing_feed(&l, (struct slice){ chunk, sizeof(chunk) }, NULL), 0);
	assert_true(l.piece.cap < 1000);
}

/* A random value as JSON text, in the form js_write() gives it. */
static void random_value(struct rng *rng, struct buf *out, int depth)
{
	static const char *const atoms[] = { "1",         "-5",          "true",   "null",
					     "\"\"",      "\"a b\"",     "\"]}\"", "\"\\\\\\\"{[\"",
					     "\"\\n,:\"", "\"\xc3\xa4\"" };
	uint64_t kind = depth >= 4 ? 0 : rng_below(rng, 4);
	if (kind <= 1) {
		buf_add_str(out, atoms[rng_below(rng, ARRAY_LEN(atoms))]);
		return;
	}
	buf_add_char(out, kind == 2 ? '{' : '[');
	for (uint64_t i = 0, n = rng_below(rng, 4); i < n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		if (kind == 2)
			buf_addf(out, "\"k%d\\\"\":", (int)i);
		random_value(rng, out, depth + 1);
	}
	buf_add_char(out, kind == 2 ? '}' : ']');
}

static void cuts_change_nothing(void **state)
{
	(void)state;
	struct rng rng = test_rng("cuts_change_nothing");
	for (int round = 0; round < 300; round++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(1u << 20);
		CLEANUP(buf_done) struct buf want = BUF_INIT(1u << 20);
		buf_add_str(&text, "{\"x\":");
		random_value(&rng, &text, 0);
		buf_add_str(&text, ",\"items\":[");
		for (uint64_t i = 0, n = rng_below(&rng, 20); i < n; i++) {
			CLEANUP(buf_done) struct buf object = BUF_INIT(1u << 20);
			buf_addf(&object, "{\"i\":%d,\"v\":", (int)i);
			random_value(&rng, &object, 0);
			buf_add_char(&object, '}');
			buf_addf(&text, "%s%s", i ? "," : "", buf_str(&object));
			buf_addf(&want, "%s\n", buf_str(&object));
		}
		buf_add_str(&text, "],\"metadata\":{\"resourceVersion\":\"9\",\"x\":");
		random_value(&rng, &text, 0);
		buf_add_str(&text, "}}");

		CLEANUP(listing_done) struct listing l = fresh();
		size_t most = 1 + rng_below(&rng, 200);
		for (size_t at = 0; at < text.len;) {
			size_t n = 1 + rng_below(&rng, most);
			n = n < text.len - at ? n : text.len - at;
			struct err e = { 0 };
			if (listing_feed(&l, (struct slice){ text.ptr + at, n }, &e) < 0)
				fail_msg("%s: %s", e.msg, buf_str(&text));
			at += n;
		}
		assert_int_equal(listing_end(&l, NULL), 0);
		assert_string_equal(buf_str(&told), buf_str(&want));
		assert_string_equal(l.resource_version, "9");
	}
}

static int done(void **state)
{
	(void)state;
	buf_done(&told);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_in_any_order),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(what_is_no_list_is_an_error),
		cmocka_unit_test(a_long_key_is_another_key),
		cmocka_unit_test(the_consumers_error_stops_the_feeding),
		cmocka_unit_test(an_object_has_a_ceiling),
		cmocka_unit_test(white_space_between_objects_costs_no_memory),
		cmocka_unit_test(cuts_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, done);
}
