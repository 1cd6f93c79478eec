/* Faults as a client sees them, through HTTP. */
#include "data/json.h"
#include "embedded/embedded.h"
#include "io/http_client.h"

#include "lib/test.h"

enum { TIME_LIMIT = 30'000 };

#define MAPS "/api/v1/namespaces/default/configmaps"

static struct loop *loop;
static struct embedded *server;
static struct http_client *client;
static struct loop_timer *give_up;
static struct http_answer answer;
static struct buf body, stream;

static void too_slow(void *arg)
{
	fail_msg("the test took too long");
}

static void start(const char *faults)
{
	struct embedded_options o = { .address = "127.0.0.1:0", .faults = faults };
	assert_int_equal(embedded_new(loop, &o, &server, NULL), 0);
	CLEANUP(freep) char *url = xasprintf("http://%s", embedded_address(server));
	assert_int_equal(http_client_new(loop, &(struct http_target){ .base_url = url }, &client, NULL), 0);
}

static int setup(void **state)
{
	body = stream = BUF_INIT(JS_SIZE_MAX);
	assert_int_equal(loop_new(&loop, NULL), 0);
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, TIME_LIMIT);
	return 0;
}

static int teardown(void **state)
{
	http_client_free(client);
	embedded_free(server);
	client = NULL;
	server = NULL;
	loop_timer_free(give_up);
	loop_free(loop);
	buf_done(&body);
	buf_done(&stream);
	return 0;
}

static void on_done(const struct http_answer *a, void *arg)
{
	answer = *a;
	buf_clear(&body);
	buf_add_slice(&body, a->body);
	loop_stop(loop);
}

static void on_data(struct slice piece, void *arg)
{
	buf_add_slice(&stream, piece);
}

static int ask(const char *method, const char *path, const char *text)
{
	struct http_request r = { .method = method,
				  .path = path,
				  .body = slice_of(text),
				  .content_type = "application/json",
				  .on_data = strstr(path, "watch=") ? on_data : NULL,
				  .on_done = on_done };
	http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
	return answer.status;
}

static int make(const char *name)
{
	CLEANUP(freep) char *text = xasprintf("{\"metadata\":{\"name\":\"%s\"}}", name);
	return ask("POST", MAPS, text);
}

static void test_codes(void **state)
{
	start("429,retry-after=3,verb=create");
	assert_int_equal(make("a"), 429);
	assert_int_equal(answer.retry_after, 3);
	assert_non_null(strstr(buf_str(&body), "\"reason\":\"TooManyRequests\""));
	assert_int_equal(ask("GET", MAPS, NULL), 200);
	assert_null(strstr(buf_str(&body), "\"name\":\"a\""));
	assert_int_equal(ask("PUT", "/faults", "404,resource=configmaps"), 200);
	assert_int_equal(ask("GET", MAPS, NULL), 404);
	assert_int_equal(ask("GET", "/api/v1/namespaces", NULL), 200);
	assert_int_equal(ask("PUT", "/faults", ""), 200);
	assert_int_equal(make("a"), 201);
}

static void test_a_dropped_request_did_nothing_and_a_lost_one_did(void **state)
{
	start("drop,verb=create");
	assert_int_equal(make("dropped"), 0);
	assert_non_null(answer.error);
	assert_int_equal(ask("PUT", "/faults", "lost"), 200);
	assert_int_equal(make("lost"), 0);
	assert_true(answer.sent);
	assert_int_equal(ask("PUT", "/faults", ""), 200);
	assert_int_equal(ask("GET", MAPS "/dropped", NULL), 404);
	assert_int_equal(ask("GET", MAPS "/lost", NULL), 200);
}

static void test_latency(void **state)
{
	start("latency,ms=150,verb=create");
	msec before = loop_now(loop);
	assert_int_equal(make("a"), 201);
	assert_in_range(loop_now(loop) - before, 140, 10'000);
	/* The delay is over when its verdict comes due. */
	assert_int_equal(ask("PUT", "/faults", "latency,ms=20;500"), 200);
	assert_int_equal(ask("GET", MAPS, NULL), 500);
}

static void test_the_server_goes_while_a_request_waits(void **state)
{
	start("latency,ms=60000");
	struct http_request r = { .method = "GET", .path = MAPS, .on_done = on_done };
	http_client_send(client, &r);
	struct loop_timer *soon = loop_timer_new(loop, (loop_fn *)loop_stop, loop);
	loop_timer_set(soon, 50);
	assert_int_equal(loop_run(loop, NULL), 0);
	loop_timer_free(soon);
	embedded_free(server);
	server = NULL;
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(answer.status, 0);
}

static void test_watches(void **state)
{
	start("cut,ms=100");
	assert_int_equal(ask("GET", MAPS "?watch=true", NULL), 200);
	assert_non_null(answer.error); /* not an orderly end */
	assert_int_equal(ask("PUT", "/faults", "410,verb=watch"), 200);
	assert_int_equal(ask("GET", MAPS "?watch=true", NULL), 200);
	assert_non_null(strstr(buf_str(&stream), "\"type\":\"ERROR\""));
	assert_non_null(strstr(buf_str(&stream), "\"code\":410"));
}

static void test_compaction_on_demand(void **state)
{
	start("");
	assert_int_equal(make("a"), 201);
	assert_int_equal(make("b"), 201);
	assert_int_equal(ask("GET", MAPS "?watch=true&resourceVersion=2&timeoutSeconds=1", NULL), 200);
	assert_non_null(strstr(buf_str(&stream), "\"name\":\"b\""));
	buf_clear(&stream);
	assert_int_equal(ask("POST", "/faults/compact", ""), 200);
	assert_int_equal(ask("GET", MAPS "?watch=true&resourceVersion=2", NULL), 200);
	assert_non_null(strstr(buf_str(&stream), "\"code\":410"));
	assert_int_equal(ask("GET", MAPS "/a", NULL), 200);
}

static void test_the_path(void **state)
{
	start("seed=1;500,resource=nodes");
	assert_int_equal(ask("GET", "/api/v1/nodes", NULL), 500);
	assert_int_equal(ask("GET", "/faults", NULL), 200);
	assert_non_null(strstr(buf_str(&body), "\"spec\":\"seed=1;500,resource=nodes\""));
	assert_non_null(strstr(buf_str(&body), "\"fault\":\"500\",\"struck\":1"));
	assert_int_equal(ask("PUT", "/faults", "418"), 400);
	assert_non_null(strstr(buf_str(&body), "unknown fault"));
	assert_int_equal(ask("GET", "/api/v1/nodes", NULL), 500); /* the old plan goes on */
	assert_int_equal(ask("DELETE", "/faults", NULL), 405);
}

static void test_there_is_no_such_path_without_faults(void **state)
{
	start(NULL);
	assert_int_equal(ask("GET", "/faults", NULL), 404);
	assert_int_equal(ask("PUT", "/faults", "500"), 404);
	assert_int_equal(ask("GET", "/api/v1/nodes", NULL), 200);
}

static void test_a_wrong_plan_stops_the_start(void **state)
{
	struct err e = { 0 };
	struct embedded_options o = { .address = "127.0.0.1:0", .faults = "500:5" };
	assert_true(embedded_new(loop, &o, &server, &e) < 0);
	assert_string_equal(
		e.msg,
		"embedded API: faults: 500: probability \"5\": want a number from 0 to 1 such as 0.05");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(codes),
		TEST(a_dropped_request_did_nothing_and_a_lost_one_did),
		TEST(latency),
		TEST(the_server_goes_while_a_request_waits),
		TEST(watches),
		TEST(compaction_on_demand),
		TEST(the_path),
		TEST(there_is_no_such_path_without_faults),
		TEST(a_wrong_plan_stops_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
