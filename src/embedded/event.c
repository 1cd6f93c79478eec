#include "embedded/event.h"

#include "embedded/hooks.h"

static const struct {
	const char *stored, *shown;
} names[] = {
	{ "involvedObject", "regarding" },
	{ "message", "note" },
	{ "reportingComponent", "reportingController" },
	{ "source", "deprecatedSource" },
	{ "firstTimestamp", "deprecatedFirstTimestamp" },
	{ "lastTimestamp", "deprecatedLastTimestamp" },
	{ "count", "deprecatedCount" },
};

static const char *renamed(const char *key, bool to_new)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(key, to_new ? names[i].stored : names[i].shown) == 0)
			return to_new ? names[i].shown : names[i].stored;
	return key;
}

struct js *event_to_new(const struct js *stored)
{
	struct js *o = js_new_object();
	js_set(o, "apiVersion", js_new_str("events.k8s.io/v1"));
	js_set(o, "kind", js_new_str("Event"));
	for (struct js_iter it = js_iter(stored); js_next(&it);)
		js_set(o, renamed(it.key, true), js_ref(it.value));
	return o;
}

void event_to_stored(struct js *object)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!js_has(object, names[i].shown))
			continue;
		js_set(object, names[i].stored, js_ref(js_get(object, names[i].shown)));
		js_del(object, names[i].shown);
	}
}

char *event_selector(const char *fields)
{
	struct buf out = BUF_INIT(64 * 1024);
	struct slice rest = slice_of(fields), piece;
	while (slice_cut(&rest, ',', &piece)) {
		buf_add_str(&out, out.len ? "," : "");
		piece = slice_trim(piece);
		if (slice_starts(piece, "regarding.")) {
			buf_add_str(&out, "involvedObject.");
			piece = (struct slice){ piece.ptr + 10, piece.len - 10 };
		} else if (slice_starts(piece, "reportingController")) {
			buf_add_str(&out, "reportingComponent");
			piece = (struct slice){ piece.ptr + 19, piece.len - 19 };
		}
		buf_add_slice(&out, piece);
	}
	return buf_take(&out);
}

static void event_validate(const struct write *w, const struct js *old, const struct js *object,
			   struct problems *p)
{
	const char *ns = js_str(js_path(object, "involvedObject", "namespace"));
	/* Events about cluster-scoped objects live in "default". */
	const char *want = ns && *ns ? ns : "default";
	if (strcmp(want, w->ns) != 0)
		problem_add(p, PROBLEM_INVALID, "involvedObject.namespace",
			    js_path(object, "involvedObject", "namespace"), "does not match event.namespace");
}

const struct hooks event_hooks = { .resource = "events", .validate = event_validate };
