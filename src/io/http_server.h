/* HTTP/1.1 server on the loop. Each request is an exchange: it is answered once, whole or as a
 * stream, now or later. Clients are limited: connections, header size, body size, idle time. */
#pragma once

#include "base/buf.h"
#include "io/loop.h"

struct http_server;
struct http_exchange;

struct http_limits {
	size_t max_body;    /* bytes; larger = 413 */
	size_t max_headers; /* bytes of request line and headers; larger = 413, and closed */
	/* With one more the one goes that has waited longest for something to say. For a moment there may be
	 * 512 more, of those that have just come. */
	int max_connections;
	/* From the start or the last answer to the end of the next request, and for taking an answer: later
	 * the connection is closed. Streams excepted. */
	msec idle;
};

typedef void http_handler(struct http_exchange *x, void *arg);

/* address: "127.0.0.1:8901", "[::1]:0", ":9963" (all interfaces); port 0 = any free one. */
int http_server_new(struct loop *l, const char *address, struct http_limits limits, http_handler *fn,
		    void *arg, struct http_server **ret, struct err *e);
void http_server_free(struct http_server *s); /* closes all connections; NULL allowed */
/* Where it really listens: "127.0.0.1:43567". Borrowed. */
const char *http_server_address(const struct http_server *s);

/* Bytes of answers that clients have not taken yet, of all of them together. */
size_t http_server_backlog(const struct http_server *s);

/* The request; all borrowed until the exchange is answered (streams: until it is over). */
const char *http_method(const struct http_exchange *x); /* "GET", "PATCH", … */
struct slice http_path(const struct http_exchange *x);  /* as sent, still %-escaped, without query */
/* The decoded value of a query parameter; NULL if it is not there. Borrowed. */
const char *http_query(const struct http_exchange *x, const char *name);
const char *http_header(const struct http_exchange *x, const char *name); /* NULL if not there */
struct slice http_body(const struct http_exchange *x);

/* Headers of the answer, before it starts. */
void http_reply_header(struct http_exchange *x, const char *name, const char *value);
/* The whole answer. The exchange is gone afterwards. */
void http_reply(struct http_exchange *x, int status, const char *content_type, struct slice body);

/* For tests of clients. Closes the connection without a word; the exchange is gone, but a stream's on_close
 * is called a moment later, and then it is. */
void http_drop(struct http_exchange *x);
/* The answer, when it comes, is not sent: the connection is closed instead. */
void http_lose_answer(struct http_exchange *x);

/* An answer in pieces (chunked). After http_stream_start the exchange lives until http_stream_end()
 * or until the client goes: then on_close is called, and it is gone when that returns. */
void http_stream_start(struct http_exchange *x, int status, const char *content_type, loop_fn *on_close,
		       void *arg);
void http_stream_write(struct http_exchange *x, struct slice piece);
size_t http_stream_backlog(const struct http_exchange *x); /* bytes written but not yet taken by the peer */
void http_stream_end(struct http_exchange *x);

/* The decoded text of one path segment or other %-escaped text; false if it is malformed or has a NUL. */
bool http_unescape(struct slice text, struct buf *out);
