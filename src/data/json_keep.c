#include "data/json_keep.h"

#include "data/json_compact.h"
#include "data/json_scan.h"

const struct js_keep js_keep_presence[] = { JS_KEEP_END };

enum { SCRATCH = 8 * 1024 };

/* What is kept is never longer than the text, so the room for it is got once. */
struct out {
	char *ptr;
	size_t len;
};

static void add(struct out *o, const char *bytes, size_t n)
{
	memcpy(o->ptr + o->len, bytes, n);
	o->len += n;
}

static void add_char(struct out *o, char c)
{
	o->ptr[o->len++] = c;
}

static bool copy(struct js_scan *s, const struct js_keep *keep, int depth, struct out *o);

static bool copy_array(struct js_scan *s, const struct js_keep *keep, int depth, struct out *o)
{
	if (!js_scan_take(s, '['))
		return false;
	add_char(o, '[');
	for (bool first = true; js_scan_next(s) != ']'; first = false) {
		if (!first) {
			if (!js_scan_take(s, ','))
				return false;
			add_char(o, ',');
		}
		if (!copy(s, keep, depth, o))
			return false;
	}
	add_char(o, ']');
	return js_scan_take(s, ']');
}

const struct js_keep *js_keep_find(const struct js_keep *keep, struct slice key)
{
	for (; keep->key; keep++)
		if (key.len == keep->len && memcmp(key.ptr, keep->key, key.len) == 0)
			return keep;
	return NULL;
}

static bool copy_object(struct js_scan *s, const struct js_keep *keep, int depth, struct out *o)
{
	struct slice key;
	bool any = false;
	if (!js_scan_take(s, '{'))
		return false;
	add_char(o, '{');
	while (js_scan_key(s, &key)) {
		const struct js_keep *k = js_keep_find(keep, key);
		if (!k) {
			if (!js_scan_skip(s))
				return false;
			continue;
		}
		if (any)
			add_char(o, ',');
		any = true;
		add_char(o, '"');
		add(o, key.ptr, key.len);
		add(o, "\":", 2);
		if (!copy(s, k->of, depth, o))
			return false;
	}
	add_char(o, '}');
	return js_scan_take(s, '}');
}

/* One value, without what is not kept of it. */
static bool copy(struct js_scan *s, const struct js_keep *keep, int depth, struct out *o)
{
	char c = js_scan_next(s);
	if (depth > JS_DEPTH_MAX)
		return false;
	if (keep == js_keep_presence) {
		add_char(o, '1');
		return js_scan_skip(s);
	}
	if (keep && c == '{')
		return copy_object(s, keep, depth + 1, o);
	if (keep && c == '[')
		return copy_array(s, keep, depth + 1, o);
	const char *from = s->at;
	if (!js_scan_skip(s))
		return false;
	add(o, from, (size_t)(s->at - from));
	return true;
}

int js_parse_kept(struct slice text, const struct js_keep *keep, struct js **ret, struct err *e)
{
	if (!keep || text.len == 0 || text.len > JS_SIZE_MAX)
		return js_parse(text, ret, e);
	if (compact_parse(text, keep, ret))
		return 0;
	char scratch[SCRATCH];
	CLEANUP(freep) char *big = text.len > sizeof(scratch) ? xmalloc(text.len) : NULL;
	struct out o = { big ? big : scratch, 0 };
	struct js_scan s = js_scan(text);
	if (!copy(&s, keep, 0, &o) || js_scan_next(&s) != '\0' || s.at != s.end)
		return js_parse(text, ret, e); /* which says what is wrong */
	return js_parse((struct slice){ o.ptr, o.len }, ret, e);
}
