#include "embedded/seed.h"

#include "embedded/addresses.h"
#include "embedded/object.h"

#include <errno.h>

enum { EVENT_LIFE = 3600 * 1000, EXPIRE_AT_ONCE = 1000 };

static int create(struct api *a, const char *resource, struct js *object, struct err *e)
{
	const struct kind *k = registry_by_resource(&a->kinds, resource);
	struct write w = { .api = a,
			   .kind = k,
			   .version = kind_storage(k),
			   .ns = "",
			   .subresource = "",
			   .manager = "berth",
			   .validation = FIELDS_STRICT };
	struct status st = { 0 };
	CLEANUP(js_freep) struct js *made = NULL;
	int r = object_create(&w, object, &made, &st);
	if (r < 0)
		r = err_set(e, EINVAL, "seed: %s", st.message);
	status_done(&st);
	return r;
}

static struct js *named(const char *name)
{
	struct js *o = js_new_object();
	js_set(js_need_object(o, "metadata"), "name", js_new_str(name));
	return o;
}

static int seed(struct api *a, const struct embedded_file *crds, size_t n, struct err *e)
{
	static const char *const namespaces[] = { "default", "kube-system", "kube-public",
						  "kube-node-lease" };
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(namespaces); i++)
		r = create(a, "namespaces", named(namespaces[i]), e);
	struct js *cidr = named("kubernetes"), *cidrs = js_new_array();
	js_push(cidrs, js_new_str(SERVICE_CIDR_4));
	js_push(cidrs, js_new_str(SERVICE_CIDR_6));
	js_set(js_need_object(cidr, "spec"), "cidrs", cidrs);
	if (r < 0) {
		js_free(cidr);
		return r;
	}
	r = create(a, "servicecidrs.networking.k8s.io", cidr, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct js *crd = NULL;
		r = js_parse((struct slice){ crds[i].data, crds[i].size }, &crd, e);
		if (r == 0)
			r = create(a, "customresourcedefinitions.apiextensions.k8s.io", crd, e);
		if (r < 0)
			err_wrap(e, "%s", crds[i].name);
	}
	return r;
}

int seed_store(struct api *a, const struct embedded_file *crds, size_t n, struct err *e)
{
	if (!store_is_new(a->store) || store_revision(a->store) > 0)
		return 0;
	int r = store_begin(a->store, e);
	if (r < 0)
		return r;
	r = seed(a, crds, n, e);
	if (r < 0) {
		store_rollback(a->store);
		return r;
	}
	api_flush(a);
	return 0;
}

struct old_events {
	msec before;
	char **names; /* owned; pairs */
	size_t n, cap;
};

static bool collect_old(const struct store_row *row, void *arg)
{
	struct old_events *o = arg;
	CLEANUP(js_freep) struct js *event = NULL;
	msec made = 0;
	if (js_parse(row->body, &event, NULL) < 0 ||
	    time_parse(js_text(js_path(event, "metadata", "creationTimestamp")), &made) < 0 ||
	    made >= o->before)
		return true;
	vec_grow(&o->names, &o->cap, o->n + 2);
	o->names[o->n++] = xstrdup(row->ns);
	o->names[o->n++] = xstrdup(row->name);
	return o->n < 2 * EXPIRE_AT_ONCE;
}

void seed_expire_events(struct api *a)
{
	const struct kind *k = registry_by_resource(&a->kinds, "events");
	struct old_events o = { .before = loop_wall() - EVENT_LIFE };
	struct status st = { 0 };
	(void)store_list(a->store, &(struct store_list){ .resource = "events" }, collect_old, &o, NULL);
	if (o.n && api_begin(a, &st) == 0) {
		struct write w = {
			.api = a, .kind = k, .version = kind_storage(k), .subresource = "", .manager = "berth"
		};
		for (size_t i = 0; i < o.n && !st.code; i += 2) {
			CLEANUP(js_freep) struct js *was = NULL;
			bool gone;
			w.ns = o.names[i];
			(void)object_delete(&w, o.names[i + 1], &(struct preconditions){ 0 }, &was, &gone,
					    &st);
		}
	}
	for (size_t i = 0; i < o.n; i++)
		free(o.names[i]);
	free(o.names);
	status_done(&st);
}
