/* What a server may send: the client ends each call exactly once, with values in range, whatever came. The
 * first byte says whether it is asked for a stream. */
#include "base/mem.h"
#include "io/http_client.h"

#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 10000, TIMEOUT = 2000 };

static struct loop *loop;
static int listener;
static char *url;
static struct slice answer;
static size_t n_done, body_len;

static void start(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(listener, 100) < 0 || getsockname(listener, (struct sockaddr *)&at, &len) < 0 ||
	    loop_new(&loop, NULL) < 0)
		abort();
	url = xasprintf("http://127.0.0.1:%d", ntohs(at.sin_port));
}

static struct loop_fd *conn_watch;
static int conn = -1;

static void hang_up(void)
{
	loop_fd_free(conn_watch);
	conn_watch = NULL;
	if (conn >= 0)
		(void)close(conn);
	conn = -1;
}

/* The request is small and comes in one piece; all that follows it is not of interest. */
static void on_bytes(int fd, int ready, void *arg)
{
	char request[4096];
	if (recv(fd, request, sizeof(request), MSG_DONTWAIT) <= 0) {
		hang_up();
		return;
	}
	(void)send(fd, answer.ptr, answer.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
}

static void on_connection(int fd, int ready, void *arg)
{
	hang_up();
	conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn >= 0)
		conn_watch = loop_fd_new(loop, conn, LOOP_READ, on_bytes, NULL);
}

static void on_data(struct slice piece, void *arg)
{
	body_len += piece.len;
}

static void on_done(const struct http_answer *a, void *arg)
{
	n_done++;
	assert(a->status == 0 || (a->status >= 200 && a->status <= 999));
	assert(a->status != 0 || a->error);
	assert(a->retry_after >= -1 && a->body.len <= BODY_MAX);
	loop_stop(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 60000)
		return 0;
	if (!loop)
		start();
	struct http_client *client = NULL;
	struct http_target target = { .base_url = url };
	answer = (struct slice){ (const char *)data + 1, size - 1 };
	n_done = body_len = 0;
	struct loop_fd *f = loop_fd_new(loop, listener, LOOP_READ, on_connection, NULL);
	if (http_client_new(loop, &target, &client, NULL) < 0)
		abort();
	struct http_request r = { .method = data[0] == 'h' ? "HEAD" : "GET",
				  .path = "/",
				  .timeout = TIMEOUT,
				  .max_body = BODY_MAX,
				  .on_data = data[0] == 's' ? on_data : NULL,
				  .on_done = on_done };
	http_client_send(client, &r);
	assert(loop_run(loop, NULL) == 0);
	http_client_free(client);
	hang_up();
	loop_fd_free(f);
	assert(n_done == 1 && body_len <= size);
	return 0;
}
