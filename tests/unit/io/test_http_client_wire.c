/* Servers that do what none should: every call ends once, with what came or with an error that says why, and
 * says truly whether the server may have carried it out. */
#include "io/http_client.h"

#include "lib/raw_server.h"
#include "lib/tls_server.h"

#include <signal.h>

enum { DAY = 24 * 60 * 60, GIVE_UP = 30 * 1000 };

static struct loop *loop;
static struct http_client *client;
static struct loop_timer *give_up;
static struct tls_cert ca, other_ca, cert;

static struct outcome {
	int n_done, status;
	bool sent;
	char error[300]; /* "" = none */
	struct buf body;
	int64_t retry_after;
} out;

static void too_slow(void *arg)
{
	fail_msg("the test took too long");
}

static int make_certs(void **state)
{
	(void)signal(SIGPIPE, SIG_IGN);
	ca = tls_cert_new(NULL, NULL, -DAY, DAY);
	other_ca = tls_cert_new(NULL, NULL, -DAY, DAY);
	cert = tls_cert_new(&ca, "IP:127.0.0.1", -DAY, DAY);
	return 0;
}

static int drop_certs(void **state)
{
	tls_cert_done(&ca);
	tls_cert_done(&other_ca);
	tls_cert_done(&cert);
	return 0;
}

static int setup(void **state)
{
	assert_int_equal(loop_new(&loop, NULL), 0);
	out = (struct outcome){ .body = BUF_INIT(64u << 20) };
	client = NULL;
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, GIVE_UP);
	return 0;
}

static int teardown(void **state)
{
	http_client_free(TAKE(client));
	loop_timer_free(give_up);
	buf_done(&out.body);
	loop_free(loop);
	return 0;
}

static void on_done(const struct http_answer *a, void *arg)
{
	out.n_done++;
	out.status = a->status;
	out.sent = a->sent;
	out.retry_after = a->retry_after;
	(void)snprintf(out.error, sizeof(out.error), "%s", a->error ? a->error : "");
	buf_clear(&out.body);
	buf_add_slice(&out.body, a->body);
	loop_stop(loop);
}

static void connect_to(struct http_target target, const char *scheme, int port)
{
	CLEANUP(freep) char *url = xasprintf("%s://127.0.0.1:%d", scheme, port);
	struct err e = { 0 };
	if (!target.base_url)
		target.base_url = url;
	http_client_free(client);
	if (http_client_new(loop, &target, &client, &e) < 0)
		fail_msg("%s", e.msg);
}

static void ask(struct http_request r)
{
	r.method = r.method ? r.method : "GET";
	r.path = r.path ? r.path : "/";
	r.on_done = on_done;
	out.n_done = 0;
	(void)http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(out.n_done, 1);
	/* No answer has an error, and an answer is one of HTTP's. */
	assert_true(out.status ? out.status >= 200 && out.status <= 999 : out.error[0] != '\0');
}

/* ---- HTTP/1.1 ---- */

struct answer {
	const char *name, *bytes;
	int status;         /* 0 = none is to come of it */
	const char *body;   /* what arrives of it; NULL = whatever */
	bool error;         /* although there may be a status */
	const char *filler; /* a million bytes of this behind it */
};

#define OK_LINE "HTTP/1.1 200 OK\r\n"

static const struct answer answers[] = {
	{ "no length, then the end", OK_LINE "\r\nall", 200, "all" },
	{ "a body that is cut", OK_LINE "Content-Length: 10\r\n\r\nhalf", 200, "half", true },
	{ "more than was promised", OK_LINE "Content-Length: 2\r\n\r\nokjunk", 200, "ok" },
	{ "a length that is no number", OK_LINE "Content-Length: ten\r\n\r\nten bytes!", 200, NULL, true },
	{ "a negative length", OK_LINE "Content-Length: -1\r\n\r\nx", 200, NULL, true },
	{ "a length beyond all numbers", OK_LINE "Content-Length: 99999999999999999999999\r\n\r\nx", 200,
	  "x" },
	{ "a length beyond what is taken", OK_LINE "Content-Length: 70000000\r\n\r\nx", 200, NULL, true },
	{ "length and chunks",
	  OK_LINE "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok" },
	{ "chunks that are cut", OK_LINE "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 200, "hel", true },
	{ "chunks without the last", OK_LINE "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 200, "ok",
	  true },
	{ "a chunk size that is none", OK_LINE "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n", 200,
	  "", true },
	{ "a chunk size beyond all numbers",
	  OK_LINE "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok\r\n0\r\n\r\n", 200, "", true },
	{ "a chunk size without end", OK_LINE "Transfer-Encoding: chunked\r\n\r\n", 200, "", true, "0" },
	{ "an encoding that nobody asked for",
	  OK_LINE "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8bxx", 200, NULL },
	{ "a header that is cut", OK_LINE "X: y", 200, "" },
	{ "headers that are cut", OK_LINE "X: y\r\n", 200, "" },
	{ "a header that is no header", OK_LINE "no colon here\r\nContent-Length: 2\r\n\r\nok", 200, NULL,
	  true },
	{ "a header without end", OK_LINE "X: ", 200, NULL, true, "y" },
	{ "headers without end", OK_LINE, 200, NULL, true,
	  "X-Filler: 1234567890123456789012345678901234567890\r\n" },
	{ "no HTTP", "220 mail.example ESMTP\r\n", 0, NULL, true },
	{ "an old HTTP without a status", "<html>\r\n", 0, NULL, true },
	{ "a status that is no number", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, true },
	{ "a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, true },
	{ "a status below all", "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, true },
	{ "another version", "HTTP/7.3 200 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, true },
	{ "only a promise to go on", "HTTP/1.1 100 Continue\r\n\r\n", 0, NULL, true },
	{ "hints, then an answer", "HTTP/1.1 103 Early Hints\r\n\r\n" OK_LINE "Content-Length: 2\r\n\r\nok",
	  200, "ok" },
	{ "another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\njunk", 0, NULL, true },
	{ "nothing", "", 0, NULL, true },
	{ "a redirect to elsewhere",
	  "HTTP/1.1 301 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 301, "" },
	{ "a redirect to a file",
	  "HTTP/1.1 302 X\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", 302, "" },
	{ "a redirect to itself", "HTTP/1.1 307 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 307, "" },
	{ "two answers", OK_LINE "Content-Length: 2\r\n\r\nokHTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
	  200, "ok" },
	{ "a body where there is none", "HTTP/1.1 204 No Content\r\n\r\njunk", 204, "" },
};

static size_t at_answer;

static void play(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	const struct answer *a = &answers[at_answer];
	raw_send(c, "%s", a->bytes);
	for (size_t n = 0; a->filler && n < 1000 * 1000; n += strlen(a->filler))
		raw_send(c, "%s", a->filler);
	raw_cut(c);
}

static void every_answer_over_http_1_comes_to_an_end(void **state)
{
	struct raw_server *server = raw_server_new(loop, 0, play, NULL);
	int wrong = 0;
	for (at_answer = 0; at_answer < ARRAY_LEN(answers); at_answer++) {
		const struct answer *a = &answers[at_answer];
		connect_to((struct http_target){ 0 }, "http", server->port);
		ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}"), .timeout = 5000 });
		if (out.status != a->status || (out.error[0] != '\0') != a->error ||
		    (a->body && strcmp(buf_str(&out.body), a->body) != 0) || !out.sent) {
			print_error("%s: status %d, error \"%s\", body \"%.40s\"%s\n", a->name, out.status,
				    out.error, buf_str(&out.body), out.sent ? "" : ", and not sent");
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	http_client_free(TAKE(client));
	raw_server_free(server);
}

/* A byte now and then, for ever. */
struct dripper {
	struct loop_timer *timer;
	struct raw_conn *conn;
};
static struct dripper dripper;

static void drip(void *arg)
{
	struct dripper *d = arg;
	raw_send_slice(d->conn, SLICE_LIT("x"));
	loop_timer_set(d->timer, 5);
}

static void drip_headers(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	dripper.conn = c;
	raw_send(c, OK_LINE "X: ");
	loop_timer_set(dripper.timer, 5);
}

static void drip_body(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	dripper.conn = c;
	raw_send(c, OK_LINE "Content-Length: 1000000\r\n\r\n");
	loop_timer_set(dripper.timer, 5);
}

static void dripping_bytes_are_no_life_beyond_the_timeout(void **state)
{
	static raw_handler *const ways[] = { drip_headers, drip_body };
	dripper.timer = loop_timer_new(loop, drip, &dripper);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct raw_server *server = raw_server_new(loop, 0, ways[i], NULL);
		connect_to((struct http_target){ 0 }, "http", server->port);
		ask((struct http_request){ .timeout = 200 });
		assert_true(out.error[0] && out.sent);
		loop_timer_clear(dripper.timer);
		http_client_free(TAKE(client));
		raw_server_free(server);
	}
	loop_timer_free(TAKE(dripper.timer));
}

/* RST instead of an end. */
static void reset(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	struct linger now = { .l_onoff = 1 };
	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	raw_cut(c);
}

static void a_reset_is_an_error(void **state)
{
	struct raw_server *server = raw_server_new(loop, 0, reset, NULL);
	connect_to((struct http_target){ 0 }, "http", server->port);
	ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}") });
	assert_int_equal(out.status, 0);
	assert_true(out.sent);
	http_client_free(TAKE(client));
	raw_server_free(server);
}

static void note_head(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	buf_add_slice(arg, head);
	raw_reply(c, 200, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", "hello");
}

static void a_proxy_and_a_password_are_used(void **state)
{
	CLEANUP(buf_done) struct buf seen = BUF_INIT(1 << 20);
	struct raw_server *server = raw_server_new(loop, 0, note_head, &seen);
	CLEANUP(freep) char *proxy = xasprintf("http://127.0.0.1:%d", server->port);
	connect_to((struct http_target){ .base_url = "http://api.invalid:6443",
					 .proxy_url = proxy,
					 .basic_auth = "me:secret" },
		   "http", 0);
	ask((struct http_request){ .method = "HEAD", .path = "/x" });
	assert_int_equal(out.status, 200);
	assert_int_equal(out.retry_after, -1); /* only where it is asked to come again */
	assert_int_equal(out.body.len, 0);
	assert_non_null(strstr(buf_str(&seen), "HEAD http://api.invalid:6443/x HTTP/1.1\r\n"));
	assert_non_null(strstr(buf_str(&seen), "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"));
	http_client_free(TAKE(client));
	raw_server_free(server);
}

/* ---- TLS ---- */

static void answer_1(struct tls_server *s, SSL *ssl, int nth)
{
	static const char text[] = OK_LINE "Content-Length: 5\r\n\r\nhello";
	char piece[4096];
	size_t n;
	/* A request of these tests fits into one record. */
	while (SSL_read_ex(ssl, piece, sizeof(piece), &n) == 1) {
		atomic_fetch_add(&s->n_requests, 1);
		if (!tls_write(ssl, text, sizeof(text) - 1))
			return;
	}
}

static struct tls_server *serve(const struct tls_cert *c, const struct tls_cert *client_ca, tls_handler *fn,
				bool http2)
{
	struct tls_server *s = tls_server_new(c, client_ca, fn);
	s->http2 = http2;
	tls_server_start(s);
	return s;
}

static void end(struct tls_server *s)
{
	http_client_free(TAKE(client));
	tls_server_free(s);
}

static void only_a_good_certificate_is_talked_to(void **state)
{
	struct tls_cert certs[] = {
		tls_cert_new(&ca, "IP:127.0.0.1", -DAY, DAY),
		tls_cert_new(&other_ca, "IP:127.0.0.1", -DAY, DAY),
		tls_cert_new(NULL, "IP:127.0.0.1", -DAY, DAY),
		tls_cert_new(&ca, "IP:127.0.0.2,DNS:localhost", -DAY, DAY),
		tls_cert_new(&ca, NULL, -DAY, DAY),
		tls_cert_new(&ca, "IP:127.0.0.1", -2 * DAY, -DAY),
		tls_cert_new(&ca, "IP:127.0.0.1", DAY, 2 * DAY),
	};
	for (size_t i = 0; i < ARRAY_LEN(certs); i++) {
		struct tls_server *s = serve(&certs[i], NULL, answer_1, false);
		connect_to((struct http_target){ .ca_pem = ca.pem }, "https", s->port);
		ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}"), .bearer = "sesame" });
		assert_int_equal(out.status, i == 0 ? 200 : 0);
		assert_int_equal(out.sent, i == 0);
		assert_int_equal(atomic_load(&s->n_requests), i == 0); /* the token stays here */

		/* Unless nobody is to look. */
		connect_to((struct http_target){ .insecure = true }, "https", s->port);
		ask((struct http_request){ 0 });
		assert_int_equal(out.status, 200);

		/* The system's CAs know nothing of ours. */
		connect_to((struct http_target){ 0 }, "https", s->port);
		ask((struct http_request){ 0 });
		assert_int_equal(out.status, 0);
		assert_false(out.sent);
		end(s);
		tls_cert_done(&certs[i]);
	}
}

static void a_bad_ca_or_certificate_is_an_error_and_sends_nothing(void **state)
{
	struct tls_server *s = serve(&cert, NULL, answer_1, false);
	const struct http_target bad[] = {
		{ .ca_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
		{ .ca_pem = "junk" },
		{ .ca_pem = ca.pem, .client_cert_pem = "junk", .client_key_pem = "junk" },
		{ .ca_pem = ca.pem, .client_cert_pem = cert.pem, .client_key_pem = ca.key_pem },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		connect_to(bad[i], "https", s->port);
		ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}") });
		assert_int_equal(out.status, 0);
		assert_false(out.sent);
	}
	assert_int_equal(atomic_load(&s->n_requests), 0);
	end(s);
}

static void the_name_to_look_for_may_be_another(void **state)
{
	struct tls_cert named = tls_cert_new(&ca, "DNS:kubernetes.default", -DAY, DAY);
	struct tls_server *s = serve(&named, NULL, answer_1, false);
	connect_to((struct http_target){ .ca_pem = ca.pem, .tls_server_name = "kubernetes.default" }, "https",
		   s->port);
	ask((struct http_request){ 0 });
	assert_string_equal(out.error, "");
	assert_int_equal(out.status, 200);
	connect_to((struct http_target){ .ca_pem = ca.pem, .tls_server_name = "elsewhere" }, "https",
		   s->port);
	ask((struct http_request){ 0 });
	assert_int_equal(out.status, 0);
	assert_false(out.sent);
	end(s);
	tls_cert_done(&named);

	struct err e = { 0 };
	const struct http_target bad = { .base_url = "https://127.0.0.1:1", .tls_server_name = "a b/c" };
	assert_true(http_client_new(loop, &bad, &client, &e) < 0);
	assert_non_null(strstr(e.msg, "a b/c"));
	assert_null(client);
}

static void a_client_certificate_is_shown_and_can_be_replaced(void **state)
{
	struct tls_cert mine = tls_cert_new(&ca, NULL, -DAY, DAY), next = tls_cert_new(&ca, NULL, -DAY, DAY);
	struct tls_server *s = serve(&cert, &ca, answer_1, false);
	connect_to((struct http_target){ .ca_pem = ca.pem }, "https", s->port);
	ask((struct http_request){ 0 });
	assert_int_equal(out.status, 0);

	connect_to((struct http_target){ .ca_pem = ca.pem,
					 .client_cert_pem = mine.pem,
					 .client_key_pem = mine.key_pem },
		   "https", s->port);
	ask((struct http_request){ 0 });
	assert_string_equal(out.error, "");
	assert_int_equal(out.status, 200);
	int before = atomic_load(&s->n_client_certs);
	ask((struct http_request){ 0 });
	assert_int_equal(atomic_load(&s->n_client_certs), before); /* the connection is kept */
	http_client_set_cert(client, next.pem, next.key_pem);
	ask((struct http_request){ 0 });
	assert_int_equal(out.status, 200);
	assert_int_equal(atomic_load(&s->n_client_certs), before + 1);
	end(s);
	tls_cert_done(&mine);
	tls_cert_done(&next);
}

static void speak_old_tls_only(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, 0);
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	(void)SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
}

static void an_old_tls_is_refused(void **state)
{
	struct tls_server *s = tls_server_new(&cert, NULL, answer_1);
	speak_old_tls_only(s->ctx);
	tls_server_start(s);
	connect_to((struct http_target){ .insecure = true }, "https", s->port);
	ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}") });
	assert_int_equal(out.status, 0);
	assert_false(out.sent);
	end(s);
}

/* What comes instead of a handshake; the server then waits for the end. */
static struct slice instead;

static void no_handshake(struct tls_server *s, SSL *ssl, int nth)
{
	char piece[4096];
	if (instead.len)
		(void)send(s->raw_fd, instead.ptr, instead.len, MSG_NOSIGNAL);
	else
		return;
	while (recv(s->raw_fd, piece, sizeof(piece), 0) > 0)
		;
}

static void what_is_no_handshake_was_not_sent(void **state)
{
	static const struct slice junk[] = {
		{ 0 },
		{ "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 47 },
		{ "\x15\x03\x03\x00\x02\x02\x28", 7 }, /* alert: handshake failure */
		{ "\x16\x03\x03\x40\x00\x02\x00\x3f\xfc",
		  9 }, /* the beginning of a ServerHello without end */
		{ "\x16\x03\x03\xff\xff", 5 },
		{ "\x00", 1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		instead = junk[i];
		struct tls_server *s = serve(NULL, NULL, no_handshake, false);
		connect_to((struct http_target){ .insecure = true }, "https", s->port);
		ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}"), .timeout = 500 });
		assert_int_equal(out.status, 0);
		assert_false(out.sent);
		end(s);
	}
}

static void cut_1(struct tls_server *s, SSL *ssl, int nth)
{
	static const char text[] = OK_LINE "Content-Length: 50\r\n\r\nhalf";
	char piece[4096];
	size_t n;
	if (SSL_read_ex(ssl, piece, sizeof(piece), &n) == 1)
		(void)tls_write(ssl, text, sizeof(text) - 1);
}

static void a_body_that_is_cut_under_tls_is_an_error(void **state)
{
	struct tls_server *s = serve(&cert, NULL, cut_1, false);
	connect_to((struct http_target){ .ca_pem = ca.pem }, "https", s->port);
	ask((struct http_request){ 0 });
	assert_int_equal(out.status, 200);
	assert_true(out.error[0] != '\0');
	assert_string_equal(buf_str(&out.body), "half");
	end(s);
}

/* ---- HTTP/2 ---- */

static void fine(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream;
	if (h2_greet(ssl))
		while ((stream = h2_request(s, ssl)))
			h2_answer(ssl, stream, "hello");
}

static struct slice goaway_text(unsigned last, unsigned char code, char text[8])
{
	memset(text, 0, 8);
	text[3] = (char)last;
	text[7] = (char)code;
	return (struct slice){ text, 8 };
}

/* It refuses the first request of the first connection, and serves the second. */
static void go_away_at_once(struct tls_server *s, SSL *ssl, int nth)
{
	char text[8];
	if (nth > 1)
		fine(s, ssl, nth);
	else if (h2_greet(ssl) && h2_request(s, ssl) &&
		 h2_send(ssl, H2_GOAWAY, 0, 0, goaway_text(0, 0, text)))
		(void)h2_request(s, ssl); /* until the client has gone */
}

static void answer_and_go_away(struct tls_server *s, SSL *ssl, int nth)
{
	char text[8];
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	if (!stream)
		return;
	(void)h2_send(ssl, H2_GOAWAY, 0, 0, goaway_text(stream, 0, text));
	h2_answer(ssl, stream, "hello");
	(void)h2_request(s, ssl); /* until the client has gone */
}

static void reset_stream(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	(void)h2_send(ssl, H2_RST_STREAM, 0, stream, SLICE_LIT("\0\0\0\x02"));
	(void)h2_request(s, ssl);
}

static void cut_2(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	(void)h2_send(ssl, H2_HEADERS, H2_END_HEADERS, stream, H2_STATUS_200);
	(void)h2_send(ssl, H2_DATA, 0, stream, SLICE_LIT("half"));
	/* To close with words of the other side unread is a reset, which may overtake what was sent. */
	(void)shutdown(SSL_get_fd(ssl), SHUT_WR);
	while (h2_request(s, ssl))
		;
}

/* Literal without indexing, name 28: content-length. */
static void lie_about_length(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	(void)h2_send(ssl, H2_HEADERS, H2_END_HEADERS, stream,
		      SLICE_LIT("\x88\x0f\x0d\x03"
				"100"));
	(void)h2_send(ssl, H2_DATA, H2_END_STREAM, stream, SLICE_LIT("half"));
	(void)h2_request(s, ssl);
}

static void say_nothing_2(struct tls_server *s, SSL *ssl, int nth)
{
	if (h2_greet(ssl))
		while (h2_request(s, ssl))
			;
}

static void end_before_a_word(struct tls_server *s, SSL *ssl, int nth)
{
}

static void junk_2(struct tls_server *s, SSL *ssl, int nth)
{
	char junk[4096];
	memset(junk, 'j', sizeof(junk));
	(void)tls_write(ssl, junk, sizeof(junk));
	say_nothing_2(s, ssl, nth);
}

static void header_without_end(struct tls_server *s, SSL *ssl, int nth)
{
	/* A literal whose value is said to be long, and goes on from frame to frame. */
	char filler[16000];
	memset(filler, 'a', sizeof(filler));
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	bool more = h2_send(ssl, H2_HEADERS, 0, stream, SLICE_LIT("\x88\x00\x01x\x7f\x80\xff\x7f"));
	for (int i = 0; i < 1000 && more; i++)
		more = h2_send(ssl, H2_CONTINUATION, 0, stream, (struct slice){ filler, sizeof(filler) });
}

static void push(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	(void)h2_send(ssl, H2_PUSH_PROMISE, H2_END_HEADERS, stream, SLICE_LIT("\0\0\0\x02\x82\x84\x87"));
	h2_answer(ssl, stream, "hello");
	(void)h2_request(s, ssl);
}

static void headers_that_cannot_be_read(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	(void)h2_send(ssl, H2_HEADERS, H2_END_HEADERS, stream,
		      SLICE_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
	(void)h2_request(s, ssl);
}

static void a_status_that_is_none(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	(void)h2_send(ssl, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, stream,
		      SLICE_LIT("\x08\x03"
				"abc"));
	(void)h2_request(s, ssl);
}

static void body_before_headers(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	(void)h2_send(ssl, H2_DATA, H2_END_STREAM, stream, SLICE_LIT("hello"));
	(void)h2_request(s, ssl);
}

static void pings_without_end(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	bool more = stream;
	for (int i = 0; i < 20000 && more; i++)
		more = h2_send(ssl, H2_PING, 0, 0, SLICE_LIT("12345678"));
	h2_answer(ssl, stream, "hello");
	(void)h2_request(s, ssl);
}

static void drip_2(struct tls_server *s, SSL *ssl, int nth)
{
	unsigned stream = h2_greet(ssl) ? h2_request(s, ssl) : 0;
	bool more = h2_send(ssl, H2_HEADERS, H2_END_HEADERS, stream, H2_STATUS_200);
	while (more) {
		more = h2_send(ssl, H2_DATA, 0, stream, SLICE_LIT("x"));
		(void)usleep(5000);
	}
}

static const struct conversation {
	const char *name;
	tls_handler *fn;
	int status;
	const char *body; /* NULL = whatever */
	bool error;
	int connections; /* 0 = whatever */
} conversations[] = {
	{ "an answer", fine, 200, "hello", false, 1 },
	{ "GOAWAY with the answer", answer_and_go_away, 200, "hello", false, 1 },
	{ "a stream that is reset", reset_stream, 0, NULL, true, 1 },
	{ "a body that is cut", cut_2, 200, "half", true, 1 },
	{ "a length that is not kept", lie_about_length, 200, NULL, true, 1 },
	{ "silence", say_nothing_2, 0, NULL, true, 1 },
	{ "an end before a word", end_before_a_word, 0, NULL, true, 0 },
	{ "no frames", junk_2, 0, NULL, true, 0 },
	{ "a header without end", header_without_end, 0, NULL, true, 0 },
	{ "a push that nobody asked for", push, 0, NULL, true, 0 },
	{ "headers that cannot be read", headers_that_cannot_be_read, 0, NULL, true, 0 },
	{ "a status that is none", a_status_that_is_none, 0, NULL, true, 0 },
	{ "a body before its headers", body_before_headers, 0, NULL, true, 0 },
	{ "a body that drips", drip_2, 200, NULL, true, 1 },
};

static void every_answer_over_http_2_comes_to_an_end(void **state)
{
	int wrong = 0;
	for (size_t i = 0; i < ARRAY_LEN(conversations); i++) {
		const struct conversation *c = &conversations[i];
		struct tls_server *s = serve(&cert, NULL, c->fn, true);
		connect_to((struct http_target){ .ca_pem = ca.pem, .max_connections = 64 }, "https", s->port);
		ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}"), .timeout = 1500 });
		int n = atomic_load(&s->n_conns);
		if (out.status != c->status || (out.error[0] != '\0') != c->error ||
		    (c->body && strcmp(buf_str(&out.body), c->body) != 0) ||
		    (c->connections && n != c->connections)) {
			print_error("%s: status %d, error \"%s\", body \"%.40s\", %d connections\n", c->name,
				    out.status, out.error, buf_str(&out.body), n);
			wrong++;
		}
		end(s);
	}
	assert_int_equal(wrong, 0);
}

/* The request was refused, so it may go again by itself, or be an error; the next one goes elsewhere. */
static void goaway_leads_to_another_connection(void **state)
{
	struct tls_server *s = serve(&cert, NULL, go_away_at_once, true);
	connect_to((struct http_target){ .ca_pem = ca.pem }, "https", s->port);
	ask((struct http_request){ .method = "POST", .body = SLICE_LIT("{}"), .timeout = 5000 });
	assert_true(out.status == 200 ? atomic_load(&s->n_conns) == 2 : out.error[0] != '\0');
	ask((struct http_request){ .timeout = 5000 });
	assert_int_equal(out.status, 200);
	assert_string_equal(buf_str(&out.body), "hello");
	assert_int_equal(atomic_load(&s->n_conns), 2);
	end(s);
}

static atomic_int headers_seen;

/* Both bodies in one piece, and the first is larger than the client's buffer. */
static void two_bodies_at_once(struct tls_server *s, SSL *ssl, int nth)
{
	const unsigned first = h2_greet(ssl) ? h2_request(s, ssl) : 0, second = h2_request(s, ssl);
	/* Literal without indexing, name 28: content-length. */
	(void)h2_send(ssl, H2_HEADERS, H2_END_HEADERS, first,
		      SLICE_LIT("\x88\x0f\x0d\x04"
				"2500"));
	(void)h2_send(ssl, H2_HEADERS, H2_END_HEADERS, second,
		      SLICE_LIT("\x88\x0f\x0d\x03"
				"900"));
	while (atomic_load(&headers_seen) < 2)
		(void)usleep(1000);
	CLEANUP(buf_done) struct buf both = BUF_INIT(8192);
	static const char filler[2500];
	h2_frame(&both, H2_DATA, H2_END_STREAM, first, (struct slice){ filler, 2500 });
	h2_frame(&both, H2_DATA, H2_END_STREAM, second, (struct slice){ filler, 900 });
	(void)tls_write(ssl, both.ptr, both.len);
	while (h2_request(s, ssl))
		;
}

static void count_headers(struct slice piece, void *arg)
{
	if (piece.len == 0)
		atomic_fetch_add(&headers_seen, 1);
}

static void stop_at_the_second(const struct http_answer *a, void *arg)
{
	out.status += a->error ? 0 : a->status;
	if (++out.n_done == 2)
		loop_stop(loop);
}

/* Also if the server then has nothing more to say. */
static void a_body_that_came_with_another_one_is_not_forgotten(void **state)
{
	struct tls_server *s = serve(&cert, NULL, two_bodies_at_once, true);
	connect_to((struct http_target){ .ca_pem = ca.pem, .receive_buffer = 2048 }, "https", s->port);
	atomic_store(&headers_seen, 0);
	for (int i = 0; i < 2; i++)
		(void)http_client_send(client, &(struct http_request){ .method = "GET",
								       .path = "/",
								       .timeout = 5000,
								       .on_data = count_headers,
								       .on_done = stop_at_the_second });
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(out.status, 2 * 200);
	end(s);
}

static void pings_without_end_cost_one_call_at_most(void **state)
{
	struct tls_server *s = serve(&cert, NULL, pings_without_end, true);
	connect_to((struct http_target){ .ca_pem = ca.pem }, "https", s->port);
	ask((struct http_request){ .timeout = 5000 });
	/* On a busy machine its time may be over in the middle of the answer. */
	assert_true(out.error[0] || (out.status == 200 && strcmp(buf_str(&out.body), "hello") == 0));
	end(s);
}

static void a_timeout_ends_the_connection_of_http_2_too(void **state)
{
	struct tls_server *s = serve(&cert, NULL, say_nothing_2, true);
	connect_to((struct http_target){ .ca_pem = ca.pem }, "https", s->port);
	ask((struct http_request){ .timeout = 200 });
	assert_true(out.error[0] && out.sent);
	ask((struct http_request){ .timeout = 200 });
	assert_true(out.error[0] && out.sent);
	assert_int_equal(atomic_load(&s->n_conns), 2);
	end(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_answer_over_http_1_comes_to_an_end),
		T(dripping_bytes_are_no_life_beyond_the_timeout),
		T(a_reset_is_an_error),
		T(a_proxy_and_a_password_are_used),
		T(only_a_good_certificate_is_talked_to),
		T(a_bad_ca_or_certificate_is_an_error_and_sends_nothing),
		T(the_name_to_look_for_may_be_another),
		T(a_client_certificate_is_shown_and_can_be_replaced),
		T(an_old_tls_is_refused),
		T(what_is_no_handshake_was_not_sent),
		T(a_body_that_is_cut_under_tls_is_an_error),
		T(every_answer_over_http_2_comes_to_an_end),
		T(goaway_leads_to_another_connection),
		T(a_body_that_came_with_another_one_is_not_forgotten),
		T(pings_without_end_cost_one_call_at_most),
		T(a_timeout_ends_the_connection_of_http_2_too),
	};
	return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
