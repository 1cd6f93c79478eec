/* get, list, watch */
#include "embedded/event.h"
#include "embedded/rest.h"
#include "embedded/select.h"
#include "embedded/table.h"
#include "embedded/watch_hub.h"

#include <errno.h>

enum {
	TOKEN_MAX = 2048,
	LIST_MAX = 512 * 1024 * 1024,
	WATCH_SECONDS = 1800, /* and up to twice that, as the API server does it */
};

static bool flag(const struct request *r, const char *name)
{
	const char *s = http_query(r->x, name);
	bool v = false;
	return s && slice_to_bool(slice_of(s), &v) == 0 && v;
}

static int number(const struct request *r, const char *name, int64_t *ret, struct status *st)
{
	const char *s = http_query(r->x, name);
	uint64_t v = 0;
	if (!s || !*s)
		return 0;
	if (slice_to_u64(slice_of(s), &v) < 0 || v > INT64_MAX)
		return status_bad_request(st, "%s: Invalid value: \"%s\": must be a number", name, s);
	*ret = (int64_t)v;
	return 0;
}

void rest_get(struct request *r)
{
	struct status st = { 0 };
	CLEANUP(js_freep) struct js *object = NULL;
	api_flush(r->api);
	if (object_load(r->api, r->kind, r->ns, r->name, &object, NULL, &st) < 0)
		rest_fail(r, &st);
	else
		rest_reply_object(r, 200, object);
}

static int read_selectors(const struct request *r, struct select *s, struct status *st)
{
	struct err e = { 0 };
	const char *labels = http_query(r->x, "labelSelector"), *fields = http_query(r->x, "fieldSelector");
	if (labels && select_add_labels(s, labels, &e) < 0)
		return status_bad_request(st, "%s", e.msg);
	CLEANUP(freep) char *stored = fields && r->kind->converted ? event_selector(fields) : NULL;
	if (fields && select_add_fields(s, stored ? stored : fields, r->kind->stored_as, &e) < 0)
		return status_bad_request(st, "%s", e.msg);
	return 0;
}

/* A continue token says at which revision and behind which object to go on: "rv/namespace/name". */
struct position {
	int64_t rv;
	char *ns, *name; /* owned */
};

static int read_token(const char *token, struct position *p, struct status *st)
{
	struct slice rest = slice_of(token), rv, ns;
	uint64_t v;
	if (!slice_cut(&rest, '/', &rv) || !slice_cut(&rest, '/', &ns) || slice_to_u64(rv, &v) < 0 ||
	    !rest.len)
		return status_bad_request(st, "continue key is not valid");
	p->rv = (int64_t)v;
	p->ns = xstrndup(ns.ptr, ns.len);
	p->name = xstrndup(rest.ptr, rest.len);
	return 0;
}

struct listing {
	struct request *r;
	struct select select;
	int64_t limit;
	struct buf items;
	struct table table;
	size_t n;
	bool more;
	char *last_ns, *last_name; /* owned; of the last item taken */
	msec now;
};

static void add_item(struct listing *l, const struct store_row *row, const struct js *object)
{
	struct request *r = l->r;
	if (r->format == FORMAT_TABLE) {
		table_add(&l->table, object, l->now);
		return;
	}
	buf_add_str(&l->items, l->n ? "," : "");
	if (r->format == FORMAT_METADATA) {
		CLEANUP(js_freep) struct js *shown = rest_metadata_only(object);
		js_write(shown, &l->items);
	} else {
		rest_write_object(r->kind, r->version, row->body, &l->items);
	}
}

static bool list_row(const struct store_row *row, void *arg)
{
	struct listing *l = arg;
	CLEANUP(js_freep) struct js *object = NULL;
	if ((l->select.n || l->r->format != FORMAT_JSON) && js_parse(row->body, &object, NULL) < 0)
		return true;
	if (l->select.n && !select_matches(&l->select, object))
		return true;
	if (l->limit && l->n == (size_t)l->limit) {
		l->more = true;
		return false;
	}
	add_item(l, row, object);
	l->n++;
	str_replace(&l->last_ns, row->ns);
	str_replace(&l->last_name, row->name);
	return !l->items.overflow;
}

static int bad_match(struct status *st, const char *why)
{
	return status_fail(st, 422, "Invalid",
			   "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: %s", why);
}

/* Which revision the list is of; 0 = now. */
static int list_revision(const struct request *r, const struct position *p, int64_t *ret, struct status *st)
{
	const char *match = http_query(r->x, "resourceVersionMatch");
	int64_t rv = 0, now = store_revision(r->api->store);
	if (number(r, "resourceVersion", &rv, st) < 0)
		return -1;
	if (p->name) {
		*ret = p->rv;
		return 0;
	}
	if (rv > now) {
		status_fail(st, 504, "Timeout", "Too large resource version: %lld, current: %lld",
			    (long long)rv, (long long)now);
		st->cause = "ResourceVersionTooLarge";
		st->retry_after = 1;
		return -1;
	}
	if (match && strcmp(match, "Exact") != 0 && strcmp(match, "NotOlderThan") != 0)
		return bad_match(st, "Unsupported value: not Exact or NotOlderThan");
	bool exact = match && strcmp(match, "Exact") == 0;
	if (exact && rv == 0)
		return bad_match(
			st,
			"Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
	*ret = exact ? rv : 0;
	return 0;
}

static void reply_list(struct listing *l, int64_t rv)
{
	struct request *r = l->r;
	char text[24], version[320];
	snprintf(text, sizeof(text), "%lld", (long long)rv);
	CLEANUP(freep)
	char *token = l->more ? xasprintf("%lld/%s/%s", (long long)rv, l->last_ns, l->last_name) : NULL;
	if (r->format == FORMAT_TABLE) {
		CLEANUP(js_freep) struct js *rv_text = js_new_str(text);
		CLEANUP(js_freep) struct js *doc = table_end(&l->table, rv_text, true);
		if (token)
			js_set(js_get(doc, "metadata"), "continue", js_new_str(token));
		rest_reply_js(r, 200, doc);
		return;
	}
	struct buf body = BUF_INIT(LIST_MAX);
	if (r->format == FORMAT_METADATA)
		buf_add_str(&body,
			    "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\"");
	else
		buf_addf(&body, "{\"kind\":\"%s\",\"apiVersion\":\"%s\"", r->kind->list_kind,
			 kind_api_version(r->kind, r->version, version, sizeof(version)));
	buf_addf(&body, ",\"metadata\":{\"resourceVersion\":\"%s\"", text);
	if (token) {
		buf_add_str(&body, ",\"continue\":");
		buf_add_json(&body, slice_of(token));
	}
	buf_add_str(&body, "},\"items\":[");
	buf_add_slice(&body, buf_slice(&l->items));
	buf_add_str(&body, "]}");
	size_t len = body.len;
	api_reply(r->api, r->x, 200, "application/json", buf_take(&body), len);
}

/* A list that can only hold the object of this name. */
static int list_one(struct listing *l, const char *name, struct err *e)
{
	struct store_key key = { .resource = l->r->kind->stored_as, .ns = l->r->ns, .name = name };
	struct store_row row = { .ns = l->r->ns, .name = name };
	CLEANUP(freep) char *body = NULL;
	int code = store_get(l->r->api->store, &key, &body, &row.rv, e);
	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return code;
	row.body = slice_of(body);
	list_row(&row, l);
	return 0;
}

static int run_list(struct listing *l, struct position *p, int64_t *ret_rv, struct status *st)
{
	struct request *r = l->r;
	struct err e = { 0 };
	const char *token = http_query(r->x, "continue");
	int64_t at = 0;
	if (number(r, "limit", &l->limit, st) < 0 || read_selectors(r, &l->select, st) < 0)
		return -1;
	if (token && *token && read_token(token, p, st) < 0)
		return -1;
	if (list_revision(r, p, &at, st) < 0)
		return -1;
	*ret_rv = at ? at : store_revision(r->api->store);
	struct store_list ask = { .resource = r->kind->stored_as,
				  .ns = *r->ns ? r->ns : NULL,
				  .after_ns = p->ns,
				  .after_name = p->name,
				  .at = at,
				  /* One more says whether there are more; a selection has to look at all. */
				  .limit = l->limit && !l->select.n ? l->limit + 1 : 0 };
	if (r->format == FORMAT_TABLE)
		l->table = table_begin(r->kind, r->version, r->include_object, r->no_object);
	const char *only = select_only_name(&l->select);
	bool one = only && !at && (*r->ns || !r->kind->namespaced);
	int code = one ? list_one(l, only, &e) : store_list(r->api->store, &ask, list_row, l, &e);
	if (code == -ESTALE)
		return status_fail(
			st, 410, "Expired",
			p->name ? "The provided continue parameter is too old to display a consistent list "
				  "result. You must start a new list without the continue parameter."
				: "The resourceVersion for the provided list is too old.");
	if (code < 0)
		return status_internal(st, &e);
	return l->items.overflow ? status_fail(st, 500, "InternalError", "the list is too large") : 0;
}

void rest_list(struct request *r)
{
	struct status st = { 0 };
	struct listing l = { .r = r, .items = BUF_INIT(LIST_MAX), .now = loop_wall() };
	struct position p = { 0 };
	int64_t rv = 0;
	api_flush(r->api);
	if (run_list(&l, &p, &rv, &st) < 0) {
		table_drop(&l.table);
		rest_fail(r, &st);
	} else {
		reply_list(&l, rv);
	}
	select_done(&l.select);
	buf_done(&l.items);
	free(l.last_ns);
	free(l.last_name);
	free(p.ns);
	free(p.name);
}

static int read_watch(struct request *r, struct watch_options *o, struct select *s, struct status *st)
{
	int64_t rv = 0, seconds = 0, now = store_revision(r->api->store);
	const char *given = http_query(r->x, "resourceVersion");
	const char *match = http_query(r->x, "resourceVersionMatch");
	bool send_initial = flag(r, "sendInitialEvents");
	if (number(r, "resourceVersion", &rv, st) < 0 || number(r, "timeoutSeconds", &seconds, st) < 0 ||
	    read_selectors(r, s, st) < 0)
		return -1;
	if (http_query(r->x, "sendInitialEvents") && (!match || strcmp(match, "NotOlderThan") != 0))
		return status_fail(
			st, 422, "Invalid",
			"ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
			"sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
	o->bookmarks = flag(r, "allowWatchBookmarks");
	o->initial = send_initial || (!http_query(r->x, "sendInitialEvents") && rv == 0);
	o->initial_end = send_initial && o->bookmarks;
	o->from = o->initial || !given || rv == 0 ? now : rv;
	/* A revision of the future is one of another store, most likely of one in memory that is gone. The
	 * watch begins all the same and says so, as for one that is too old. */
	if (rv > now || r->expire)
		o->from = -1;
	o->cut = r->cut;
	o->cut_after = r->cut_after;
	if (seconds == 0)
		seconds = WATCH_SECONDS + (int64_t)rng_below(&r->api->rng, WATCH_SECONDS);
	o->timeout = (seconds > 10 * WATCH_SECONDS ? 10 * WATCH_SECONDS : seconds) * 1000;
	o->ns = *r->ns ? r->ns : NULL;
	return 0;
}

void rest_watch(struct request *r)
{
	struct status st = { 0 };
	struct select s = { 0 };
	struct watch_options o = { 0 };
	api_flush(r->api);
	if (read_watch(r, &o, &s, &st) < 0) {
		select_done(&s);
		rest_fail(r, &st);
		return;
	}
	hub_watch(r->api->hub, r, &o, s);
}
