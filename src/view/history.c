#include "view/history.h"

#include "view/body.h"
#include "view/config_map.h"

#include <stdio.h>

const char *history_name(const char *pool, char text[HISTORY_NAME_MAX])
{
	char label[LABEL_VALUE_MAX];
	(void)snprintf(text, HISTORY_NAME_MAX, "berth-history-%s", pool_label(pool, label));
	/* A label may have a dash behind a dot, the name of an object may not. */
	for (char *c = text; c[0]; c++)
		if (c[0] == '.' && c[1] == '-')
			c[0] = '-';
	return text;
}

static void add_member(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\":", key);
	buf_add_json(out, slice_of(value));
}

void history_line(const struct past *p, struct buf *out)
{
	char ip[IP_TEXT_MAX], stamp[RFC3339_MAX];
	buf_addf(out, "{\"address\":\"%s\",", ip_format(p->ip, ip));
	add_member(out, "holder", p->holding.holder);
	if (p->holding.from)
		buf_addf(out, ",\"from\":\"%s\"", time_format(p->holding.from, stamp));
	if (p->holding.until)
		buf_addf(out, ",\"until\":\"%s\"", time_format(p->holding.until, stamp));
	buf_add_str(out, "}\n");
}

/* Where the last lines begin of which at most `lines` and `bytes` are kept. */
static size_t cut(struct slice text, size_t lines, size_t bytes)
{
	size_t at = text.len, n = 0;
	while (at > 0 && n < lines) {
		size_t begin = at - 1;
		while (begin > 0 && text.ptr[begin - 1] != '\n')
			begin--;
		if (text.len - begin > bytes)
			break;
		at = begin;
		n++;
	}
	return at;
}

size_t history_lines(const struct past *items, size_t n, struct buf *out)
{
	size_t done = 0, bytes = 0;
	/* From the back: the oldest ones are those that have no room. */
	while (done < n && done < HISTORY_LINES_MAX) {
		CLEANUP(buf_done) struct buf line = BUF_INIT(HISTORY_BYTES_MAX);
		history_line(&items[n - 1 - done], &line);
		bytes += line.len;
		if (line.overflow || bytes > HISTORY_BYTES_MAX)
			break;
		done++;
	}
	for (size_t i = n - done; i < n; i++)
		history_line(&items[i], out);
	return done;
}

void history_append(const char *old, struct slice fresh, size_t n_fresh, struct buf *out)
{
	struct slice text = slice_of(old ? old : "");
	size_t room = fresh.len < HISTORY_BYTES_MAX ? HISTORY_BYTES_MAX - fresh.len : 0;
	size_t at = cut(text, n_fresh < HISTORY_LINES_MAX ? HISTORY_LINES_MAX - n_fresh : 0, room);
	buf_add_slice(out, (struct slice){ text.ptr + at, text.len - at });
	/* A last line that somebody cut short must not take the next one with it. */
	if (at < text.len && text.ptr[text.len - 1] != '\n')
		buf_add_char(out, '\n');
	buf_add_slice(out, fresh);
}

void history_body(const char *pool, const char *resource_version, const char *text, struct buf *out)
{
	char name[HISTORY_NAME_MAX];
	config_map_body(&(struct config_map_out){ .name = history_name(pool, name),
						  .pool = pool,
						  .resource_version = resource_version,
						  .key = "history",
						  .text = text },
			out);
}
