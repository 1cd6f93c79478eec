#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>

enum { QUOTE_MAX = 80 };

void buf_done(struct buf *b)
{
	free(b->ptr);
	*b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->ptr)
		b->ptr[0] = '\0';
}

char *buf_take(struct buf *b)
{
	char *p = b->ptr ? b->ptr : xstrdup("");
	*b = BUF_INIT(b->max);
	return p;
}

const char *buf_str(const struct buf *b)
{
	return b->ptr ? b->ptr : "";
}

struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ buf_str(b), b->len };
}

static bool reserve(struct buf *b, size_t more)
{
	if (b->overflow || more > b->max - b->len) {
		b->overflow = true;
		return false;
	}
	size_t need = b->len + more + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		if (cap < need)
			cap = need;
		b->ptr = xrealloc(b->ptr, cap, 1);
		b->cap = cap;
	}
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->ptr + b->len, bytes, n);
	b->len += n;
	b->ptr[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.ptr, s.len);
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !reserve(b, (size_t)n))
		return;
	(void)vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

/* Length of the valid UTF-8 sequence at `p` (RFC 3629), 0 if there is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	if (p[0] < 0x80)
		return 1;
	size_t n = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
		   : p[0] >= 0xe0 && p[0] <= 0xef ? 3
		   : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
						  : 0;
	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void buf_add_utf8(struct buf *b, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	for (size_t i = 0, n = 0; i < s.len; i += n) {
		n = utf8_len(p + i, s.len - i);
		buf_add(b, n ? (const char *)p + i : "\xef\xbf\xbd", n ? n : 3);
		n = n ? n : 1;
	}
}

/* Of a sequence of up to three bytes. */
static unsigned code_point(const unsigned char *p, size_t n)
{
	return n == 1   ? p[0]
	       : n == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu)
			: (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
}

/* C0, DEL, C1; marks, embeddings and isolates of the direction of writing; separators of lines. */
static bool is_obeyed(const unsigned char *p, size_t n)
{
	if (n > 3)
		return false;
	unsigned c = code_point(p, n);
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* As many signs as `most` bytes have room for; returns how much of `s` that is. */
static size_t add_shown(struct buf *b, struct slice s, size_t most)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t i = 0;
	while (i < s.len) {
		char escape[8];
		const char *sign = (const char *)p + i;
		size_t n = utf8_len(p + i, s.len - i), len = n;
		if (n == 0) {
			sign = "\xef\xbf\xbd";
			len = 3;
		} else if (is_obeyed(p + i, n)) {
			len = (size_t)snprintf(escape, sizeof(escape), "\\u%04x", code_point(p + i, n));
			sign = escape;
		}
		if (len > most)
			break;
		buf_add(b, sign, len);
		most -= len;
		i += n ? n : 1;
	}
	return i;
}

void buf_add_shown(struct buf *b, struct slice s)
{
	(void)add_shown(b, s, SIZE_MAX);
}

void buf_add_quote(struct buf *b, struct slice s)
{
	buf_add_char(b, '"');
	buf_add_str(b, add_shown(b, s, QUOTE_MAX) < s.len ? "...\"" : "\"");
}

void buf_add_json(struct buf *b, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	buf_add_char(b, '"');
	size_t i = 0;
	while (i < s.len) {
		size_t run = i;
		while (run < s.len && p[run] >= 0x20 && p[run] < 0x7f && p[run] != '"' && p[run] != '\\')
			run++;
		if (run > i)
			buf_add(b, p + i, run - i);
		i = run;
		if (i == s.len)
			break;
		size_t n = utf8_len(p + i, s.len - i);
		if (n > 1 && !is_obeyed(p + i, n)) {
			buf_add(b, p + i, n);
		} else if (n == 0) {
			buf_add_str(b, "\\ufffd");
			n = 1;
		} else if (p[i] == '"' || p[i] == '\\') {
			buf_add_char(b, '\\');
			buf_add_char(b, (char)p[i]);
		} else if (p[i] == '\n') {
			buf_add_str(b, "\\n");
		} else if (p[i] == '\t') {
			buf_add_str(b, "\\t");
		} else {
			buf_addf(b, "\\u%04x", code_point(p + i, n));
		}
		i += n;
	}
	buf_add_char(b, '"');
}

void buf_add_url(struct buf *b, struct slice s)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] && strchr(unreserved, s.ptr[i]))
			buf_add_char(b, s.ptr[i]);
		else
			buf_addf(b, "%%%02X", (unsigned)(unsigned char)s.ptr[i]);
	}
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		buf_clear(b);
		return;
	}
	memmove(b->ptr, b->ptr + n, b->len - n);
	b->len -= n;
	b->ptr[b->len] = '\0';
}
