#include "io/proc.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ERR = 4096 };

struct proc {
	struct loop *loop;
	proc_fn *fn;
	void *arg;
	pid_t pid;
	int pid_fd;
	int out_fd;
	int err_fd;
	struct loop_fd *pid_watch;
	struct loop_fd *out_watch;
	struct loop_fd *err_watch;
	struct loop_timer *timer; /* the deadline; or, if it could not be started, to say so */
	struct buf out;
	struct buf err;
	char why[256];
};

static void close_watched(struct loop_fd **watch, int *fd)
{
	loop_fd_free(TAKE(*watch));
	closep(fd);
	*fd = -1;
}

static void proc_free(struct proc *p)
{
	close_watched(&p->pid_watch, &p->pid_fd);
	close_watched(&p->out_watch, &p->out_fd);
	close_watched(&p->err_watch, &p->err_fd);
	loop_timer_free(p->timer);
	buf_done(&p->out);
	buf_done(&p->err);
	free(p);
}

/* Its whole process group: a plugin may be a shell that waits for somebody else. */
static void kill_and_reap(struct proc *p)
{
	if (p->pid <= 0)
		return;
	(void)kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}

static void finish(struct proc *p, int exit_code)
{
	struct proc_result r = { .exit_code = exit_code,
				 .error = p->why[0] ? p->why : NULL,
				 .out = buf_slice(&p->out),
				 .err = buf_slice(&p->err) };
	p->fn(&r, p->arg);
	proc_free(p);
}

static void on_deadline(void *arg)
{
	struct proc *p = arg;
	if (p->pid > 0)
		(void)snprintf(p->why, sizeof(p->why), "it did not end in time");
	kill_and_reap(p);
	finish(p, -1);
}

/* Takes what is there. What does not fit is read and dropped, so that the child can go on. */
static void drain(struct loop_fd **watch, int *fd, struct buf *into)
{
	char chunk[4096];
	while (*fd >= 0) {
		ssize_t n = read(*fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_watched(watch, fd);
			return;
		}
		buf_add(into, chunk, (size_t)n);
	}
}

static void on_out(int fd, int ready, void *arg)
{
	(void)fd;
	(void)ready;
	struct proc *p = arg;
	drain(&p->out_watch, &p->out_fd, &p->out);
}

static void on_err(int fd, int ready, void *arg)
{
	(void)fd;
	(void)ready;
	struct proc *p = arg;
	drain(&p->err_watch, &p->err_fd, &p->err);
}

/* The child is gone. Somebody it started may still hold the pipes: we do not wait for that. */
static void on_exit_of_child(int fd, int ready, void *arg)
{
	(void)fd;
	(void)ready;
	struct proc *p = arg;
	int status = 0;
	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return;
	p->pid = 0;
	drain(&p->out_watch, &p->out_fd, &p->out);
	drain(&p->err_watch, &p->err_fd, &p->err);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code > 0)
		(void)snprintf(p->why, sizeof(p->why), "it exited with code %d", code);
	else if (code < 0)
		(void)snprintf(p->why, sizeof(p->why), "it was killed by signal %d", WTERMSIG(status));
	else if (p->out.overflow)
		(void)snprintf(p->why, sizeof(p->why), "it wrote more than %zu bytes", p->out.max);
	finish(p, code);
}

/* Ours, with `extra` on top; the strings are borrowed. */
static char **merged_env(const char *const *extra)
{
	size_t n = 0, cap = 0;
	char **all = NULL;
	for (char **var = environ; *var; var++) {
		size_t name = strcspn(*var, "=") + 1;
		bool replaced = false;
		for (size_t i = 0; extra && extra[i] && !replaced; i++)
			replaced = strncmp(*var, extra[i], name) == 0;
		if (replaced)
			continue;
		vec_grow(&all, &cap, n + 1);
		all[n++] = *var;
	}
	for (size_t i = 0; extra && extra[i]; i++) {
		vec_grow(&all, &cap, n + 1);
		all[n++] = (char *)(uintptr_t)extra[i];
	}
	vec_grow(&all, &cap, n + 1);
	all[n] = NULL;
	return all;
}

/* 0 or a positive errno. */
static int spawn(struct proc *p, const struct proc_spec *spec, int out, int err)
{
	CLEANUP(freep) char **env = merged_env(spec->env);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, broken_pipe;
	sigemptyset(&none);
	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE); /* the loop ignores it, and that would be inherited */

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
	posix_spawnattr_setflags(&attr,
				 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &broken_pipe);

	int r = posix_spawnp(&p->pid, spec->argv[0], &files, &attr, (char *const *)(uintptr_t)spec->argv,
			     env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return r;
}

/* 0 or a positive errno. */
static int start(struct proc *p, const struct proc_spec *spec)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	int r = 0;
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		r = errno;
	if (r == 0)
		r = spawn(p, spec, out[1], err[1]);
	closep(&out[1]);
	closep(&err[1]);
	p->out_fd = out[0];
	p->err_fd = err[0];
	if (r != 0)
		return r;
	p->pid_fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pid_fd < 0 || fcntl(p->out_fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(p->err_fd, F_SETFL, O_NONBLOCK) < 0)
		return errno;
	p->out_watch = loop_fd_new(p->loop, p->out_fd, LOOP_READ, on_out, p);
	p->err_watch = loop_fd_new(p->loop, p->err_fd, LOOP_READ, on_err, p);
	p->pid_watch = loop_fd_new(p->loop, p->pid_fd, LOOP_READ, on_exit_of_child, p);
	return 0;
}

struct proc *proc_run(struct loop *l, const struct proc_spec *spec, proc_fn *fn, void *arg)
{
	struct proc *p = xcalloc(1, sizeof(*p));
	p->loop = l;
	p->fn = fn;
	p->arg = arg;
	p->pid_fd = p->out_fd = p->err_fd = -1;
	p->out = BUF_INIT(spec->max_out);
	p->err = BUF_INIT(MAX_ERR);
	p->timer = loop_timer_new(l, on_deadline, p);
	int r = start(p, spec);
	if (r != 0) {
		kill_and_reap(p);
		(void)snprintf(p->why, sizeof(p->why), "cannot start %s: %s", spec->argv[0], strerror(r));
	}
	loop_timer_set(p->timer, r == 0 ? spec->deadline : 0);
	return p;
}

void proc_cancel(struct proc *p)
{
	if (!p)
		return;
	kill_and_reap(p);
	proc_free(p);
}
