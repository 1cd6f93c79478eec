#include "kube/watch.h"

#include "lib/test.h"

#include <errno.h>

static struct buf told;

static int on_event(const char *type, struct js *object, void *arg, struct err *e)
{
	(void)arg;
	buf_addf(&told, "%s ", type);
	js_write(object, &told);
	buf_add_char(&told, '\n');
	return strcmp(type, "STOP") == 0 ? err_set(e, ECANCELED, "stop") : 0;
}

static int feed(struct watch *w, const char *bytes)
{
	return watch_feed(w, slice_of(bytes), NULL);
}

static struct watch fresh(void)
{
	struct watch w;
	buf_done(&told);
	told = BUF_INIT(64u << 20);
	watch_init(&w, on_event, NULL);
	return w;
}

static void each_line_is_an_event(void **state)
{
	(void)state;
	CLEANUP(watch_done) struct watch w = fresh();
	assert_int_equal(feed(&w, "{\"type\":\"ADDED\",\"object\":{\"a\":1}}\n\r\n\n{\"type\":\"DEL"), 0);
	assert_false(watch_is_between_lines(&w));
	assert_string_equal(buf_str(&told), "ADDED {\"a\":1}\n");
	assert_int_equal(feed(&w, "ETED\",\"object\":{}}"), 0);
	assert_string_equal(buf_str(&told), "ADDED {\"a\":1}\n");
	assert_int_equal(feed(&w, "\n"), 0);
	assert_string_equal(buf_str(&told), "ADDED {\"a\":1}\nDELETED {}\n");
	assert_true(watch_is_between_lines(&w));
}

static void what_is_no_event_is_an_error(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{\n",
		"[]\n",
		"null\n",
		"{\"type\":1,\"object\":{}}\n",
		"{\"type\":\"ADDED\"}\n",
		"{\"type\":\"ADDED\",\"object\":null}\n",
		"{\"type\":\"ADDED\",\"object\":[]}\n",
		"{\"object\":{}}\n",
		"{\"type\":\"ADDED\",\"object\":{}} {}\n",
		"HTTP/1.1 500\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(watch_done) struct watch w = fresh();
		struct err e = { 0 };
		assert_int_equal(watch_feed(&w, slice_of(bad[i]), &e), -EINVAL);
		assert_true(e.msg[0] != '\0');
		assert_int_equal(told.len, 0);
	}
}

static void the_consumers_error_stops_the_feeding(void **state)
{
	(void)state;
	CLEANUP(watch_done) struct watch w = fresh();
	assert_int_equal(feed(&w, "{\"type\":\"STOP\",\"object\":{}}\n{\"type\":\"ADDED\",\"object\":{}}\n"),
			 -ECANCELED);
	assert_string_equal(buf_str(&told), "STOP {}\n");
}

/* In one piece or in many, finished or not: never more than the ceiling is kept. */
static void a_line_has_a_ceiling(void **state)
{
	(void)state;
	size_t n = WATCH_LINE_MAX + 1;
	CLEANUP(freep) char *text = xmalloc(n + 1);
	memset(text, ' ', n);
	text[n] = '\n';
	for (int way = 0; way < 3; way++) {
		CLEANUP(watch_done) struct watch w = fresh();
		int r = 0;
		if (way == 0)
			r = watch_feed(&w, (struct slice){ text, n + 1 }, NULL);
		for (size_t at = 0; way > 0 && at < n && r == 0; at += 65536)
			r = watch_feed(&w, (struct slice){ text + at, n - at < 65536 ? n - at : 65536 },
				       NULL);
		assert_int_equal(r, -E2BIG);
	}
	CLEANUP(watch_done) struct watch w = fresh();
	assert_int_equal(watch_feed(&w, (struct slice){ text + 1, n }, NULL), 0);
}

static void cuts_change_nothing(void **state)
{
	(void)state;
	struct rng rng = test_rng("cuts_change_nothing");
	CLEANUP(buf_done) struct buf stream = BUF_INIT(1u << 20);
	CLEANUP(buf_done) struct buf want = BUF_INIT(1u << 20);
	for (int i = 0; i < 300; i++) {
		CLEANUP(buf_done) struct buf object = BUF_INIT(10000);
		buf_addf(&object, "{\"n\":%d,\"s\":\"\\n\\\"%0*d\"}", i, (int)rng_below(&rng, 300) + 1, 7);
		buf_addf(&stream, "{\"type\":\"MODIFIED\",\"object\":%s}%s", buf_str(&object),
			 rng_below(&rng, 5) ? "\n" : "\r\n");
		buf_addf(&want, "MODIFIED %s\n", buf_str(&object));
	}
	for (int round = 0; round < 50; round++) {
		CLEANUP(watch_done) struct watch w = fresh();
		size_t most = round == 0 ? 1 : 1 + rng_below(&rng, round % 2 ? 2000 : 20);
		for (size_t at = 0; at < stream.len;) {
			size_t n = 1 + rng_below(&rng, most);
			n = n < stream.len - at ? n : stream.len - at;
			assert_int_equal(watch_feed(&w, (struct slice){ stream.ptr + at, n }, NULL), 0);
			at += n;
		}
		assert_true(watch_is_between_lines(&w));
		assert_string_equal(buf_str(&told), buf_str(&want));
	}
}

static int done(void **state)
{
	(void)state;
	buf_done(&told);
	return 0;
}

static struct buf asked;

/* Knows version 5 of everything. */
static bool known(const struct object_id *id, void *arg)
{
	(void)arg;
	buf_addf(&asked, "%s/%s %s %s\n", id->namespace, id->name, id->uid, id->resource_version);
	return strcmp(id->resource_version, "5") == 0;
}

static const char *ask(const char *line)
{
	CLEANUP(watch_done) struct watch w = fresh();
	buf_done(&asked);
	asked = BUF_INIT(1u << 16);
	w.known = known;
	CLEANUP(freep) char *bytes = xasprintf("%s\n", line);
	assert_int_equal(feed(&w, bytes), 0);
	return buf_str(&asked);
}

static void what_is_known_is_not_told(void **state)
{
	(void)state;
	assert_string_equal(
		ask("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Service\",\"metadata\":{\"name\":\"a\","
		    "\"labels\":{\"uid\":\"no\"},\"namespace\":\"n\",\"uid\":\"u\","
		    "\"resourceVersion\":\"5\",\"generation\":1},\"spec\":{}}}"),
		"n/a u 5\n");
	assert_string_equal(buf_str(&told), "");
	assert_string_equal(ask("{ \"type\" : \"ADDED\" , \"object\" : { \"metadata\" : { \"name\" : \"a\" , "
				"\"resourceVersion\" : \"5\" } } }"),
			    "/a  5\n");
	assert_string_equal(buf_str(&told), "");
	assert_string_equal(ask("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\","
				"\"resourceVersion\":\"6\"}}}"),
			    "/a  6\n");
	assert_string_equal(buf_str(&told),
			    "ADDED {\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"6\"}}\n");
}

/* What is gone is always told, and so is whatever does not say plainly which version it is. */
static void what_may_be_news_is_told(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"}}}",
		"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"}}"
		"}",
		"{\"type\":\"ERROR\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"}}}",
		"{\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"}},\"type\":\"ADDED\"}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\",\"name\":\"a\"}}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":5}}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\\u0061\",\"resourceVersion\":"
		"\"5\"}}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":null}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"\"}}}",
		"{\"type\":\"ADDED\",\"object\":{}}",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_string_equal(ask(lines[i]), "");
		assert_true(told.len > 0);
	}
	CLEANUP(freep) char *long_name = xcalloc(1, 1000);
	memset(long_name, 'x', 999);
	CLEANUP(freep)
	char *line = xasprintf(
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"%s\",\"resourceVersion\":\"5\"}}}",
		long_name);
	assert_string_equal(ask(line), "");
	assert_true(told.len > 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_an_event),
		cmocka_unit_test(what_is_no_event_is_an_error),
		cmocka_unit_test(the_consumers_error_stops_the_feeding),
		cmocka_unit_test(a_line_has_a_ceiling),
		cmocka_unit_test(cuts_change_nothing),
		cmocka_unit_test(what_is_known_is_not_told),
		cmocka_unit_test(what_may_be_news_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, done);
}
