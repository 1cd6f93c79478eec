/* A child process, run to its end beside the loop, with a deadline and bounded output. */
#pragma once

#include "base/buf.h"
#include "io/loop.h"

struct proc;

struct proc_result {
	int exit_code;     /* 0-255; -1 if it was killed by a signal, timed out or never started */
	const char *error; /* what went wrong, NULL if exit_code is 0; borrowed */
	struct slice out;  /* standard output; borrowed */
	struct slice err;  /* the first bytes of standard error; borrowed */
};
typedef void proc_fn(const struct proc_result *r, void *arg);

struct proc_spec {
	const char *const *argv; /* argv[0] is looked up in PATH unless it holds a slash; NULL ends */
	const char *const *env;  /* "NAME=value" on top of our own environment; NULL = none */
	msec deadline;           /* from now; then it is killed */
	size_t max_out;          /* bytes of standard output; more is an error */
};

/* Everything in the spec is copied. Its standard input is empty. Never fails at once: failures come
 * through `fn`, later, and exactly once unless proc_cancel() came first. */
struct proc *proc_run(struct loop *l, const struct proc_spec *spec, proc_fn *fn, void *arg);
/* Kills it and forgets it. NULL allowed. */
void proc_cancel(struct proc *p);
