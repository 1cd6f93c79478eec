#include "kube/kube.h"

#include "base/mem.h"
#include "kube/credentials.h"
#include "kube/stats.h"

#include <errno.h>
#include <stdio.h>

enum {
	TIMEOUT_DEFAULT_MS = 30 * 1000,
	BODY_MAX_DEFAULT = JS_SIZE_MAX,
	LEASE_CONNECTIONS = 3, /* its watch, a request, and one that may hang */
	/* Of a write: the answer is one object, and many are under way. */
	WRITE_BUFFER = 2 * 1024,
};

struct kube {
	struct loop *loop;
	struct kube_config *config;
	struct credentials *credentials;
	struct http_client *clients[KUBE_LANES];
	unsigned cert_generation; /* of the certificate the clients use */
	struct kube_call *calls;
	unsigned round; /* of waiting for credentials */
	bool in_round;
	bool dead; /* freed by a callback during a round */
	struct stats stats;
	msec wall_minus_now; /* the server's wall clock less our steady one */
	bool wall_known;
};

struct kube_call {
	struct kube *kube;
	struct kube_call *prev, *next;
	struct http_call *http; /* NULL while it waits for credentials */
	unsigned round;
	unsigned credentials_generation; /* with which it was sent */
	bool tried_again;
	msec sent_at;
	kube_done_fn *done;
	void *arg;
	struct kube_request request; /* with copies of its texts */
	char *path;
	char *body;
};

static const char *method_of(const char *verb)
{
	static const struct {
		const char *verb, *method;
	} methods[] = { { "create", "POST" },
			{ "update", "PUT" },
			{ "patch", "PATCH" },
			{ "delete", "DELETE" },
			{ "deletecollection", "DELETE" } };
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (strcmp(methods[i].verb, verb) == 0)
			return methods[i].method;
	return "GET";
}

static void call_free(struct kube_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		call->kube->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
	free(call->path);
	free(call->body);
	free(call);
}

static bool is_stream(const struct kube_call *call)
{
	return call->request.on_data != NULL;
}

/* ---- answers ---- */

static void note_date(struct kube *k, msec date)
{
	/* The header has whole seconds, cut off: on average it is half a second old. */
	k->wall_minus_now = date + 500 - loop_now(k->loop);
	k->wall_known = true;
}

static void count(struct kube_call *call, int code)
{
	struct kube *k = call->kube;
	stats_count(&k->stats, call->request.verb,
		    call->request.resource ? call->request.resource->plural : "", code);
	if (!is_stream(call))
		stats_latency(&k->stats, call->request.verb, loop_now(k->loop) - call->sent_at);
}

/* The last that happens to a call. `k` may be gone afterwards: callbacks do as they like. */
static void tell(struct kube_call *call, struct kube_result *r)
{
	CLEANUP(js_freep) struct js *status = NULL;
	kube_done_fn *done = call->done;
	void *arg = call->arg;
	r->reason = "";
	if (r->status >= 400 && js_parse(r->body, &status, NULL) == 0) {
		const char *kind = js_str(js_get(status, "kind"));
		const char *reason = js_str(js_get(status, "reason"));
		if (kind && strcmp(kind, "Status") == 0) {
			r->reason = reason ? reason : "";
			r->message = js_str(js_get(status, "message"));
			r->details = js_get(status, "details");
		}
	}
	call_free(call);
	done(r, arg);
}

static void wait_for_credentials(struct kube_call *call)
{
	call->http = NULL;
	call->round = call->kube->round;
	credentials_refresh(call->kube->credentials);
}

static void dispatch(struct kube_call *call);

static void on_http_done(const struct http_answer *a, void *arg)
{
	struct kube_call *call = arg;
	struct kube *k = call->kube;
	count(call, a->status);
	/* A stream's date is that of its beginning, and was noted then. */
	if (a->date > 0 && !is_stream(call))
		note_date(k, a->date);
	if (a->status == 401 && !call->tried_again && credentials_renewable(k->credentials)) {
		call->tried_again = true;
		/* Others may have had the same answer, and new credentials are there already. */
		if (call->credentials_generation == credentials_generation(k->credentials))
			wait_for_credentials(call);
		else
			dispatch(call);
		return;
	}
	call->http = NULL;
	struct kube_result r = { .status = a->status,
				 .error = a->error,
				 .sent = a->sent,
				 .retry_after = a->retry_after,
				 .body = a->body };
	tell(call, &r);
}

static void on_http_data(struct slice piece, void *arg)
{
	const struct kube_call *call = arg;
	/* The time must be known before the first object is: it may be about what was a while ago. */
	msec date = piece.len == 0 && call->http ? http_call_date(call->http) : 0;
	if (date > 0)
		note_date(call->kube, date);
	call->request.on_data(piece, call->arg);
}

/* ---- sending ---- */

static void use_certificate(struct kube *k)
{
	unsigned now = credentials_cert_generation(k->credentials);
	if (k->cert_generation == now)
		return;
	k->cert_generation = now;
	const char *cert = credentials_cert_pem(k->credentials);
	for (int i = 0; i < KUBE_LANES; i++)
		http_client_set_cert(k->clients[i], cert ? cert : k->config->client_cert_pem,
				     cert ? credentials_key_pem(k->credentials) : k->config->client_key_pem);
}

static void dispatch(struct kube_call *call)
{
	struct kube *k = call->kube;
	const struct kube_request *r = &call->request;
	use_certificate(k);
	call->credentials_generation = credentials_generation(k->credentials);
	call->sent_at = loop_now(k->loop);
	struct http_request h = {
		.method = method_of(r->verb),
		.path = call->path,
		.body = r->body,
		.content_type = r->content_type,
		.accept = "application/json",
		.bearer = credentials_token(k->credentials),
		.timeout = r->timeout < 0 ? 0
			   : r->timeout   ? r->timeout
					  : TIMEOUT_DEFAULT_MS,
		.stall = r->stall,
		.max_body = r->max_body ? r->max_body : BODY_MAX_DEFAULT,
		.on_data = is_stream(call) ? on_http_data : NULL,
		.on_done = on_http_done,
		.arg = call,
	};
	call->http = http_client_send(k->clients[r->lane], &h);
}

/* A call that waits since `round` or earlier; NULL = none. */
static struct kube_call *next_waiting(const struct kube *k, unsigned round)
{
	for (struct kube_call *call = k->calls; call; call = call->next)
		if (!call->http && call->round <= round)
			return call;
	return NULL;
}

static void on_credentials(const char *problem, void *arg)
{
	struct kube *k = arg;
	/* Who begins to wait from now on waits for the next ones. */
	unsigned round = k->round++;
	struct kube_call *call;
	k->in_round = true;
	while (!k->dead && (call = next_waiting(k, round))) {
		if (!problem) {
			dispatch(call);
			continue;
		}
		count(call, 0);
		struct kube_result r = { .error = problem, .retry_after = -1 };
		tell(call, &r);
	}
	k->in_round = false;
	if (k->dead)
		kube_free(k);
}

struct kube_call *kube_send(struct kube *k, const struct kube_request *r, kube_done_fn *done, void *arg)
{
	struct kube_call *call = xcalloc(1, sizeof(*call));
	call->kube = k;
	call->next = k->calls;
	if (call->next)
		call->next->prev = call;
	k->calls = call;
	call->done = done;
	call->arg = arg;
	call->request = *r;
	call->path = xstrdup(r->path);
	call->request.path = call->path;
	if (r->body.ptr) {
		call->body = xmalloc(r->body.len + 1);
		memcpy(call->body, r->body.ptr, r->body.len);
		call->request.body.ptr = call->body;
	}
	call->sent_at = loop_now(k->loop);
	if (credentials_ready(k->credentials))
		dispatch(call);
	else
		wait_for_credentials(call);
	return call;
}

void kube_cancel(struct kube_call *call)
{
	if (!call)
		return;
	if (call->http)
		http_call_cancel(call->http);
	call_free(call);
}

/* ---- */

int kube_new(struct loop *l, struct kube_config *config, int max_in_flight, struct kube **ret, struct err *e)
{
	CLEANUP(freep) char *basic = NULL;
	if (config->username && config->password)
		basic = xasprintf("%s:%s", config->username, config->password);
	struct http_target target = {
		.base_url = config->server,
		.ca_pem = config->ca_pem,
		.client_cert_pem = config->client_cert_pem,
		.client_key_pem = config->client_key_pem,
		.tls_server_name = config->tls_server_name,
		.proxy_url = config->proxy_url,
		.basic_auth = basic,
		.insecure = config->insecure,
	};
	struct kube *k = xcalloc(1, sizeof(*k));
	k->loop = l;
	k->config = config;
	int r = 0;
	for (int lane = 0; lane < KUBE_LANES && r == 0; lane++) {
		target.max_connections = lane == KUBE_WRITE   ? max_in_flight
					 : lane == KUBE_LEASE ? LEASE_CONNECTIONS
							      : 0;
		target.receive_buffer = lane == KUBE_WRITE ? WRITE_BUFFER : 0;
		r = http_client_new(l, &target, &k->clients[lane], e);
	}
	if (r < 0) {
		r = err_wrap(e, "%s", config->source ? config->source : "API server");
		kube_free(k);
		return r;
	}
	k->credentials = credentials_new(l, config, on_credentials, k);
	*ret = k;
	return 0;
}

void kube_free(struct kube *k)
{
	if (!k)
		return;
	if (k->in_round) {
		k->dead = true;
		return;
	}
	while (k->calls)
		kube_cancel(k->calls);
	for (int i = 0; i < KUBE_LANES; i++)
		http_client_free(k->clients[i]);
	credentials_free(k->credentials);
	kube_config_free(k->config);
	stats_done(&k->stats);
	free(k);
}

void kube_gate_writes(struct kube *k, bool (*open)(void *arg), void *arg)
{
	http_client_gate(k->clients[KUBE_WRITE], open, arg);
}

void kube_abort_writes(struct kube *k)
{
	http_client_abort(k->clients[KUBE_WRITE]);
}

void kube_abort(struct kube *k)
{
	for (int i = 0; i < KUBE_LANES; i++)
		http_client_abort(k->clients[i]);
}

const struct kube_config *kube_config(const struct kube *k)
{
	return k->config;
}

struct loop *kube_loop(const struct kube *k)
{
	return k->loop;
}

msec kube_server_wall(const struct kube *k)
{
	return k->wall_known ? loop_now(k->loop) + k->wall_minus_now : loop_wall();
}

bool kube_server_wall_known(const struct kube *k)
{
	return k->wall_known;
}

struct kube_stats kube_stats(const struct kube *k)
{
	return (struct kube_stats){ .counts = k->stats.counts,
				    .n_counts = k->stats.n_counts,
				    .latencies = k->stats.latencies,
				    .n_latencies = k->stats.n_latencies };
}

bool kube_ok(const struct kube_result *r)
{
	return r->status >= 200 && r->status < 300 && !r->error;
}

const char *kube_result_text(const struct kube_result *r, char *text, size_t size)
{
	struct slice said = slice_trim(r->body);
	if (r->status == 0)
		(void)snprintf(text, size, "no answer: %s", r->error ? r->error : "unknown");
	else if (r->message)
		(void)snprintf(text, size, "%d%s%s: %s", r->status, r->reason[0] ? " " : "", r->reason,
			       r->message);
	else if (r->error)
		(void)snprintf(text, size, "%d, cut off: %s", r->status, r->error);
	else if (r->status >= 400 && said.len > 0)
		(void)snprintf(text, size, "%d: %.*s", r->status, (int)(said.len < 200 ? said.len : 200),
			       said.ptr);
	else
		(void)snprintf(text, size, "%d", r->status);
	return text;
}
