#include "observe/health.h"

#include "observe/process_metrics.h"

enum {
	BEAT = 1000,            /* ms between heartbeats */
	BEAT_MISSED = 5000,     /* ms without one: the loop was stuck */
	IDLE = 30000,           /* ms that a client may say nothing */
	REQUEST_MAX = 1024,     /* bytes of a body; nobody has reason to send one */
	HEADERS_MAX = 16384,    /* bytes */
	METRICS_MAX = 64 << 20, /* bytes; some kilobytes for each pool */
};

struct health {
	struct loop *loop;
	struct http_server *server;
	struct loop_timer *timer;
	msec last_beat; /* by loop_now() */
	struct health_options options;
};

static void on_beat(void *arg)
{
	struct health *h = arg;
	h->last_beat = loop_now(h->loop);
	loop_timer_set(h->timer, BEAT);
}

/* The answer that is being made up. */
struct answer {
	int status;
	const char *type;
	struct buf body;
};

static void say(struct answer *a, int status, const char *line)
{
	a->status = status;
	buf_addf(&a->body, "%s\n", line);
}

static void answer_alive(const struct health *h, struct answer *a)
{
	msec since = loop_now(h->loop) - h->last_beat;
	if (since <= BEAT_MISSED) {
		say(a, 200, "ok");
		return;
	}
	a->status = 503;
	buf_addf(&a->body, "the event loop stood still for %lld ms\n", (long long)since);
}

static void answer_ready(const struct health *h, struct answer *a)
{
	const char *why = h->options.not_ready(h->options.arg);
	say(a, why ? 503 : 200, why ? why : "ok");
}

static void answer_metrics(const struct health *h, const struct http_exchange *x, struct answer *a)
{
	struct metrics m = { .out = &a->body };
	m.openmetrics = metrics_want_openmetrics(http_header(x, "Accept"));
	a->status = 200;
	a->type = metrics_content_type(m.openmetrics);
	h->options.metrics(&m, h->options.arg);
	process_metrics(&m);
	build_metrics(&m);
	metrics_end(&m);
	if (a->body.overflow) {
		buf_clear(&a->body);
		a->type = "text/plain; charset=utf-8";
		say(a, 500, "too many metrics");
	}
}

static void on_request(struct http_exchange *x, void *arg)
{
	const struct health *h = arg;
	const char *method = http_method(x);
	struct slice path = http_path(x);
	bool head = strcmp(method, "HEAD") == 0;
	CLEANUP(buf_done) struct buf nothing = BUF_INIT(1);
	struct answer a = { .type = "text/plain; charset=utf-8", .body = BUF_INIT(METRICS_MAX) };
	if (!head && strcmp(method, "GET") != 0) {
		http_reply_header(x, "Allow", "GET, HEAD");
		say(&a, 405, "only GET and HEAD");
	} else if (slice_is(path, "/healthz")) {
		answer_alive(h, &a);
	} else if (slice_is(path, "/readyz")) {
		answer_ready(h, &a);
	} else if (slice_is(path, "/metrics")) {
		answer_metrics(h, x, &a);
	} else {
		say(&a, 404, "there are /healthz, /readyz and /metrics");
	}
	http_reply_header(x, "X-Content-Type-Options", "nosniff");
	http_reply_header(x, "X-Frame-Options", "DENY");
	http_reply_header(x, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	http_reply_header(x, "Cache-Control", "no-store");
	http_reply(x, a.status, a.type, buf_slice(head ? &nothing : &a.body));
	buf_done(&a.body);
}

int health_new(struct loop *l, const struct health_options *o, struct health **ret, struct err *e)
{
	struct health *h = xcalloc(1, sizeof(*h));
	struct http_limits limits = {
		.max_body = REQUEST_MAX,
		.max_headers = HEADERS_MAX,
		.max_connections = o->max_connections,
		.idle = IDLE,
	};
	h->loop = l;
	h->options = *o;
	int r = http_server_new(l, o->address, limits, on_request, h, &h->server, e);
	if (r < 0) {
		health_free(h);
		return r;
	}
	h->options.address = http_server_address(h->server);
	h->timer = loop_timer_new(l, on_beat, h);
	on_beat(h);
	*ret = h;
	return 0;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	http_server_free(h->server);
	loop_timer_free(h->timer);
	free(h);
}

const char *health_address(const struct health *h)
{
	return h->options.address;
}
