#include "io/tcp.h"

#include "base/mem.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

void tcp_abort(int fd)
{
	/* Dissolving the association resets the connection and drops what has not been sent. */
	const struct linger now = { .l_onoff = 1 };
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)connect(fd, &none, sizeof(none));
}

void tcp_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 15 }, /* seconds */
		{ IPPROTO_TCP, TCP_KEEPINTVL, 5 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
		/* Milliseconds of what was sent and not acknowledged; also of keepalive probes. */
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 },
	};
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* A kernel that refuses one of these still gives a working connection. */
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}
