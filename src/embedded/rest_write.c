/* create, update, patch, delete, deletecollection */
#include "data/json_patch.h"
#include "data/merge_patch.h"
#include "data/strategic_patch.h"
#include "data/yaml.h"
#include "embedded/apply.h"
#include "embedded/crd.h"
#include "embedded/event.h"
#include "embedded/meta.h"
#include "embedded/namespace.h"
#include "embedded/protobuf.h"
#include "embedded/rest.h"
#include "embedded/select.h"

#include <errno.h>
#include <strings.h>

enum { MANAGER_MAX = 128 };

/* Everything that a write needs; `manager` may live in it. */
struct asked {
	struct write w;
	char manager[MANAGER_MAX + 1];
};

static int read_options(struct request *r, struct asked *a, struct status *st)
{
	const char *manager = http_query(r->x, "fieldManager"), *agent = http_header(r->x, "User-Agent");
	const char *dry = http_query(r->x, "dryRun"), *validation = http_query(r->x, "fieldValidation");
	if (manager && strlen(manager) > MANAGER_MAX)
		return status_bad_request(st, "fieldManager: Too long: may not be more than %d bytes",
					  MANAGER_MAX);
	if (!manager || !*manager) {
		agent = agent && *agent ? agent : "unknown";
		snprintf(a->manager, sizeof(a->manager), "%.*s", (int)strcspn(agent, "/"), agent);
	} else {
		snprintf(a->manager, sizeof(a->manager), "%s", manager);
	}
	if (dry && *dry && strcmp(dry, "All") != 0)
		return status_bad_request(st, "dryRun: Unsupported value: \"%s\": supported values: \"All\"",
					  dry);
	a->w = (struct write){ .api = r->api,
			       .kind = r->kind,
			       .version = r->version,
			       .ns = r->ns,
			       .subresource = r->subresource,
			       .manager = a->manager,
			       .dry_run = dry && *dry,
			       .validation = FIELDS_WARN,
			       .warnings = r->warnings };
	if (validation && strcmp(validation, "Strict") == 0)
		a->w.validation = FIELDS_STRICT;
	else if (validation && strcmp(validation, "Ignore") == 0)
		a->w.validation = FIELDS_IGNORE;
	else if (validation && *validation && strcmp(validation, "Warn") != 0)
		return status_bad_request(st, "fieldValidation: Unsupported value: \"%s\"", validation);
	return 0;
}

/* The media type without parameters. */
static struct slice content_type(const struct request *r)
{
	const char *given = http_header(r->x, "Content-Type");
	struct slice type = { 0 }, rest = slice_of(given ? given : "application/json");
	slice_cut(&rest, ';', &type);
	return slice_trim(type);
}

static int unsupported(struct status *st, const char *accepted)
{
	return status_fail(
		st, 415, "UnsupportedMediaType",
		"the body of the request was in an unknown format - accepted media types include: %s",
		accepted);
}

static int read_body(struct request *r, struct js **ret, struct status *st)
{
	struct err e = { 0 };
	if (js_parse(http_body(r->x), ret, &e) < 0)
		return status_bad_request(st, "%s", e.msg);
	return 0;
}

static int read_yaml(struct request *r, struct js **ret, struct status *st)
{
	struct err e = { 0 };
	if (yaml_parse_one(http_body(r->x), ret, &e) < 0)
		return status_bad_request(st, "error decoding YAML: %s", e.msg);
	return 0;
}

static int check_type_meta(const struct request *r, const struct js *object, struct status *st)
{
	char want[320];
	const char *version = js_str(js_get(object, "apiVersion")), *kind = js_str(js_get(object, "kind"));
	kind_api_version(r->kind, r->version, want, sizeof(want));
	if (version && *version && strcmp(version, want) != 0)
		return status_bad_request(
			st,
			"the API version in the data (%s) does not match the expected API version "
			"(%s)",
			version, want);
	if (kind && *kind && strcmp(kind, r->kind->kind) != 0)
		return status_bad_request(st,
					  "the kind in the data (%s) does not match the expected kind (%s)",
					  kind, r->kind->kind);
	return 0;
}

/* An object of the kind asked for, in stored form. */
static int read_object(struct request *r, struct js **ret, struct status *st)
{
	CLEANUP(js_freep) struct js *object = NULL;
	struct err e = { 0 };
	if (slice_is(content_type(r), "application/vnd.kubernetes.protobuf") && r->kind->protobuf) {
		if (protobuf_read(r->kind, r->version, http_body(r->x), &object, &e) < 0)
			return status_bad_request(st, "%s", e.msg);
	} else if (slice_is(content_type(r), "application/yaml")) {
		if (read_yaml(r, &object, st) < 0)
			return -1;
	} else if (!slice_is(content_type(r), "application/json")) {
		return unsupported(st, "application/json, application/yaml");
	} else if (read_body(r, &object, st) < 0) {
		return -1;
	}
	if (js_type(object) != JS_OBJECT)
		return status_bad_request(st, "the body is no object");
	if (check_type_meta(r, object, st) < 0)
		return -1;
	if (js_has(object, "metadata") && js_get(object, "metadata") &&
	    js_type(js_get(object, "metadata")) != JS_OBJECT)
		return status_bad_request(st, "metadata is no object");
	const char *ns = meta_namespace(object);
	if (r->kind->namespaced && *ns && strcmp(ns, r->ns) != 0)
		return status_bad_request(
			st, "the namespace of the provided object does not match the namespace sent on "
			    "the request");
	if (r->kind->converted)
		event_to_stored(object);
	*ret = TAKE(object);
	return 0;
}

void rest_create(struct request *r)
{
	struct status st = { 0 };
	struct asked a;
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(js_freep) struct js *made = NULL;
	if (r->kind->namespaced && !*r->ns)
		status_fail(&st, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
	if (st.code || read_options(r, &a, &st) < 0 || read_object(r, &object, &st) < 0 ||
	    api_begin(r->api, &st) < 0 || object_create(&a.w, TAKE(object), &made, &st) < 0)
		rest_fail(r, &st);
	else
		rest_reply_object(r, 201, made);
}

static int check_put(const struct request *r, const struct js *object, struct status *st)
{
	const char *name = meta_name(object), *rv = js_str(js_path(object, "metadata", "resourceVersion"));
	if (*name && strcmp(name, r->name) != 0)
		return status_bad_request(
			st, "the name of the object (%s) does not match the name on the URL (%s)", name,
			r->name);
	bool lease = strcmp(r->kind->resource, "leases.coordination.k8s.io") == 0;
	if ((rv && *rv) || (r->kind->builtin && !lease))
		return 0;
	struct problems p = { 0 };
	problem_add(&p, PROBLEM_INVALID, "metadata.resourceVersion", NULL,
		    "0x0: must be specified for an update");
	return status_invalid(st, r->kind, r->name, &p);
}

void rest_update(struct request *r)
{
	struct status st = { 0 };
	struct asked a;
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(js_freep) struct js *old = NULL;
	CLEANUP(js_freep) struct js *now = NULL;
	CLEANUP(freep) char *text = NULL;
	if (read_options(r, &a, &st) < 0 || read_object(r, &object, &st) < 0 ||
	    check_put(r, object, &st) < 0 || api_begin(r->api, &st) < 0 ||
	    object_load(r->api, r->kind, r->ns, r->name, &old, &text, &st) < 0 ||
	    object_update(&a.w, TAKE(object), old, text, &now, &st) < 0)
		rest_fail(r, &st);
	else
		rest_reply_object(r, 200, now);
}

/* The patched object in stored form; `patch` in the type that the request names. */
static int apply_patch(struct request *r, const struct js *old, const struct js *patch, struct js **ret,
		       struct status *st)
{
	struct slice type = content_type(r);
	struct err e = { 0 };
	char version[320];
	/* Only a JSON patch can name what is in managedFields. */
	bool json = slice_is(type, "application/json-patch+json");
	CLEANUP(js_freep)
	struct js *doc = r->kind->converted ? event_to_new(old)
			 : json             ? js_clone(old)
					    : meta_clone_plain(old);
	js_set(doc, "apiVersion",
	       js_new_str(kind_api_version(r->kind, r->version, version, sizeof(version))));
	js_set(doc, "kind", js_new_str(r->kind->kind));
	int code = 0;
	if (slice_is(type, "application/merge-patch+json"))
		merge_patch(&doc, patch);
	else if (json)
		code = json_patch(&doc, patch, &e);
	else
		code = strategic_patch(&doc, patch, r->version->schema, &e);
	if (code == -ENOENT)
		return status_fail(st, 422, "Invalid",
				   "the server rejected our request due to an error in our request: %s",
				   e.msg);
	if (code < 0)
		return status_bad_request(st, "%s", e.msg);
	if (js_type(doc) != JS_OBJECT || js_type(js_get(doc, "metadata")) != JS_OBJECT)
		return status_bad_request(st, "the patched object is no object with metadata");
	if (check_type_meta(r, doc, st) < 0)
		return -1;
	if (strcmp(meta_name(doc), r->name) != 0)
		return status_bad_request(
			st, "the name of the object (%s) does not match the name on the URL (%s)",
			meta_name(doc), r->name);
	if (r->kind->converted)
		event_to_stored(doc);
	*ret = TAKE(doc);
	return 0;
}

static int check_patch_type(const struct request *r, struct status *st)
{
	struct slice type = content_type(r);
	if (slice_is(type, "application/merge-patch+json") || slice_is(type, "application/json-patch+json"))
		return 0;
	if (!slice_is(type, "application/strategic-merge-patch+json"))
		return unsupported(st, "application/json-patch+json, application/merge-patch+json, "
				       "application/strategic-merge-patch+json, "
				       "application/apply-patch+yaml");
	return r->kind->builtin
		       ? 0
		       : unsupported(st, "application/json-patch+json, application/merge-patch+json, "
					 "application/apply-patch+yaml");
}

/* Server-side apply */

static int check_patch_options(const struct request *r, bool apply, struct status *st)
{
	static char group[] = "meta.k8s.io", name[] = "PatchOptions";
	static const struct kind options = { .group = group, .kind = name };
	const char *manager = http_query(r->x, "fieldManager"), *force = http_query(r->x, "force");
	struct problems p = { 0 };
	if (apply && !(manager && *manager))
		problem_add(&p, PROBLEM_REQUIRED, "fieldManager", NULL, "is required for apply patch");
	if (!apply && force)
		problem_add(&p, PROBLEM_FORBIDDEN, "force", NULL, "may not be specified for non-apply patch");
	return p.n ? status_invalid(st, &options, "", &p) : 0;
}

/* What is applied must say what it is. */
static int check_applied_type(const struct request *r, const struct js *object, struct status *st)
{
	char want[320];
	const char *version = js_str(js_get(object, "apiVersion")), *kind = js_str(js_get(object, "kind"));
	version = version ? version : "";
	kind_api_version(r->kind, r->version, want, sizeof(want));
	if (strcmp(version, want) == 0 && kind && strcmp(kind, r->kind->kind) == 0)
		return 0;
	return status_bad_request(st, "invalid object type: %s%s, Kind=%s", strchr(version, '/') ? "" : "/",
				  version, kind ? kind : "");
}

static int read_applied(struct request *r, struct js **ret, struct status *st)
{
	CLEANUP(js_freep) struct js *object = NULL;
	if (read_yaml(r, &object, st) < 0)
		return -1;
	if (js_type(object) != JS_OBJECT)
		return status_bad_request(st, "error decoding YAML: the body is no object");
	if (check_applied_type(r, object, st) < 0)
		return -1;
	if (js_get(object, "metadata") && js_type(js_get(object, "metadata")) != JS_OBJECT)
		return status_bad_request(st, "metadata is no object");
	struct js *metadata = js_need_object(object, "metadata");
	if (js_get(metadata, "managedFields"))
		return status_bad_request(st, "metadata.managedFields must be nil");
	if (!*meta_name(object))
		js_set(metadata, "name", js_new_str(r->name));
	if (strcmp(meta_name(object), r->name) != 0)
		return status_bad_request(
			st, "the name of the object (%s) does not match the name on the URL (%s)",
			meta_name(object), r->name);
	if (r->kind->namespaced && *meta_namespace(object) && strcmp(meta_namespace(object), r->ns) != 0)
		return status_bad_request(
			st, "the namespace of the provided object does not match the namespace sent on "
			    "the request");
	if (r->kind->converted)
		event_to_stored(object);
	*ret = TAKE(object);
	return 0;
}

/* The object that is there; none is no error, except on a subresource. */
static int load_for_apply(struct request *r, struct js **ret, char **ret_text, struct status *st)
{
	struct status why = { 0 };
	if (object_load(r->api, r->kind, r->ns, r->name, ret, ret_text, &why) == 0)
		return 0;
	if (why.code == 404 && !*r->subresource) {
		status_done(&why);
		return 0;
	}
	*st = why;
	return -1;
}

static int apply_object(struct request *r, struct asked *a, const struct js *given, int *ret_code,
			struct js **ret, struct status *st)
{
	const char *force = http_query(r->x, "force");
	bool forced = false;
	CLEANUP(js_freep) struct js *old = NULL;
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(js_freep) struct js *managed = NULL;
	CLEANUP(freep) char *text = NULL;
	struct apply how = { .w = &a->w,
			     .force = force && slice_to_bool(slice_of(force), &forced) == 0 && forced };
	if (load_for_apply(r, &old, &text, st) < 0 ||
	    apply_merge(&how, given, old, &object, &managed, st) < 0)
		return -1;
	a->w.managed = managed;
	*ret_code = old ? 200 : 201;
	if (old)
		return object_update(&a->w, TAKE(object), old, text, ret, st);
	js_del(js_get(object, "metadata"), "resourceVersion");
	return object_create(&a->w, TAKE(object), ret, st);
}

static void rest_apply(struct request *r)
{
	struct status st = { 0 };
	struct asked a;
	int code = 0;
	CLEANUP(js_freep) struct js *given = NULL;
	CLEANUP(js_freep) struct js *now = NULL;
	if (check_patch_options(r, true, &st) < 0 || read_options(r, &a, &st) < 0 ||
	    read_applied(r, &given, &st) < 0 || api_begin(r->api, &st) < 0 ||
	    apply_object(r, &a, given, &code, &now, &st) < 0)
		rest_fail(r, &st);
	else
		rest_reply_object(r, code, now);
}

void rest_patch(struct request *r)
{
	struct status st = { 0 };
	struct asked a;
	CLEANUP(js_freep) struct js *patch = NULL;
	CLEANUP(js_freep) struct js *old = NULL;
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(js_freep) struct js *now = NULL;
	CLEANUP(freep) char *text = NULL;
	if (slice_is(content_type(r), "application/apply-patch+yaml")) {
		rest_apply(r);
		return;
	}
	if (check_patch_type(r, &st) < 0 || check_patch_options(r, false, &st) < 0 ||
	    read_options(r, &a, &st) < 0 || read_body(r, &patch, &st) < 0 || api_begin(r->api, &st) < 0 ||
	    object_load(r->api, r->kind, r->ns, r->name, &old, &text, &st) < 0 ||
	    apply_patch(r, old, patch, &object, &st) < 0 ||
	    object_update(&a.w, TAKE(object), old, text, &now, &st) < 0)
		rest_fail(r, &st);
	else
		rest_reply_object(r, 200, now);
}

/* DeleteOptions, from the body or the query. */
static int read_delete(struct request *r, struct asked *a, struct js **ret_options, struct preconditions *pre,
		       struct status *st)
{
	if (read_options(r, a, st) < 0)
		return -1;
	if (http_body(r->x).len > 0 && read_body(r, ret_options, st) < 0)
		return -1;
	const struct js *p = js_get(*ret_options, "preconditions");
	pre->uid = js_str(js_get(p, "uid"));
	pre->resource_version = js_str(js_get(p, "resourceVersion"));
	if (js_len(js_get(*ret_options, "dryRun")) > 0)
		a->w.dry_run = true;
	return 0;
}

/* Kinds that hold others go in two steps: first what they hold, then, when nothing is left, themselves. */
static int delete_object(struct request *r, const struct write *w, const struct preconditions *pre,
			 struct js **ret, bool *ret_gone, struct status *st)
{
	if (strcmp(r->kind->resource, "namespaces") == 0 && !w->dry_run)
		return namespace_delete(w, r->name, pre, ret, ret_gone, st);
	if (strcmp(r->kind->resource, "customresourcedefinitions.apiextensions.k8s.io") == 0 && !w->dry_run)
		return crd_delete(w, r->name, pre, ret, ret_gone, st);
	return object_delete(w, r->name, pre, ret, ret_gone, st);
}

void rest_delete(struct request *r)
{
	struct status st = { 0 };
	struct asked a;
	struct preconditions pre = { 0 };
	CLEANUP(js_freep) struct js *options = NULL;
	CLEANUP(js_freep) struct js *was = NULL;
	bool gone = false;
	if (*r->subresource)
		status_fail(&st, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
	if (st.code || read_delete(r, &a, &options, &pre, &st) < 0 || api_begin(r->api, &st) < 0 ||
	    delete_object(r, &a.w, &pre, &was, &gone, &st) < 0) {
		rest_fail(r, &st);
		return;
	}
	/* Services answer with the object that was; most kinds with a Status. */
	if (!gone || strcmp(r->kind->resource, "services") == 0) {
		rest_reply_object(r, 200, was);
		return;
	}
	CLEANUP(js_freep)
	struct js *doc = status_success(r->kind, r->name, js_str(js_path(was, "metadata", "uid")));
	rest_reply_js(r, 200, doc);
}

/* deletecollection */

struct matching {
	struct select select;
	char **names; /* owned; pairs of namespace and name */
	size_t n, cap;
};

static bool collect(const struct store_row *row, void *arg)
{
	struct matching *m = arg;
	CLEANUP(js_freep) struct js *object = NULL;
	if (js_parse(row->body, &object, NULL) < 0 || !select_matches(&m->select, object))
		return true;
	vec_grow(&m->names, &m->cap, m->n + 2);
	m->names[m->n++] = xstrdup(row->ns);
	m->names[m->n++] = xstrdup(row->name);
	return true;
}

static int delete_matching(struct request *r, struct matching *m, struct js *items, struct status *st)
{
	struct asked a;
	struct preconditions pre = { 0 };
	struct err e = { 0 };
	CLEANUP(js_freep) struct js *options = NULL;
	const char *labels = http_query(r->x, "labelSelector"), *fields = http_query(r->x, "fieldSelector");
	if (read_delete(r, &a, &options, &pre, st) < 0)
		return -1;
	if ((labels && select_add_labels(&m->select, labels, &e) < 0) ||
	    (fields && select_add_fields(&m->select, fields, r->kind->stored_as, &e) < 0))
		return status_bad_request(st, "%s", e.msg);
	if (api_begin(r->api, st) < 0)
		return -1;
	struct store_list l = { .resource = r->kind->stored_as, .ns = *r->ns ? r->ns : NULL };
	if (store_list(r->api->store, &l, collect, m, &e) < 0)
		return status_internal(st, &e);
	for (size_t i = 0; i < m->n; i += 2) {
		struct js *was = NULL;
		bool gone = false;
		a.w.ns = m->names[i];
		r->name = m->names[i + 1];
		if (delete_object(r, &a.w, &pre, &was, &gone, st) < 0)
			return -1;
		js_push(items, was);
	}
	return 0;
}

void rest_delete_collection(struct request *r)
{
	struct status st = { 0 };
	struct matching m = { 0 };
	char version[320];
	CLEANUP(js_freep) struct js *list = js_new_object();
	struct js *items = js_new_array();
	js_set(list, "kind", js_new_str(r->kind->list_kind));
	js_set(list, "apiVersion",
	       js_new_str(kind_api_version(r->kind, r->version, version, sizeof(version))));
	js_set(list, "metadata", js_new_object());
	js_set(list, "items", items);
	if (delete_matching(r, &m, items, &st) < 0)
		rest_fail(r, &st);
	else
		rest_reply_js(r, 200, list);
	for (size_t i = 0; i < m.n; i++)
		free(m.names[i]);
	free(m.names);
	select_done(&m.select);
}
