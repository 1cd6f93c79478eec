/* libcurl's multi interface on the loop.
 *
 * A client keeps its connections in a pool (one CURLM). After a call that timed out the pool is
 * retired: the network may swallow what is sent on its connections without an error, and HTTP/2
 * would go on using them. New calls get a fresh pool; the old one goes with its last call.
 *
 * libcurl may not be called from its own callbacks, but users may do anything from on_data. So while
 * libcurl is running, sends and cancels are only noted, and tidy() carries them out afterwards. */
#include "io/http_client.h"

#include "base/mem.h"
#include "io/http_answer.h"
#include "io/http_headers.h"
#include "io/http_memory.h"
#include "io/http_place.h"
#include "io/tcp.h"

#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <unistd.h>

enum {
	CONNECT_TIMEOUT_MS = 10 * 1000,
	MAX_BODY_DEFAULT = 64 * 1024 * 1024,
	/* Making a handle costs as much as a small request; keeping one costs some 15 KB. So they are kept
	 * while they are in use, and a quiet client keeps none. */
	IDLE_HANDLES = 64,
	IDLE_HANDLES_FOR_MS = 5 * 1000,
	RECEIVE_BUFFER = 8 * 1024, /* libcurl holds one for each handle */
	/* Where calls share connections, more of them only come from the server saying GOAWAY. */
	MULTIPLEX_CONNECTIONS = 8,
	KEPT_CONNECTIONS = 4,
	/* Each time something comes in on a connection that calls share, libcurl looks at all of them: with
	 * 64 under way an answer by itself costs as much as eight together. So while that many are under way,
	 * the loop rests until about an eighth of them are answered. */
	REST_CALLS = 16,
	REST_PART = 8,
	REST_MAX_MS = 50,
	LOOK_AGAIN_MS = 10,
};

struct pool {
	struct http_client *client;
	CURLM *multi;
	struct loop_timer *timer;
	struct loop_timer *look_again; /* see on_look_again() */
	int n_calls;
	bool multiplexes; /* the server was seen to speak HTTP/2 */
	struct pool *next;
};

struct http_client {
	struct loop *loop;
	struct pool *pools; /* the first is in use, the others are retired */
	struct http_call *calls;
	struct loop_timer *later; /* runs tidy() when nothing else would */
	CURL *idle[IDLE_HANDLES];
	size_t n_idle;
	size_t least_idle; /* since the timer was set */
	struct loop_timer *idle_timer;
	unsigned handle_generation;   /* handles of an older one are not used again */
	struct http_headers *headers; /* of the last call; NULL = there was none */

	struct http_place place;
	char *ca_pem;
	char *client_cert_pem;
	char *client_key_pem;
	char *proxy_url;
	char *basic_auth;
	bool insecure;
	bool tls;
	int max_connections;
	int receive_buffer;
	int *sockets; /* that libcurl has open for us */
	size_t n_sockets, cap_sockets;
	bool (*gate)(void *arg); /* NULL = open */
	void *gate_arg;
	bool aborted;
	msec usual_time; /* of a call, from sending it to its answer, as it was lately; times REST_PART */

	int depth; /* > 0: somebody further up the stack still looks at this client */
	bool in_curl;
	bool dead;  /* freed by its owner while depth > 0 */
	bool dirty; /* there are calls to start or to drop */
};

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_DROPPED };

struct http_call {
	struct http_client *client;
	struct pool *pool; /* NULL unless running */
	struct http_call *prev, *next;
	enum call_state state;
	CURL *easy;
	unsigned handle_generation;
	struct http_headers *headers;
	char *target; /* path and query; or the URL, where the place wants it */
	char *method;
	char *request_body;
	size_t request_len;
	msec timeout;
	msec stall;
	msec began, last_byte;
	struct loop_timer *stall_timer; /* only if stall */
	const char *refusal;            /* an error of our own, else NULL */
	struct buf body;
	void (*on_data)(struct slice piece, void *arg);
	void (*on_done)(const struct http_answer *a, void *arg);
	void *arg;
	char why[CURL_ERROR_SIZE];
};

static void tidy(struct http_client *c);

/* Setting an option fails only when memory is out or when we name one that does not exist. */
#define easy_set(easy, option, value)                                        \
	do {                                                                 \
		if (curl_easy_setopt((easy), (option), (value)) != CURLE_OK) \
			abort();                                             \
	} while (0)

/* ---- sockets and timers for libcurl ---- */

static void finish_done_calls(struct pool *p);

static void act(struct pool *p, curl_socket_t fd, int what)
{
	struct http_client *c = p->client;
	int running;
	if (c->aborted || (c->gate && !c->gate(c->gate_arg)))
		return;
	c->depth++;
	c->in_curl = true;
	(void)curl_multi_socket_action(p->multi, fd, what, &running);
	c->in_curl = false;
	finish_done_calls(p);
	if (p->n_calls >= REST_CALLS) {
		msec rest = c->usual_time / REST_PART / REST_PART;
		loop_rest(c->loop, rest < REST_MAX_MS ? rest : REST_MAX_MS);
	}
	c->depth--;
	tidy(c);
}

static void on_socket_ready(int fd, int ready, void *arg)
{
	act(arg, fd, (ready & LOOP_READ ? CURL_CSELECT_IN : 0) | (ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_pool_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* When the answer of a call does not fit its buffer, libcurl 7.88 keeps what it has read behind that, which
 * may be of other calls. If the call ends with what was kept for it, nothing makes libcurl go on with the
 * rest: it waits for the server to send something more. So once no call has ended for a while it is told to
 * read on. */
static void on_look_again(void *arg)
{
	struct pool *p = arg;
	struct http_client *c = p->client;
	c->depth++;
	for (size_t i = c->n_sockets; i > 0; i--)
		if (i <= c->n_sockets)
			act(p, c->sockets[i - 1], CURL_CSELECT_IN);
	c->depth--;
	tidy(c);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *pool, void *known)
{
	(void)easy;
	struct pool *p = pool;
	struct loop_fd *f = known;
	if (what == CURL_POLL_REMOVE) {
		loop_fd_free(f);
		(void)curl_multi_assign(p->multi, fd, NULL);
		return 0;
	}
	int want = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
	if (f)
		loop_fd_want(f, want);
	else
		(void)curl_multi_assign(p->multi, fd,
					loop_fd_new(p->client->loop, fd, want, on_socket_ready, p));
	return 0;
}

static int set_timer(CURLM *multi, long delay, void *pool)
{
	(void)multi;
	const struct pool *p = pool;
	if (delay < 0)
		loop_timer_clear(p->timer);
	else
		loop_timer_set(p->timer, delay);
	return 0;
}

static int tune_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct http_client *c = arg;
	(void)purpose;
	tcp_tune(fd);
	vec_grow(&c->sockets, &c->cap_sockets, c->n_sockets + 1);
	c->sockets[c->n_sockets++] = fd;
	return CURL_SOCKOPT_OK;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	struct http_client *c = arg;
	for (size_t i = 0; i < c->n_sockets; i++)
		if (c->sockets[i] == fd)
			c->sockets[i] = c->sockets[--c->n_sockets];
	return close(fd);
}

/* ---- pools ---- */

static void limit_connections(struct pool *p, int most, int kept)
{
	(void)curl_multi_setopt(p->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)most);
	(void)curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)kept);
}

/* With HTTP/1.1 each call under way needs a connection. With HTTP/2 one is enough; but libcurl opens many
 * when a server that says GOAWAY refuses the calls that were on their way, and would keep them. */
static void note_protocol(struct pool *p, CURL *h)
{
	long version = 0;
	if (p->multiplexes || curl_easy_getinfo(h, CURLINFO_HTTP_VERSION, &version) != CURLE_OK ||
	    version != CURL_HTTP_VERSION_2_0)
		return;
	p->multiplexes = true;
	if (p->client->max_connections > MULTIPLEX_CONNECTIONS)
		limit_connections(p, MULTIPLEX_CONNECTIONS, KEPT_CONNECTIONS);
}

static void pool_new(struct http_client *c)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	p->client = c;
	p->multi = curl_multi_init();
	if (!p->multi)
		abort();
	p->timer = loop_timer_new(c->loop, on_pool_timer, p);
	p->look_again = loop_timer_new(c->loop, on_look_again, p);
	(void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	(void)curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(void)curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	(void)curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	limit_connections(p, c->max_connections, c->max_connections ? c->max_connections : KEPT_CONNECTIONS);
	p->next = c->pools;
	c->pools = p;
}

static void pool_free(struct pool *p)
{
	(void)curl_multi_cleanup(p->multi);
	loop_timer_free(p->timer);
	loop_timer_free(p->look_again);
	free(p);
}

static void free_empty_retired_pools(struct http_client *c)
{
	for (struct pool **at = &c->pools->next; *at;) {
		struct pool *p = *at;
		if (p->n_calls > 0) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		pool_free(p);
	}
}

/* ---- handles ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg);
static size_t on_header(char *bytes, size_t size, size_t n, void *arg);

static void set_blob(CURL *easy, CURLoption option, char *pem, unsigned flags)
{
	struct curl_blob blob = { .data = pem, .len = strlen(pem), .flags = flags };
	easy_set(easy, option, &blob);
}

/* All that is the same for each call of this client. */
static CURL *handle_new(struct http_client *c)
{
	CURL *h = curl_easy_init();
	if (!h)
		abort();
	easy_set(h, CURLOPT_NOSIGNAL, 1L);
	easy_set(h, CURLOPT_PROTOCOLS_STR, "http,https");
	easy_set(h, CURLOPT_FOLLOWLOCATION, 0L);
	easy_set(h, CURLOPT_PATH_AS_IS, 1L);
	if (!c->place.whole_urls)
		easy_set(h, CURLOPT_URL, c->place.url);
	easy_set(h, CURLOPT_PROXY, c->proxy_url ? c->proxy_url : "");
	easy_set(h, CURLOPT_NOPROXY, "");
	easy_set(h, CURLOPT_BUFFERSIZE, (long)c->receive_buffer);
	easy_set(h, CURLOPT_UPLOAD_BUFFERSIZE, (long)HTTP_SEND_BUFFER);
	easy_set(h, CURLOPT_SOCKOPTFUNCTION, tune_socket);
	easy_set(h, CURLOPT_SOCKOPTDATA, c);
	easy_set(h, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	easy_set(h, CURLOPT_CLOSESOCKETDATA, c);
	easy_set(h, CURLOPT_WRITEFUNCTION, on_body);
	if (c->basic_auth) {
		easy_set(h, CURLOPT_USERPWD, c->basic_auth);
		easy_set(h, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	}
	if (c->place.connect_to)
		easy_set(h, CURLOPT_CONNECT_TO, c->place.connect_to);
	if (!c->tls) {
		easy_set(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
		return h;
	}
	easy_set(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	easy_set(h, CURLOPT_PIPEWAIT, 1L); /* one connection for many calls, also while it is being made */
	easy_set(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->insecure) {
		easy_set(h, CURLOPT_SSL_VERIFYPEER, 0L);
		easy_set(h, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c->ca_pem) {
		set_blob(h, CURLOPT_CAINFO_BLOB, c->ca_pem, CURL_BLOB_NOCOPY);
		/* Without this the system's folder of CAs is trusted as well. */
		easy_set(h, CURLOPT_CAPATH, NULL);
	}
	/* Copied, because calls under way keep theirs when the client gets another. */
	if (c->client_cert_pem)
		set_blob(h, CURLOPT_SSLCERT_BLOB, c->client_cert_pem, CURL_BLOB_COPY);
	if (c->client_key_pem)
		set_blob(h, CURLOPT_SSLKEY_BLOB, c->client_key_pem, CURL_BLOB_COPY);
	return h;
}

static void handle_put(struct http_client *c, CURL *h, unsigned generation)
{
	if (c->n_idle == IDLE_HANDLES || c->dead || generation != c->handle_generation) {
		curl_easy_cleanup(h);
		return;
	}
	c->idle[c->n_idle++] = h;
	if (!loop_timer_is_set(c->idle_timer)) {
		c->least_idle = c->n_idle;
		loop_timer_set(c->idle_timer, IDLE_HANDLES_FOR_MS);
	}
}

static CURL *handle_get(struct http_client *c)
{
	if (c->n_idle == 0)
		return handle_new(c);
	c->n_idle--;
	if (c->least_idle > c->n_idle)
		c->least_idle = c->n_idle;
	return c->idle[c->n_idle];
}

/* Frees those that were not needed since the last look. */
static void on_idle_timer(void *arg)
{
	struct http_client *c = arg;
	for (size_t n = c->least_idle; n > 0; n--)
		curl_easy_cleanup(c->idle[--c->n_idle]);
	if (c->least_idle > 0)
		(void)malloc_trim(0); /* what a burst took goes back to the system */
	c->least_idle = c->n_idle;
	if (c->n_idle > 0)
		loop_timer_set(c->idle_timer, IDLE_HANDLES_FOR_MS);
}

/* ---- calls ---- */

/* Those of the request; the caller drops them with http_headers_unref(). */
static struct http_headers *headers_for(struct http_client *c, const struct http_request *r)
{
	const char *type = !r->body.ptr ? NULL : r->content_type ? r->content_type : "application/json";
	struct http_headers *h = c->headers;
	if (!h || !http_headers_are(h, r->accept, r->bearer, type)) {
		h = http_headers_new(c->place.host_header, r->accept, r->bearer, type);
		http_headers_unref(c->headers);
		c->headers = h;
	}
	return http_headers_ref(h);
}

/* Sets all that differs from call to call, also what this one does not use. */
static void call_start(struct http_call *call)
{
	struct http_client *c = call->client;
	CURL *h = handle_get(c);
	call->easy = h;
	call->handle_generation = c->handle_generation;
	call->state = CALL_RUNNING;
	call->pool = c->pools;
	call->pool->n_calls++;
	call->began = call->last_byte = loop_now(c->loop);

	easy_set(h, CURLOPT_PRIVATE, call);
	easy_set(h, CURLOPT_WRITEDATA, call);
	easy_set(h, CURLOPT_HEADERFUNCTION, call->on_data ? on_header : NULL);
	easy_set(h, CURLOPT_HEADERDATA, call->on_data ? call : NULL);
	easy_set(h, CURLOPT_ERRORBUFFER, call->why);
	/* A target is sent as it stands; a URL is taken apart and put together again for each call. */
	if (c->place.whole_urls)
		easy_set(h, CURLOPT_URL, call->target);
	else
		easy_set(h, CURLOPT_REQUEST_TARGET, call->target);
	easy_set(h, CURLOPT_NOBODY, 0L);
	if (call->request_body) {
		easy_set(h, CURLOPT_POST, 1L);
		easy_set(h, CURLOPT_POSTFIELDS, call->request_body);
		easy_set(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->request_len);
	} else {
		easy_set(h, CURLOPT_HTTPGET, 1L);
		if (strcmp(call->method, "HEAD") == 0)
			easy_set(h, CURLOPT_NOBODY, 1L);
	}
	easy_set(h, CURLOPT_CUSTOMREQUEST, call->method);
	easy_set(h, CURLOPT_HTTPHEADER, http_headers_list(call->headers));
	easy_set(h, CURLOPT_TIMEOUT_MS, (long)call->timeout);
	easy_set(h, CURLOPT_CONNECTTIMEOUT_MS,
		 (long)(call->stall && call->stall < CONNECT_TIMEOUT_MS ? call->stall : CONNECT_TIMEOUT_MS));
	if (call->stall_timer)
		loop_timer_set(call->stall_timer, call->stall);
	if (curl_multi_add_handle(call->pool->multi, h) != CURLM_OK)
		abort();
}

/* Takes the call out of libcurl; its handle can be used again. */
static void call_stop(struct http_call *call)
{
	if (!call->easy)
		return;
	(void)curl_multi_remove_handle(call->pool->multi, call->easy);
	if (--call->pool->n_calls > 0)
		loop_timer_set(call->pool->look_again, LOOK_AGAIN_MS);
	call->pool = NULL;
	handle_put(call->client, TAKE(call->easy), call->handle_generation);
}

static void call_free(struct http_call *call)
{
	struct http_client *c = call->client;
	if (call->prev)
		call->prev->next = call->next;
	else
		c->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
	http_headers_unref(call->headers);
	loop_timer_free(call->stall_timer);
	buf_done(&call->body);
	free(call->target);
	free(call->method);
	free(call->request_body);
	free(call);
}

static bool is_unwanted(const struct http_call *call)
{
	return call->state == CALL_DROPPED || call->client->dead;
}

static bool is_good(const struct http_call *call)
{
	long status = 0;
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

/* Of streams only: one header line at a time, an empty one at the end. */
static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * n;
	if (is_unwanted(call))
		return len == 0; /* anything but len ends the transfer */
	if (slice_trim((struct slice){ bytes, len }).len == 0 && is_good(call))
		call->on_data((struct slice){ "", 0 }, call->arg);
	return is_unwanted(call) ? len == 0 : len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * n;
	if (is_unwanted(call))
		return len == 0;
	call->last_byte = loop_now(call->client->loop);
	if (call->on_data && is_good(call)) {
		call->on_data((struct slice){ bytes, len }, call->arg);
		return is_unwanted(call) ? len == 0 : len;
	}
	buf_add(&call->body, bytes, len);
	if (call->body.overflow) {
		call->refusal = "the answer is larger than allowed";
		return len == 0;
	}
	return len;
}

msec http_call_date(const struct http_call *call)
{
	return call->easy ? http_date_of(call->easy) : 0;
}

/* Ends a call that is over, whatever the outcome. */
static void call_finish(struct http_call *call, CURLcode code)
{
	struct http_client *c = call->client;
	struct http_answer a = { .retry_after = -1 };
	if (call->easy) {
		long status = 0;
		(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		a.status = (int)status;
		note_protocol(call->pool, call->easy);
		a.date = http_date_of(call->easy);
		if (status >= 300)
			a.retry_after = http_retry_after_of(call->easy);
		a.sent = !http_surely_unsent(call->easy, code);
		if (!call->on_data)
			c->usual_time += loop_now(c->loop) - call->began - c->usual_time / REST_PART;
	}
	if (a.status < 200 || a.status > 999)
		a.status = 0; /* 100 Continue and then nothing, or no HTTP */
	if (call->refusal)
		a.error = call->refusal;
	else if (code != CURLE_OK)
		a.error = call->why[0] ? call->why : curl_easy_strerror(code);
	else if (a.status == 0)
		a.error = "no answer";
	a.body = buf_slice(&call->body);

	if (code == CURLE_OPERATION_TIMEDOUT && a.sent && call->pool == c->pools && !c->dead)
		pool_new(c);
	call_stop(call);
	call->state = CALL_DROPPED;
	void (*on_done)(const struct http_answer *, void *) = c->dead ? NULL : call->on_done;
	if (on_done)
		on_done(&a, call->arg);
	call_free(call);
}

static void finish_done_calls(struct pool *p)
{
	int left;
	CURLMsg *m;
	while ((m = curl_multi_info_read(p->multi, &left))) {
		char *private = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
			continue;
		struct http_call *call = (struct http_call *)(void *)private;
		if (call->state == CALL_DROPPED) {
			call_stop(call);
			call_free(call);
		} else {
			call_finish(call, code);
		}
	}
}

static void client_destroy(struct http_client *c)
{
	while (c->calls) {
		struct http_call *call = c->calls;
		call_stop(call);
		call_free(call);
	}
	while (c->n_idle)
		curl_easy_cleanup(c->idle[--c->n_idle]);
	while (c->pools) {
		struct pool *p = c->pools;
		c->pools = p->next;
		pool_free(p);
	}
	loop_timer_free(c->later);
	loop_timer_free(c->idle_timer);
	http_headers_unref(c->headers);
	http_place_done(&c->place);
	free(c->ca_pem);
	free(c->client_cert_pem);
	free(c->client_key_pem);
	free(c->proxy_url);
	free(c->basic_auth);
	free(c->sockets);
	free(c);
	curl_global_cleanup();
}

/* What could not be done while libcurl or a callback was running. */
static void tidy(struct http_client *c)
{
	if (c->depth > 0)
		return;
	c->depth++;
	while (c->dirty && !c->dead) {
		c->dirty = false;
		struct http_call *next;
		for (struct http_call *call = c->calls; call; call = next) {
			next = call->next;
			if (call->state == CALL_DROPPED) {
				call_stop(call);
				call_free(call);
			} else if (call->state == CALL_WAITING && !call->refusal) {
				call_start(call);
			} else if (call->state == CALL_WAITING) {
				/* The list may change under the callback: look at it anew. */
				c->dirty = true;
				call_finish(call, CURLE_OK);
				break;
			}
		}
	}
	c->depth--;
	if (c->dead)
		client_destroy(c);
	else
		free_empty_retired_pools(c);
}

static void on_later(void *arg)
{
	tidy(arg);
}

static void on_stall_timer(void *arg)
{
	struct http_call *call = arg;
	struct http_client *c = call->client;
	msec left = call->last_byte + call->stall - loop_now(c->loop);
	if (left > 0) {
		loop_timer_set(call->stall_timer, left);
		return;
	}
	call->refusal = "nothing came for too long";
	c->depth++;
	call_finish(call, CURLE_OPERATION_TIMEDOUT);
	c->depth--;
	tidy(c);
}

struct http_call *http_client_send(struct http_client *c, const struct http_request *r)
{
	struct http_call *call = xcalloc(1, sizeof(*call));
	call->client = c;
	call->next = c->calls;
	if (call->next)
		call->next->prev = call;
	c->calls = call;

	call->target = xasprintf("%s%s", c->place.prefix, r->path);
	call->method = xstrdup(r->method);
	if (r->body.ptr) {
		call->request_body = xmalloc(r->body.len + 1);
		memcpy(call->request_body, r->body.ptr, r->body.len);
		call->request_len = r->body.len;
	}
	call->headers = headers_for(c, r);
	if (!http_headers_are_plain(call->headers) || !http_is_plain(r->path) || !http_is_plain(r->method) ||
	    strchr(r->path, ' '))
		call->refusal = "a control character in path, token or header, or a space in the path";

	call->timeout = r->timeout;
	call->stall = r->stall;
	if (call->stall)
		call->stall_timer = loop_timer_new(c->loop, on_stall_timer, call);
	call->body = BUF_INIT(r->max_body ? r->max_body : MAX_BODY_DEFAULT);
	call->on_data = r->on_data;
	call->on_done = r->on_done;
	call->arg = r->arg;

	if (!c->in_curl && !call->refusal) {
		call_start(call);
	} else {
		c->dirty = true;
		loop_timer_set(c->later, 0);
	}
	return call;
}

void http_call_cancel(struct http_call *call)
{
	struct http_client *c = call->client;
	if (call->state == CALL_DROPPED)
		return;
	if (c->in_curl) {
		call->state = CALL_DROPPED;
		c->dirty = true;
		return;
	}
	call_stop(call);
	call_free(call);
}

/* ---- the client ---- */

static char *copy_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

int http_client_new(struct loop *l, const struct http_target *target, struct http_client **ret, struct err *e)
{
	bool tls = target->base_url && strncmp(target->base_url, "https://", 8) == 0;
	if (!tls && (!target->base_url || strncmp(target->base_url, "http://", 7) != 0))
		return err_set(e, EINVAL, "server URL \"%s\": only http:// and https:// are known",
			       target->base_url ? target->base_url : "");
	if (!http_is_plain(target->base_url) || !http_is_plain(target->tls_server_name))
		return err_set(e, EINVAL, "a control character in the server URL or TLS server name");
	if (http_memory_init() != 0)
		return err_set(e, EIO, "the HTTP library does not start");

	struct http_client *c = xcalloc(1, sizeof(*c));
	c->loop = l;
	c->tls = tls;
	c->ca_pem = copy_or_null(target->ca_pem);
	c->client_cert_pem = copy_or_null(target->client_cert_pem);
	c->client_key_pem = copy_or_null(target->client_key_pem);
	c->proxy_url = copy_or_null(target->proxy_url);
	c->basic_auth = copy_or_null(target->basic_auth);
	c->insecure = target->insecure;
	c->max_connections = target->max_connections;
	c->receive_buffer = target->receive_buffer ? target->receive_buffer : RECEIVE_BUFFER;
	c->later = loop_timer_new(l, on_later, c);
	c->idle_timer = loop_timer_new(l, on_idle_timer, c);
	pool_new(c);
	int r = http_place_init(&c->place, target->base_url, target->tls_server_name,
				target->proxy_url != NULL, e);
	if (r < 0) {
		client_destroy(c);
		return r;
	}
	*ret = c;
	return 0;
}

void http_client_set_cert(struct http_client *c, const char *cert_pem, const char *key_pem)
{
	str_replace(&c->client_cert_pem, cert_pem);
	str_replace(&c->client_key_pem, key_pem);
	c->handle_generation++;
	while (c->n_idle)
		curl_easy_cleanup(c->idle[--c->n_idle]);
	c->least_idle = 0;
	pool_new(c);
}

void http_client_gate(struct http_client *c, bool (*open)(void *arg), void *arg)
{
	c->gate = open;
	c->gate_arg = arg;
}

void http_client_abort(struct http_client *c)
{
	c->aborted = true;
	for (size_t i = 0; i < c->n_sockets; i++)
		tcp_abort(c->sockets[i]);
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	if (c->depth > 0) {
		c->dead = true;
		return;
	}
	client_destroy(c);
}
