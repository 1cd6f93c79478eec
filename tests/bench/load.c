/* Sends the requests of a file over one HTTP/2 connection, many at once: what the API server can take.
 * Without TLS there is no HTTP/2, and each request under way has a connection of its own.
 *
 *	load --server=URL [--ca=FILE] [--token-file=FILE] [--in-flight=64] FILE
 *
 * Each line of FILE is {"method":"PATCH","path":"/api/...","type":"application/json","body":{...}},
 * type and body may be missing; or an array of such requests, which are sent one after the other,
 * each when the one before it was answered. Prints {"requests":n,"failed":n,"seconds":s,"cpu":s} and
 * ends with 1 if a request had another answer than 2xx; the first of those is told. */
#include "base/mem.h"
#include "data/json.h"
#include "io/file.h"
#include "io/http_client.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { FILE_MAX = 256 * 1024 * 1024, BODY_MAX = 1024 * 1024 };

struct load {
	struct loop *loop;
	struct http_client *client;
	char *token;
	struct slice rest; /* lines that nobody took yet */
	unsigned in_flight, limit;
	size_t requests, failed;
};

/* One line, and how far it is. */
struct chain {
	struct load *load;
	struct js *line;
	size_t next;
	struct buf body;
};

static double seconds_of(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void chain_free(struct chain *c)
{
	js_free(c->line);
	buf_done(&c->body);
	free(c);
}

static void take_lines(struct load *l);
static void on_done(const struct http_answer *a, void *arg);

/* False when all of the line was sent. */
static bool send_next(struct chain *c)
{
	struct load *l = c->load;
	const struct js *request = js_type(c->line) == JS_ARRAY ? js_item(c->line, c->next)
				   : c->next == 0               ? c->line
								: NULL;
	if (!request)
		return false;
	const char *method = js_str(js_get(request, "method")), *path = js_str(js_get(request, "path"));
	buf_clear(&c->body);
	if (js_has(request, "body"))
		js_write(js_get(request, "body"), &c->body);
	c->next++;
	l->requests++;
	struct http_request r = {
		.method = method ? method : "GET",
		.path = path ? path : "/",
		.body = js_has(request, "body") ? buf_slice(&c->body) : (struct slice){ NULL, 0 },
		.content_type = js_str(js_get(request, "type")),
		.accept = "application/json",
		.bearer = l->token,
		.timeout = 120 * 1000,
		.on_done = on_done,
		.arg = c,
	};
	(void)http_client_send(l->client, &r);
	return true;
}

static void on_done(const struct http_answer *a, void *arg)
{
	struct chain *c = arg;
	struct load *l = c->load;
	bool good = a->status >= 200 && a->status < 300 && !a->error;
	if (!good && l->failed++ == 0)
		(void)fprintf(stderr, "load: request %zu: %d %s %.*s\n", l->requests, a->status,
			      a->error ? a->error : "", SLICE_ARG(a->body));
	if (good && send_next(c))
		return;
	chain_free(c);
	l->in_flight--;
	take_lines(l);
}

static void take_lines(struct load *l)
{
	struct slice line;
	while (l->in_flight < l->limit && slice_cut(&l->rest, '\n', &line)) {
		struct err e = { 0 };
		if (slice_trim(line).len == 0)
			continue;
		struct chain *c = xcalloc(1, sizeof(*c));
		c->load = l;
		c->body = BUF_INIT(BODY_MAX);
		if (js_parse(line, &c->line, &e) < 0) {
			(void)fprintf(stderr, "load: %s\n", e.msg);
			l->failed++;
		}
		if (send_next(c))
			l->in_flight++;
		else
			chain_free(c);
	}
	if (l->in_flight == 0)
		loop_stop(l->loop);
}

static int run(struct load *l, const struct http_target *target, struct slice lines, struct err *e)
{
	int r = loop_new(&l->loop, e);
	if (r == 0)
		r = http_client_new(l->loop, target, &l->client, e);
	if (r < 0)
		return r;
	l->rest = lines;
	double from = seconds_of(CLOCK_MONOTONIC);
	take_lines(l);
	if (l->in_flight > 0)
		r = loop_run(l->loop, e);
	printf("{\"requests\":%zu,\"failed\":%zu,\"seconds\":%.4f,\"cpu\":%.3f}\n", l->requests, l->failed,
	       seconds_of(CLOCK_MONOTONIC) - from, seconds_of(CLOCK_PROCESS_CPUTIME_ID));
	return r;
}

static int read_text(const char *path, struct buf *out, struct err *e)
{
	return path ? file_read(path, out, NULL, e) : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "server", required_argument, NULL, 's' },
		{ "ca", required_argument, NULL, 'c' },
		{ "token-file", required_argument, NULL, 't' },
		{ "in-flight", required_argument, NULL, 'n' },
		{ 0 },
	};
	struct load l = { .limit = 64 };
	struct http_target target = { 0 };
	const char *ca = NULL, *token = NULL;
	int o;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t n = 0;
		if (o == 's')
			target.base_url = optarg;
		else if (o == 'c')
			ca = optarg;
		else if (o == 't')
			token = optarg;
		else if (o == 'n' && slice_to_u64(slice_of(optarg), &n) == 0 && n > 0 && n < 10000)
			l.limit = (unsigned)n;
		else
			return 2;
	}
	if (argc != optind + 1) {
		(void)fprintf(stderr, "usage: load --server=URL [--ca=FILE] [--token-file=FILE] "
				      "[--in-flight=N] FILE\n");
		return 2;
	}
	CLEANUP(buf_done) struct buf lines = BUF_INIT(FILE_MAX);
	CLEANUP(buf_done) struct buf ca_pem = BUF_INIT(BODY_MAX);
	CLEANUP(buf_done) struct buf secret = BUF_INIT(BODY_MAX);
	struct err e = { 0 };
	(void)signal(SIGPIPE, SIG_IGN);
	int r = read_text(argv[optind], &lines, &e);
	if (r == 0)
		r = read_text(ca, &ca_pem, &e);
	if (r == 0)
		r = read_text(token, &secret, &e);
	if (r == 0) {
		struct slice trimmed = slice_trim(buf_slice(&secret));
		target.ca_pem = ca ? buf_str(&ca_pem) : NULL;
		bool tls = target.base_url && strncmp(target.base_url, "https:", 6) == 0;
		target.max_connections = tls ? 1 : (int)l.limit;
		l.token = token ? xstrndup(trimmed.ptr, trimmed.len) : NULL;
		r = run(&l, &target, buf_slice(&lines), &e);
	}
	if (r < 0)
		(void)fprintf(stderr, "load: %s\n", e.msg);
	http_client_free(l.client);
	loop_free(l.loop);
	free(l.token);
	return r < 0 || l.failed > 0;
}
