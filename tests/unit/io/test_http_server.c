#include "io/http_server.h"

#include "io/http_client.h"

#include "lib/test.h"

#include <arpa/inet.h>
#include <sys/socket.h>

enum {
	TIME_LIMIT = 40'000,
	BODY_MAX = 1000,
	HEADERS_MAX = 2000,
	CONNECTIONS = 3,
	/* Where it is not what is tested: longer than any test, so that a slow machine closes nothing. */
	IDLE_LONG = 60'000,
	IDLE = 300,
};

static struct loop *loop;
static struct http_server *server;
static struct http_client *client;
static struct loop_timer *give_up, *later;

/* What the server saw last, and keeps. */
static struct buf seen;
static struct http_exchange *held;
static int n_requests, n_closed;

/* What the client got. */
static int status;
static struct buf got;

static void too_slow(void *arg)
{
	fail_msg("the test took too long");
}

static void on_stream_closed(void *arg)
{
	n_closed++;
	held = NULL;
	loop_stop(loop);
}

static void stop_loop(void *arg)
{
	loop_stop(loop);
}

static void answer_held(void *arg)
{
	struct http_exchange *x = held;
	held = NULL;
	http_reply(x, 201, "text/plain", SLICE_LIT("late"));
}

static void on_request(struct http_exchange *x, void *arg)
{
	const char *q = http_query(x, "q"), *h = http_header(x, "X-Test");
	n_requests++;
	buf_clear(&seen);
	buf_addf(&seen, "%s %.*s q=%s h=%s %.*s", http_method(x), SLICE_ARG(http_path(x)), q ? q : "-",
		 h ? h : "-", SLICE_ARG(http_body(x)));
	if (slice_is(http_path(x), "/later")) {
		held = x;
		loop_timer_set(later, 10);
	} else if (slice_is(http_path(x), "/hold")) {
		held = x;
		loop_stop(loop);
	} else if (slice_is(http_path(x), "/stream")) {
		held = x;
		http_stream_start(x, 200, "text/plain", on_stream_closed, NULL);
		http_stream_write(x, SLICE_LIT("one "));
		http_stream_write(x, SLICE_LIT("two"));
	} else {
		http_reply_header(x, "X-Answer", "yes");
		http_reply(x, 200, "text/plain", buf_slice(&seen));
	}
}

static int setup_idle(msec idle)
{
	struct http_limits limits = { BODY_MAX, HEADERS_MAX, CONNECTIONS, idle };
	seen = BUF_INIT(1 << 20);
	got = BUF_INIT(64 << 20);
	n_requests = n_closed = status = 0;
	held = NULL;
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(http_server_new(loop, "127.0.0.1:0", limits, on_request, NULL, &server, NULL), 0);
	CLEANUP(freep) char *url = xasprintf("http://%s", http_server_address(server));
	struct http_target target = { .base_url = url };
	assert_int_equal(http_client_new(loop, &target, &client, NULL), 0);
	give_up = loop_timer_new(loop, too_slow, NULL);
	later = loop_timer_new(loop, answer_held, NULL);
	loop_timer_set(give_up, TIME_LIMIT);
	return 0;
}

static int setup(void **state)
{
	return setup_idle(IDLE_LONG);
}

static int setup_short(void **state)
{
	return setup_idle(IDLE);
}

static int teardown(void **state)
{
	loop_timer_free(give_up);
	loop_timer_free(later);
	http_client_free(client);
	http_server_free(server);
	loop_free(loop);
	buf_done(&seen);
	buf_done(&got);
	return 0;
}

static void on_done(const struct http_answer *a, void *arg)
{
	status = a->status;
	buf_add_slice(&got, a->body);
	loop_stop(loop);
}

static const char *ask(const char *method, const char *path, const char *body)
{
	struct http_request r = { .method = method,
				  .path = path,
				  .body = slice_of(body),
				  .content_type = body ? "text/plain" : NULL,
				  .on_done = on_done };
	buf_clear(&got);
	http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
	return buf_str(&got);
}

/* A client without manners. */
static int dial(void)
{
	const char *colon = strchr(http_server_address(server), ':');
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1)) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char *stop_at;

static void on_readable(int fd, int ready, void *arg)
{
	char piece[65536];
	ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);
	/* What came before was looked through already. */
	size_t from = stop_at && got.len > strlen(stop_at) ? got.len - strlen(stop_at) : 0;
	if (n > 0)
		buf_add(&got, piece, (size_t)n);
	if (n <= 0 || (stop_at && strstr(buf_str(&got) + from, stop_at)))
		loop_stop(loop);
}

/* All that comes until the server closes, or until `end` was seen. */
static const char *listen_to(int fd, const char *end)
{
	struct loop_fd *f = loop_fd_new(loop, fd, LOOP_READ, on_readable, NULL);
	buf_clear(&got);
	stop_at = end;
	assert_int_equal(loop_run(loop, NULL), 0);
	loop_fd_free(f);
	return buf_str(&got);
}

static void every_method_arrives_with_its_parts(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		CLEANUP(freep) char *want = xasprintf("%s /a%%20b/c q=x y/z& h=- body", methods[i]);
		assert_string_equal(ask(methods[i], "/a%20b/c?p=1&q=x+y%2fz%26&empty", "body"), want);
		assert_int_equal(status, 200);
	}
}

static void an_answer_may_come_later(void **state)
{
	assert_string_equal(ask("GET", "/later", NULL), "late");
	assert_int_equal(status, 201);
}

static void a_large_body_is_refused(void **state)
{
	char body[BODY_MAX + 2];
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	ask("POST", "/", body);
	assert_int_equal(status, 413);
	assert_int_equal(n_requests, 0);
	body[BODY_MAX] = '\0';
	ask("POST", "/", body);
	assert_int_equal(status, 200);
}

static void large_headers_are_refused(void **state)
{
	char line[HEADERS_MAX + 100] = "";
	memset(line, 'x', sizeof(line) - 1);
	int fd = dial();
	say(fd, "GET / HTTP/1.1\r\nX-Long: ");
	say(fd, line);
	say(fd, "\r\n\r\n");
	const char *answer = listen_to(fd, NULL);
	assert_true(!*answer || strncmp(answer, "HTTP/1.1 4", 10) == 0);
	assert_int_equal(n_requests, 0);
	close(fd);
}

static void nonsense_is_answered_and_does_no_harm(void **state)
{
	static const char *const junk[] = {
		"\r\n\r\n\r\n", "GET\r\n\r\n", "FOO / HTTP/1.1\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		/* What a proxy may have read as one request, or as another. */
		"GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 22\r\n\r\n"
		"GET /second HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n"
		"0\r\n\r\nGET /second HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n1",
		"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
		"0\r\n\r\nGET /second HTTP/1.1\r\n\r\n",
		"GET http://h/p?q=1 HTTP/1.1\r\nConnection: close\r\n\r\n"
	};
	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		int fd = dial();
		say(fd, junk[i]);
		shutdown(fd, SHUT_WR);
		listen_to(fd, NULL);
		close(fd);
	}
	assert_string_equal(buf_str(&seen), "GET /p q=1 h=- ");
	assert_string_equal(ask("GET", "/", NULL), "GET / q=- h=- ");
}

static void a_stream_comes_in_pieces_and_ends(void **state)
{
	int fd = dial();
	say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(listen_to(fd, "two\r\n"), "Transfer-Encoding: chunked"));
	http_stream_write(held, SLICE_LIT("three"));
	assert_non_null(strstr(listen_to(fd, "three\r\n"), "5\r\nthree"));
	http_stream_end(held);
	held = NULL;
	assert_non_null(strstr(listen_to(fd, "0\r\n\r\n"), "0\r\n\r\n"));
	/* The connection is good for another request. */
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(listen_to(fd, "/next"), "200 OK"));
	assert_int_equal(n_closed, 0);
	close(fd);
}

static void a_stream_outlives_the_idle_time(void **state)
{
	int fd = dial();
	say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	listen_to(fd, "two\r\n");
	struct loop_timer *wait = loop_timer_new(loop, stop_loop, NULL);
	loop_timer_set(wait, 2 * IDLE);
	loop_run(loop, NULL);
	loop_timer_free(wait);
	assert_int_equal(n_closed, 0);
	http_stream_write(held, SLICE_LIT("still"));
	assert_non_null(strstr(listen_to(fd, "still"), "still"));
	close(fd);
}

static void a_client_that_goes_closes_its_stream(void **state)
{
	int fd = dial();
	say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	listen_to(fd, "two\r\n");
	close(fd);
	loop_run(loop, NULL);
	assert_int_equal(n_closed, 1);
}

static void the_backlog_of_a_slow_reader_is_told(void **state)
{
	static char block[1 << 20];
	memset(block, 'x', sizeof(block));
	int fd = dial();
	say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	listen_to(fd, "two\r\n");
	/* The client may have its bytes before the loop has told the server that they went. */
	ask("GET", "/", NULL);
	assert_int_equal(http_stream_backlog(held), 0);
	for (int i = 0; i < 20; i++)
		http_stream_write(held, (struct slice){ block, sizeof(block) });
	assert_true(http_stream_backlog(held) > 10 * sizeof(block));
	http_stream_write(held, SLICE_LIT("end of it"));
	listen_to(fd, "end of it");
	ask("GET", "/", NULL);
	assert_int_equal(http_stream_backlog(held), 0);
	close(fd);
}

static void an_answer_to_one_who_has_gone_is_dropped(void **state)
{
	int fd = dial();
	say(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	loop_run(loop, NULL);
	close(fd);
	/* Another client's turn gives the loop time to see it. */
	ask("GET", "/", NULL);
	answer_held(NULL);
	assert_string_equal(ask("GET", "/", NULL), "GET / q=- h=- ");
}

static void who_has_waited_longest_makes_room(void **state)
{
	int fds[CONNECTIONS];
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = dial();
		say(fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_non_null(strstr(listen_to(fds[i], "h=- "), "200 OK"));
	}
	/* The first one asks again, so the second has waited longest. */
	say(fds[0], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(listen_to(fds[0], "h=- "), "200 OK"));
	int more = dial();
	say(more, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(listen_to(more, "h=- "), "200 OK"));
	assert_string_equal(listen_to(fds[1], NULL), "");
	say(fds[0], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(listen_to(fds[0], "h=- "), "200 OK"));
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(more);
}

static void half_a_request_keeps_nobody_out(void **state)
{
	enum { MANY = 20 * CONNECTIONS };
	int fds[MANY];
	for (int i = 0; i < MANY; i++) {
		fds[i] = dial();
		say(fds[i], "GET / HTTP/1.1\r\nHost: ");
		assert_string_equal(ask("GET", "/", NULL), "GET / q=- h=- ");
	}
	/* Not by the idle time, which is longer than a test may take. */
	for (int i = 0; i < MANY - CONNECTIONS; i++)
		assert_string_equal(listen_to(fds[i], NULL), "");
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

static void the_oldest_stream_goes_where_all_stream(void **state)
{
	int fds[CONNECTIONS];
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = dial();
		say(fds[i], "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
		listen_to(fds[i], "two\r\n");
	}
	int more = dial();
	say(more, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	loop_run(loop, NULL); /* until a stream is closed */
	assert_int_equal(n_closed, 1);
	assert_non_null(strstr(listen_to(more, "h=- "), "200 OK"));
	assert_string_equal(listen_to(fds[0], NULL) + strlen(buf_str(&got)), "");
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(more);
}

/* Each byte would begin an idle time anew. */
static int dripping;
static struct loop_timer *drip_timer;
static void drip(void *arg)
{
	(void)send(dripping, "x", 1, MSG_NOSIGNAL);
	loop_timer_set(drip_timer, IDLE / 10);
}

static void dripping_bytes_buy_no_time(void **state)
{
	dripping = dial();
	drip_timer = loop_timer_new(loop, drip, NULL);
	say(dripping, "GET / HTTP/1.1\r\nX-Long: ");
	drip(NULL);
	msec began = loop_now(loop);
	assert_string_equal(listen_to(dripping, NULL), "");
	/* When at last is the machine's affair: without an end it would take longer than a test may. */
	assert_true(loop_now(loop) - began >= IDLE / 2);
	assert_int_equal(n_requests, 0);
	loop_timer_free(drip_timer);
	close(dripping);
}

/* What comes while an answer waits to be taken is not read without end. */
static void junk_behind_a_request_is_not_kept(void **state)
{
	static char junk[64 * 1024];
	memset(junk, 'x', sizeof(junk));
	int fd = dial();
	say(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	loop_run(loop, NULL);
	size_t sent = 0;
	for (int i = 0; i < 400; i++) {
		ssize_t n = send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		ask("GET", "/", NULL);
	}
	/* What the kernel buffers for both sides, and not the 25 MB that were offered. */
	assert_in_range(sent, 1, 20 << 20);
	answer_held(NULL);
	listen_to(fd, NULL);
	close(fd);
	assert_string_equal(ask("GET", "/", NULL), "GET / q=- h=- ");
}

static void a_chunk_size_without_end_is_cut_off(void **state)
{
	static char digits[20000];
	memset(digits, 'f', sizeof(digits));
	int fd = dial();
	say(fd, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_true(send(fd, digits, sizeof(digits), MSG_DONTWAIT | MSG_NOSIGNAL) > 0);
	assert_string_equal(listen_to(fd, NULL), "");
	assert_int_equal(n_requests, 0);
	close(fd);
}

/* Whose sender has been told to wait. */
static void a_server_that_ends_forgets_what_it_read(void **state)
{
	static char digits[20000];
	memset(digits, 'f', sizeof(digits));
	int fd = dial();
	say(fd, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_true(send(fd, digits, sizeof(digits), MSG_DONTWAIT | MSG_NOSIGNAL) > 0);
	ask("GET", "/", NULL);
	ask("GET", "/", NULL);
	http_server_free(server);
	server = NULL;
	close(fd);
}

static void a_silent_connection_is_closed(void **state)
{
	int fd = dial();
	say(fd, "GET / HT");
	assert_null(strstr(listen_to(fd, NULL), "200 OK"));
	assert_int_equal(n_requests, 0);
	close(fd);
}

/* A descriptor that is used again must not inherit anything. */
static void a_thousand_short_connections(void **state)
{
	for (int i = 0; i < 1000; i++) {
		int fd = dial();
		say(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		assert_non_null(strstr(listen_to(fd, NULL), "200 OK"));
		close(fd);
	}
}

static void a_server_that_ends_closes_streams_and_forgets_the_rest(void **state)
{
	int stream = dial(), waiting = dial();
	say(waiting, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	loop_run(loop, NULL);
	say(stream, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	listen_to(stream, "two\r\n");
	http_server_free(server);
	server = NULL;
	assert_int_equal(n_closed, 1);
	close(stream);
	close(waiting);
}

static void addresses(void **state)
{
	static const struct {
		const char *address, *shown;
	} cases[] = {
		{ "127.0.0.1:0", "127.0.0.1:" },
		{ "[::1]:0", "[::1]:" },
		{ ":0", ":" },
		{ "127.0.0.1", NULL },
		{ "::1:80", NULL },
		{ "x:y", NULL },
		{ "1.2.3.4:", NULL },
		{ "192.0.2.1:0", NULL },
	};
	struct http_limits limits = { 1, 1000, 1, 1000 };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_server *s = NULL;
		struct err e = { 0 };
		int r = http_server_new(loop, cases[i].address, limits, on_request, NULL, &s, &e);
		if (!cases[i].shown) {
			assert_true(r < 0 && e.msg[0]);
			continue;
		}
		/* Not every machine has IPv6. */
		if (r < 0 && cases[i].address[0] == '[')
			continue;
		assert_int_equal(r, 0);
		assert_non_null(strstr(http_server_address(s), cases[i].shown));
		http_server_free(s);
	}
}

static void unescape(void **state)
{
	static const struct {
		const char *text, *plain;
	} cases[] = {
		{ "", "" },        { "abc", "abc" }, { "a%20b", "a b" }, { "%2F%2f", "//" }, { "a+b", "a+b" },
		{ "%C3%A4", "ä" }, { "%", NULL },    { "%4", NULL },     { "%zz", NULL },    { "%00", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(100);
		bool ok = http_unescape(slice_of(cases[i].text), &out);
		assert_int_equal(ok, cases[i].plain != NULL);
		if (ok)
			assert_string_equal(buf_str(&out), cases[i].plain);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define IDLE_CASE(f) cmocka_unit_test_setup_teardown(f, setup_short, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_method_arrives_with_its_parts),
		CASE(an_answer_may_come_later),
		CASE(a_large_body_is_refused),
		CASE(large_headers_are_refused),
		CASE(nonsense_is_answered_and_does_no_harm),
		CASE(a_stream_comes_in_pieces_and_ends),
		IDLE_CASE(a_stream_outlives_the_idle_time),
		CASE(a_client_that_goes_closes_its_stream),
		CASE(the_backlog_of_a_slow_reader_is_told),
		CASE(an_answer_to_one_who_has_gone_is_dropped),
		CASE(who_has_waited_longest_makes_room),
		CASE(half_a_request_keeps_nobody_out),
		CASE(the_oldest_stream_goes_where_all_stream),
		IDLE_CASE(dripping_bytes_buy_no_time),
		CASE(junk_behind_a_request_is_not_kept),
		IDLE_CASE(a_chunk_size_without_end_is_cut_off),
		CASE(a_server_that_ends_forgets_what_it_read),
		IDLE_CASE(a_silent_connection_is_closed),
		CASE(a_thousand_short_connections),
		CASE(a_server_that_ends_closes_streams_and_forgets_the_rest),
		CASE(addresses),
		CASE(unescape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
