#include "embedded/namespace.h"

#include "embedded/hooks.h"
#include "embedded/meta.h"

static int delete_contents(const struct write *w, const char *name, struct status *st)
{
	int left = 0;
	for (size_t i = 0; i < w->api->kinds.n; i++) {
		const struct kind *k = w->api->kinds.items[i];
		if (!k->namespaced || k->converted)
			continue;
		struct write inner = *w;
		inner.kind = k;
		inner.version = kind_storage(k);
		inner.ns = name;
		int n = object_delete_all(&inner, st);
		if (n < 0)
			return -1;
		left += n;
	}
	return left;
}

int namespace_delete(const struct write *w, const char *name, const struct preconditions *pre,
		     struct js **ret, bool *ret_gone, struct status *st)
{
	CLEANUP(js_freep) struct js *old = NULL;
	CLEANUP(freep) char *text = NULL;
	if (strcmp(name, "default") == 0 || strcmp(name, "kube-system") == 0)
		return status_forbidden(st, w->kind, name, "this namespace may not be deleted");
	if (object_load(w->api, w->kind, "", name, &old, &text, st) < 0)
		return -1;
	const char *uid = js_str(js_path(old, "metadata", "uid"));
	if (pre->uid && strcmp(pre->uid, uid) != 0)
		return status_conflict(
			st, w->kind, name,
			"the UID in the precondition (%s) does not match the UID in record (%s). The "
			"object might have been deleted and then recreated",
			pre->uid, uid);
	int left = delete_contents(w, name, st);
	if (left < 0)
		return -1;
	*ret_gone = left == 0 && js_len(js_path(old, "metadata", "finalizers")) == 0;
	if (*ret_gone)
		return object_delete(w, name, pre, ret, ret_gone, st);
	/* It stays, Terminating, until namespace_emptied() finds nothing in it. */
	struct js *object = js_clone(old), *m = js_get(object, "metadata");
	char now[RFC3339_MAX];
	if (!js_has(m, "deletionTimestamp"))
		js_set(m, "deletionTimestamp", js_new_str(meta_now(now)));
	js_set(js_need_object(object, "status"), "phase", js_new_str("Terminating"));
	return object_mark(w, object, old, text, ret, st);
}

static bool is_empty(struct api *a, const char *ns)
{
	for (size_t i = 0; i < a->kinds.n; i++)
		if (a->kinds.items[i]->namespaced &&
		    store_count(a->store, a->kinds.items[i]->stored_as, ns) > 0)
			return false;
	return true;
}

void namespace_emptied(struct api *a, const char *ns)
{
	const struct kind *k = registry_by_resource(&a->kinds, "namespaces");
	struct status st = { 0 };
	CLEANUP(js_freep) struct js *object = NULL;
	if (object_load(a, k, "", ns, &object, NULL, &st) == 0 &&
	    js_has(js_get(object, "metadata"), "deletionTimestamp") && is_empty(a, ns)) {
		struct write w = { .api = a,
				   .kind = k,
				   .version = kind_storage(k),
				   .ns = "",
				   .subresource = "",
				   .manager = "berth" };
		CLEANUP(js_freep) struct js *was = NULL;
		bool gone;
		(void)object_delete(&w, ns, &(struct preconditions){ 0 }, &was, &gone, &st);
	}
	status_done(&st);
}

static void defaults(const struct write *w, const struct js *old, struct js *object)
{
	struct js *labels = js_need_object(js_need_object(object, "metadata"), "labels");
	js_set(labels, "kubernetes.io/metadata.name", js_new_str(meta_name(object)));
	struct js *spec = js_need_object(object, "spec");
	if (!js_has(spec, "finalizers")) {
		struct js *finalizers = js_new_array();
		js_push(finalizers, js_new_str("kubernetes"));
		js_set(spec, "finalizers", finalizers);
	}
	struct js *status = js_need_object(object, "status");
	if (!js_has(status, "phase"))
		js_set(status, "phase", js_new_str("Active"));
}

const struct hooks namespace_hooks = { .resource = "namespaces", .defaults = defaults };
