#include "kube/watch.h"

#include "data/json_scan.h"

#include <errno.h>

/* A tail as large as this was for one unusual object; the memory is not kept. */
enum { KEEP_TAIL_MAX = 64 * 1024 };

void watch_init(struct watch *w, watch_event_fn *fn, void *arg)
{
	*w = (struct watch){ .tail = BUF_INIT(WATCH_LINE_MAX), .fn = fn, .arg = arg };
}

void watch_done(struct watch *w)
{
	buf_done(&w->tail);
}

void watch_keep(struct watch *w, const struct js_keep *object)
{
	w->keep[0] = (struct js_keep)JS_KEEP("type", NULL);
	w->keep[1] = (struct js_keep)JS_KEEP("object", object);
	w->keep[2] = (struct js_keep)JS_KEEP_END;
}

/* A Status is none of the objects that are watched. */
static bool is_error(const struct js *event)
{
	return slice_is(js_text(js_get(event, "type")), "ERROR");
}

static int parse(const struct watch *w, struct slice line, struct js **ret, struct err *e)
{
	int r = js_parse_kept(line, w->keep[0].key ? w->keep : NULL, ret, e);
	if (r == 0 && w->keep[0].key && is_error(*ret)) {
		js_freep(ret);
		r = js_parse(line, ret, e);
	}
	return r;
}

static bool take_text(struct js_scan *s, char *ret, size_t size)
{
	struct slice text;
	if (!js_scan_string(s, &text) || text.len >= size || memchr(text.ptr, '\\', text.len))
		return false;
	memcpy(ret, text.ptr, text.len);
	ret[text.len] = '\0';
	return true;
}

/* Reads up to the resourceVersion: API servers write names and uid before it. What comes later counts as
 * not there. */
static bool scan_metadata(struct js_scan *s, struct object_id *id)
{
	struct slice key;
	if (!js_scan_take(s, '{'))
		return false;
	while (js_scan_key(s, &key)) {
		bool good;
		if (slice_is(key, "resourceVersion"))
			return take_text(s, id->resource_version, sizeof(id->resource_version));
		if (slice_is(key, "namespace"))
			good = take_text(s, id->namespace, sizeof(id->namespace));
		else if (slice_is(key, "name"))
			good = take_text(s, id->name, sizeof(id->name));
		else if (slice_is(key, "uid"))
			good = take_text(s, id->uid, sizeof(id->uid));
		else
			good = js_scan_skip(s);
		if (!good)
			return false;
	}
	return false;
}

/* Goes past everything up to the value of that member. */
static bool find_member(struct js_scan *s, const char *name)
{
	struct slice key;
	if (!js_scan_take(s, '{'))
		return false;
	while (js_scan_key(s, &key)) {
		if (slice_is(key, name))
			return true;
		if (!js_scan_skip(s))
			return false;
	}
	return false;
}

static bool is_known(const struct watch *w, struct slice line)
{
	struct object_id id = { 0 };
	struct slice type;
	struct js_scan s = js_scan(line);
	/* The type stands first; an event that begins otherwise is parsed. */
	if (!find_member(&s, "type") || !js_scan_string(&s, &type) ||
	    !(slice_is(type, "MODIFIED") || slice_is(type, "ADDED")) || !js_scan_take(&s, ',') ||
	    !js_scan_string(&s, &type) || !slice_is(type, "object") || !js_scan_take(&s, ':'))
		return false;
	return find_member(&s, "metadata") && scan_metadata(&s, &id) && id.name[0] &&
	       id.resource_version[0] && w->known(&id, w->arg);
}

static int handle_line(const struct watch *w, struct slice line, struct err *e)
{
	line = slice_trim(line);
	if (line.len == 0)
		return 0;
	if (w->known && is_known(w, line))
		return 0;
	CLEANUP(js_freep) struct js *event = NULL;
	int r = parse(w, line, &event, e);
	if (r < 0)
		return err_wrap(e, "watch event");
	const char *type = js_str(js_get(event, "type"));
	struct js *object = js_get(event, "object");
	if (!type || js_type(object) != JS_OBJECT)
		return err_set(e, EINVAL, "watch event without type or object");
	return w->fn(type, object, w->arg, e);
}

static int too_long(struct err *e)
{
	return err_set(e, E2BIG, "a watch event is larger than %d bytes", WATCH_LINE_MAX);
}

int watch_feed(struct watch *w, struct slice bytes, struct err *e)
{
	while (bytes.len > 0) {
		const char *end = memchr(bytes.ptr, '\n', bytes.len);
		if (!end) {
			buf_add_slice(&w->tail, bytes);
			return w->tail.overflow ? too_long(e) : 0;
		}
		struct slice line = { bytes.ptr, (size_t)(end - bytes.ptr) };
		bytes.ptr = end + 1;
		bytes.len -= line.len + 1;
		if (w->tail.len > 0) {
			buf_add_slice(&w->tail, line);
			line = buf_slice(&w->tail);
		}
		if (w->tail.overflow || line.len > WATCH_LINE_MAX)
			return too_long(e);
		int r = handle_line(w, line, e);
		if (r < 0)
			return r;
		if (w->tail.cap > KEEP_TAIL_MAX)
			buf_done(&w->tail);
		else
			buf_clear(&w->tail);
	}
	return 0;
}

bool watch_is_between_lines(const struct watch *w)
{
	return w->tail.len == 0;
}
