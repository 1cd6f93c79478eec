/* HTTP client on the loop (libcurl's multi interface): whole answers and streams, HTTP/1.1 and HTTP/2,
 * TLS 1.2 and later. */
#pragma once

#include "base/buf.h"
#include "io/loop.h"

struct http_client; /* connections to one server, shared by the requests given to it */
struct http_call;   /* one request under way */

struct http_target {
	const char *base_url;        /* "https://10.0.0.1:6443", no slash at the end */
	const char *ca_pem;          /* text of the CA bundle; NULL = the system's */
	const char *client_cert_pem; /* text; NULL = none */
	const char *client_key_pem;
	const char *tls_server_name; /* NULL = the host of base_url */
	const char *proxy_url;       /* NULL = none; the environment's proxies are never used */
	const char *basic_auth;      /* "user:password"; NULL = none */
	bool insecure;               /* no verification of the server */
	int max_connections;         /* at once; 0 = no limit */
	/* Bytes that one call takes in at once; 0 = 8 KiB. Each call under way has such a buffer. */
	int receive_buffer;
};

/* The texts of `target` are copied. */
int http_client_new(struct loop *l, const struct http_target *target, struct http_client **ret,
		    struct err *e);
/* Another client certificate, for calls from now on; on connections of their own. NULL = none. */
void http_client_set_cert(struct http_client *c, const char *cert_pem, const char *key_pem);
void http_client_free(struct http_client *c); /* calls under way end without a callback; NULL allowed */

/* Asked each time before anything is sent or received: while it says false nothing is, and calls under way
 * may never end. For whoever may lose the right to send while the process does not run. */
void http_client_gate(struct http_client *c, bool (*open)(void *arg), void *arg);
/* Ends all connections at once and for good: what has not left yet, queued here or in the kernel, never
 * leaves. Calls under way never end; cancel them, or free the client. */
void http_client_abort(struct http_client *c);

/* What a call came to. All texts are borrowed until on_done returns. */
struct http_answer {
	int status;          /* 0 = no answer came; then `error` says why */
	const char *error;   /* borrowed; NULL if status != 0 and all of the body came */
	bool sent;           /* no answer, but the server may have got and carried out the request */
	struct slice body;   /* empty for streams */
	int64_t retry_after; /* seconds; -1 = the header was not there */
	msec date;           /* the Date header, ms since 1970; 0 = not there */
};

struct http_request {
	const char *method;
	const char *path; /* with query, as it goes on the wire */
	struct slice body;
	const char *content_type; /* of the body; NULL without one */
	const char *accept;
	const char *bearer; /* token, NULL = none */
	msec timeout;       /* of the whole call, 0 = none (streams) */
	msec stall;         /* of a stream: ended as an error after so long without a byte; 0 = never */
	size_t max_body;    /* larger answers are an error; 0 = 64 MiB */
	/* A stream: called with each piece of a 2xx body as it comes, and once with an empty one when the
	 * headers of a 2xx answer are complete. NULL = the body is collected. The body of any other
	 * status is always collected. */
	void (*on_data)(struct slice piece, void *arg);
	/* Exactly once, when all is over, but not after http_call_cancel(). */
	void (*on_done)(const struct http_answer *a, void *arg);
	void *arg;
};

/* Everything in the request is copied. Never fails at once: failures come through on_done, later. */
struct http_call *http_client_send(struct http_client *c, const struct http_request *r);
/* The Date header of the answer that is coming in, ms since 1970; 0 = not there. For on_data: a stream need
 * not end for it to be known. */
msec http_call_date(const struct http_call *call);
void http_call_cancel(struct http_call *call);
