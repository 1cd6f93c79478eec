#include "embedded/watch_hub.h"

#include "embedded/event.h"
#include "embedded/table.h"

#include <errno.h>

enum {
	BACKLOG_MAX = 1024 * 1024, /* bytes; more, and the watch waits */
	PAGE = 200,                /* rows or changes read at once */
	RETRY = 20,                /* ms until a full stream is looked at again */
	BOOKMARK_MAX = 1024,
};

struct watch {
	struct hub *hub;
	struct http_exchange *x;
	const struct kind *kind; /* the watch ends before the kind does */
	const struct kind_version *version;
	enum format format;
	bool include_object, no_object, table_headed;
	struct select select;
	char *ns; /* owned; NULL = all */
	bool bookmarks, initial_end;
	/* Initial state, in pages: where the next begins. */
	bool initial;
	char *after_ns, *after_name; /* owned */
	int64_t cursor;              /* everything up to here was sent or does not matter */
	bool live;                   /* nothing is waiting in the log */
	bool ended;
	bool cut; /* at its timeout, not ended */
	struct loop_timer *pump, *timeout;
	struct watch *next, **link;
};

struct hub {
	struct api *api;
	struct watch *watches;
};

struct hub *hub_new(struct api *a)
{
	struct hub *h = xcalloc(1, sizeof(*h));
	h->api = a;
	return h;
}

static void watch_free(struct watch *w)
{
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	select_done(&w->select);
	loop_timer_free(w->pump);
	loop_timer_free(w->timeout);
	free(w->ns);
	free(w->after_ns);
	free(w->after_name);
	free(w);
}

void hub_free(struct hub *h)
{
	if (!h)
		return;
	while (h->watches)
		watch_free(h->watches);
	free(h);
}

static void on_close(void *arg)
{
	watch_free(arg);
}

static void end(struct watch *w)
{
	struct http_exchange *x = w->x;
	watch_free(w);
	http_stream_end(x);
}

static void on_timeout(void *arg)
{
	struct watch *w = arg;
	if (w->cut)
		http_drop(w->x); /* and on_close() follows */
	else
		end(w);
}

/* The line of an event about an object. `object` is parsed only when it must be. */
static void write_event(struct watch *w, const char *type, struct slice body, struct js *object,
			struct buf *out)
{
	buf_addf(out, "{\"type\":\"%s\",\"object\":", type);
	CLEANUP(js_freep) struct js *parsed = NULL;
	if (!object && (w->format != FORMAT_JSON || w->kind->converted) && js_parse(body, &parsed, NULL) == 0)
		object = parsed;
	if (w->format == FORMAT_JSON && !w->kind->converted) {
		rest_write_object(w->kind, w->version, body, out);
	} else if (w->format == FORMAT_TABLE) {
		struct table t = table_begin(w->kind, w->version, w->include_object, w->no_object);
		table_add(&t, object, loop_wall());
		CLEANUP(js_freep)
		struct js *doc =
			table_end(&t, js_path(object, "metadata", "resourceVersion"), !w->table_headed);
		w->table_headed = true;
		js_write(doc, out);
	} else {
		CLEANUP(js_freep) struct js *shown = NULL;
		if (w->format == FORMAT_METADATA)
			shown = rest_metadata_only(object);
		else
			shown = event_to_new(object);
		js_write(shown, out);
	}
	buf_add_str(out, "}\n");
}

static void send_event(struct watch *w, const char *type, struct slice body, struct js *object)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(JS_SIZE_MAX);
	write_event(w, type, body, object, &line);
	http_stream_write(w->x, buf_slice(&line));
}

static void send_bookmark(struct watch *w, bool initial_end)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(BOOKMARK_MAX);
	if (w->format == FORMAT_TABLE) {
		buf_addf(&line,
			 "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/"
			 "v1\","
			 "\"metadata\":{\"resourceVersion\":\"%lld\"},\"columnDefinitions\":[],\"rows\":[]}}"
			 "\n",
			 (long long)w->cursor);
	} else {
		buf_addf(&line,
			 "{\"type\":\"BOOKMARK\",\"object\":%s\"metadata\":{\"resourceVersion\":\"%lld\"%s}}}"
			 "\n",
			 w->format == FORMAT_METADATA
				 ? "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
				 : w->version->prefix,
			 (long long)w->cursor,
			 initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
	}
	http_stream_write(w->x, buf_slice(&line));
}

static void send_gone(struct watch *w)
{
	struct status st = { 0 };
	status_expired(&st);
	CLEANUP(js_freep) struct js *doc = status_object(&st);
	CLEANUP(buf_done) struct buf line = BUF_INIT(16 * 1024);
	buf_add_str(&line, "{\"type\":\"ERROR\",\"object\":");
	js_write(doc, &line);
	buf_add_str(&line, "}\n");
	http_stream_write(w->x, buf_slice(&line));
	status_done(&st);
}

/* What the change looks like through the selection: an object that begins to match is added, one that
 * stops is deleted. NULL = nothing. */
static const char *seen_as(enum change_type type, bool did, bool does)
{
	if (type == CHANGE_DELETED)
		return did ? "DELETED" : NULL;
	if (did && does)
		return "MODIFIED";
	return does ? "ADDED" : did ? "DELETED" : NULL;
}

/* A deleted object, or one that left the selection, is told as it was, at the revision of the change. */
static struct js *as_of(const struct js *object, int64_t rv)
{
	struct js *copy = js_clone(object);
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)rv);
	js_set(js_need_object(copy, "metadata"), "resourceVersion", js_new_str(text));
	return copy;
}

static void send_as_of(struct watch *w, const struct js *object, int64_t rv)
{
	CLEANUP(js_freep) struct js *last = as_of(object, rv);
	size_t len = 0;
	CLEANUP(freep) char *body = object_text(last, &len);
	if (body)
		send_event(w, "DELETED", (struct slice){ body, len }, last);
}

static bool in_scope(const struct watch *w, const char *stored_as, const char *ns)
{
	return strcmp(w->kind->stored_as, stored_as) == 0 && (!w->ns || strcmp(w->ns, ns) == 0);
}

static void send_live(struct watch *w, const struct change *c)
{
	bool did = c->before && select_matches(&w->select, c->before);
	const char *type =
		seen_as(c->type, did || (c->type == CHANGE_DELETED && select_matches(&w->select, c->object)),
			c->type != CHANGE_DELETED && select_matches(&w->select, c->object));
	if (!type)
		return;
	if (*type == 'D' && c->type != CHANGE_DELETED)
		send_as_of(w, c->before, c->rv);
	else
		send_event(w, type, slice_of(c->body), c->object);
}

/* The log */

struct replay {
	struct watch *w;
	bool full;
	size_t n;
};

static bool replay_change(const struct store_change *c, void *arg)
{
	struct replay *r = arg;
	struct watch *w = r->w;
	CLEANUP(js_freep) struct js *before = NULL;
	CLEANUP(js_freep) struct js *after = NULL;
	if (c->before.len && (w->select.n || c->type == CHANGE_DELETED))
		(void)js_parse(c->before, &before, NULL);
	if (c->after.len && w->select.n)
		(void)js_parse(c->after, &after, NULL);
	bool did = c->before.len && (!w->select.n || select_matches(&w->select, before));
	bool does = c->after.len && (!w->select.n || select_matches(&w->select, after));
	const char *type = seen_as(c->type, did, does);
	if (type && *type == 'D')
		send_as_of(w, before, c->rv);
	else if (type)
		send_event(w, type, c->after, after);
	w->cursor = c->rv;
	r->n++;
	r->full = http_stream_backlog(w->x) > BACKLOG_MAX;
	return !r->full;
}

static bool initial_row(const struct store_row *row, void *arg)
{
	struct replay *r = arg;
	struct watch *w = r->w;
	CLEANUP(js_freep) struct js *object = NULL;
	if (w->select.n)
		(void)js_parse(row->body, &object, NULL);
	if (!w->select.n || select_matches(&w->select, object))
		send_event(w, "ADDED", row->body, object);
	str_replace(&w->after_ns, row->ns);
	str_replace(&w->after_name, row->name);
	r->n++;
	r->full = http_stream_backlog(w->x) > BACKLOG_MAX;
	return !r->full;
}

/* One page of what this watch has not seen yet. False: it is over. */
static bool read_page(struct watch *w, struct replay *r)
{
	struct store *s = w->hub->api->store;
	int code;
	if (w->initial) {
		/* Where the page begins must stay as it is while each row moves the watch on. */
		CLEANUP(freep) char *after_ns = w->after_ns ? xstrdup(w->after_ns) : NULL;
		CLEANUP(freep) char *after_name = w->after_name ? xstrdup(w->after_name) : NULL;
		struct store_list l = { .resource = w->kind->stored_as,
					.ns = w->ns,
					.after_ns = after_ns,
					.after_name = after_name,
					.at = w->cursor,
					.limit = PAGE };
		code = store_list(s, &l, initial_row, r, NULL);
		if (code == 0 && !r->full && r->n < PAGE) {
			w->initial = false;
			if (w->initial_end)
				send_bookmark(w, true);
			r->n = PAGE; /* and now the log */
		}
	} else {
		code = store_changes(s, w->kind->stored_as, w->ns, w->cursor, PAGE, replay_change, r, NULL);
		if (code == 0 && !r->full && r->n < PAGE) {
			w->cursor = store_revision(s);
			w->live = true;
		}
	}
	if (code == 0)
		return true;
	if (code == -ESTALE)
		send_gone(w);
	end(w);
	return false;
}

static void pump(void *arg)
{
	struct watch *w = arg;
	api_flush(w->hub->api);
	while (!w->live) {
		struct replay r = { .w = w, .full = http_stream_backlog(w->x) > BACKLOG_MAX };
		if (!r.full && !read_page(w, &r))
			return;
		if (r.full) {
			loop_timer_set(w->pump, RETRY);
			return;
		}
	}
}

void hub_watch(struct hub *h, const struct request *r, const struct watch_options *o, struct select select)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	w->hub = h;
	w->x = r->x;
	w->kind = r->kind;
	w->version = r->version;
	w->format = r->format;
	w->include_object = r->include_object;
	w->no_object = r->no_object;
	w->select = select;
	w->ns = o->ns ? xstrdup(o->ns) : NULL;
	w->bookmarks = o->bookmarks;
	w->initial = o->initial;
	w->initial_end = o->initial_end;
	w->cursor = o->from;
	w->link = &h->watches;
	w->next = h->watches;
	if (w->next)
		w->next->link = &w->next;
	h->watches = w;
	w->pump = loop_timer_new(h->api->loop, pump, w);
	w->timeout = loop_timer_new(h->api->loop, on_timeout, w);
	w->cut = o->cut;
	loop_timer_set(w->timeout, w->cut ? o->cut_after : o->timeout);
	/* The first piece is sent when this call is over: its answer has begun then. */
	loop_timer_set(w->pump, 0);
	http_stream_start(r->x, 200,
			  r->format == FORMAT_TABLE
				  ? "application/json;as=Table;v=v1;g=meta.k8s.io;stream=watch"
				  : "application/json",
			  on_close, w);
}

void hub_publish(struct hub *h, const struct change *changes, size_t n)
{
	for (struct watch *w = h->watches, *next; w; w = next) {
		next = w->next;
		for (size_t i = 0; w->live && i < n; i++) {
			if (!in_scope(w, changes[i].stored_as, changes[i].ns) || changes[i].rv <= w->cursor)
				continue;
			send_live(w, &changes[i]);
			w->cursor = changes[i].rv;
			if (http_stream_backlog(w->x) > BACKLOG_MAX) {
				w->live = false;
				loop_timer_set(w->pump, RETRY);
			}
		}
		if (w->live && n > 0)
			w->cursor = changes[n - 1].rv;
	}
}

void hub_bookmark(struct hub *h)
{
	for (struct watch *w = h->watches, *next; w; w = next) {
		next = w->next;
		if (!w->live)
			continue;
		w->cursor = store_revision(h->api->store);
		if (w->bookmarks)
			send_bookmark(w, false);
	}
}

void hub_close_kind(struct hub *h, const struct kind *k)
{
	for (struct watch *w = h->watches, *next; w; w = next) {
		next = w->next;
		if (w->kind == k)
			end(w);
	}
}
