#include "embedded/rest.h"

#include "embedded/event.h"
#include "embedded/fault_gate.h"
#include "embedded/table.h"

enum { PARTS_MAX = 8, ACCEPT_MAX = 4096, WARNING_MAX = 4096 };

void rest_write_object(const struct kind *k, const struct kind_version *v, struct slice body, struct buf *out)
{
	if (k->converted) {
		CLEANUP(js_freep) struct js *object = NULL;
		if (js_parse(body, &object, NULL) == 0) {
			CLEANUP(js_freep) struct js *shown = event_to_new(object);
			js_write(shown, out);
		}
		return;
	}
	buf_add_str(out, v->prefix);
	buf_add_slice(out, (struct slice){ body.ptr + 1, body.len - 1 });
}

struct js *rest_metadata_only(const struct js *object)
{
	struct js *o = js_new_object();
	js_set(o, "kind", js_new_str("PartialObjectMetadata"));
	js_set(o, "apiVersion", js_new_str("meta.k8s.io/v1"));
	js_set(o, "metadata", js_clone(js_get(object, "metadata")));
	return o;
}

static void add_warnings(struct request *r)
{
	for (size_t i = 0; i < js_len(r->warnings); i++) {
		CLEANUP(buf_done) struct buf line = BUF_INIT(WARNING_MAX);
		buf_add_str(&line, "299 - ");
		buf_add_json(&line, js_text(js_item(r->warnings, i)));
		http_reply_header(r->x, "Warning", buf_str(&line));
	}
	js_free(TAKE(r->warnings));
}

void rest_reply_js(struct request *r, int code, const struct js *doc)
{
	size_t len = 0;
	char *body = object_text(doc, &len);
	add_warnings(r);
	api_reply(r->api, r->x, code, "application/json", body, len);
}

void rest_fail(struct request *r, struct status *st)
{
	CLEANUP(js_freep) struct js *doc = status_object(st);
	if (st->retry_after) {
		char text[16];
		snprintf(text, sizeof(text), "%d", st->retry_after);
		http_reply_header(r->x, "Retry-After", text);
	}
	rest_reply_js(r, st->code, doc);
	status_done(st);
}

void rest_reply_object(struct request *r, int code, struct js *object)
{
	if (r->format == FORMAT_TABLE) {
		struct table t = table_begin(r->kind, r->version, r->include_object, r->no_object);
		table_add(&t, object, loop_wall());
		CLEANUP(js_freep)
		struct js *doc = table_end(&t, js_path(object, "metadata", "resourceVersion"), true);
		rest_reply_js(r, code, doc);
		return;
	}
	if (r->format == FORMAT_METADATA) {
		CLEANUP(js_freep) struct js *doc = rest_metadata_only(object);
		rest_reply_js(r, code, doc);
		return;
	}
	size_t len = 0;
	CLEANUP(freep) char *text = object_text(object, &len);
	struct buf body = BUF_INIT(2 * JS_SIZE_MAX);
	rest_write_object(r->kind, r->version, (struct slice){ text, len }, &body);
	len = body.len;
	add_warnings(r);
	api_reply(r->api, r->x, code, "application/json", buf_take(&body), len);
}

/* "application/json;as=Table;v=v1;g=meta.k8s.io, application/json": the first that we can give. */
static void read_accept(struct request *r)
{
	const char *accept = http_header(r->x, "Accept");
	struct slice rest = slice_of(accept), piece;
	const char *include = http_query(r->x, "includeObject");
	r->include_object = include && strcmp(include, "Object") == 0;
	r->no_object = include && strcmp(include, "None") == 0;
	while (slice_cut(&rest, ',', &piece)) {
		CLEANUP(freep) char *type = xstrndup(piece.ptr, piece.len);
		if (strstr(type, "protobuf") || strstr(type, "cbor"))
			continue;
		if (strstr(type, "as=Table") && strstr(type, "v=v1") && !strstr(type, "v=v1beta"))
			r->format = FORMAT_TABLE;
		else if (strstr(type, "as=PartialObjectMetadata"))
			r->format = FORMAT_METADATA;
		return;
	}
}

static int not_there(struct status *st)
{
	return status_fail(st, 404, "NotFound", "the server could not find the requested resource");
}

/* group, version and where the resource begins in the path; false: no such path. */
static bool split_group(const char *const *parts, size_t n, const char **group, const char **version,
			size_t *at)
{
	if (n >= 2 && strcmp(parts[0], "api") == 0) {
		*group = "";
		*version = parts[1];
		*at = 2;
		return n > 2;
	}
	if (n >= 3 && strcmp(parts[0], "apis") == 0) {
		*group = parts[1];
		*version = parts[2];
		*at = 3;
		return n > 3;
	}
	return false;
}

/* What the path means. */
static int resolve(struct request *r, const char *const *parts, size_t n, struct status *st)
{
	const char *group, *version;
	size_t at;
	if (!split_group(parts, n, &group, &version, &at))
		return not_there(st);
	/* /namespaces/NS/RESOURCE, but /namespaces/NAME and /namespaces/NAME/status are namespaces
	 * themselves. */
	bool in_namespace = n - at >= 3 && strcmp(parts[at], "namespaces") == 0 &&
			    !(!*group && (strcmp(parts[at + 2], "status") == 0 ||
					  strcmp(parts[at + 2], "finalize") == 0));
	if (in_namespace) {
		r->ns = parts[at + 1];
		at += 2;
	}
	r->kind = registry_find(&r->api->kinds, group, version, parts[at], &r->version);
	if (!r->kind || n - at > 3 || (in_namespace && !r->kind->namespaced))
		return not_there(st);
	if (n - at >= 2)
		r->name = parts[at + 1];
	if (n - at == 3)
		r->subresource = parts[at + 2];
	if (*r->name && r->kind->namespaced && !in_namespace)
		return not_there(st);
	if (*r->subresource && (strcmp(r->subresource, "status") != 0 || !r->version->status))
		return not_there(st);
	return 0;
}

static bool is_true(const char *s)
{
	bool v = false;
	return s && slice_to_bool(slice_of(s), &v) == 0 && v;
}

bool rest_is_watch(const struct request *r)
{
	return !*r->name && strcmp(r->method, "GET") == 0 && is_true(http_query(r->x, "watch"));
}

static void dispatch(struct request *r)
{
	static const struct {
		const char *method;
		bool named;
		void (*fn)(struct request *r);
	} verbs[] = {
		{ "GET", true, rest_get },
		{ "HEAD", true, rest_get },
		{ "GET", false, rest_list },
		{ "HEAD", false, rest_list },
		{ "POST", false, rest_create },
		{ "PUT", true, rest_update },
		{ "PATCH", true, rest_patch },
		{ "DELETE", true, rest_delete },
		{ "DELETE", false, rest_delete_collection },
	};
	bool named = *r->name;
	if (rest_is_watch(r)) {
		rest_watch(r);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (verbs[i].named == named && strcmp(verbs[i].method, r->method) == 0) {
			verbs[i].fn(r);
			return;
		}
	}
	struct status st = { 0 };
	status_fail(&st, 405, "MethodNotAllowed",
		    "the server does not allow this method on the requested resource");
	rest_fail(r, &st);
}

/* The parts of the path, decoded, in `store`, which owns them. False: malformed or too long. */
static bool split_path(struct slice path, char **store, const char **parts, size_t *n)
{
	struct slice rest = path, piece;
	*n = 0;
	while (slice_cut(&rest, '/', &piece)) {
		if (piece.len == 0)
			continue;
		CLEANUP(buf_done) struct buf text = BUF_INIT(ACCEPT_MAX);
		if (*n == PARTS_MAX || !http_unescape(piece, &text))
			return false;
		store[*n] = buf_take(&text);
		parts[*n] = store[*n];
		(*n)++;
	}
	return true;
}

void rest_handle(struct http_exchange *x, void *arg)
{
	char *store[PARTS_MAX] = { 0 };
	const char *parts[PARTS_MAX] = { 0 };
	size_t n = 0;
	struct status st = { 0 };
	struct request r = { .api = arg,
			     .x = x,
			     .method = http_method(x),
			     .ns = "",
			     .name = "",
			     .subresource = "",
			     .warnings = js_new_array() };
	read_accept(&r);
	if (!split_path(http_path(x), store, parts, &n)) {
		status_bad_request(&st, "malformed path");
		rest_fail(&r, &st);
	} else if (!fault_gate_describe(r.api->faults, &r, parts, n) && !rest_describe(&r, parts, n)) {
		if (resolve(&r, parts, n, &st) < 0)
			rest_fail(&r, &st);
		else if (!fault_gate_strikes(r.api->faults, &r))
			dispatch(&r);
	}
	js_free(r.warnings);
	for (size_t i = 0; i < PARTS_MAX; i++)
		free(store[i]);
}
