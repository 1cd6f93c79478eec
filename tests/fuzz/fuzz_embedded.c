/* Requests to the embedded API, one behind the other, with "\n---\n" between: a line with method, path and
 * content type, then the body. Each is answered; what is refused is refused with a Status that has a reason;
 * nothing but a field that no schema has is an error of the server's own, and what looks like JSON is JSON.
 */
#include "base/mem.h"
#include "data/json.h"
#include "deploy/crds.h"
#include "embedded/embedded.h"
#include "io/http_client.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TIMEOUT = 5000, REQUESTS_MAX = 8 };

static struct loop *loop;
/* Made anew only after something was written: so an input means the same whatever came before it. */
static struct embedded *server;
static bool written;

/* For which kube-apiserver answers a server-side apply with 500, and no reason, and so do we. */
static bool is_unknown_field(struct slice body)
{
	static const char words[] = "failed to create typed patch object";
	return memmem(body.ptr, body.len, words, strlen(words)) != NULL;
}

static void on_done(const struct http_answer *a, void *arg)
{
	assert(a->status >= 200 && a->status <= 500 && !a->error);
	assert(a->status < 500 || is_unknown_field(a->body));
	if (a->body.len > 0 && a->body.ptr[0] == '{') {
		CLEANUP(js_freep) struct js *answer = NULL;
		assert(js_parse(a->body, &answer, NULL) == 0);
		assert(a->status < 400 || a->status == 500 ||
		       (js_text(js_get(answer, "reason")).len > 0 &&
			js_int(js_get(answer, "code"), 0) == a->status));
	}
	const char *method = arg;
	written = written || (a->status < 300 && strcmp(method, "GET") != 0);
	loop_stop(loop);
}

static const char *method_of(struct slice word)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (slice_is(word, methods[i]))
			return methods[i];
	return NULL;
}

static void ask(struct http_client *client, struct slice request)
{
	struct slice line = { 0 }, method = { 0 }, path = { 0 };
	slice_cut(&request, '\n', &line);
	slice_cut(&line, ' ', &method);
	slice_cut(&line, ' ', &path);
	CLEANUP(freep) char *path_text = xstrndup(path.ptr ? path.ptr : "", path.len);
	CLEANUP(freep) char *type = xstrndup(line.ptr ? line.ptr : "", line.len);
	/* A watch does not end, and a fragment or an odd byte is the client's own affair. */
	if (!method_of(method) || path_text[0] != '/' || strstr(path_text, "atch") ||
	    path_text[strspn(path_text, "!$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
					"abcdefghijklmnopqrstuvwxyz~")])
		return;
	for (const char *c = type; *c; c++)
		if (*c < ' ' || *c > '~')
			return;
	struct http_request r = { .method = method_of(method),
				  .path = path_text,
				  .body = request.len ? request : (struct slice){ 0 },
				  .content_type = type[0] ? type : NULL,
				  .timeout = TIMEOUT,
				  .on_done = on_done,
				  .arg = (void *)(uintptr_t)method_of(method) };
	http_client_send(client, &r);
	assert(loop_run(loop, NULL) == 0);
}

static const char *next_separator(struct slice rest)
{
	return rest.len ? memmem(rest.ptr, rest.len, "\n---\n", 5) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_client *client = NULL;
	struct embedded_options o = { .address = "127.0.0.1:0", .crds = berth_crds, .n_crds = berth_crds_n };
	if (size == 0 || size > 100000)
		return 0;
	if (!loop && loop_new(&loop, NULL) < 0)
		abort();
	if (written)
		embedded_free(TAKE(server));
	written = false;
	if (!server && embedded_new(loop, &o, &server, NULL) < 0)
		abort();
	CLEANUP(freep) char *url = xasprintf("http://%s", embedded_address(server));
	struct http_target target = { .base_url = url };
	if (http_client_new(loop, &target, &client, NULL) < 0)
		abort();
	struct slice rest = { (const char *)data, size };
	for (int i = 0; i < REQUESTS_MAX && rest.len > 0; i++) {
		const char *end = next_separator(rest);
		struct slice one = { rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len };
		ask(client, one);
		rest = end ? (struct slice){ end + 5, rest.len - one.len - 5 } : (struct slice){ 0 };
	}
	http_client_free(client);
	return 0;
}
