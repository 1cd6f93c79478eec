/* The Lease over HTTP, against a server that keeps one, and against one that answers nonsense. */
#include "kube/lease_io.h"

#include "lib/raw_server.h"

static struct loop *loop;
static struct raw_server *server;
static struct kube *kube;
static struct loop_timer *give_up;
static struct elector *elector;

static struct {
	const char *get; /* body of the answer to a read; NULL = 404 */
	int puts, posts, gets;
	struct buf last_body;
	bool refuse_writes;
} api;

static struct {
	int leads, lost, troubles;
	char follows[64], why[400];
	int stop_after_gets;
} got;

static void too_slow(void *arg)
{
	(void)arg;
	fail_msg("the test took too long");
}

static void serve(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	(void)arg;
	CLEANUP(freep) char *request = xstrndup(head.ptr, head.len);
	if (strstr(request, "watch=true")) {
		raw_reply(c, 403, NULL, "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}");
		return;
	}
	if (strncmp(request, "GET", 3) == 0) {
		raw_reply(c, api.get ? 200 : 404, NULL, api.get ? api.get : "{}");
		if (++api.gets == got.stop_after_gets)
			loop_stop(loop);
		return;
	}
	api.puts += strncmp(request, "PUT", 3) == 0;
	api.posts += strncmp(request, "POST", 4) == 0;
	buf_clear(&api.last_body);
	buf_add_slice(&api.last_body, body);
	if (api.refuse_writes) {
		raw_reply(c, 500, NULL, "no");
		return;
	}
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT(100000);
	assert_int_equal(js_parse(body, &object, NULL), 0);
	js_set(js_need_object(object, "metadata"), "resourceVersion", js_new_str("77"));
	js_write(object, &text);
	raw_reply(c, 200, NULL, buf_str(&text));
}

static void on_leads(void *arg)
{
	(void)arg;
	got.leads++;
	loop_stop(loop);
}

static void on_follows(const char *holder, const char *since, void *arg)
{
	(void)since;
	(void)arg;
	(void)snprintf(got.follows, sizeof(got.follows), "%s", holder);
	loop_stop(loop);
}

static void on_lost(const char *why, void *arg)
{
	(void)arg;
	got.lost++;
	(void)snprintf(got.why, sizeof(got.why), "%s", why);
	loop_stop(loop);
}

static void on_trouble(const char *verb, int status, const char *why, void *arg)
{
	(void)verb;
	(void)status;
	(void)why;
	(void)arg;
	got.troubles++;
}

static const struct elector_ops ops = { on_leads, on_follows, on_lost, on_trouble };

static int setup(void **state)
{
	(void)state;
	memset(&api, 0, sizeof(api));
	memset(&got, 0, sizeof(got));
	api.last_body = BUF_INIT(100000);
	assert_int_equal(loop_new(&loop, NULL), 0);
	server = raw_server_new(loop, 0, serve, NULL);
	struct kube_config *config = xcalloc(1, sizeof(*config));
	config->server = xasprintf("http://127.0.0.1:%d", server->port);
	assert_int_equal(kube_new(loop, config, 8, &kube, NULL), 0);
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, 20000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	elector_free(TAKE(elector));
	kube_free(TAKE(kube));
	raw_server_free(server);
	loop_timer_free(give_up);
	buf_done(&api.last_body);
	loop_free(loop);
	return 0;
}

static void start(void)
{
	elector = elector_new(&(struct elector_options){
		.kube = kube,
		.ns = "ns",
		.name = "lock",
		.manager = "berth",
		.lease = { .identity = "me",
			   .duration = 900,
			   .renew_deadline = 300,
			   .retry_period = 20,
			   .seed = 1 },
		.ops = &ops,
	});
}

static void run(void)
{
	assert_int_equal(loop_run(loop, NULL), 0);
}

static void stop_loop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static struct js *written(void)
{
	struct js *object = NULL;
	assert_int_equal(js_parse(buf_slice(&api.last_body), &object, NULL), 0);
	return object;
}

static void a_lease_is_made_and_given_back(void **state)
{
	(void)state;
	start();
	assert_string_equal(elector_problem(elector), "not read yet");
	run();
	assert_int_equal(got.leads, 1);
	assert_int_equal(api.posts, 1);
	assert_true(elector_leads(elector));
	assert_null(elector_problem(elector));
	CLEANUP(js_freep) struct js *made = written();
	assert_string_equal(js_str(js_path(made, "metadata", "name")), "lock");
	assert_string_equal(js_str(js_path(made, "metadata", "namespace")), "ns");
	assert_string_equal(js_str(js_path(made, "spec", "holderIdentity")), "me");
	/* Whole seconds, and never fewer than we keep. */
	assert_int_equal(js_int(js_path(made, "spec", "leaseDurationSeconds"), 0), 1);
	elector_release(elector, 5000, stop_loop, NULL);
	assert_false(elector_leads(elector));
	run();
	CLEANUP(js_freep) struct js *released = written();
	assert_string_equal(js_str(js_path(released, "spec", "holderIdentity")), "");
	assert_string_equal(js_str(js_path(released, "metadata", "resourceVersion")), "77");
	assert_int_equal(got.lost, 0);
}

static void what_others_keep_in_the_object_stays(void **state)
{
	(void)state;
	api.get = "{\"metadata\":{\"name\":\"lock\",\"resourceVersion\":\"5\",\"labels\":{\"a\":\"b\"}},"
		  "\"spec\":{\"holderIdentity\":null,\"strategy\":\"x\",\"leaseTransitions\":2147483647}}";
	start();
	run();
	CLEANUP(js_freep) struct js *w = written();
	assert_int_equal(api.puts, 1);
	assert_string_equal(js_str(js_path(w, "metadata", "labels", "a")), "b");
	assert_string_equal(js_str(js_path(w, "metadata", "resourceVersion")), "5");
	assert_string_equal(js_str(js_path(w, "spec", "strategy")), "x");
	assert_int_equal(js_int(js_path(w, "spec", "leaseTransitions"), -1), 0);
}

static void another_holder_is_told_once(void **state)
{
	(void)state;
	api.get = "{\"metadata\":{\"name\":\"lock\",\"resourceVersion\":\"5\"},"
		  "\"spec\":{\"holderIdentity\":\"you\",\"leaseDurationSeconds\":99999999999999999}}";
	start();
	run();
	assert_string_equal(got.follows, "you");
	/* Without a watch it is read again and again, and nothing is written. */
	got.stop_after_gets = 5;
	run();
	assert_int_equal(api.puts + api.posts, 0);
}

static void who_cannot_renew_is_lost_and_says_why(void **state)
{
	(void)state;
	start();
	run();
	api.refuse_writes = true;
	run();
	assert_int_equal(got.lost, 1);
	assert_non_null(strstr(got.why, "renew deadline"));
	assert_true(got.troubles > 3);
	assert_false(elector_leads(elector));
}

static void nonsense_is_not_acted_on(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"",
		"[]",
		"7",
		"{}",
		"{\"metadata\":{}}",
		"{\"metadata\":[],\"spec\":[]}",
		"{\"metadata\":{\"resourceVersion\":\"\"},\"spec\":{\"holderIdentity\":\"\"}}",
		"{\"metadata\":{\"resourceVersion\":5},\"spec\":{\"holderIdentity\":7}}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		api.get = bodies[i];
		api.gets = 0;
		got.stop_after_gets = 2;
		start();
		run();
		assert_int_equal(api.puts + api.posts, 0);
		assert_non_null(elector_problem(elector));
		elector_free(TAKE(elector));
	}
	/* A spec that is none has no holder. */
	api.get = "{\"metadata\":{\"resourceVersion\":\"5\"},\"spec\":7}";
	start();
	run();
	assert_int_equal(got.leads, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_lease_is_made_and_given_back), T(what_others_keep_in_the_object_stays),
		T(another_holder_is_told_once),    T(who_cannot_renew_is_lost_and_says_why),
		T(nonsense_is_not_acted_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
