#include "base/log.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>

enum {
	LINE_MAX_BYTES = 16 * 1024,
	VALUE_MAX = 200, /* bytes of each value, where a line would be too long; each may become six */
};

static const char *const level_names[] = { "debug", "info", "warn", "error" };

int log_level_parse(struct slice text, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (slice_is(text, level_names[i])) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* A logfmt value is quoted unless it is plainly one word. */
static void add_value(struct buf *b, struct slice text, bool json)
{
	bool plain = !json && text.len;
	for (size_t i = 0; i < text.len && plain; i++) {
		char c = text.ptr[i];
		plain = c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
	}
	if (plain)
		buf_add_slice(b, text);
	else
		buf_add_json(b, text);
}

static struct slice cut(const char *text, size_t most)
{
	return (struct slice){ text, strnlen(text, most) };
}

static void add_key(struct buf *b, const char *key, bool json)
{
	if (b->len > (json ? 1u : 0u))
		buf_add_char(b, json ? ',' : ' ');
	if (json)
		buf_addf(b, "\"%s\":", key);
	else
		buf_addf(b, "%s=", key);
}

/* Of each value at most so many bytes. */
static void add_line(struct buf *b, const struct log *l, enum log_level level, const char *msg,
		     const struct log_field *fields, size_t n, size_t most)
{
	if (l->json)
		buf_add_char(b, '{');
	if (l->wall) {
		char text[RFC3339_MAX];
		add_key(b, "time", l->json);
		add_value(b, slice_of(time_format_micro(l->wall(), text)), l->json);
	}
	add_key(b, "level", l->json);
	add_value(b, slice_of(level_names[level]), l->json);
	add_key(b, "msg", l->json);
	buf_add_json(b, cut(msg, most));
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].is_number && !fields[i].text)
			continue;
		add_key(b, fields[i].key, l->json);
		if (fields[i].is_number)
			buf_addf(b, "%lld", (long long)fields[i].number);
		else
			add_value(b, cut(fields[i].text, most), l->json);
	}
	if (l->json)
		buf_add_char(b, '}');
	buf_add_char(b, '\n');
}

void log_fields(const struct log *l, enum log_level level, const char *msg, const struct log_field *fields,
		size_t n)
{
	if (!l || !l->out || level < l->level)
		return;
	CLEANUP(buf_done) struct buf b = BUF_INIT(LINE_MAX_BYTES);
	add_line(&b, l, level, msg, fields, n, SIZE_MAX);
	if (b.overflow) {
		/* A line without its end would swallow the next one. */
		buf_clear(&b);
		add_line(&b, l, level, msg, fields, n, VALUE_MAX);
	}
	/* One write per line: the stream is unbuffered where it is standard error. */
	(void)fwrite(buf_str(&b), 1, b.len, l->out);
	(void)fflush(l->out);
}
