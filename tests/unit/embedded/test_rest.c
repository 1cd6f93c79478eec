/* Runs every file of cases/ against a fresh embedded API in this process. What a case may say is in
 * cases/README.md; a new one needs no C. */
#include "data/json.h"
#include "deploy/crds.h"
#include "embedded/embedded.h"
#include "io/http_client.h"

#include "lib/test.h"

#include <dirent.h>
#include <stdio.h>

enum { TIME_LIMIT = 30'000, NAME_MAX_BYTES = 512, FILES_MAX = 64 };

static struct loop *loop;
static struct embedded *server;
static struct http_client *client;
static struct http_answer answer;
static struct buf body;

static void too_slow(void *arg)
{
	fail_msg("no answer in time");
}

static void on_done(const struct http_answer *a, void *arg)
{
	answer = *a;
	buf_clear(&body);
	buf_add_slice(&body, a->body);
	loop_stop(loop);
}

static void send_step(const struct js *step)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	const struct js *given = js_get(step, "body");
	if (js_type(given) == JS_STRING)
		buf_add_slice(&text, js_text(given));
	else if (given)
		js_write(given, &text);
	struct http_request r = { .method = js_str(js_get(step, "method")),
				  .path = js_str(js_get(step, "path")),
				  .body = buf_slice(&text),
				  .content_type = js_str(js_get(step, "type")),
				  .accept = js_str(js_get(step, "accept")),
				  .on_done = on_done };
	if (text.len && !r.content_type)
		r.content_type = "application/json";
	http_client_send(client, &r);
	assert_int_equal(loop_run(loop, NULL), 0);
}

/* What differs goes to `out`; objects may have more than is expected. */
static void compare(const struct js *want, const struct js *is, const char *path, struct buf *out)
{
	char below[NAME_MAX_BYTES];
	struct slice text = js_text(want);
	if (slice_is(text, "$absent")) {
		if (is)
			buf_addf(out, "%s is there\n", path);
	} else if (slice_is(text, "$any")) {
		if (!is)
			buf_addf(out, "%s is not there\n", path);
	} else if (slice_starts(text, "~")) {
		const char *have = js_str(is);
		if (!have || !strstr(have, text.ptr + 1))
			buf_addf(out, "%s: \"%s\" does not contain \"%s\"\n", path, have ? have : "",
				 text.ptr + 1);
	} else if (js_type(want) == JS_OBJECT) {
		for (struct js_iter it = js_iter(want); js_next(&it);) {
			snprintf(below, sizeof(below), "%s.%s", path, it.key);
			compare(it.value, js_get(is, it.key), below, out);
		}
	} else if (js_type(want) == JS_ARRAY) {
		if (js_type(is) != JS_ARRAY || js_len(is) != js_len(want))
			buf_addf(out, "%s has %zu items, want %zu\n", path, js_len(is), js_len(want));
		for (size_t i = 0; i < js_len(want); i++) {
			snprintf(below, sizeof(below), "%s[%zu]", path, i);
			compare(js_item(want, i), js_item(is, i), below, out);
		}
	} else if (!js_equal(want, is)) {
		buf_addf(out, "%s is ", path);
		js_write(is, out);
		buf_add_str(out, ", want ");
		js_write(want, out);
		buf_add_char(out, '\n');
	}
}

static int run_step(const struct js *step, const char *file, size_t i)
{
	CLEANUP(js_freep) struct js *is = NULL;
	CLEANUP(buf_done) struct buf wrong = BUF_INIT(64 * 1024);
	send_step(step);
	if (answer.status != js_int(js_get(step, "status"), 200))
		buf_addf(&wrong, "status is %d, want %d\n", answer.status,
			 (int)js_int(js_get(step, "status"), 200));
	if (js_get(step, "expect")) {
		if (js_parse(buf_slice(&body), &is, NULL) < 0)
			buf_add_str(&wrong, "the answer is no JSON\n");
		compare(js_get(step, "expect"), is, "", &wrong);
	}
	if (!wrong.len)
		return 0;
	print_error("%s, step %zu, %s:\n%s  %s\n", file, i + 1, js_str(js_get(step, "name")), buf_str(&wrong),
		    buf_str(&body));
	return 1;
}

static int start(void **state)
{
	struct embedded_options o = { .address = "127.0.0.1:0", .crds = berth_crds, .n_crds = berth_crds_n };
	struct err e = { 0 };
	body = BUF_INIT(JS_SIZE_MAX);
	assert_int_equal(loop_new(&loop, NULL), 0);
	if (embedded_new(loop, &o, &server, &e) < 0)
		fail_msg("%s", e.msg);
	CLEANUP(freep) char *url = xasprintf("http://%s", embedded_address(server));
	struct http_target target = { .base_url = url };
	assert_int_equal(http_client_new(loop, &target, &client, NULL), 0);
	return 0;
}

static int stop(void **state)
{
	http_client_free(client);
	embedded_free(server);
	loop_free(loop);
	buf_done(&body);
	return 0;
}

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	struct buf text = BUF_INIT(JS_SIZE_MAX);
	char piece[4096];
	size_t n;
	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(&text, piece, n);
	fclose(f);
	return buf_take(&text);
}

static void run_file(void **state)
{
	const char *path = *state;
	CLEANUP(freep) char *text = read_all(path);
	CLEANUP(js_freep) struct js *doc = NULL;
	struct err e = { 0 };
	int wrong = 0;
	if (js_parse(slice_of(text), &doc, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	void *none = NULL;
	start(&none);
	struct loop_timer *limit = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(limit, TIME_LIMIT);
	const struct js *steps = js_get(doc, "steps");
	assert_true(js_len(steps) > 0);
	for (size_t i = 0; i < js_len(steps); i++)
		if (!slice_is(js_text(js_get(js_item(steps, i), "only")), "real"))
			wrong += run_step(js_item(steps, i), path, i);
	loop_timer_free(limit);
	stop(&none);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const char *folder = getenv("CASES");
	struct CMUnitTest tests[FILES_MAX] = { 0 };
	char *paths[FILES_MAX] = { 0 };
	size_t n = 0;
	DIR *d = folder ? opendir(folder) : NULL;
	if (!d) {
		fprintf(stderr, "CASES must name the folder of the cases\n");
		return 2;
	}
	for (struct dirent *f; (f = readdir(d)) && n < FILES_MAX;) {
		const char *dot = strrchr(f->d_name, '.');
		if (!dot || strcmp(dot, ".json") != 0)
			continue;
		paths[n] = xasprintf("%s/%s", folder, f->d_name);
		tests[n] = (struct CMUnitTest){ .name = strrchr(paths[n], '/') + 1,
						.test_func = run_file,
						.initial_state = paths[n] };
		n++;
	}
	closedir(d);
	int failed = n ? _cmocka_run_group_tests("rest", tests, n, NULL, NULL) : 1;
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	return failed;
}
