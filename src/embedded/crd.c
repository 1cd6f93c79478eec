#include "embedded/crd.h"

#include "embedded/hooks.h"
#include "embedded/meta.h"

#define RESOURCE "customresourcedefinitions.apiextensions.k8s.io"

static void set_condition(struct js *status, const char *type, const char *value, const char *reason,
			  const char *message)
{
	struct js *list = js_get(status, "conditions");
	if (js_type(list) != JS_ARRAY) {
		list = js_new_array();
		js_set(status, "conditions", list);
	}
	char now[RFC3339_MAX];
	struct js *c = js_new_object();
	js_set(c, "lastTransitionTime", js_new_str(meta_now(now)));
	js_set(c, "message", js_new_str(message));
	js_set(c, "reason", js_new_str(reason));
	js_set(c, "status", js_new_str(value));
	js_set(c, "type", js_new_str(type));
	for (size_t i = 0; i < js_len(list); i++) {
		if (!slice_is(js_text(js_get(js_item(list, i), "type")), type))
			continue;
		if (slice_is(js_text(js_get(js_item(list, i), "status")), value))
			js_set(c, "lastTransitionTime",
			       js_clone(js_get(js_item(list, i), "lastTransitionTime")));
		js_put_item(list, i, c);
		return;
	}
	js_push(list, c);
}

static bool has_text(const struct js *list, const char *text)
{
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_item(list, i)), text))
			return true;
	return false;
}

static void default_names(struct js *names)
{
	const char *kind = js_str(js_get(names, "kind"));
	if (!kind)
		return;
	if (!js_str(js_get(names, "listKind"))) {
		CLEANUP(freep) char *list = xasprintf("%sList", kind);
		js_set(names, "listKind", js_new_str(list));
	}
	if (!js_str(js_get(names, "singular"))) {
		CLEANUP(freep) char *singular = xstrdup(kind);
		for (char *c = singular; *c; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
		js_set(names, "singular", js_new_str(singular));
	}
}

/* What the API server's own controllers fill in: accepted names, Established, stored versions. */
static void defaults(const struct write *w, const struct js *old, struct js *object)
{
	struct js *spec = js_get(object, "spec"), *status = js_need_object(object, "status");
	if (js_type(spec) != JS_OBJECT)
		return;
	if (js_type(js_get(spec, "names")) == JS_OBJECT)
		default_names(js_get(spec, "names"));
	struct js *conversion = js_need_object(spec, "conversion");
	if (!js_has(conversion, "strategy"))
		js_set(conversion, "strategy", js_new_str("None"));
	js_set(status, "acceptedNames", js_clone(js_get(spec, "names")));
	set_condition(status, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
	set_condition(status, "Established", "True", "InitialNamesAccepted",
		      "the initial names have been accepted");
	struct js *stored = js_get(status, "storedVersions");
	if (js_type(stored) != JS_ARRAY) {
		stored = js_new_array();
		js_set(status, "storedVersions", stored);
	}
	const struct js *versions = js_get(spec, "versions");
	for (size_t i = 0; i < js_len(versions); i++) {
		const char *name = js_str(js_get(js_item(versions, i), "name"));
		if (name && js_bool(js_get(js_item(versions, i), "storage"), false) &&
		    !has_text(stored, name))
			js_push(stored, js_new_str(name));
	}
}

static void validate(const struct write *w, const struct js *old, const struct js *object, struct problems *p)
{
	const struct js *spec = js_get(object, "spec");
	const char *plural = js_str(js_path(spec, "names", "plural")), *group = js_str(js_get(spec, "group"));
	struct kind *k = NULL;
	struct err e = { 0 };
	CLEANUP(freep) char *want = xasprintf("%s.%s", plural ? plural : "", group ? group : "");
	if (strcmp(meta_name(object), want) != 0)
		problem_add(p, PROBLEM_INVALID, "metadata.name", js_path(object, "metadata", "name"),
			    "must be spec.names.plural+\".\"+spec.group");
	if (plural && !meta_is_dns1035(plural))
		problem_add(p, PROBLEM_INVALID, "spec.names.plural", js_path(spec, "names", "plural"),
			    "a DNS-1035 label must consist of lower case alphanumeric characters or '-'");
	if (group && (!meta_is_subdomain(group) || !strchr(group, '.')))
		problem_add(p, PROBLEM_INVALID, "spec.group", js_get(spec, "group"),
			    "should be a domain with at least one dot");
	if (!slice_is(js_text(js_path(spec, "conversion", "strategy")), "None"))
		problem_add(p, PROBLEM_NOT_SUPPORTED, "spec.conversion.strategy",
			    js_path(spec, "conversion", "strategy"), "supported values: \"None\"");
	const struct js *versions = js_get(spec, "versions");
	for (size_t i = 0; i < js_len(versions); i++) {
		CLEANUP(freep) char *field = xasprintf("spec.versions[%zu].schema.openAPIV3Schema", i);
		if (js_type(js_path(js_item(versions, i), "schema", "openAPIV3Schema")) != JS_OBJECT)
			problem_add(p, PROBLEM_REQUIRED, field, NULL, "schemas are required");
	}
	const struct kind *there = registry_by_resource(&w->api->kinds, want);
	if (there && there->builtin)
		problem_add(p, PROBLEM_INVALID, "spec.names.plural", js_path(spec, "names", "plural"),
			    "is a built-in kind");
	if (old && !js_equal(js_get(spec, "scope"), js_path(old, "spec", "scope")))
		problem_add(p, PROBLEM_INVALID, "spec.scope", js_get(spec, "scope"), "field is immutable");
	if (kind_from_crd(object, &k, &e) < 0)
		problem_add(p, PROBLEM_INVALID, "spec", NULL, "%s", e.msg);
	kind_free(k);
}

/* Takes a kind out of service. */
static void drop_kind(struct api *a, const char *resource)
{
	struct kind *k = registry_take(&a->kinds, resource);
	if (k)
		api_retire(a, k);
}

static void stored(struct api *a, const struct js *old, const struct js *object)
{
	struct kind *k = NULL;
	if (!object) {
		drop_kind(a, meta_name(old));
		return;
	}
	struct kind *there = registry_by_resource(&a->kinds, meta_name(object));
	bool deleting = js_has(js_get(object, "metadata"), "deletionTimestamp");
	if (there && old && js_equal(js_get(object, "spec"), js_get(old, "spec"))) {
		there->terminating = deleting;
		return;
	}
	if (kind_from_crd(object, &k, NULL) < 0)
		return; /* validate() has let it through, so this cannot be */
	drop_kind(a, meta_name(object));
	registry_put(&a->kinds, k);
}

const struct hooks crd_hooks = {
	.resource = RESOURCE, .defaults = defaults, .validate = validate, .stored = stored
};

struct reload {
	struct api *a;
	struct err *e;
	int code;
};

static bool reload_row(const struct store_row *row, void *arg)
{
	struct reload *r = arg;
	CLEANUP(js_freep) struct js *crd = NULL;
	struct kind *k = NULL;
	r->code = js_parse(row->body, &crd, r->e);
	if (r->code == 0)
		r->code = kind_from_crd(crd, &k, r->e);
	if (r->code < 0) {
		err_wrap(r->e, "stored CRD %s", row->name);
		return false;
	}
	registry_put(&r->a->kinds, k);
	return true;
}

int crd_reload(struct api *a, struct err *e)
{
	struct reload r = { .a = a, .e = e };
	for (size_t i = a->kinds.n; i-- > 0;)
		if (!a->kinds.items[i]->builtin)
			drop_kind(a, a->kinds.items[i]->resource);
	int code = store_list(a->store, &(struct store_list){ .resource = RESOURCE }, reload_row, &r, e);
	return code < 0 ? code : r.code;
}

static int mark_terminating(const struct write *w, const struct js *old, const char *text, struct js **ret,
			    struct status *st)
{
	struct js *object = js_clone(old), *m = js_get(object, "metadata");
	char now[RFC3339_MAX];
	if (!js_has(m, "deletionTimestamp"))
		js_set(m, "deletionTimestamp", js_new_str(meta_now(now)));
	set_condition(js_need_object(object, "status"), "Terminating", "True", "InstanceDeletionInProgress",
		      "CustomResource deletion is in progress");
	return object_mark(w, object, old, text, ret, st);
}

int crd_delete(const struct write *w, const char *name, const struct preconditions *pre, struct js **ret,
	       bool *ret_gone, struct status *st)
{
	CLEANUP(js_freep) struct js *old = NULL;
	CLEANUP(freep) char *text = NULL;
	if (object_load(w->api, w->kind, "", name, &old, &text, st) < 0)
		return -1;
	const char *uid = js_str(js_path(old, "metadata", "uid"));
	if (pre->uid && strcmp(pre->uid, uid) != 0)
		return status_conflict(
			st, w->kind, name,
			"the UID in the precondition (%s) does not match the UID in record (%s). The "
			"object might have been deleted and then recreated",
			pre->uid, uid);
	CLEANUP(js_freep) struct js *marked = NULL;
	if (mark_terminating(w, old, text, &marked, st) < 0)
		return -1;
	struct kind *k = registry_by_resource(&w->api->kinds, name);
	struct write instances = *w;
	instances.kind = k;
	instances.version = k ? kind_storage(k) : NULL;
	instances.ns = "";
	/* Each that goes may be the last, and then takes the CRD with it: here that is still to be said. */
	if (k)
		k->terminating = false;
	int left = k ? object_delete_all(&instances, st) : 0;
	if (left < 0)
		return -1;
	if (k)
		k->terminating = true;
	*ret_gone = left == 0 && js_len(js_path(old, "metadata", "finalizers")) == 0;
	if (*ret_gone)
		return object_delete(w, name, &(struct preconditions){ 0 }, ret, ret_gone, st);
	*ret = TAKE(marked);
	return 0;
}

void crd_emptied(struct api *a, const struct kind *k)
{
	const struct kind *crds = registry_by_resource(&a->kinds, RESOURCE);
	if (store_count(a->store, k->stored_as, NULL) > 0)
		return;
	struct write w = { .api = a,
			   .kind = crds,
			   .version = kind_storage(crds),
			   .ns = "",
			   .subresource = "",
			   .manager = "berth" };
	struct status st = { 0 };
	CLEANUP(js_freep) struct js *was = NULL;
	bool gone;
	(void)object_delete(&w, k->resource, &(struct preconditions){ 0 }, &was, &gone, &st);
	status_done(&st);
}
