/* Small files read whole: tokens, certificates, configuration. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/* What tells one version of a file from the next. Follows symbolic links, so a mounted Secret whose
 * target is swapped counts as changed. */
struct file_mark {
	dev_t dev;
	ino_t ino;
	off_t size;
	int64_t mtime_ns;
};

/* Appends the file's bytes to `out`, up to the ceiling of `out` (-E2BIG beyond it). Fifos and devices
 * are refused. ret_mark may be NULL. 0 or negative errno; the message names the file. */
int file_read(const char *path, struct buf *out, struct file_mark *ret_mark, struct err *e);
int file_mark(const char *path, struct file_mark *ret, struct err *e);
bool file_mark_equal(const struct file_mark *a, const struct file_mark *b);
