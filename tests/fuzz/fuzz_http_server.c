/* What a client may send to our endpoints, as it comes over a socket. Whatever it was, somebody else is
 * served afterwards. */
#include "base/mem.h"
#include "io/http_server.h"

#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 1000, HEADERS_MAX = 4000, CONNECTIONS = 8, IDLE = 2000 };

static struct loop *loop;
static struct http_server *server;
static struct sockaddr_in at = { .sin_family = AF_INET };

static void on_request(struct http_exchange *x, void *arg)
{
	const char *q = http_query(x, "q");
	assert(http_method(x)[0] && http_body(x).len <= BODY_MAX);
	(void)http_header(x, "Accept");
	http_reply_header(x, "X-Answer", "yes");
	http_reply(x, 200, "text/plain", q ? slice_of(q) : http_path(x));
}

static void start(void)
{
	struct http_limits limits = { BODY_MAX, HEADERS_MAX, CONNECTIONS, IDLE };
	if (loop_new(&loop, NULL) < 0 ||
	    http_server_new(loop, "127.0.0.1:0", limits, on_request, NULL, &server, NULL) < 0)
		abort();
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.sin_port = htons((uint16_t)atoi(strchr(http_server_address(server), ':') + 1));
}

static void on_readable(int fd, int ready, void *arg)
{
	char piece[4096];
	ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);
	if (n > 0)
		buf_add(arg, piece, (size_t)n);
	else
		loop_stop(loop);
}

/* All that comes until the server closes. */
static void say(struct slice bytes, struct buf *got)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct linger hard = { 1, 0 };
	if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
	(void)send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	struct loop_fd *f = loop_fd_new(loop, fd, LOOP_READ, on_readable, got);
	assert(loop_run(loop, NULL) == 0);
	loop_fd_free(f);
	/* So that a long search does not use up the ports. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	(void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 60000)
		return 0;
	if (!server)
		start();
	CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 20);
	say((struct slice){ (const char *)data, size }, &got);
	assert(got.len == 0 || strncmp(buf_str(&got), "HTTP/", 5) == 0);
	buf_clear(&got);
	say(SLICE_LIT("GET /fine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), &got);
	assert(strstr(buf_str(&got), "200 OK") && strstr(buf_str(&got), "/fine"));
	return 0;
}
