#include "io/http_client.h"

#include "lib/raw_server.h"

#include <sys/ioctl.h>

static struct loop *loop;
static struct raw_server *server;
static struct http_client *client;
static struct loop_timer *give_up;

/* What the server saw and does. */
static struct buf seen;
static raw_handler *behave;

/* What the client was told. */
static struct outcome {
	int n_done;
	int status;
	bool has_error, sent;
	int64_t retry_after;
	msec date;
	char error[256];
	struct buf body, streamed;
	int pieces;
} out;

static void too_slow(void *arg)
{
	(void)arg;
	fail_msg("the test took too long");
}

static void on_request(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	buf_clear(&seen);
	buf_add_slice(&seen, head);
	buf_add_slice(&seen, body);
	behave(c, head, body, arg);
}

static void use_target(const struct http_target *target)
{
	http_client_free(client);
	assert_int_equal(http_client_new(loop, target, &client, NULL), 0);
}

static void use_server(int port, int max_connections)
{
	CLEANUP(freep) char *url = xasprintf("http://127.0.0.1:%d", port);
	use_target(&(struct http_target){ .base_url = url, .max_connections = max_connections });
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(loop_new(&loop, NULL), 0);
	seen = BUF_INIT(1024 * 1024);
	out = (struct outcome){ .body = BUF_INIT(64u << 20), .streamed = BUF_INIT(64u << 20) };
	server = raw_server_new(loop, 0, on_request, NULL);
	client = NULL;
	use_server(server->port, 0);
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, 20000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_client_free(client);
	if (server)
		raw_server_free(server);
	loop_timer_free(give_up);
	buf_done(&seen);
	buf_done(&out.body);
	buf_done(&out.streamed);
	loop_free(loop);
	return 0;
}

static void on_done(const struct http_answer *a, void *arg)
{
	out.n_done++;
	out.status = a->status;
	out.has_error = a->error != NULL;
	out.sent = a->sent;
	out.retry_after = a->retry_after;
	out.date = a->date;
	(void)snprintf(out.error, sizeof(out.error), "%s", a->error ? a->error : "");
	buf_add_slice(&out.body, a->body);
	if (--*(int *)arg == 0)
		loop_stop(loop);
}

static void on_data(struct slice piece, void *arg)
{
	(void)arg;
	out.pieces++;
	buf_add_slice(&out.streamed, piece);
}

static void run(struct http_request r)
{
	int left = 1;
	r.method = r.method ? r.method : "GET";
	r.path = r.path ? r.path : "/";
	r.on_done = on_done;
	r.arg = &left;
	(void)http_client_send(client, &r);
	assert_int_equal(out.n_done, 0);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(out.n_done, 1);
}

static bool saw(const char *text)
{
	return strcasestr(buf_str(&seen), text) != NULL;
}

/* ---- */

static void answer_fine(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_reply(c, 200, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "hello");
}

static void a_request_arrives_and_so_does_the_answer(void **state)
{
	(void)state;
	behave = answer_fine;
	run((struct http_request){ .method = "PATCH",
				   .path = "/a/b%2Fc/../d?x=1",
				   .body = SLICE_LIT("{\"a\":1}"),
				   .content_type = "application/merge-patch+json",
				   .accept = "application/json",
				   .bearer = "sesame" });
	assert_int_equal(out.status, 200);
	assert_false(out.has_error);
	assert_string_equal(buf_str(&out.body), "hello");
	assert_int_equal(out.date, 784111777000);
	assert_int_equal(out.retry_after, -1);
	assert_true(saw("PATCH /a/b%2Fc/../d?x=1 HTTP/1.1\r\n"));
	assert_true(saw("\r\nContent-Type: application/merge-patch+json\r\n"));
	assert_true(saw("\r\nAccept: application/json\r\n"));
	assert_true(saw("\r\nUser-Agent: berth\r\n"));
	assert_true(saw("\r\nAuthorization: Bearer sesame\r\n"));
	assert_true(saw("\r\n\r\n{\"a\":1}"));
	assert_false(saw("Expect:"));
}

static void a_base_url_may_have_a_path(void **state)
{
	(void)state;
	behave = answer_fine;
	CLEANUP(freep) char *url = xasprintf("http://127.0.0.1:%d/k8s/c%%2Fd", server->port);
	CLEANUP(freep) char *host = xasprintf("\r\nHost: 127.0.0.1:%d\r\n", server->port);
	use_target(&(struct http_target){ .base_url = url });
	run((struct http_request){ .path = "/api?x=1" });
	assert_true(saw("GET /k8s/c%2Fd/api?x=1 HTTP/1.1\r\n"));
	assert_true(saw(host));
}

static void a_proxy_is_told_whole_urls(void **state)
{
	(void)state;
	behave = answer_fine;
	CLEANUP(freep) char *proxy = xasprintf("http://127.0.0.1:%d", server->port);
	use_target(&(struct http_target){ .base_url = "http://far.invalid:81/k8s", .proxy_url = proxy });
	run((struct http_request){ .path = "/api?x=1" });
	assert_true(saw("GET http://far.invalid:81/k8s/api?x=1 HTTP/1.1\r\n"));
	assert_true(saw("\r\nHost: far.invalid:81\r\n"));
}

static void the_next_request_shows_nothing_of_the_last(void **state)
{
	(void)state;
	behave = answer_fine;
	run((struct http_request){
		.method = "POST", .body = SLICE_LIT("{}"), .content_type = "text/x", .bearer = "sesame" });
	out.n_done = 0;
	run((struct http_request){ .path = "/second" });
	assert_true(saw("GET /second HTTP/1.1\r\n"));
	assert_false(saw("sesame"));
	assert_false(saw("Content-"));
	assert_int_equal(server->n_accepted, 1); /* the connection is kept */
}

static void an_empty_body_is_a_body(void **state)
{
	(void)state;
	behave = answer_fine;
	run((struct http_request){ .method = "POST", .body = SLICE_LIT("") });
	assert_true(saw("POST / HTTP/1.1\r\n"));
	assert_true(saw("\r\nContent-Length: 0\r\n"));
}

static void answer_later(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_reply(c, 429, "Retry-After: 7\r\n", "{}");
}

static void other_statuses_are_answers_too(void **state)
{
	(void)state;
	behave = answer_later;
	run((struct http_request){ .on_data = on_data });
	assert_int_equal(out.status, 429);
	assert_false(out.has_error);
	assert_int_equal(out.retry_after, 7);
	assert_string_equal(buf_str(&out.body), "{}");
	assert_int_equal(out.pieces, 0);
}

static void answer_elsewhere(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_reply(c, 302, "Location: /elsewhere\r\n", "");
}

static void redirects_are_not_followed(void **state)
{
	(void)state;
	behave = answer_elsewhere;
	run((struct http_request){ .bearer = "sesame" });
	assert_int_equal(out.status, 302);
	assert_int_equal(server->n_requests, 1);
}

static void nobody_listens_so_nothing_was_sent(void **state)
{
	(void)state;
	int port = server->port;
	raw_server_free(server);
	server = NULL;
	use_server(port, 0);
	run((struct http_request){ .method = "POST", .body = SLICE_LIT("{}") });
	assert_int_equal(out.status, 0);
	assert_true(out.has_error);
	assert_false(out.sent);
}

static void a_name_that_is_none_was_not_sent(void **state)
{
	(void)state;
	struct http_target target = { .base_url = "http://no-such-host.invalid:80" };
	http_client_free(client);
	assert_int_equal(http_client_new(loop, &target, &client, NULL), 0);
	run((struct http_request){ .method = "POST", .body = SLICE_LIT("{}") });
	assert_int_equal(out.status, 0);
	assert_false(out.sent);
}

static void speak_no_tls(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_cut(c);
}

static void a_failed_handshake_was_not_sent(void **state)
{
	(void)state;
	CLEANUP(freep) char *url = xasprintf("https://127.0.0.1:%d", server->port);
	struct http_target target = { .base_url = url };
	behave = speak_no_tls;
	http_client_free(client);
	assert_int_equal(http_client_new(loop, &target, &client, NULL), 0);
	run((struct http_request){ .method = "POST", .body = SLICE_LIT("{}"), .timeout = 300 });
	assert_int_equal(out.status, 0);
	assert_false(out.sent);
}

static void hang_up(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_cut(c);
}

static void a_lost_answer_may_have_been_carried_out(void **state)
{
	(void)state;
	behave = hang_up;
	run((struct http_request){ .method = "POST", .body = SLICE_LIT("{}") });
	assert_int_equal(out.status, 0);
	assert_true(out.has_error);
	assert_true(out.sent);
}

static void say_nothing(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
}

static void the_timeout_ends_a_call_and_its_connections(void **state)
{
	(void)state;
	behave = say_nothing;
	run((struct http_request){ .timeout = 50 });
	assert_int_equal(out.status, 0);
	assert_true(out.has_error);
	assert_true(out.sent);
	behave = answer_fine;
	out.n_done = 0;
	run((struct http_request){ 0 });
	assert_int_equal(out.status, 200);
	assert_int_equal(server->n_accepted, 2);
}

static void promise_more(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_send(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	raw_cut(c);
}

static void a_body_that_is_cut_is_an_error_with_a_status(void **state)
{
	(void)state;
	behave = promise_more;
	run((struct http_request){ 0 });
	assert_int_equal(out.status, 200);
	assert_true(out.has_error);
	assert_string_equal(buf_str(&out.body), "half");
}

static void answer_much(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_send(c, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
	for (int i = 0; i < 3000; i++)
		raw_send(c, "%01000d", i);
}

static void a_body_has_a_ceiling(void **state)
{
	(void)state;
	behave = answer_much;
	run((struct http_request){ .max_body = 2999999 });
	assert_true(out.has_error);
	out.n_done = 0;
	run((struct http_request){ .max_body = 3000000 });
	assert_false(out.has_error);
}

static void stream_three(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	raw_chunk(c, SLICE_LIT("one "));
	raw_chunk(c, SLICE_LIT("two "));
	raw_chunk(c, SLICE_LIT("three"));
	raw_send(c, "0\r\n\r\n");
}

static void a_stream_comes_in_pieces_after_an_empty_one(void **state)
{
	(void)state;
	behave = stream_three;
	run((struct http_request){ .on_data = on_data });
	assert_int_equal(out.status, 200);
	assert_false(out.has_error);
	assert_true(out.pieces >= 2);
	assert_string_equal(buf_str(&out.streamed), "one two three");
	assert_int_equal(out.body.len, 0);
}

static void stream_and_stop(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	raw_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	raw_chunk(c, SLICE_LIT("one"));
}

static void a_stream_that_stalls_is_ended(void **state)
{
	(void)state;
	behave = stream_and_stop;
	run((struct http_request){ .on_data = on_data, .stall = 60 });
	assert_int_equal(out.status, 200);
	assert_true(out.has_error);
	assert_string_equal(buf_str(&out.streamed), "one");
}

static void control_characters_are_refused(void **state)
{
	(void)state;
	behave = answer_fine;
	run((struct http_request){ .bearer = "a\r\nX-Evil: 1" });
	assert_int_equal(out.status, 0);
	assert_false(out.sent);
	out.n_done = 0;
	run((struct http_request){ .path = "/a HTTP/1.1" });
	assert_int_equal(out.status, 0);
	assert_int_equal(server->n_requests, 0);
}

/* ---- what callbacks may do ---- */

static struct http_call *streaming;
static int left_after;

static void cancel_in_data(struct slice piece, void *arg)
{
	if (piece.len == 0)
		return;
	http_call_cancel(TAKE(streaming));
	/* And something new in the same breath. */
	left_after = 1;
	behave = answer_fine;
	struct http_request r = { .method = "GET", .path = "/next", .on_done = on_done, .arg = &left_after };
	(void)http_client_send(client, &r);
}

static void must_not_end(const struct http_answer *a, void *arg)
{
	fail_msg("a cancelled call was ended");
}

static void a_stream_can_be_cancelled_from_within(void **state)
{
	(void)state;
	behave = stream_and_stop;
	struct http_request r = {
		.method = "GET", .path = "/", .on_data = cancel_in_data, .on_done = must_not_end
	};
	streaming = http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(out.n_done, 1);
	assert_true(saw("GET /next"));
}

static void free_in_data(struct slice piece, void *arg)
{
	http_client_free(TAKE(client));
	loop_stop(loop);
}

static void a_client_can_be_freed_from_within_a_stream(void **state)
{
	(void)state;
	behave = stream_three;
	struct http_request r = {
		.method = "GET", .path = "/", .on_data = free_in_data, .on_done = must_not_end
	};
	(void)http_client_send(client, &r);
	(void)http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_null(client);
}

static void free_in_done(const struct http_answer *a, void *arg)
{
	out.n_done++;
	http_client_free(TAKE(client));
	loop_stop(loop);
}

static void a_client_can_be_freed_from_within_an_answer(void **state)
{
	(void)state;
	behave = answer_fine;
	struct http_request r = { .method = "GET", .path = "/", .on_done = free_in_done };
	for (int i = 0; i < 5; i++)
		(void)http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(out.n_done, 1);
}

static int most_conns;

static void count_conns(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	int n = 0;
	for (const struct raw_conn *at = c->server->conns; at; at = at->next)
		n++;
	most_conns = n > most_conns ? n : most_conns;
	raw_reply(c, 200, NULL, "x");
}

static void many_calls_share_the_allowed_connections(void **state)
{
	(void)state;
	int left = 500;
	most_conns = 0;
	behave = count_conns;
	use_server(server->port, 4);
	struct http_request r = {
		.method = "PUT", .path = "/", .body = SLICE_LIT("b"), .on_done = on_done, .arg = &left
	};
	for (int i = 0; i < 500; i++)
		(void)http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(out.n_done, 500);
	assert_int_equal(out.body.len, 500);
	assert_int_equal(most_conns, 4);
	assert_int_equal(server->n_accepted, 4);
}

enum { LARGE = 100 * 1000 }; /* several of libcurl's buffers */
static size_t n_whole;

static void look_at_large(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	size_t same = 0;
	while (same < body.len && body.ptr[same] == body.ptr[0])
		same++;
	n_whole += same == LARGE;
	raw_reply(c, 200, NULL, "x");
}

static void more_large_bodies_than_there_are_buffers_arrive(void **state)
{
	(void)state;
	int left = 100;
	n_whole = 0;
	behave = look_at_large;
	CLEANUP(freep) char *bytes = xmalloc(LARGE);
	for (int i = 0; i < 100; i++) {
		memset(bytes, ' ' + i % 90, LARGE);
		(void)http_client_send(client, &(struct http_request){ .method = "POST",
								       .path = "/",
								       .body = { bytes, LARGE },
								       .on_done = on_done,
								       .arg = &left });
	}
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(out.n_done, 100);
	assert_int_equal(n_whole, 100);
}

static void calls_are_cancelled_at_random(void **state)
{
	(void)state;
	struct rng rng = test_rng("calls_are_cancelled_at_random");
	behave = answer_fine;
	use_server(server->port, 3);
	for (int round = 0; round < 30; round++) {
		struct http_call *calls[20];
		int left = 0;
		struct http_request r = { .method = "GET", .path = "/", .on_done = on_done, .arg = &left };
		for (size_t i = 0; i < ARRAY_LEN(calls); i++)
			calls[i] = http_client_send(client, &r);
		left = (int)ARRAY_LEN(calls) + 1;
		for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
			if (rng_below(&rng, 2)) {
				http_call_cancel(calls[i]);
				left--;
			}
		}
		if (--left > 0)
			assert_int_equal(loop_run(loop, NULL), 0);
		assert_int_equal(left, 0);
	}
}

/* A server that takes the connection and reads nothing, until the kernel takes no more. */
struct deaf {
	struct loop_timer *timer;
	int listener, fd, waiting, same;
};

static void look_at_deaf(void *arg)
{
	struct deaf *d = arg;
	int n = 0;
	if (d->fd < 0)
		d->fd = accept(d->listener, NULL, NULL);
	if (d->fd >= 0)
		assert_int_equal(ioctl(d->fd, FIONREAD, &n), 0);
	d->same = n > 0 && n == d->waiting ? d->same + 1 : 0;
	d->waiting = n;
	if (d->same == 10)
		loop_stop(loop);
	else
		loop_timer_set(d->timer, 10);
}

static struct deaf deaf_server(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int small = 8192;
	struct deaf d = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .fd = -1 };
	(void)setsockopt(d.listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(bind(d.listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(d.listener, 4), 0);
	assert_int_equal(getsockname(d.listener, (struct sockaddr *)&a, &len), 0);
	use_server(ntohs(a.sin_port), 0);
	return d;
}

static void after_an_abort_nothing_leaves_not_even_the_kernel(void **state)
{
	(void)state;
	struct deaf d = deaf_server();
	d.timer = loop_timer_new(loop, look_at_deaf, &d);
	CLEANUP(freep) char *body = xcalloc(1, 16 << 20);
	int left = 1;
	struct http_request r = {
		.method = "PUT", .path = "/", .body = { body, 16 << 20 }, .on_done = on_done, .arg = &left
	};
	struct http_call *call = http_client_send(client, &r);
	loop_timer_set(d.timer, 0);
	assert_int_equal(loop_run(loop, NULL), 0);

	http_client_abort(client);
	http_call_cancel(call);
	http_client_free(TAKE(client));
	char piece[65536];
	ssize_t n, total = 0;
	while ((n = read(d.fd, piece, sizeof(piece))) > 0)
		total += n;
	assert_true(n < 0 && errno == ECONNRESET);
	assert_true(total <= d.waiting);
	assert_int_equal(out.n_done, 0);
	loop_timer_free(d.timer);
	(void)close(d.fd);
	(void)close(d.listener);
}

static bool gate_is_open;

static bool gate(void *arg)
{
	++*(int *)arg;
	return gate_is_open;
}

static void stop_loop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void nothing_leaves_through_a_closed_gate(void **state)
{
	(void)state;
	int asked = 0, left = 1;
	behave = answer_fine;
	http_client_gate(client, gate, &asked);
	gate_is_open = true;
	run((struct http_request){ 0 });
	assert_true(asked > 0);
	gate_is_open = false;
	struct http_call *call = http_client_send(
		client,
		&(struct http_request){ .method = "GET", .path = "/", .on_done = on_done, .arg = &left });
	struct loop_timer *enough = loop_timer_new(loop, stop_loop, NULL);
	loop_timer_set(enough, 100);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(server->n_requests, 1);
	http_call_cancel(call);
	loop_timer_free(enough);
}

static void bad_urls_are_refused_at_once(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "ftp://a", "10.0.0.1:6443", "http://a\r\nb" };
	struct http_client *c = NULL;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { 0 };
		struct http_target target = { .base_url = bad[i] };
		assert_int_equal(http_client_new(loop, &target, &c, &e), -EINVAL);
		assert_true(e.msg[0] != '\0');
		assert_null(c);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_arrives_and_so_does_the_answer),
		T(a_base_url_may_have_a_path),
		T(a_proxy_is_told_whole_urls),
		T(the_next_request_shows_nothing_of_the_last),
		T(an_empty_body_is_a_body),
		T(other_statuses_are_answers_too),
		T(redirects_are_not_followed),
		T(nobody_listens_so_nothing_was_sent),
		T(a_name_that_is_none_was_not_sent),
		T(a_failed_handshake_was_not_sent),
		T(a_lost_answer_may_have_been_carried_out),
		T(the_timeout_ends_a_call_and_its_connections),
		T(a_body_that_is_cut_is_an_error_with_a_status),
		T(a_body_has_a_ceiling),
		T(a_stream_comes_in_pieces_after_an_empty_one),
		T(a_stream_that_stalls_is_ended),
		T(control_characters_are_refused),
		T(a_stream_can_be_cancelled_from_within),
		T(a_client_can_be_freed_from_within_a_stream),
		T(a_client_can_be_freed_from_within_an_answer),
		T(many_calls_share_the_allowed_connections),
		T(more_large_bodies_than_there_are_buffers_arrive),
		T(calls_are_cancelled_at_random),
		T(after_an_abort_nothing_leaves_not_even_the_kernel),
		T(nothing_leaves_through_a_closed_gate),
		T(bad_urls_are_refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
