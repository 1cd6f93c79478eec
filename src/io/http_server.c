#include "io/http_server.h"

#include "base/mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netdb.h>
#include <stdio.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	QUERY_MAX = 64 * 1024,
	/* Where it is full the kernel drops what comes, and a client tries again only after a second. */
	LISTEN_BACKLOG = 512,
	GRACE_PART = 60, /* of the idle time: before that nobody has to make room */
	/* What a client may send ahead while its stream runs; it has nothing to say there. */
	STREAM_READ_AHEAD = 16 * 1024,
	/* What it may send ahead else, beyond one request of the allowed size: chunk sizes and the like. */
	READ_AHEAD = 4 * 1024,
};

struct query_pair {
	char *name, *value; /* owned */
};

enum conn_state {
	CONN_WAITING,   /* for a request, for the rest of one, or for the client to take its answer */
	CONN_BUSY,      /* we owe an answer */
	CONN_STREAMING, /* the answer is a stream */
	CONN_STATES
};

struct conn {
	struct http_server *server;
	struct evhttp_connection *evcon;
	int fd;
	enum conn_state state;
	msec since;                     /* in this state, by loop_now() */
	struct http_exchange *exchange; /* NULL while waiting */
	struct conn *next, *prev;       /* of the server's list for this state */
};

/* In the order in which they came into the state. */
struct conn_list {
	struct conn *first, *last;
};

struct http_exchange {
	struct http_server *server;
	struct evhttp_request *req;
	struct conn *conn;        /* NULL once the client has gone */
	char *path;               /* owned; without query */
	struct query_pair *query; /* owned */
	size_t n_query, cap_query;
	bool streaming;
	bool lost; /* the answer will be */
	loop_fn *on_close;
	void *on_close_arg;
	struct http_exchange *next, **link; /* of server->open */
};

struct http_server {
	struct loop *loop;
	struct evhttp *http;
	http_handler *fn;
	void *arg;
	struct http_limits limits;
	struct http_exchange *open;
	struct conn_list conns[CONN_STATES];
	int n_conns;
	struct conn **by_fd; /* owned; so that a request finds its connection */
	size_t cap_by_fd;
	struct loop_timer *expiry; /* of the connection that has waited longest */
	struct loop_timer *crowded;
	/* Just accepted; evhttp has them a moment later. */
	struct bufferevent **fresh;
	size_t n_fresh, cap_fresh;
	struct event *adopt;
	char *address; /* owned */
};

static void exchange_free(struct http_exchange *x)
{
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	for (size_t i = 0; i < x->n_query; i++) {
		free(x->query[i].name);
		free(x->query[i].value);
	}
	free(x->query);
	free(x->path);
	free(x);
}

/* Connections. libevent 2.1 has no ceiling for them and tells of one only with its first request, so that we
 * have to look behind the accept: evhttp asks for the socket's buffer first, and then makes the connection
 * the argument of the buffer's callbacks. Its time limit begins anew with each byte, so that a client that
 * drips bytes would stay for ever: the time from one answer to the next request is limited here. */

static void list_remove(struct conn *c)
{
	struct conn_list *l = &c->server->conns[c->state];
	*(c->prev ? &c->prev->next : &l->first) = c->next;
	*(c->next ? &c->next->prev : &l->last) = c->prev;
	c->next = c->prev = NULL;
}

static void list_append(struct conn *c)
{
	struct conn_list *l = &c->server->conns[c->state];
	c->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = c;
	l->last = c;
}

static void set_expiry(struct http_server *s)
{
	const struct conn *oldest = s->conns[CONN_WAITING].first;
	if (!oldest || loop_timer_is_set(s->expiry))
		return;
	msec left = oldest->since + s->limits.idle - loop_now(s->loop);
	loop_timer_set(s->expiry, left > 0 ? left : 0);
}

static void conn_move(struct conn *c, enum conn_state state)
{
	list_remove(c);
	c->state = state;
	c->since = loop_now(c->server->loop);
	list_append(c);
	set_expiry(c->server);
}

static void on_conn_closed(struct evhttp_connection *evcon, void *arg)
{
	struct conn *c = arg;
	struct http_server *s = c->server;
	struct http_exchange *x = c->exchange;
	s->n_conns--;
	s->by_fd[c->fd] = NULL;
	list_remove(c);
	free(c);
	if (!x)
		return;
	x->conn = NULL;
	if (!x->streaming)
		return; /* whoever owes the answer still holds it */
	if (x->on_close)
		x->on_close(x->on_close_arg);
	evhttp_request_free(x->req);
	exchange_free(x);
}

/* As if the client had gone: evhttp then frees the connection and what belongs to it. */
static void conn_close(struct conn *c)
{
	bufferevent_trigger_event(evhttp_connection_get_bufferevent(c->evcon),
				  BEV_EVENT_READING | BEV_EVENT_EOF, 0);
}

static void on_expiry(void *arg)
{
	struct http_server *s = arg;
	for (struct conn *c; (c = s->conns[CONN_WAITING].first);) {
		if (loop_now(s->loop) - c->since < s->limits.idle)
			break;
		conn_move(c, CONN_WAITING); /* so that this ends even if one should stay */
		conn_close(c);
	}
	set_expiry(s);
}

/* There are too many: those go that have waited longest, streams only where nobody else waits. Who has just
 * come has a moment to say something, unless there are far too many. */
static void on_crowded(void *arg)
{
	struct http_server *s = arg;
	for (int more = s->n_conns - s->limits.max_connections; more > 0; more--) {
		struct conn *victim = s->conns[CONN_WAITING].first;
		if (s->conns[CONN_STREAMING].first && victim == s->conns[CONN_WAITING].last)
			victim = s->conns[CONN_STREAMING].first; /* only the newest waits, if any */
		if (!victim)
			return;
		msec left = victim->since + s->limits.idle / GRACE_PART - loop_now(s->loop);
		if (left > 0 && more <= LISTEN_BACKLOG) {
			loop_timer_set(s->crowded, left);
			return;
		}
		conn_close(victim);
	}
}

/* evhttp reads whatever comes, also while an answer waits for a client that does not take it. */
static void limit_reading(const struct http_server *s, struct bufferevent *bev, bool streaming)
{
	size_t most = s->limits.max_headers + s->limits.max_body + READ_AHEAD;
	bufferevent_setwatermark(bev, EV_READ, 0, streaming ? STREAM_READ_AHEAD : most);
}

static void adopt(struct http_server *s, struct bufferevent *bev)
{
	bufferevent_data_cb on_read = NULL, on_write = NULL;
	bufferevent_event_cb on_event = NULL;
	void *evcon = NULL;
	bufferevent_getcb(bev, &on_read, &on_write, &on_event, &evcon);
	int fd = bufferevent_getfd(bev);
	if (!evcon || fd < 0)
		return;
	struct conn *c = xcalloc(1, sizeof(*c));
	*c = (struct conn){ .server = s, .evcon = evcon, .fd = fd, .since = loop_now(s->loop) };
	for (size_t n = s->cap_by_fd; n <= (size_t)fd; n = s->cap_by_fd) {
		vec_grow(&s->by_fd, &s->cap_by_fd, (size_t)fd + 1);
		memset(s->by_fd + n, 0, (s->cap_by_fd - n) * sizeof(struct conn *));
	}
	s->by_fd[fd] = c;
	s->n_conns++;
	list_append(c);
	set_expiry(s);
	limit_reading(s, bev, false);
	evhttp_connection_set_closecb(evcon, on_conn_closed, c);
}

/* Runs before anything can be read from the new sockets. */
static void on_adopt(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	for (size_t i = 0; i < s->n_fresh; i++)
		adopt(s, s->fresh[i]);
	s->n_fresh = 0;
	if (s->n_conns > s->limits.max_connections)
		loop_timer_set(s->crowded, 0);
}

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	if (!bev)
		return NULL;
	vec_grow(&s->fresh, &s->cap_fresh, s->n_fresh + 1);
	s->fresh[s->n_fresh++] = bev;
	event_active(s->adopt, EV_TIMEOUT, 0);
	return bev;
}

size_t http_server_backlog(const struct http_server *s)
{
	size_t sum = 0;
	for (int i = 0; i < CONN_STATES; i++)
		for (const struct conn *c = s->conns[i].first; c; c = c->next)
			sum += evbuffer_get_length(
				bufferevent_get_output(evhttp_connection_get_bufferevent(c->evcon)));
	return sum;
}

/* Requests */

static void add_query(struct http_exchange *x, struct slice piece)
{
	struct slice name = { 0 };
	struct slice rest = piece;
	slice_cut(&rest, '=', &name);
	CLEANUP(buf_done) struct buf raw = BUF_INIT(QUERY_MAX);
	CLEANUP(buf_done) struct buf key = BUF_INIT(QUERY_MAX);
	CLEANUP(buf_done) struct buf value = BUF_INIT(QUERY_MAX);
	for (size_t i = 0; i < rest.len; i++)
		buf_add_char(&raw, rest.ptr[i] == '+' ? ' ' : rest.ptr[i]);
	if (name.len == 0 || !http_unescape(name, &key) || !http_unescape(buf_slice(&raw), &value))
		return;
	vec_grow(&x->query, &x->cap_query, x->n_query + 1);
	x->query[x->n_query++] = (struct query_pair){ buf_take(&key), buf_take(&value) };
}

static void split_uri(struct http_exchange *x, const char *uri)
{
	/* A proxy may send the absolute form: http://host/path. */
	if (*uri != '/') {
		const char *host = strstr(uri, "://");
		const char *slash = host ? strchr(host + 3, '/') : NULL;
		uri = slash ? slash : "/";
	}
	size_t len = strcspn(uri, "?#");
	x->path = xstrndup(uri, len);
	if (uri[len] != '?')
		return;
	struct slice rest = { uri + len + 1, strcspn(uri + len + 1, "#") };
	struct slice piece;
	while (slice_cut(&rest, '&', &piece))
		add_query(x, piece);
}

static const char *phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 406:
		return "Not Acceptable";
	case 409:
		return "Conflict";
	case 410:
		return "Gone";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	default:
		return "Status";
	}
}

/* Two readers could take it for different requests (RFC 9112, 5.1 and 6.3): evhttp takes the first of several
 * lengths, and a name with a blank behind it for another name. */
static bool is_ambiguous(struct evhttp_request *req)
{
	const struct evkeyval *h;
	unsigned lengths = 0;
	TAILQ_FOREACH(h, evhttp_request_get_input_headers(req), next)
	{
		if (strpbrk(h->key, " \t"))
			return true;
		if (strcasecmp(h->key, "Content-Length") != 0)
			continue;
		if (++lengths > 1 || h->value[strspn(h->value, "0123456789")] != '\0')
			return true;
	}
	return false;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct http_server *s = arg;
	if (is_ambiguous(req)) {
		evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
		evhttp_send_reply(req, 400, phrase(400), NULL);
		return;
	}
	struct http_exchange *x = xcalloc(1, sizeof(*x));
	x->server = s;
	x->req = req;
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	x->conn = s->by_fd[bufferevent_getfd(evhttp_connection_get_bufferevent(evcon))];
	x->conn->exchange = x;
	conn_move(x->conn, CONN_BUSY);
	x->link = &s->open;
	x->next = s->open;
	if (x->next)
		x->next->link = &x->next;
	s->open = x;
	split_uri(x, evhttp_request_get_uri(req));
	s->fn(x, s->arg);
}

const char *http_method(const struct http_exchange *x)
{
	switch (evhttp_request_get_command(x->req)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_TRACE:
		return "TRACE";
	case EVHTTP_REQ_CONNECT:
		return "CONNECT";
	}
	return "";
}

struct slice http_path(const struct http_exchange *x)
{
	return slice_of(x->path);
}

const char *http_query(const struct http_exchange *x, const char *name)
{
	for (size_t i = 0; i < x->n_query; i++)
		if (strcmp(x->query[i].name, name) == 0)
			return x->query[i].value;
	return NULL;
}

const char *http_header(const struct http_exchange *x, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(x->req), name);
}

struct slice http_body(const struct http_exchange *x)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(x->req);
	size_t len = evbuffer_get_length(in);
	return (struct slice){ len ? (const char *)evbuffer_pullup(in, -1) : "", len };
}

void http_reply_header(struct http_exchange *x, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(x->req), name, value);
}

static void set_content_type(struct http_exchange *x, const char *content_type)
{
	if (!content_type)
		return;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(x->req);
	evhttp_remove_header(headers, "Content-Type");
	evhttp_add_header(headers, "Content-Type", content_type);
}

/* From here on the connection is on its own. */
static void answered(struct http_exchange *x)
{
	if (!x->conn)
		return;
	x->conn->exchange = NULL;
	conn_move(x->conn, CONN_WAITING);
	x->conn = NULL;
}

static struct evbuffer *copied(struct slice bytes)
{
	struct evbuffer *b = evbuffer_new();
	if (!b || (bytes.len && evbuffer_add(b, bytes.ptr, bytes.len) < 0))
		abort(); /* out of memory, as in xmalloc() */
	return b;
}

void http_drop(struct http_exchange *x)
{
	if (!x->conn) {
		evhttp_request_free(x->req);
		exchange_free(x);
		return;
	}
	/* The loop sees the end of the connection and cleans up; until then nobody owes an answer. */
	x->streaming = true;
	(void)shutdown(x->conn->fd, SHUT_RDWR);
}

void http_lose_answer(struct http_exchange *x)
{
	x->lost = true;
}

void http_reply(struct http_exchange *x, int status, const char *content_type, struct slice body)
{
	if (x->lost) {
		http_drop(x);
		return;
	}
	struct evhttp_request *req = x->req;
	answered(x);
	set_content_type(x, content_type);
	struct evbuffer *b = copied(body); /* which may be part of the request */
	exchange_free(x);
	/* Frees the request by itself when the client has gone. */
	evhttp_send_reply(req, status, phrase(status), b);
	evbuffer_free(b);
}

/* Streams */

static void set_idle(struct http_exchange *x, bool limited)
{
	msec idle = x->server->limits.idle;
	struct timeval t = { .tv_sec = idle / 1000, .tv_usec = idle % 1000 * 1000 };
	struct bufferevent *bev = evhttp_connection_get_bufferevent(x->conn->evcon);
	bufferevent_set_timeouts(bev, limited ? &t : NULL, limited ? &t : NULL);
	limit_reading(x->server, bev, !limited);
}

void http_stream_start(struct http_exchange *x, int status, const char *content_type, loop_fn *on_close,
		       void *arg)
{
	x->on_close = on_close;
	x->on_close_arg = arg;
	x->streaming = true;
	set_content_type(x, content_type);
	if (!x->conn)
		return;
	conn_move(x->conn, CONN_STREAMING);
	set_idle(x, false);
	evhttp_send_reply_start(x->req, status, phrase(status));
}

void http_stream_write(struct http_exchange *x, struct slice piece)
{
	if (!x->conn || piece.len == 0)
		return;
	struct evbuffer *b = copied(piece);
	evhttp_send_reply_chunk(x->req, b);
	evbuffer_free(b);
}

size_t http_stream_backlog(const struct http_exchange *x)
{
	if (!x->conn)
		return 0;
	return evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(x->conn->evcon)));
}

void http_stream_end(struct http_exchange *x)
{
	struct evhttp_request *req = x->req;
	if (x->conn)
		set_idle(x, true);
	answered(x);
	exchange_free(x);
	evhttp_send_reply_end(req);
}

/* Listening */

/* "host:port", "[v6]:port", ":port" */
static int split_address(const char *address, char **ret_host, char **ret_port, struct err *e)
{
	const char *colon = strrchr(address, ':');
	if (!colon || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return err_set(e, EINVAL, "address %s: want HOST:PORT", address);
	struct slice host = { address, (size_t)(colon - address) };
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = (struct slice){ host.ptr + 1, host.len - 2 };
	else if (memchr(host.ptr, ':', host.len))
		return err_set(e, EINVAL, "address %s: an IPv6 host stands in brackets", address);
	*ret_host = xstrndup(host.ptr, host.len);
	*ret_port = xstrdup(colon + 1);
	return 0;
}

static int listen_on(const struct addrinfo *ai)
{
	CLEANUP(closep) int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int on = 1, off = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return -errno;
	int taken = fd;
	fd = -1;
	return taken;
}

static char *name_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return xstrdup("");
	return ss.ss_family == AF_INET6 ? xasprintf("[%s]:%s", host, port) : xasprintf("%s:%s", host, port);
}

static int open_listener(const char *address, int *ret_fd, struct err *e)
{
	CLEANUP(freep) char *host = NULL;
	CLEANUP(freep) char *port = NULL;
	int r = split_address(address, &host, &port, e);
	if (r < 0)
		return r;
	/* ":port" takes IPv6's wildcard, which serves IPv4 too, and IPv4's where there is no IPv6. */
	const char *hosts[] = { *host ? host : "::", *host ? NULL : "0.0.0.0" };
	r = -EADDRNOTAVAIL;
	for (size_t i = 0; i < ARRAY_LEN(hosts) && hosts[i]; i++) {
		struct addrinfo want = { .ai_socktype = SOCK_STREAM,
					 .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
		struct addrinfo *found = NULL;
		int why = getaddrinfo(hosts[i], port, &want, &found);
		if (why != 0)
			return err_set(e, EINVAL, "address %s: %s", address, gai_strerror(why));
		r = listen_on(found);
		freeaddrinfo(found);
		if (r >= 0) {
			*ret_fd = r;
			return 0;
		}
	}
	return err_set(e, -r, "listen on %s: %s", address, strerror(-r));
}

int http_server_new(struct loop *l, const char *address, struct http_limits limits, http_handler *fn,
		    void *arg, struct http_server **ret, struct err *e)
{
	int fd = -1;
	int r = open_listener(address, &fd, e);
	if (r < 0)
		return r;
	struct http_server *s = xcalloc(1, sizeof(*s));
	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	s->limits = limits;
	s->address = name_of(fd);
	s->http = evhttp_new(loop_event_base(l));
	s->adopt = event_new(loop_event_base(l), -1, 0, on_adopt, s);
	s->expiry = loop_timer_new(l, on_expiry, s);
	s->crowded = loop_timer_new(l, on_crowded, s);
	if (!s->http || !s->adopt || !evhttp_accept_socket_with_handle(s->http, fd)) {
		close(fd);
		http_server_free(s);
		return err_set(e, ENOMEM, "no memory for an HTTP server");
	}
	evhttp_set_gencb(s->http, on_request, s);
	evhttp_set_bevcb(s->http, on_accept, s);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
						    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
						    EVHTTP_REQ_PATCH | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT);
	evhttp_set_max_body_size(s->http, (ev_ssize_t)limits.max_body);
	evhttp_set_max_headers_size(s->http, (ev_ssize_t)limits.max_headers);
	struct timeval idle = { .tv_sec = limits.idle / 1000, .tv_usec = limits.idle % 1000 * 1000 };
	evhttp_set_timeout_tv(s->http, &idle);
	*ret = s;
	return 0;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	while (s->open) {
		struct http_exchange *x = s->open;
		if (x->conn)
			answered(x);
		else
			evhttp_request_free(x->req); /* the others go with their connection */
		if (x->streaming && x->on_close)
			x->on_close(x->on_close_arg);
		exchange_free(x);
	}
	if (s->http)
		evhttp_free(s->http);
	free(s->fresh);
	free(s->by_fd);
	loop_timer_free(s->expiry);
	loop_timer_free(s->crowded);
	if (s->adopt)
		event_free(s->adopt);
	free(s->address);
	free(s);
}

const char *http_server_address(const struct http_server *s)
{
	return s->address;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_unescape(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%') {
			if (text.ptr[i] == '\0')
				return false;
			buf_add_char(out, text.ptr[i]);
			continue;
		}
		if (text.len - i < 3)
			return false;
		int hi = hex_digit(text.ptr[i + 1]), lo = hex_digit(text.ptr[i + 2]);
		if (hi < 0 || lo < 0 || hi * 16 + lo == 0)
			return false;
		buf_add_char(out, (char)(hi * 16 + lo));
		i += 2;
	}
	return !out->overflow;
}
