/* A growing text or byte buffer with a ceiling. Whoever makes one says how large it may get; what
 * does not fit sets `overflow` and is dropped, and the user checks that once, at the end.
 * Always terminated by a NUL that does not count. */
#pragma once

#include "base/slice.h"

#include <stdarg.h>

struct buf {
	char *ptr; /* owned; NULL while nothing was written */
	size_t len;
	size_t cap;
	size_t max; /* ceiling of len */
	bool overflow;
};

#define BUF_INIT(ceiling) ((struct buf){ .max = (ceiling) })

/* For CLEANUP() and for reuse: frees the memory, keeps the ceiling. */
void buf_done(struct buf *b);
/* Empties, keeps the memory. */
void buf_clear(struct buf *b);
/* Gives the text away (never NULL); the caller frees it, the buffer is empty again. */
[[nodiscard]] char *buf_take(struct buf *b);
/* The text so far; "" when nothing was written. */
const char *buf_str(const struct buf *b);
struct slice buf_slice(const struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, const char *s);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_char(struct buf *b, char c);
[[gnu::format(printf, 2, 3)]] void buf_addf(struct buf *b, const char *fmt, ...);
[[gnu::format(printf, 2, 0)]] void buf_vaddf(struct buf *b, const char *fmt, va_list ap);
/* Bytes that are no UTF-8 become U+FFFD, each its own. */
void buf_add_utf8(struct buf *b, struct slice s);
/* As a JSON string, with its quotes. Bytes that are no UTF-8 become U+FFFD. Signs that a terminal or a log
 * would obey instead of showing them are escaped: controls, ends of lines, turns of the direction of writing.
 */
void buf_add_json(struct buf *b, struct slice s);
/* For people to read: the same signs as \uXXXX, all else as it is. */
void buf_add_shown(struct buf *b, struct slice s);
/* What somebody else wrote, in a message: shown so, in double quotes, and cut after 80 bytes. */
void buf_add_quote(struct buf *b, struct slice s);
/* For a path or query part of a URL: everything but unreserved characters as %XX. */
void buf_add_url(struct buf *b, struct slice s);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
