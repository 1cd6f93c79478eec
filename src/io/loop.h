/* The event loop: timers, file descriptors, signals, "when this turn is over". One thread.
 * loop.c and http_server.c are the only files that know libevent. */
#pragma once

#include "base/err.h"
#include "base/times.h"

struct loop;
struct loop_timer;
struct loop_fd;
struct event_base;

typedef void loop_fn(void *arg);
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_fd_fn(int fd, int ready, void *arg); /* ready: LOOP_READ | LOOP_WRITE */

int loop_new(struct loop **ret, struct err *e);
void loop_free(struct loop *l); /* NULL allowed; after everything that was made on it */
void loop_freep(struct loop **l);

/* Runs until loop_stop(). */
int loop_run(struct loop *l, struct err *e);
void loop_stop(struct loop *l);

/* The loop sleeps for so long before it next waits for something to happen, once: what comes meanwhile is
 * then taken up together. It does not sleep while something is to be done at once. For whoever is told of
 * many things one by one, each of which costs as much as many at a time. */
void loop_rest(struct loop *l, msec time);

/* Milliseconds of a clock that never jumps. */
msec loop_now(const struct loop *l);
/* The same clock in nanoseconds, read anew: for measuring. */
int64_t loop_nanos(void);
/* Milliseconds of a clock that never jumps and goes on while the machine sleeps; read anew. */
msec loop_boot(void);
/* Wall clock, milliseconds since 1970 UTC. */
msec loop_wall(void);

/* A timer exists unarmed; setting it again moves it; it fires once. Without delay it fires in the next turn,
 * however often it is set. */
struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg);
void loop_timer_set(struct loop_timer *t, msec delay);
void loop_timer_clear(struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t); /* NULL allowed */

struct loop_fd *loop_fd_new(struct loop *l, int fd, int want, loop_fd_fn *fn, void *arg);
void loop_fd_want(struct loop_fd *f, int want);
void loop_fd_free(struct loop_fd *f); /* does not close fd; NULL allowed */

/* Calls fn for the signal, in the loop and not in the handler; until the loop is freed. */
int loop_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *e);

/* For http_server.c only. */
struct event_base *loop_event_base(struct loop *l);
