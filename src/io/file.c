#include "io/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct file_mark mark_of(const struct stat *st)
{
	return (struct file_mark){ .dev = st->st_dev,
				   .ino = st->st_ino,
				   .size = st->st_size,
				   .mtime_ns =
					   (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec };
}

static int failed(const char *path, struct err *e)
{
	int code = errno;
	return err_set(e, code, "%s: %s", path, strerror(code));
}

int file_read(const char *path, struct buf *out, struct file_mark *ret_mark, struct err *e)
{
	/* O_NONBLOCK: opening a fifo must not wait for somebody to write to it. */
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed(path, e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	char chunk[4096];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(path, e);
		if (n == 0)
			break;
		buf_add(out, chunk, (size_t)n);
		if (out->overflow)
			return err_set(e, E2BIG, "%s: larger than %zu bytes", path, out->max);
	}
	if (ret_mark)
		*ret_mark = mark_of(&st);
	return 0;
}

int file_mark(const char *path, struct file_mark *ret, struct err *e)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return failed(path, e);
	*ret = mark_of(&st);
	return 0;
}

bool file_mark_equal(const struct file_mark *a, const struct file_mark *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns;
}
