/* Watches, seen through HTTP as a client sees them. */
#include "data/json.h"
#include "embedded/embedded.h"
#include "io/http_client.h"

#include "lib/test.h"

enum { TIME_LIMIT = 30'000, KEEP = 20, WATCHES = 2 };

#define MAPS "/api/v1/namespaces/default/configmaps"

static struct loop *loop;
static struct embedded *server;
static struct http_client *client;
static struct loop_timer *give_up;
static struct http_answer answer;
static struct buf body;

/* One watch: its events as "ADDED name@rv ", and how it ended. */
struct watch {
	struct http_call *call;
	struct buf text, line;
	size_t events, wanted;
	bool over;
	int status;
};
static struct watch watches[WATCHES];

static void too_slow(void *arg)
{
	fail_msg("the test took too long; the watch has: %s", buf_str(&watches[0].text));
}

static int setup(void **state)
{
	struct embedded_options o = { .address = "127.0.0.1:0", .keep_changes = KEEP };
	body = BUF_INIT(JS_SIZE_MAX);
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(embedded_new(loop, &o, &server, NULL), 0);
	CLEANUP(freep) char *url = xasprintf("http://%s", embedded_address(server));
	assert_int_equal(http_client_new(loop, &(struct http_target){ .base_url = url }, &client, NULL), 0);
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, TIME_LIMIT);
	for (int i = 0; i < WATCHES; i++)
		watches[i] = (struct watch){ .text = BUF_INIT(64 << 20), .line = BUF_INIT(64 << 20) };
	return 0;
}

static int teardown(void **state)
{
	http_client_free(client);
	embedded_free(server);
	loop_timer_free(give_up);
	loop_free(loop);
	buf_done(&body);
	for (int i = 0; i < WATCHES; i++) {
		buf_done(&watches[i].text);
		buf_done(&watches[i].line);
	}
	return 0;
}

static void on_done(const struct http_answer *a, void *arg)
{
	answer = *a;
	buf_clear(&body);
	buf_add_slice(&body, a->body);
	loop_stop(loop);
}

static const char *ask(const char *method, const char *path, const char *text)
{
	struct http_request r = { .method = method,
				  .path = path,
				  .body = slice_of(text),
				  .content_type = strcmp(method, "PATCH") == 0
							  ? "application/merge-patch+json"
							  : "application/json",
				  .on_done = on_done };
	http_client_send(client, &r);
	do
		loop_run(loop, NULL);
	while (!answer.status);
	if (answer.status >= 300)
		fail_msg("%s %s: %d %s", method, path, answer.status, buf_str(&body));
	answer.status = 0;
	return buf_str(&body);
}

static void make(const char *name, const char *label)
{
	CLEANUP(freep)
	char *text = xasprintf("{\"metadata\":{\"name\":\"%s\",\"labels\":{\"l\":\"%s\"}}}", name, label);
	ask("POST", MAPS, text);
}

static void label(const char *name, const char *value)
{
	CLEANUP(freep) char *path = xasprintf(MAPS "/%s", name);
	CLEANUP(freep) char *text = xasprintf("{\"metadata\":{\"labels\":{\"l\":\"%s\"}}}", value);
	ask("PATCH", path, text);
}

static void drop(const char *name)
{
	CLEANUP(freep) char *path = xasprintf(MAPS "/%s", name);
	ask("DELETE", path, NULL);
}

static void read_line(struct watch *w)
{
	CLEANUP(js_freep) struct js *event = NULL;
	if (js_parse(buf_slice(&w->line), &event, NULL) < 0)
		fail_msg("no JSON: %s", buf_str(&w->line));
	const struct js *object = js_get(event, "object"), *m = js_get(object, "metadata");
	const char *type = js_str(js_get(event, "type")), *name = js_str(js_get(m, "name"));
	if (js_type(js_get(object, "rows")) == JS_ARRAY)
		buf_addf(&w->text, "%s table of %zu columns ", type,
			 js_len(js_get(object, "columnDefinitions")));
	else if (js_has(object, "code"))
		buf_addf(&w->text, "%s %d ", type, (int)js_int(js_get(object, "code"), 0));
	else if (js_path(m, "annotations", "k8s.io/initial-events-end"))
		buf_addf(&w->text, "END ");
	else
		buf_addf(&w->text, "%s %s ", type, name ? name : "-");
	w->events++;
	buf_clear(&w->line);
}

static void on_data(struct slice piece, void *arg)
{
	struct watch *w = arg;
	for (size_t i = 0; i < piece.len; i++) {
		if (piece.ptr[i] == '\n')
			read_line(w);
		else
			buf_add_char(&w->line, piece.ptr[i]);
	}
	if (w->wanted && w->events >= w->wanted)
		loop_stop(loop);
}

static void on_over(const struct http_answer *a, void *arg)
{
	struct watch *w = arg;
	w->over = true;
	w->status = a->status;
	loop_stop(loop);
}

static void watch(struct watch *w, const char *path, const char *accept)
{
	struct http_request r = { .method = "GET",
				  .path = path,
				  .accept = accept,
				  .on_data = on_data,
				  .on_done = on_over,
				  .arg = w };
	w->call = http_client_send(client, &r);
}

/* The first n events. */
static const char *events(struct watch *w, size_t n)
{
	w->wanted = n;
	while (w->events < n && !w->over)
		loop_run(loop, NULL);
	w->wanted = 0;
	return buf_str(&w->text);
}

static void end_of(struct watch *w)
{
	while (!w->over)
		loop_run(loop, NULL);
}

/* The revision that a list has now. */
static char *revision(void)
{
	CLEANUP(js_freep) struct js *list = NULL;
	assert_int_equal(js_parse(slice_of(ask("GET", MAPS, NULL)), &list, NULL), 0);
	return xstrdup(js_str(js_path(list, "metadata", "resourceVersion")));
}

static void the_state_comes_first(void **state)
{
	make("a", "1");
	make("b", "1");
	watch(&watches[0], MAPS "?watch=1", NULL);
	assert_string_equal(events(&watches[0], 2), "ADDED a ADDED b ");
	make("c", "1");
	label("a", "2");
	drop("b");
	assert_string_equal(events(&watches[0], 5), "ADDED a ADDED b ADDED c MODIFIED a DELETED b ");
}

static void a_bookmark_ends_the_initial_events(void **state)
{
	make("a", "1");
	watch(&watches[0],
	      MAPS
	      "?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan",
	      NULL);
	assert_string_equal(events(&watches[0], 2), "ADDED a END ");
	make("b", "1");
	assert_string_equal(events(&watches[0], 3), "ADDED a END ADDED b ");
}

static void a_watch_resumes_from_a_revision(void **state)
{
	make("a", "1");
	CLEANUP(freep) char *rv = revision();
	CLEANUP(freep) char *path = xasprintf(MAPS "?watch=1&resourceVersion=%s", rv);
	make("b", "1");
	drop("a");
	make("a", "1");
	watch(&watches[0], path, NULL);
	assert_string_equal(events(&watches[0], 3), "ADDED b DELETED a ADDED a ");
	label("a", "2");
	assert_string_equal(events(&watches[0], 4), "ADDED b DELETED a ADDED a MODIFIED a ");
}

/* Live and from the log: what begins to match is added, what stops is deleted. */
static void a_selector_turns_changes_into_adds_and_deletes(void **state)
{
	CLEANUP(freep) char *rv = revision();
	CLEANUP(freep) char *path = xasprintf(MAPS "?watch=1&labelSelector=l%%3D1&resourceVersion=%s", rv);
	static const char want[] = "ADDED a MODIFIED a DELETED a ADDED a DELETED a ";
	watch(&watches[0], path, NULL);
	make("a", "1");
	ask("PATCH", MAPS "/a", "{\"data\":{\"k\":\"v\"}}");
	label("a", "2");
	make("other", "2");
	label("a", "1");
	drop("a");
	drop("other");
	assert_string_equal(events(&watches[0], 5), want);
	watch(&watches[1], path, NULL);
	assert_string_equal(events(&watches[1], 5), want);
}

static void what_is_compacted_is_gone(void **state)
{
	CLEANUP(freep) char *rv = revision();
	CLEANUP(freep) char *path = xasprintf(MAPS "?watch=1&resourceVersion=%s", rv);
	make("a", "0");
	for (int i = 0; i < 2 * KEEP; i++)
		label("a", i % 2 ? "1" : "2");
	watch(&watches[0], path, NULL);
	end_of(&watches[0]);
	assert_string_equal(buf_str(&watches[0].text), "ERROR 410 ");
	/* So is a revision that was never there. */
	watch(&watches[1], MAPS "?watch=1&resourceVersion=999999", NULL);
	end_of(&watches[1]);
	assert_string_equal(buf_str(&watches[1].text), "ERROR 410 ");
}

static void a_watch_ends_when_its_time_is_up(void **state)
{
	make("a", "1");
	watch(&watches[0], MAPS "?watch=1&timeoutSeconds=1", NULL);
	end_of(&watches[0]);
	assert_int_equal(watches[0].status, 200);
	assert_string_equal(buf_str(&watches[0].text), "ADDED a ");
}

static void the_first_row_of_a_table_watch_has_the_columns(void **state)
{
	make("a", "1");
	make("b", "1");
	watch(&watches[0], MAPS "?watch=1", "application/json;as=Table;v=v1;g=meta.k8s.io");
	assert_string_equal(events(&watches[0], 2), "ADDED table of 3 columns ADDED table of 0 columns ");
}

static void the_end_of_a_kind_ends_its_watches(void **state)
{
	ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
	    "{\"metadata\":{\"name\":\"things.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
	    "\"Cluster\","
	    "\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},\"versions\":[{\"name\":\"v1\",\"served\":"
	    "true,"
	    "\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}");
	ask("POST", "/apis/example.com/v1/things", "{\"metadata\":{\"name\":\"x\"}}");
	watch(&watches[0], "/apis/example.com/v1/things?watch=1", NULL);
	assert_string_equal(events(&watches[0], 1), "ADDED x ");
	ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com", NULL);
	end_of(&watches[0]);
	assert_string_equal(buf_str(&watches[0].text), "ADDED x DELETED x ");
}

/* More than a stream may hold back at once still arrives, whole and in order. */
static void a_large_state_arrives_in_pages(void **state)
{
	enum { OBJECTS = 40, SIZE = 100 * 1024 };
	CLEANUP(buf_done) struct buf want = BUF_INIT(1 << 20);
	for (int i = 0; i < OBJECTS; i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 20);
		buf_addf(&text, "{\"metadata\":{\"name\":\"m%02d\"},\"data\":{\"k\":\"", i);
		for (int n = 0; n < SIZE; n++)
			buf_add_char(&text, 'x');
		buf_add_str(&text, "\"}}");
		ask("POST", MAPS, buf_str(&text));
		buf_addf(&want, "ADDED m%02d ", i);
	}
	watch(&watches[0], MAPS "?watch=1", NULL);
	assert_string_equal(events(&watches[0], OBJECTS), buf_str(&want));
	label("m00", "1");
	buf_add_str(&want, "MODIFIED m00 ");
	assert_string_equal(events(&watches[0], OBJECTS + 1), buf_str(&want));
}

static void a_server_ends_with_its_watches(void **state)
{
	make("a", "1");
	watch(&watches[0], MAPS "?watch=1", NULL);
	events(&watches[0], 1);
	embedded_free(server);
	server = NULL;
	end_of(&watches[0]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_state_comes_first),
		CASE(a_bookmark_ends_the_initial_events),
		CASE(a_watch_resumes_from_a_revision),
		CASE(a_selector_turns_changes_into_adds_and_deletes),
		CASE(what_is_compacted_is_gone),
		CASE(a_watch_ends_when_its_time_is_up),
		CASE(the_first_row_of_a_table_watch_has_the_columns),
		CASE(the_end_of_a_kind_ends_its_watches),
		CASE(a_large_state_arrives_in_pages),
		CASE(a_server_ends_with_its_watches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
