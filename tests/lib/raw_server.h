/* A server on loopback that knows just enough of HTTP/1.1 to tell requests apart; what it answers, and
 * where it cuts, is the test's business. For tests of what a well-behaved server never does. */
#pragma once

#include "io/loop.h"
#include "lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>

struct raw_server;

struct raw_conn {
	struct raw_server *server;
	struct raw_conn *next;
	struct loop_fd *watch;
	int fd;
	struct buf in, out;
	bool close_when_sent;
	void *note; /* the test's */
};

/* `head` is the request line and headers, `body` what followed. */
typedef void raw_handler(struct raw_conn *c, struct slice head, struct slice body, void *arg);

struct raw_server {
	struct loop *loop;
	struct loop_fd *watch;
	int fd;
	int port;
	raw_handler *fn;
	void *arg;
	struct raw_conn *conns;
	int n_accepted;
	int n_requests;
};

[[maybe_unused]] static void raw_close(struct raw_conn *c)
{
	for (struct raw_conn **at = &c->server->conns; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	loop_fd_free(c->watch);
	(void)close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

/* True if the connection is gone. */
static bool raw_flush(struct raw_conn *c)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.ptr, c->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			loop_fd_want(c->watch, LOOP_READ | LOOP_WRITE);
			return false;
		}
		if (n <= 0) {
			raw_close(c);
			return true;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->close_when_sent) {
		raw_close(c);
		return true;
	}
	loop_fd_want(c->watch, LOOP_READ);
	return false;
}

/* Sends when the loop runs on, so that a handler's connection never goes away under it. */
[[maybe_unused, gnu::format(printf, 2, 3)]] static void raw_send(struct raw_conn *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&c->out, fmt, ap);
	va_end(ap);
	loop_fd_want(c->watch, LOOP_READ | LOOP_WRITE);
}

[[maybe_unused]] static void raw_send_slice(struct raw_conn *c, struct slice s)
{
	buf_add_slice(&c->out, s);
	loop_fd_want(c->watch, LOOP_READ | LOOP_WRITE);
}

/* After what was sent so far. */
[[maybe_unused]] static void raw_cut(struct raw_conn *c)
{
	c->close_when_sent = true;
	loop_fd_want(c->watch, LOOP_READ | LOOP_WRITE);
}

[[maybe_unused]] static void raw_reply(struct raw_conn *c, int status, const char *headers, const char *body)
{
	raw_send(c, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body),
		 headers ? headers : "");
	raw_send_slice(c, slice_of(body));
}

[[maybe_unused]] static void raw_chunk(struct raw_conn *c, struct slice bytes)
{
	raw_send(c, "%zx\r\n", bytes.len);
	raw_send_slice(c, bytes);
	raw_send(c, "\r\n");
}

static size_t raw_content_length(struct slice head)
{
	static const char name[] = "content-length:";
	for (size_t i = 0; i + sizeof(name) < head.len; i++)
		if (strncasecmp(head.ptr + i, name, sizeof(name) - 1) == 0)
			return strtoul(head.ptr + i + sizeof(name) - 1, NULL, 10);
	return 0;
}

/* The body may start with NUL bytes and so on, the head may not. */
static bool raw_next_request(struct raw_conn *c)
{
	const char *end = strstr(buf_str(&c->in), "\r\n\r\n");
	if (!end)
		return false;
	size_t head = (size_t)(end - c->in.ptr) + 4;
	size_t body = raw_content_length((struct slice){ c->in.ptr, head });
	if (c->in.len < head + body)
		return false;
	struct slice h = { c->in.ptr, head }, b = { c->in.ptr + head, body };
	c->server->n_requests++;
	c->server->fn(c, h, b, c->server->arg);
	buf_consume(&c->in, head + body);
	return true;
}

static void raw_on_ready(int fd, int ready, void *arg)
{
	struct raw_conn *c = arg;
	char chunk[16 * 1024];
	if (ready & LOOP_READ) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			raw_close(c);
			return;
		}
		if (n > 0)
			buf_add(&c->in, chunk, (size_t)n);
		while (raw_next_request(c))
			;
	}
	(void)raw_flush(c);
}

static void raw_on_accept(int fd, int ready, void *arg)
{
	(void)ready;
	struct raw_server *s = arg;
	int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (got < 0)
		return;
	struct raw_conn *c = xcalloc(1, sizeof(*c));
	c->server = s;
	c->fd = got;
	c->in = c->out = BUF_INIT(64u * 1024 * 1024);
	c->next = s->conns;
	s->conns = c;
	s->n_accepted++;
	c->watch = loop_fd_new(s->loop, got, LOOP_READ, raw_on_ready, c);
}

/* port 0 = any free one */
[[maybe_unused]] static struct raw_server *raw_server_new(struct loop *l, int port, raw_handler *fn,
							  void *arg)
{
	struct raw_server *s = xcalloc(1, sizeof(*s));
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int on = 1;
	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->fd, 64) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len) < 0)
		fail_msg("cannot listen on loopback: %s", strerror(errno));
	s->port = ntohs(a.sin_port);
	s->watch = loop_fd_new(l, s->fd, LOOP_READ, raw_on_accept, s);
	return s;
}

[[maybe_unused]] static void raw_server_free(struct raw_server *s)
{
	while (s->conns)
		raw_close(s->conns);
	loop_fd_free(s->watch);
	(void)close(s->fd);
	free(s);
}
