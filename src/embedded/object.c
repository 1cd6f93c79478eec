#include "embedded/object.h"

#include "embedded/crd.h"
#include "embedded/hooks.h"
#include "embedded/managed.h"
#include "embedded/meta.h"
#include "embedded/namespace.h"

#include <errno.h>

enum { API_VERSION_MAX = 320 };

static bool is_status(const struct write *w)
{
	return strcmp(w->subresource, "status") == 0;
}

static struct store_key key_of(const struct kind *k, const char *ns, const char *name)
{
	return (struct store_key){ .resource = k->stored_as, .ns = ns, .name = name };
}

char *object_text(const struct js *object, size_t *ret_len)
{
	struct buf text = BUF_INIT(JS_SIZE_MAX);
	js_write(object, &text);
	if (text.overflow) {
		buf_done(&text);
		return NULL;
	}
	*ret_len = text.len;
	return buf_take(&text);
}

int object_load(struct api *a, const struct kind *k, const char *ns, const char *name, struct js **ret,
		char **ret_text, struct status *st)
{
	struct store_key key = key_of(k, ns, name);
	CLEANUP(freep) char *text = NULL;
	struct err e = { 0 };
	int r = store_get(a->store, &key, &text, NULL, &e);
	if (r == -ENOENT)
		return status_not_found(st, k, name);
	if (r == 0)
		r = js_parse(slice_of(text), ret, &e);
	if (r < 0)
		return status_internal(st, &e);
	if (ret_text)
		*ret_text = TAKE(text);
	return 0;
}

/* What waited for this object to go may go now. */
static void object_is_gone(const struct write *w)
{
	if (w->kind->namespaced)
		namespace_emptied(w->api, w->ns);
	if (w->kind->terminating)
		crd_emptied(w->api, w->kind);
}

/* The store and the list of changes. `object` NULL = delete; `before` may be NULL. */
static int put(const struct write *w, const char *name, const struct js *old, const char *old_text,
	       struct js *object, struct status *st)
{
	struct api *a = w->api;
	struct store_key key = key_of(w->kind, w->ns, name);
	struct err e = { 0 };
	char rv[24];
	snprintf(rv, sizeof(rv), "%lld", (long long)store_next(a->store));
	CLEANUP(js_freep) struct js *state = object ? js_ref(object) : js_clone(old);
	js_set(js_need_object(state, "metadata"), "resourceVersion", js_new_str(rv));
	size_t len = 0;
	CLEANUP(freep) char *text = object_text(state, &len);
	if (!text)
		return status_fail(st, 413, "RequestEntityTooLarge", "the object is too large");
	struct slice before = { old_text, old_text ? strlen(old_text) : 0 };
	struct slice after = { text, object ? len : 0 };
	int64_t number = store_next(a->store);
	if (store_write(a->store, &key, before, after, &e) < 0) {
		api_abort(a, &e);
		return status_internal(st, &e);
	}
	api_add_change(a, (struct change){
				  .type = !object ? CHANGE_DELETED
					  : old   ? CHANGE_MODIFIED
						  : CHANGE_ADDED,
				  .stored_as = xstrdup(w->kind->stored_as),
				  .ns = xstrdup(w->ns),
				  .name = xstrdup(name),
				  .rv = number,
				  .object = js_ref(state),
				  .before = js_ref((struct js *)(uintptr_t)old),
				  .body = TAKE(text),
			  });
	const struct hooks *h = hooks_of(w->kind);
	if (h && h->stored)
		h->stored(a, old, object);
	if (!object)
		object_is_gone(w);
	/* What went along may have failed, and then all of this turn is undone. */
	if (!store_in_transaction(a->store))
		return status_fail(st, 500, "InternalError", "Internal error occurred: the write was undone");
	return 0;
}

/* Unknown fields are dropped, and told or refused as the client wishes. */
static int drop_unknown(const struct write *w, struct js *object, struct status *st)
{
	CLEANUP(js_freep) struct js *unknown = js_new_array();
	if (w->version->schema)
		schema_prune(w->version->schema, object, unknown);
	CLEANUP(buf_done) struct buf text = BUF_INIT(8192);
	for (size_t i = 0; i < js_len(unknown); i++) {
		buf_addf(&text, "%sunknown field \"%s\"", i ? ", " : "", js_str(js_item(unknown, i)));
		if (w->validation == FIELDS_WARN && w->warnings)
			js_push(w->warnings, js_new_str(buf_str(&text) + (i ? 2 : 0)));
		if (w->validation == FIELDS_WARN)
			buf_clear(&text);
	}
	if (w->validation == FIELDS_STRICT && js_len(unknown) > 0)
		return status_bad_request(
			st, "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s",
			w->kind->kind, w->version->name, w->kind->kind, buf_str(&text));
	return 0;
}

/* The types of a built-in kind are wrong already in the decoder; that of a CRD's are found by its schema. */
static int check_types(const struct write *w, const struct problems *p, struct status *st)
{
	for (size_t i = 0; w->kind->builtin && i < p->n; i++)
		if (p->items[i].kind == PROBLEM_TYPE_INVALID)
			return status_bad_request(
				st,
				"%s in version \"%s\" cannot be handled as a %s: json: cannot "
				"unmarshal into field %s: %s",
				w->kind->kind, w->version->name, w->kind->kind, p->items[i].field,
				p->items[i].message);
	return 0;
}

static int validate(const struct write *w, const struct js *old, struct js *object, struct status *st)
{
	struct problems p = { 0 };
	const struct hooks *h = hooks_of(w->kind);
	schema_validate(w->api->kinds.metadata, js_get(object, "metadata"), "metadata", &p);
	for (size_t i = 0; i < p.n; i++) {
		if (p.items[i].kind != PROBLEM_TYPE_INVALID)
			continue;
		int r = status_bad_request(st, "%s in version \"%s\" cannot be handled as a %s: %s: %s",
					   w->kind->kind, w->version->name, w->kind->kind, p.items[i].field,
					   p.items[i].message);
		problems_done(&p);
		return r;
	}
	if (w->version->schema) {
		size_t before = p.n;
		schema_validate(w->version->schema, object, "", &p);
		if (check_types(w, &p, st) < 0) {
			problems_done(&p);
			return -1;
		}
		/* The real server checks rules only on objects that fit the schema. */
		if (p.n == before)
			crd_rules_check(w->kind, object, &p);
	}
	meta_validate(w->kind, object, w->ns, &p);
	if (p.n == 0 && h && h->validate)
		h->validate(w, old, object, &p);
	if (p.n == 0 && h && h->allocate)
		h->allocate(w, old, object, &p);
	return p.n ? status_invalid(st, w->kind, meta_name(object), &p) : 0;
}

static void set_defaults(const struct write *w, const struct js *old, struct js *object)
{
	const struct hooks *h = hooks_of(w->kind);
	if (w->version->schema)
		schema_default(w->version->schema, object);
	if (h && h->defaults)
		h->defaults(w, old, object);
}

static void own_fields(const struct write *w, struct js *object, const struct js *old)
{
	char version[API_VERSION_MAX], now[RFC3339_MAX];
	if (w->managed) {
		managed_set(object, js_clone(w->managed));
		return;
	}
	struct writer who = {
		.manager = w->manager,
		.api_version = kind_api_version(w->kind, w->version, version, sizeof(version)),
		.subresource = w->subresource,
		.now = meta_now(now),
		.metadata = w->api->kinds.metadata,
		.without_status = w->version->status && !is_status(w),
	};
	managed_update(object, old, w->version->schema, &who);
}

/* The namespace must be there and not on its way out. */
static int check_namespace(const struct write *w, const char *name, struct status *st)
{
	if (!w->kind->namespaced)
		return 0;
	const struct kind *namespaces = registry_by_resource(&w->api->kinds, "namespaces");
	CLEANUP(js_freep) struct js *ns = NULL;
	if (object_load(w->api, namespaces, "", w->ns, &ns, NULL, st) < 0)
		return -1;
	if (js_has(js_get(ns, "metadata"), "deletionTimestamp")) {
		status_forbidden(
			st, w->kind, name,
			"unable to create new content in namespace %s because it is being terminated", w->ns);
		st->cause = "NamespaceTerminating";
		return -1;
	}
	return 0;
}

/* Empty ones are the same as none. */
static void drop_empty_metadata(struct js *metadata)
{
	static const char *const fields[] = { "labels", "annotations", "finalizers", "ownerReferences" };
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		enum js_type type = js_type(js_get(metadata, fields[i]));
		if ((type == JS_OBJECT || type == JS_ARRAY) && js_len(js_get(metadata, fields[i])) == 0)
			js_del(metadata, fields[i]);
	}
}

int object_create(const struct write *w, struct js *given, struct js **ret, struct status *st)
{
	CLEANUP(js_freep) struct js *object = given;
	struct js *m = js_need_object(object, "metadata");
	char uid[UID_MAX], now[RFC3339_MAX];
	static const char *const not_given[] = { "selfLink", "deletionTimestamp",
						 "deletionGracePeriodSeconds", "managedFields",
						 "generation" };
	const char *rv = js_str(js_get(m, "resourceVersion"));
	if (rv && *rv)
		return status_bad_request(st, "resourceVersion should not be set on objects to be created");
	for (size_t i = 0; i < ARRAY_LEN(not_given); i++)
		js_del(m, not_given[i]);
	drop_empty_metadata(m);
	js_del(object, "apiVersion");
	js_del(object, "kind");
	meta_generate_name(w->api, m);
	if (w->kind->terminating)
		return status_fail(st, 405, "MethodNotAllowed",
				   "create not allowed while custom resource definition is terminating");
	if (check_namespace(w, meta_name(object), st) < 0)
		return -1;
	if (w->kind->namespaced)
		js_set(m, "namespace", js_new_str(w->ns));
	else
		js_del(m, "namespace");
	js_set(m, "uid", js_new_str(meta_new_uid(uid)));
	js_set(m, "creationTimestamp", js_new_str(meta_now(now)));
	if (w->version->status)
		js_del(object, "status");
	if (w->kind->generation)
		js_set(m, "generation", js_new_int(1));
	if (drop_unknown(w, object, st) < 0)
		return -1;
	set_defaults(w, NULL, object);
	struct store_key key = key_of(w->kind, w->ns, meta_name(object));
	CLEANUP(freep) char *there = NULL;
	bool exists = *meta_name(object) && store_get(w->api->store, &key, &there, NULL, NULL) == 0;
	if (exists)
		return status_exists(st, w->kind, meta_name(object));
	if (validate(w, NULL, object, st) < 0)
		return -1;
	own_fields(w, object, NULL);
	if (!w->dry_run && put(w, meta_name(object), NULL, NULL, object, st) < 0)
		return -1;
	*ret = TAKE(object);
	return 0;
}

static bool is_deleting(const struct js *object)
{
	return js_has(js_get(object, "metadata"), "deletionTimestamp");
}

static bool has_finalizers(const struct js *object)
{
	return js_len(js_path(object, "metadata", "finalizers")) > 0;
}

/* What a generation counts: everything but metadata and status. */
static bool spec_differs(const struct js *a, const struct js *b)
{
	for (struct js_iter it = js_iter(a); js_next(&it);)
		if (strcmp(it.key, "metadata") != 0 && strcmp(it.key, "status") != 0 &&
		    !(js_has(b, it.key) && js_equal(it.value, js_get(b, it.key))))
			return true;
	for (struct js_iter it = js_iter(b); js_next(&it);)
		if (strcmp(it.key, "metadata") != 0 && strcmp(it.key, "status") != 0 && !js_has(a, it.key))
			return true;
	return false;
}

static void copy_field(struct js *to, const struct js *from, const char *name)
{
	if (js_has(from, name))
		js_set(to, name, js_clone(js_get(from, name)));
	else
		js_del(to, name);
}

/* A write to the object leaves status alone, one to status everything else. Of the built-in kinds labels
 * and annotations pass through status as well; custom resources and CRDs keep theirs. */
static struct js *only_what_is_meant(const struct write *w, struct js *object, const struct js *old)
{
	if (!w->version->status)
		return object;
	if (!is_status(w)) {
		copy_field(object, old, "status");
		return object;
	}
	struct js *result = meta_clone_plain(old);
	if (js_has(object, "status"))
		js_set(result, "status", js_ref(js_get(object, "status")));
	else
		js_del(result, "status");
	if (w->kind->builtin &&
	    strcmp(w->kind->resource, "customresourcedefinitions.apiextensions.k8s.io") != 0)
		js_set(result, "metadata", js_ref(js_get(object, "metadata")));
	js_free(object);
	return result;
}

static int check_update(const struct write *w, const struct js *object, const struct js *old,
			struct status *st)
{
	const struct js *m = js_get(object, "metadata"), *was = js_get(old, "metadata");
	const char *name = meta_name(old), *uid = js_str(js_get(m, "uid")),
		   *rv = js_str(js_get(m, "resourceVersion"));
	if (uid && *uid && !slice_is(js_text(js_get(was, "uid")), uid)) {
		struct problems p = { 0 };
		problem_add(&p, PROBLEM_INVALID, "metadata.uid", js_get(m, "uid"), "field is immutable");
		return status_invalid(st, w->kind, name, &p);
	}
	if (rv && *rv && !slice_is(js_text(js_get(was, "resourceVersion")), rv))
		return status_modified(st, w->kind, name);
	return 0;
}

static bool holds(const struct js *list, const struct js *item)
{
	for (size_t i = 0; i < js_len(list); i++)
		if (js_equal(js_item(list, i), item))
			return true;
	return false;
}

/* Nothing may be added to what holds a deleted object back. */
static int check_finalizers(const struct write *w, const struct js *object, const struct js *old,
			    struct status *st)
{
	const struct js *now = js_path(object, "metadata", "finalizers");
	const struct js *was = js_path(old, "metadata", "finalizers");
	struct problems p = { 0 };
	for (size_t i = 0; is_deleting(old) && i < js_len(now); i++)
		if (!holds(was, js_item(now, i)))
			problem_add(
				&p, PROBLEM_FORBIDDEN, "metadata.finalizers", NULL,
				"no new finalizers can be added if the object is being deleted, found new "
				"finalizers []string{\"%s\"}",
				js_str(js_item(now, i)));
	return p.n ? status_invalid(st, w->kind, meta_name(old), &p) : 0;
}

static int remove_now(const struct write *w, const struct js *old, const char *old_text, struct status *st)
{
	return w->dry_run ? 0 : put(w, meta_name(old), old, old_text, NULL, st);
}

int object_update(const struct write *w, struct js *given, const struct js *old, const char *old_text,
		  struct js **ret, struct status *st)
{
	CLEANUP(js_freep) struct js *object = given;
	js_del(object, "apiVersion");
	js_del(object, "kind");
	if (check_update(w, object, old, st) < 0 || drop_unknown(w, object, st) < 0)
		return -1;
	CLEANUP(js_freep) struct js *managed = w->managed ? js_clone(w->managed) : managed_given(object);
	object = only_what_is_meant(w, TAKE(object), old);
	meta_keep_identity(object, old);
	drop_empty_metadata(js_get(object, "metadata"));
	if (managed)
		managed_set(object, TAKE(managed));
	set_defaults(w, old, object);
	if (check_finalizers(w, object, old, st) < 0)
		return -1;
	if (validate(w, old, object, st) < 0)
		return -1;
	if (w->kind->generation && spec_differs(object, old))
		js_set(js_get(object, "metadata"), "generation",
		       js_new_int(js_int(js_path(old, "metadata", "generation"), 0) + 1));
	if (js_equal(object, old)) {
		*ret = TAKE(object);
		return 0;
	}
	own_fields(w, object, old);
	if (is_deleting(object) && !has_finalizers(object)) {
		if (remove_now(w, object, old_text, st) < 0)
			return -1;
	} else if (!w->dry_run && put(w, meta_name(old), old, old_text, object, st) < 0) {
		return -1;
	}
	*ret = TAKE(object);
	return 0;
}

int object_mark(const struct write *w, struct js *given, const struct js *old, const char *old_text,
		struct js **ret, struct status *st)
{
	CLEANUP(js_freep) struct js *object = given;
	if (put(w, meta_name(old), old, old_text, object, st) < 0)
		return -1;
	*ret = TAKE(object);
	return 0;
}

static int mark_deleted(const struct write *w, const struct js *old, const char *old_text, struct js **ret,
			struct status *st)
{
	CLEANUP(js_freep) struct js *object = js_clone(old);
	if (!is_deleting(old)) {
		struct js *m = js_get(object, "metadata");
		char now[RFC3339_MAX];
		js_set(m, "deletionTimestamp", js_new_str(meta_now(now)));
		js_set(m, "deletionGracePeriodSeconds", js_new_int(0));
		if (js_has(m, "generation"))
			js_set(m, "generation", js_new_int(js_int(js_get(m, "generation"), 0) + 1));
		if (!w->dry_run && put(w, meta_name(old), old, old_text, object, st) < 0)
			return -1;
	}
	*ret = TAKE(object);
	return 0;
}

int object_delete(const struct write *w, const char *name, const struct preconditions *pre, struct js **ret,
		  bool *ret_gone, struct status *st)
{
	CLEANUP(js_freep) struct js *old = NULL;
	CLEANUP(freep) char *text = NULL;
	if (object_load(w->api, w->kind, w->ns, name, &old, &text, st) < 0)
		return -1;
	const struct js *m = js_get(old, "metadata");
	if (pre->uid && !slice_is(js_text(js_get(m, "uid")), pre->uid))
		return status_conflict(
			st, w->kind, name,
			"the UID in the precondition (%s) does not match the UID in record (%s). The "
			"object might have been deleted and then recreated",
			pre->uid, js_str(js_get(m, "uid")));
	if (pre->resource_version && !slice_is(js_text(js_get(m, "resourceVersion")), pre->resource_version))
		return status_conflict(st, w->kind, name,
				       "the ResourceVersion in the precondition (%s) does not match the "
				       "ResourceVersion in record (%s). The object might have been modified",
				       pre->resource_version, js_str(js_get(m, "resourceVersion")));
	*ret_gone = !has_finalizers(old);
	if (!*ret_gone)
		return mark_deleted(w, old, text, ret, st);
	if (remove_now(w, old, text, st) < 0)
		return -1;
	*ret = TAKE(old);
	return 0;
}

struct names {
	char **items; /* pairs of namespace and name */
	size_t n, cap;
};

static bool collect_name(const struct store_row *row, void *arg)
{
	struct names *names = arg;
	vec_grow(&names->items, &names->cap, names->n + 2);
	names->items[names->n++] = xstrdup(row->ns);
	names->items[names->n++] = xstrdup(row->name);
	return true;
}

int object_delete_all(const struct write *w, struct status *st)
{
	struct names names = { 0 };
	struct err e = { 0 };
	struct store_list l = { .resource = w->kind->stored_as, .ns = *w->ns ? w->ns : NULL };
	int left = store_list(w->api->store, &l, collect_name, &names, &e) < 0 ? status_internal(st, &e) : 0;
	for (size_t i = 0; i < names.n; i += 2) {
		struct write one = *w;
		one.ns = names.items[i];
		CLEANUP(js_freep) struct js *was = NULL;
		bool gone = false;
		if (left >= 0 && object_delete(&one, names.items[i + 1], &(struct preconditions){ 0 }, &was,
					       &gone, st) < 0)
			left = -1;
		else if (left >= 0 && !gone)
			left++;
		free(names.items[i]);
		free(names.items[i + 1]);
	}
	free(names.items);
	return left;
}
