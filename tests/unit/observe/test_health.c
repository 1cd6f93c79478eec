/* The endpoints over real sockets. */
#include "observe/health.h"

#include "exposition.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct world {
	struct loop *loop;
	struct health *health;
	const char *why; /* it is not ready */
	bool flood;
	size_t padding; /* bytes of a metric that is not there */
	int made;       /* how often they were asked for */
	bool slow;      /* making them takes a tenth of a second */
	struct loop_fd *watch;
	struct buf answer;
};

static const char *not_ready(void *arg)
{
	struct world *w = arg;
	return w->why;
}

static void metrics(struct metrics *m, void *arg)
{
	struct world *w = arg;
	w->made++;
	if (w->slow)
		(void)usleep(100 * 1000);
	metrics_family(m, "berth_queue_depth", METRIC_GAUGE, "Services that wait");
	metrics_value(m, 3);
	for (size_t i = 0; i < w->padding; i += 1000)
		buf_addf(m->out, "# %0997d\n", 0);
	/* More than any answer may have. */
	while (w->flood && !m->out->overflow)
		buf_addf(m->out, "%01000000d", 0);
}

static int start(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = { 0 };
	struct health_options o = { .address = "127.0.0.1:0",
				    .max_connections = 8,
				    .not_ready = not_ready,
				    .metrics = metrics,
				    .arg = w };
	w->answer = BUF_INIT(1 << 20);
	*state = w;
	return loop_new(&w->loop, &e) < 0 || health_new(w->loop, &o, &w->health, &e) < 0 ? -1 : 0;
}

static int stop(void **state)
{
	struct world *w = *state;
	health_free(w->health);
	loop_free(w->loop);
	buf_done(&w->answer);
	free(w);
	return 0;
}

static void on_readable(int fd, int ready, void *arg)
{
	struct world *w = arg;
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	if (n > 0)
		buf_add(&w->answer, chunk, (size_t)n);
	else
		loop_stop(w->loop);
}

/* Sends the request and returns all of the answer, headers and body. */
static const char *ask(struct world *w, const char *request_line, const char *headers)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *port = strrchr(health_address(w->health), ':') + 1;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CLEANUP(freep)
	char *text =
		xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", request_line, headers);
	struct err e = { 0 };
	buf_clear(&w->answer);
	if (fd < 0) {
		fail_msg("no socket");
		return "";
	}
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	w->watch = loop_fd_new(w->loop, fd, LOOP_READ, on_readable, w);
	assert_int_equal(loop_run(w->loop, &e), 0);
	loop_fd_free(w->watch);
	close(fd);
	return buf_str(&w->answer);
}

static void starts(const char *answer, const char *with)
{
	if (strncmp(answer, with, strlen(with)) != 0)
		fail_msg("want %s, got %s", with, answer);
}

static const char *body(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");
	assert_non_null(end);
	return end ? end + 4 : "";
}

static void it_is_alive(void **state)
{
	const char *a = ask(*state, "GET /healthz", "");
	starts(a, "HTTP/1.1 200 ");
	assert_string_equal(body(a), "ok\n");
	assert_non_null(strstr(a, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(a, "Content-Security-Policy: default-src 'none'"));
	assert_non_null(strstr(a, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(a, "Content-Type: text/plain; charset=utf-8\r\n"));
}

static void readiness_tells_why_not(void **state)
{
	struct world *w = *state;
	w->why = "the list of services is not complete";
	const char *a = ask(w, "GET /readyz?verbose", "");
	starts(a, "HTTP/1.1 503 ");
	assert_string_equal(body(a), "the list of services is not complete\n");
	w->why = NULL;
	a = ask(w, "GET /readyz", "");
	starts(a, "HTTP/1.1 200 ");
	assert_string_equal(body(a), "ok\n");
}

static void metrics_come_in_both_forms(void **state)
{
	const char *a = ask(*state, "GET /metrics", "");
	starts(a, "HTTP/1.1 200 ");
	assert_non_null(strstr(a, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_true(exposition_check(body(a), false).families > 5);
	assert_non_null(strstr(a, "\nberth_queue_depth 3\n"));
	assert_non_null(strstr(a, "\nprocess_open_fds "));
	assert_non_null(strstr(a, "\nberth_build_info{"));
	a = ask(*state, "GET /metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n");
	starts(a, "HTTP/1.1 200 ");
	assert_non_null(
		strstr(a, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
	exposition_check(body(a), true);
}

/* What was made for a test before this one may still be good. The answer that was made anew. */
static const char *ask_anew(struct world *w, const char *request_line, const char *headers)
{
	const char *a = "";
	w->made = 0;
	for (int i = 0; i < 100000 && w->made == 0; i++)
		a = ask(w, request_line, headers);
	assert_int_equal(w->made, 1);
	return a;
}

static void too_many_metrics_are_an_error_and_not_a_part(void **state)
{
	struct world *w = *state;
	w->flood = true;
	const char *a = ask_anew(w, "GET /metrics", "");
	starts(a, "HTTP/1.1 500 ");
	assert_string_equal(body(a), "too many metrics\n");
	w->flood = false;
}

static int dial(const struct world *w, const char *request)
{
	const char *port = strrchr(health_address(w->health), ':') + 1;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
	if (fd < 0) {
		fail_msg("no socket");
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return fd;
}

/* As many as may be connected ask and take nothing: what waits for them has a ceiling. */
static void answers_that_nobody_takes_fill_no_memory(void **state)
{
	struct world *w = *state;
	int fds[6];
	w->padding = 6 << 20;
	(void)ask_anew(w, "HEAD /metrics", "");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = dial(w, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *a = "";
	/* Those before it are answered first, some by a refusal. */
	for (int i = 0; i < 100 && strncmp(a, "HTTP/1.1 503 ", 13) != 0; i++)
		a = ask(w, "HEAD /metrics", "");
	starts(a, "HTTP/1.1 503 ");
	starts(ask(w, "GET /healthz", ""), "HTTP/1.1 200 ");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	/* They have gone, and their answers with them. */
	for (int i = 0; i < 100 && strncmp(a, "HTTP/1.1 200 ", 13) != 0; i++)
		a = ask(w, "HEAD /metrics", "");
	starts(a, "HTTP/1.1 200 ");
	w->padding = 0;
}

/* What takes long to make is made once for all who ask meanwhile. */
static void whoever_asks_without_end_does_not_stop_the_rest(void **state)
{
	struct world *w = *state;
	static const char *const accept[] = { "", "Accept: application/openmetrics-text\r\n" };
	w->slow = true;
	for (size_t i = 0; i < ARRAY_LEN(accept); i++) {
		starts(ask_anew(w, "GET /metrics", accept[i]), "HTTP/1.1 200 ");
		int64_t began = loop_nanos();
		for (int n = 0; n < 20; n++)
			starts(ask(w, "GET /metrics", accept[i]), "HTTP/1.1 200 ");
		/* They are good for a second. */
		assert_true(w->made <= 2 + (loop_nanos() - began) / 1000000000);
	}
	w->slow = false;
}

static void nothing_else_is_there(void **state)
{
	static const char *const paths[] = { "/",          "/healthz/",      "/metrics2",
					     "/%68ealthz", "/../etc/passwd", "*" };
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		CLEANUP(freep) char *line = xasprintf("GET %s", paths[i]);
		const char *a = ask(*state, line, "");
		assert_true(strncmp(a, "HTTP/1.1 404 ", 13) == 0 || strncmp(a, "HTTP/1.1 400 ", 13) == 0);
	}
}

static void only_reading_is_allowed(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		CLEANUP(freep) char *line = xasprintf("%s /healthz", methods[i]);
		const char *a = ask(*state, line, "Content-Length: 0\r\n");
		starts(a, "HTTP/1.1 405 ");
		assert_non_null(strstr(a, "Allow: GET, HEAD\r\n"));
	}
	const char *a = ask(*state, "HEAD /metrics", "");
	starts(a, "HTTP/1.1 200 ");
	assert_string_equal(body(a), "");
}

static void an_address_that_is_taken_is_said(void **state)
{
	struct world *w = *state;
	struct health *second = NULL;
	struct err e = { 0 };
	struct health_options o = { .address = health_address(w->health),
				    .max_connections = 8,
				    .not_ready = not_ready,
				    .metrics = metrics,
				    .arg = w };
	assert_true(health_new(w->loop, &o, &second, &e) < 0);
	assert_non_null(strstr(e.msg, health_address(w->health)));
	assert_null(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_alive),
		cmocka_unit_test(readiness_tells_why_not),
		cmocka_unit_test(metrics_come_in_both_forms),
		cmocka_unit_test(too_many_metrics_are_an_error_and_not_a_part),
		cmocka_unit_test(answers_that_nobody_takes_fill_no_memory),
		cmocka_unit_test(whoever_asks_without_end_does_not_stop_the_rest),
		cmocka_unit_test(nothing_else_is_there),
		cmocka_unit_test(only_reading_is_allowed),
		cmocka_unit_test(an_address_that_is_taken_is_said),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
