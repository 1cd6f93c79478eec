/* A small Kubernetes API in this process: for trial, simulation and tests. Plain HTTP; it believes
 * everybody, so it listens on loopback. The real API server is the engine where it has to scale. */
#pragma once

#include "base/embedded_file.h"
#include "base/log.h"
#include "io/loop.h"

struct embedded;

struct embedded_options {
	const char *address;              /* "127.0.0.1:8901"; port 0 = any free one */
	const char *file;                 /* SQLite file; NULL = in memory */
	const struct embedded_file *crds; /* created when the store is new; borrowed for the call */
	size_t n_crds;
	const struct log *log; /* borrowed; NULL = silent */
	int64_t keep_changes;  /* how far back watches can resume; 0 = 10,000 changes */
	const char *faults;    /* for tests, see fault.h; NULL = none, and they cannot be asked for later */
};

/* Listens when it returns. -EINVAL, -EIO, -EADDRINUSE … with a message. */
int embedded_new(struct loop *l, const struct embedded_options *o, struct embedded **ret, struct err *e);
void embedded_free(struct embedded *s); /* NULL allowed; what was answered is in the file */
/* "127.0.0.1:8901". Borrowed. */
const char *embedded_address(const struct embedded *s);
