#include "observe/health.h"

#include "observe/process_metrics.h"

enum {
	BEAT = 1000,            /* ms between heartbeats */
	BEAT_MISSED = 5000,     /* ms without one: the loop was stuck */
	IDLE = 30000,           /* ms that a client may say nothing */
	REQUEST_MAX = 1024,     /* bytes of a body; nobody has reason to send one */
	HEADERS_MAX = 16384,    /* bytes */
	LINE_MAX_BYTES = 4096,  /* of an answer that is no metrics */
	METRICS_MAX = 64 << 20, /* bytes; some kilobytes for each pool */
	BACKLOG_MAX = 16 << 20, /* bytes of answers that clients have not taken yet */
	/* So many times as long as it took to make them the metrics are good for: whoever asks without end
	 * gets a tenth of the time at most, and what is to be decided goes on. */
	GOOD_FOR = 10,
};

/* The metrics as they were a moment ago. */
struct made {
	struct buf text;
	int64_t until; /* by loop_nanos(); 0 = there are none */
};

struct health {
	struct loop *loop;
	struct http_server *server;
	struct loop_timer *timer;
	msec last_beat;      /* by loop_now() */
	struct made made[2]; /* in Prometheus' own form, in that of OpenMetrics */
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
	const struct buf *shared; /* the body, if it is not the one above */
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

static void make_metrics(struct health *h, struct made *made, bool openmetrics)
{
	int64_t began = loop_nanos();
	struct metrics m = { .out = &made->text, .openmetrics = openmetrics };
	buf_clear(&made->text);
	h->options.metrics(&m, h->options.arg);
	process_metrics(&m);
	build_metrics(&m);
	metrics_end(&m);
	int64_t now = loop_nanos();
	made->until = now + GOOD_FOR * (now - began);
}

static void answer_metrics(struct health *h, const struct http_exchange *x, struct answer *a)
{
	bool openmetrics = metrics_want_openmetrics(http_header(x, "Accept"));
	struct made *made = &h->made[openmetrics];
	/* Whoever asks again and again and takes no answer must not fill the memory. */
	if (http_server_backlog(h->server) > BACKLOG_MAX) {
		say(a, 503, "too many answers wait to be taken");
		return;
	}
	if (made->until <= loop_nanos())
		make_metrics(h, made, openmetrics);
	if (made->text.overflow) {
		buf_done(&made->text);
		made->until = 0;
		say(a, 500, "too many metrics");
		return;
	}
	a->status = 200;
	a->type = metrics_content_type(openmetrics);
	a->shared = &made->text;
}

static void on_request(struct http_exchange *x, void *arg)
{
	struct health *h = arg;
	const char *method = http_method(x);
	struct slice path = http_path(x);
	bool head = strcmp(method, "HEAD") == 0;
	CLEANUP(buf_done) struct buf nothing = BUF_INIT(1);
	struct answer a = { .type = "text/plain; charset=utf-8", .body = BUF_INIT(LINE_MAX_BYTES) };
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
	http_reply(x, a.status, a.type, buf_slice(head ? &nothing : a.shared ? a.shared : &a.body));
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
	for (size_t i = 0; i < ARRAY_LEN(h->made); i++)
		h->made[i].text = BUF_INIT(METRICS_MAX);
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
	for (size_t i = 0; i < ARRAY_LEN(h->made); i++)
		buf_done(&h->made[i].text);
	free(h);
}

const char *health_address(const struct health *h)
{
	return h->options.address;
}
