/* What a supervisor and Prometheus ask over HTTP: /healthz, /readyz, /metrics. Read-only. */
#pragma once

#include "io/http_server.h"
#include "observe/metrics.h"

struct health;

struct health_options {
	const char *address; /* as for http_server_new() */
	int max_connections;
	/* NULL when ready, else why not, in one line; borrowed at once. */
	const char *(*not_ready)(void *arg);
	/* Adds families; those of the process and the build are there without it. */
	void (*metrics)(struct metrics *m, void *arg);
	void *arg;
};

/* Listens from now on. 0 or negative errno. */
int health_new(struct loop *l, const struct health_options *o, struct health **ret, struct err *e);
void health_free(struct health *h); /* NULL allowed */
/* Where it really listens. Borrowed. */
const char *health_address(const struct health *h);
