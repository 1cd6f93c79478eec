#include "io/loop.h"

#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

/* A signal handler installed by loop_signal(), in a list because it lives as long as the loop. */
struct watched_signal {
	struct event *event;
	loop_fn *fn;
	void *arg;
	struct watched_signal *next;
};

struct loop {
	struct event_base *base;
	struct watched_signal *signals;
	bool stop;          /* also remembers a loop_stop() from before loop_run() */
	msec rest;          /* before it next waits; 0 = none */
	unsigned n_at_once; /* timers that will fire in the next turn */
};

struct loop_timer {
	struct event *event;
	struct loop *loop;
	bool at_once; /* set without delay, and has not fired yet */
	loop_fn *fn;
	void *arg;
};

struct loop_fd {
	struct event *event;
	struct loop *loop;
	loop_fd_fn *fn;
	void *arg;
	int fd;
	int want;
};

int loop_new(struct loop **ret, struct err *e)
{
	/* A peer that closes early is an error of that one connection, not the end of the process. */
	(void)signal(SIGPIPE, SIG_IGN);

	struct event_config *config = event_config_new();
	if (!config)
		return err_set(e, ENOMEM, "no memory for an event loop");
	/* The coarse clock would let timers fire some milliseconds before loop_now() agrees. */
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER |
						    EVENT_BASE_FLAG_IGNORE_ENV);
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	if (!base)
		return err_set(e, errno ? errno : ENOMEM, "cannot make an event loop");

	struct loop *l = xcalloc(1, sizeof(*l));
	l->base = base;
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->signals) {
		struct watched_signal *s = l->signals;
		l->signals = s->next;
		event_free(s->event);
		free(s);
	}
	/* Nobody's events are left, but buffers of connections may wait for a turn in which to go; of those
	 * whose reading was held up event_base_free() forgets some. */
	(void)event_base_loop(l->base, EVLOOP_NONBLOCK);
	event_base_free(l->base);
	free(l);
}

void loop_freep(struct loop **l)
{
	loop_free(*l);
	*l = NULL;
}

static void rest(struct loop *l)
{
	msec time = l->rest;
	if (time == 0 || l->n_at_once > 0)
		return;
	l->rest = 0;
	const struct timespec t = { .tv_sec = (time_t)(time / 1000),
				    .tv_nsec = (long)(time % 1000 * 1000000) };
	(void)nanosleep(&t, NULL); /* a signal ends it */
}

void loop_rest(struct loop *l, msec time)
{
	l->rest = time;
}

int loop_run(struct loop *l, struct err *e)
{
	int r = 0;
	while (!l->stop && r >= 0) {
		rest(l);
		r = event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
	}
	l->stop = false;
	return r < 0 ? err_set(e, EIO, "the event loop failed") : 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
	(void)event_base_loopbreak(l->base);
}

static msec read_clock(clockid_t id)
{
	struct timespec t;
	(void)clock_gettime(id, &t);
	return (msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

msec loop_now(const struct loop *l)
{
	(void)l;
	return read_clock(CLOCK_MONOTONIC);
}

int64_t loop_nanos(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

msec loop_boot(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

msec loop_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

/* An event that cannot be made is out of memory: nothing else is wrong with our arguments. */
static struct event *made(struct event *ev)
{
	if (!ev)
		abort();
	return ev;
}

static void set_at_once(struct loop_timer *t, bool at_once)
{
	if (t->at_once != at_once)
		t->loop->n_at_once += at_once ? 1 : -1U;
	t->at_once = at_once;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct loop_timer *t = arg;
	set_at_once(t, false);
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));
	t->loop = l;
	t->fn = fn;
	t->arg = arg;
	t->event = made(event_new(l->base, -1, 0, on_timer, t));
	return t;
}

void loop_timer_set(struct loop_timer *t, msec delay)
{
	if (delay < 0)
		delay = 0;
	/* Setting it anew would put it off to the next turn: for ever, where something sets it each turn. */
	if (delay == 0 && t->at_once)
		return;
	set_at_once(t, delay == 0);
	struct timeval tv = { .tv_sec = (time_t)(delay / 1000),
			      .tv_usec = (suseconds_t)(delay % 1000 * 1000) };
	if (event_add(t->event, &tv) < 0)
		abort();
}

void loop_timer_clear(struct loop_timer *t)
{
	set_at_once(t, false);
	(void)event_del(t->event);
}

bool loop_timer_is_set(const struct loop_timer *t)
{
	return event_pending(t->event, EV_TIMEOUT, NULL) != 0;
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	set_at_once(t, false);
	event_free(t->event);
	free(t);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	const struct loop_fd *f = arg;
	int ready = (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0);
	f->fn((int)fd, ready, f->arg);
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, int want, loop_fd_fn *fn, void *arg)
{
	struct loop_fd *f = xcalloc(1, sizeof(*f));
	f->loop = l;
	f->fd = fd;
	f->fn = fn;
	f->arg = arg;
	f->event = made(event_new(l->base, fd, EV_PERSIST, on_fd, f));
	loop_fd_want(f, want);
	return f;
}

void loop_fd_want(struct loop_fd *f, int want)
{
	if (want == f->want)
		return;
	if (f->want)
		(void)event_del(f->event);
	f->want = want;
	if (!want)
		return;
	short what =
		(short)(EV_PERSIST | (want & LOOP_READ ? EV_READ : 0) | (want & LOOP_WRITE ? EV_WRITE : 0));
	if (event_assign(f->event, f->loop->base, f->fd, what, on_fd, f) < 0)
		abort();
	/* Fails only for a descriptor that epoll does not take, or that is not open: a mistake of ours. */
	if (event_add(f->event, NULL) < 0)
		abort();
}

void loop_fd_free(struct loop_fd *f)
{
	if (!f)
		return;
	event_free(f->event);
	free(f);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	const struct watched_signal *s = arg;
	s->fn(s->arg);
}

int loop_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *e)
{
	struct watched_signal *s = xcalloc(1, sizeof(*s));
	s->fn = fn;
	s->arg = arg;
	s->event = evsignal_new(l->base, signo, on_signal, s);
	if (!s->event || event_add(s->event, NULL) < 0) {
		if (s->event)
			event_free(s->event);
		free(s);
		return err_set(e, EINVAL, "cannot watch signal %d", signo);
	}
	s->next = l->signals;
	l->signals = s;
	return 0;
}

struct event_base *loop_event_base(struct loop *l)
{
	return l->base;
}
