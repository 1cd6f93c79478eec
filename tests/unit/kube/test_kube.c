/* Requests and credentials, against a server that answers as the path says. */
#include "kube/kube.h"

#include "lib/raw_server.h"

#include <sys/stat.h>

static struct loop *loop;
static struct raw_server *server;
static struct kube *kube;
static struct loop_timer *give_up;
static char dir[] = "/tmp/berth-test-kube-XXXXXX";

static struct buf seen;      /* Authorization of each request, one a line */
static const char *accepted; /* the token that is good now; NULL = all */

static struct {
	int n, status;
	bool ok, sent;
	char text[300], reason[64];
	int64_t retry_after;
	size_t causes, body;
} got;

static void too_slow(void *arg)
{
	(void)arg;
	fail_msg("the test took too long");
}

static void serve(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	(void)body;
	(void)arg;
	CLEANUP(freep) char *request = xstrndup(head.ptr, head.len);
	const char *auth = strcasestr(request, "\r\nAuthorization: ");
	buf_addf(&seen, "%.*s\n", auth ? (int)strcspn(auth + 17, "\r") : 0, auth ? auth + 17 : "");
	if (accepted && !(auth && strncmp(auth + 17 + 7, accepted, strlen(accepted)) == 0))
		raw_reply(c, 401, NULL,
			  "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"who?\"}");
	else if (strstr(request, " /conflict "))
		raw_reply(c, 409, "Retry-After: 3\r\n",
			  "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"it changed\","
			  "\"details\":{\"causes\":[{},{}]}}");
	else if (strstr(request, " /plain "))
		raw_reply(c, 503, NULL, "down\n");
	else if (strstr(request, " /other "))
		raw_reply(c, 500, NULL, "{\"kind\":\"Pod\",\"message\":\"x\"}");
	else if (strstr(request, " /cut "))
		raw_cut(c);
	else
		raw_reply(c, 200, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "{}");
}

static struct kube_config *new_config(void)
{
	struct kube_config *c = xcalloc(1, sizeof(*c));
	c->server = xasprintf("http://127.0.0.1:%d", server->port);
	return c;
}

static void use(struct kube_config *c)
{
	assert_int_equal(kube_new(loop, c, 8, &kube, NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	accepted = NULL;
	seen = BUF_INIT(100000);
	assert_int_equal(loop_new(&loop, NULL), 0);
	server = raw_server_new(loop, 0, serve, NULL);
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, 20000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kube_free(TAKE(kube));
	raw_server_free(server);
	loop_timer_free(give_up);
	buf_done(&seen);
	loop_free(loop);
	return 0;
}

static int waiting_for;

static void on_done(const struct kube_result *r, void *arg)
{
	(void)arg;
	got.n++;
	got.status = r->status;
	got.ok = kube_ok(r);
	got.sent = r->sent;
	got.retry_after = r->retry_after;
	got.causes = js_len(js_get(r->details, "causes"));
	got.body = r->body.len;
	(void)snprintf(got.reason, sizeof(got.reason), "%s", r->reason);
	(void)kube_result_text(r, got.text, sizeof(got.text));
	if (got.n == waiting_for)
		loop_stop(loop);
}

static void call_n(const char *verb, const char *path, int n)
{
	struct kube_request r = {
		.lane = KUBE_WRITE, .verb = verb, .resource = resource(RES_SERVICES), .path = path
	};
	waiting_for = got.n + n;
	for (int i = 0; i < n; i++)
		(void)kube_send(kube, &r, on_done, NULL);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(got.n, waiting_for);
}

static void call(const char *path)
{
	call_n("get", path, 1);
}

static void a_status_is_read(void **state)
{
	(void)state;
	use(new_config());
	call("/conflict");
	assert_int_equal(got.status, 409);
	assert_false(got.ok);
	assert_string_equal(got.reason, "Conflict");
	assert_string_equal(got.text, "409 Conflict: it changed");
	assert_int_equal(got.retry_after, 3);
	assert_int_equal(got.causes, 2);
	call("/plain");
	assert_string_equal(got.text, "503: down");
	assert_string_equal(got.reason, "");
	call("/other");
	assert_string_equal(got.reason, "");
	call("/cut");
	assert_int_equal(got.status, 0);
	assert_true(got.sent);
	assert_int_equal(strncmp(got.text, "no answer: ", 11), 0);
	call("/fine");
	assert_true(got.ok);
	assert_string_equal(got.text, "200");
}

static void answers_are_counted(void **state)
{
	(void)state;
	use(new_config());
	call("/fine");
	call_n("patch", "/fine", 2);
	call_n("patch", "/conflict", 1);
	call_n("patch", "/cut", 1);
	struct kube_stats s = kube_stats(kube);
	static const struct kube_count want[] = { { "get", "services", 200, 1 },
						  { "patch", "services", 200, 2 },
						  { "patch", "services", 409, 1 },
						  { "patch", "services", 0, 1 } };
	assert_int_equal(s.n_counts, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_string_equal(s.counts[i].verb, want[i].verb);
		assert_string_equal(s.counts[i].resource, want[i].resource);
		assert_int_equal(s.counts[i].code, want[i].code);
		assert_int_equal(s.counts[i].n, want[i].n);
	}
	assert_int_equal(s.n_latencies, 2);
	uint64_t in_buckets = 0;
	for (size_t i = 0; i < KUBE_BUCKETS; i++)
		in_buckets += s.latencies[1].buckets[i];
	assert_string_equal(s.latencies[1].verb, "patch");
	assert_int_equal(s.latencies[1].n, 4);
	assert_int_equal(in_buckets, 4);
}

static void the_servers_clock_is_kept(void **state)
{
	(void)state;
	use(new_config());
	assert_false(kube_server_wall_known(kube));
	assert_true(llabs(kube_server_wall(kube) - loop_wall()) < 5000);
	call("/fine");
	assert_true(kube_server_wall_known(kube));
	assert_true(llabs(kube_server_wall(kube) - 784111777500) < 5000);
}

static void on_stream(struct slice piece, void *arg)
{
	(void)arg;
	/* Known before the first object of a list is. */
	if (piece.len) {
		assert_true(kube_server_wall_known(kube));
		assert_true(llabs(kube_server_wall(kube) - 784111777500) < 5000);
	}
}

static void the_servers_clock_is_known_as_soon_as_a_stream_begins(void **state)
{
	(void)state;
	use(new_config());
	struct kube_request r = { .lane = KUBE_WATCH,
				  .verb = "watch",
				  .resource = resource(RES_SERVICES),
				  .path = "/fine",
				  .timeout = -1,
				  .on_data = on_stream };
	waiting_for = 1;
	(void)kube_send(kube, &r, on_done, NULL);
	assert_false(kube_server_wall_known(kube));
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_true(kube_server_wall_known(kube));
}

static void a_fixed_token_is_sent_and_not_renewed(void **state)
{
	(void)state;
	struct kube_config *c = new_config();
	c->token = xstrdup("old");
	accepted = "new";
	use(c);
	call("/fine");
	assert_int_equal(got.status, 401);
	assert_string_equal(got.text, "401 Unauthorized: who?");
	assert_string_equal(buf_str(&seen), "Bearer old\n");
}

static void a_password_is_sent(void **state)
{
	(void)state;
	struct kube_config *c = new_config();
	c->username = xstrdup("u");
	c->password = xstrdup("p");
	use(c);
	call("/fine");
	assert_string_equal(buf_str(&seen), "Basic dTpw\n");
}

static char *put(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	CLEANUP(freep) char *next = xasprintf("%s.next", path);
	FILE *f = fopen(next, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(next, path), 0);
	return path;
}

static void after_401_the_token_file_is_read_again(void **state)
{
	(void)state;
	struct kube_config *c = new_config();
	c->token_file = put("token", "one\n");
	use(c);
	call("/fine");
	assert_true(got.ok);
	CLEANUP(freep) char *path = put("token", "two\n");
	accepted = "two";
	call_n("get", "/fine", 5);
	assert_int_equal(got.n, 6);
	assert_true(got.ok);
	assert_int_equal(kube_stats(kube).counts[0].n, 6);
	/* Still refused after that: told, and not asked for ever. */
	accepted = "three";
	int before = server->n_requests;
	call("/fine");
	assert_int_equal(got.status, 401);
	assert_int_equal(server->n_requests, before + 2);
}

static void without_a_token_file_nothing_is_sent(void **state)
{
	(void)state;
	struct kube_config *c = new_config();
	c->token_file = xasprintf("%s/missing", dir);
	use(c);
	call_n("get", "/fine", 3);
	assert_int_equal(got.status, 0);
	assert_false(got.sent);
	assert_non_null(strstr(got.text, "/missing: No such file"));
	assert_int_equal(server->n_requests, 0);
	CLEANUP(freep) char *path = put("missing", "sesame");
	call("/fine");
	assert_true(got.ok);
	assert_string_equal(buf_str(&seen), "Bearer sesame\n");
}

/* ---- plugins ---- */

static struct kube_config *with_plugin(const char *script)
{
	struct kube_config *c = new_config();
	struct kube_exec *x = c->exec = xcalloc(1, sizeof(*x));
	CLEANUP(freep) char *text = xasprintf("#!/bin/sh\n%s\n", script);
	x->argv = xcalloc(3, sizeof(char *));
	x->argv[0] = put("plugin", text);
	x->argv[1] = xstrdup(dir);
	x->env = xcalloc(2, sizeof(char *));
	x->env[0] = xstrdup("GIVEN=so");
	x->api_version = xstrdup("client.authentication.k8s.io/v1");
	assert_int_equal(chmod(x->argv[0], 0700), 0);
	return c;
}

#define ANSWER(status)                                                                           \
	"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"," \
	"\"status\":{" status "}}'"
/* Gives t1, t2, … */
#define COUNTING                                                                                             \
	"echo x >> $1/runs; n=$(wc -l < $1/runs); test \"$GIVEN\" = so || exit 9;"                           \
	"echo "                                                                                              \
	"\"{\\\"kind\\\":\\\"ExecCredential\\\",\\\"apiVersion\\\":\\\"client.authentication.k8s.io/v1\\\"," \
	"\\\"status\\\":{\\\"token\\\":\\\"t$n\\\"%s}}\""

static void forget_runs(void)
{
	CLEANUP(freep) char *path = xasprintf("%s/runs", dir);
	(void)unlink(path);
}

static void a_plugin_is_run_once_and_again_after_401(void **state)
{
	(void)state;
	CLEANUP(freep) char *script = xasprintf(COUNTING, "");
	forget_runs();
	use(with_plugin(script));
	call_n("get", "/fine", 3);
	call("/fine");
	assert_true(got.ok);
	assert_string_equal(buf_str(&seen), "Bearer t1\nBearer t1\nBearer t1\nBearer t1\n");
	accepted = "t2";
	buf_clear(&seen);
	call("/fine");
	assert_true(got.ok);
	assert_string_equal(buf_str(&seen), "Bearer t1\nBearer t2\n");
}

static void a_token_that_has_ended_is_renewed_before_it_is_sent(void **state)
{
	(void)state;
	CLEANUP(freep)
	char *script = xasprintf(COUNTING, ",\\\"expirationTimestamp\\\":\\\"2020-01-01T00:00:00Z\\\"");
	forget_runs();
	use(with_plugin(script));
	call("/fine");
	call("/fine");
	assert_string_equal(buf_str(&seen), "Bearer t1\nBearer t2\n");
}

static void a_plugin_is_told_about_the_cluster(void **state)
{
	(void)state;
	struct kube_config *c =
		with_plugin("echo \"$KUBERNETES_EXEC_INFO\" > $1/info;" ANSWER("\"token\":\"t\""));
	c->exec->cluster_info = true;
	c->exec->cluster_config = xstrdup("{\"a\":1}");
	CLEANUP(freep)
	char *want = xasprintf(
		"{\"spec\":{\"interactive\":false,\"cluster\":{\"server\":\"%s\",\"config\":{\"a\":1}}},"
		"\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}\n",
		c->server);
	use(c);
	call("/fine");
	assert_true(got.ok);
	CLEANUP(freep) char *path = xasprintf("%s/info", dir);
	FILE *f = fopen(path, "re");
	char info[1000] = "";
	assert_non_null(f);
	assert_non_null(fgets(info, sizeof(info), f));
	(void)fclose(f);
	assert_string_equal(info, want);
}

static void what_a_plugin_does_wrong_is_told(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "echo no such user >&2; exit 4", "it exited with code 4; it says: no such user" },
		{ "echo {", "bad JSON" },
		{ "echo '{}'", "its answer is no ExecCredential" },
		{ "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"v9\"}'", "it answers in v9" },
		{ ANSWER(""), "neither a token nor a client certificate" },
		{ ANSWER("\"token\":\"\""), "neither a token nor a client certificate" },
		{ ANSWER("\"token\":\"x\",\"clientKeyData\":\"x\""), "only one of" },
		{ ANSWER("\"token\":\"x\",\"expirationTimestamp\":\"soon\""), "bad expirationTimestamp" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		use(with_plugin(cases[i][0]));
		call("/fine");
		if (got.status != 0 || got.sent || !strstr(got.text, cases[i][1]))
			fail_msg("case %zu: %s", i, got.text);
		kube_free(TAKE(kube));
	}
	assert_int_equal(server->n_requests, 0);
}

static void free_it(const struct kube_result *r, void *arg)
{
	(void)r;
	(void)arg;
	got.n++;
	kube_free(TAKE(kube));
	loop_stop(loop);
}

static void it_can_be_freed_in_any_callback(void **state)
{
	(void)state;
	struct kube_request r = { .lane = KUBE_LEASE, .verb = "get", .path = "/fine" };
	for (int way = 0; way < 2; way++) {
		struct kube_config *c = new_config();
		if (way == 1)
			c->token_file = xstrdup("/nowhere/token");
		use(c);
		for (int i = 0; i < 3; i++)
			(void)kube_send(kube, &r, free_it, NULL);
		assert_int_equal(loop_run(loop, NULL), 0);
		assert_int_equal(got.n, way + 1);
		assert_null(kube);
	}
}

static void a_cancelled_call_says_nothing(void **state)
{
	(void)state;
	struct kube_config *c = with_plugin(ANSWER("\"token\":\"t\""));
	struct kube_request r = { .lane = KUBE_LEASE, .verb = "get", .path = "/fine" };
	use(c);
	/* One while it waits for the plugin, the other on its way. */
	kube_cancel(kube_send(kube, &r, free_it, NULL));
	call("/fine");
	kube_cancel(kube_send(kube, &r, free_it, NULL));
	call("/fine");
	assert_int_equal(got.n, 2);
	kube_cancel(NULL);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	CLEANUP(freep) char *command = xasprintf("rm -r %s", dir);
	return system(command);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_status_is_read),
		T(answers_are_counted),
		T(the_servers_clock_is_kept),
		T(the_servers_clock_is_known_as_soon_as_a_stream_begins),
		T(a_fixed_token_is_sent_and_not_renewed),
		T(a_password_is_sent),
		T(after_401_the_token_file_is_read_again),
		T(without_a_token_file_nothing_is_sent),
		T(a_plugin_is_run_once_and_again_after_401),
		T(a_token_that_has_ended_is_renewed_before_it_is_sent),
		T(a_plugin_is_told_about_the_cluster),
		T(what_a_plugin_does_wrong_is_told),
		T(it_can_be_freed_in_any_callback),
		T(a_cancelled_call_says_nothing),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
