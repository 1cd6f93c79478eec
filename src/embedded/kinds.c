#include "embedded/kinds.h"

#include "embedded/builtin.h"

#include <errno.h>
#include <stdio.h>

static char *copy_or(const struct js *j, const char *otherwise)
{
	const char *s = js_str(j);
	return xstrdup(s ? s : otherwise);
}

void kind_free(struct kind *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n_versions; i++) {
		struct kind_version *v = &k->versions[i];
		free(v->name);
		schema_free(v->schema);
		js_free(v->openapi);
		js_free(v->columns);
		free(v->prefix);
	}
	free(k->versions);
	free(k->group);
	free(k->plural);
	free(k->singular);
	free(k->kind);
	free(k->list_kind);
	free(k->resource);
	free(k->stored_as);
	js_free(k->protobuf);
	js_free(k->short_names);
	js_free(k->categories);
	free(k);
}

static void kind_freep(struct kind **k)
{
	kind_free(*k);
	*k = NULL;
}

const struct kind_version *kind_storage(const struct kind *k)
{
	return &k->versions[k->storage];
}

const char *kind_api_version(const struct kind *k, const struct kind_version *v, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", k->group, *k->group ? "/" : "", v->name);
	return text;
}

/* `names` has plural, singular, kind, listKind, shortNames, categories. */
static struct kind *new_kind(const char *group, const struct js *names)
{
	struct kind *k = xcalloc(1, sizeof(*k));
	k->group = xstrdup(group);
	k->plural = copy_or(js_get(names, "plural"), "");
	k->kind = copy_or(js_get(names, "kind"), "");
	k->singular = copy_or(js_get(names, "singular"), "");
	if (!*k->singular)
		for (const char *c = k->kind; *c; c++) {
			char *longer = xasprintf("%s%c", k->singular, *c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
			free(k->singular);
			k->singular = longer;
		}
	k->list_kind = js_str(js_get(names, "listKind")) ? xstrdup(js_str(js_get(names, "listKind")))
							 : xasprintf("%sList", k->kind);
	k->short_names = js_clone(js_get(names, "shortNames"));
	k->categories = js_clone(js_get(names, "categories"));
	k->resource = *group ? xasprintf("%s.%s", k->plural, group) : xstrdup(k->plural);
	k->stored_as = xstrdup(k->resource);
	return k;
}

static int add_version(struct kind *k, const char *name, const struct js *openapi, struct err *e)
{
	k->versions = xrealloc(k->versions, k->n_versions + 1, sizeof(*k->versions));
	struct kind_version *v = &k->versions[k->n_versions++];
	*v = (struct kind_version){ .name = xstrdup(name), .served = true };
	v->prefix = xasprintf("{\"apiVersion\":\"%s%s%s\",\"kind\":\"%s\",", k->group, *k->group ? "/" : "",
			      name, k->kind);
	if (!openapi)
		return 0;
	v->openapi = js_clone(openapi);
	return schema_new(openapi, &v->schema, e);
}

static int builtin_kind(const struct js *row, const struct js *metadata, struct kind **ret, struct err *e)
{
	CLEANUP(kind_freep) struct kind *k = new_kind(js_str(js_get(row, "group")), row);
	k->builtin = true;
	k->protobuf = js_clone(js_get(row, "protobuf"));
	k->namespaced = js_bool(js_get(row, "namespaced"), false);
	k->generation = js_bool(js_get(row, "generation"), false);
	if (js_has(row, "storedAs")) {
		str_replace(&k->stored_as, js_str(js_get(row, "storedAs")));
		k->converted = true;
	}
	CLEANUP(js_freep) struct js *openapi = js_clone(js_get(row, "schema"));
	js_set(js_need_object(openapi, "properties"), "metadata", js_clone(metadata));
	int r = add_version(k, js_str(js_get(row, "version")), openapi, e);
	if (r < 0)
		return err_wrap(e, "%s", k->resource);
	k->versions[0].status = js_bool(js_get(row, "status"), false);
	k->versions[0].columns = js_clone(js_get(row, "columns"));
	*ret = TAKE(k);
	return 0;
}

static void add(struct registry *r, struct kind *k)
{
	vec_grow(&r->items, &r->cap, r->n + 1);
	r->items[r->n++] = k;
}

int registry_init(struct registry *r, struct err *e)
{
	CLEANUP(js_freep) struct js *doc = NULL;
	*r = (struct registry){ 0 };
	int code = js_parse((struct slice){ berth_kinds[0].data, berth_kinds[0].size }, &doc, e);
	if (code < 0)
		return err_wrap(e, "kinds");
	const struct js *metadata = js_get(doc, "metadata"), *rows = js_get(doc, "kinds");
	code = schema_new(metadata, &r->metadata, e);
	for (size_t i = 0; code == 0 && i < js_len(rows); i++) {
		struct kind *k = NULL;
		code = builtin_kind(js_item(rows, i), metadata, &k, e);
		if (code == 0)
			add(r, k);
	}
	if (code < 0)
		registry_done(r);
	return code;
}

void registry_done(struct registry *r)
{
	for (size_t i = 0; i < r->n; i++)
		kind_free(r->items[i]);
	free(r->items);
	schema_free(r->metadata);
	*r = (struct registry){ 0 };
}

struct kind *registry_find(const struct registry *r, const char *group, const char *version,
			   const char *plural, const struct kind_version **ret_version)
{
	for (size_t i = 0; i < r->n; i++) {
		struct kind *k = r->items[i];
		if (strcmp(k->plural, plural) != 0 || strcmp(k->group, group) != 0)
			continue;
		if (!version)
			return k;
		for (size_t v = 0; v < k->n_versions; v++) {
			if (k->versions[v].served && strcmp(k->versions[v].name, version) == 0) {
				*ret_version = &k->versions[v];
				return k;
			}
		}
	}
	return NULL;
}

struct kind *registry_by_resource(const struct registry *r, const char *resource)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->items[i]->resource, resource) == 0)
			return r->items[i];
	return NULL;
}

int kind_from_crd(const struct js *crd, struct kind **ret, struct err *e)
{
	const struct js *spec = js_get(crd, "spec"), *versions = js_get(spec, "versions");
	const char *group = js_str(js_get(spec, "group"));
	if (!group || !*group)
		return err_set(e, EINVAL, "spec.group: Required value");
	CLEANUP(kind_freep) struct kind *k = new_kind(group, js_get(spec, "names"));
	if (!*k->plural || !*k->kind)
		return err_set(e, EINVAL, "spec.names: plural and kind are required");
	k->namespaced = slice_is(js_text(js_get(spec, "scope")), "Namespaced");
	k->generation = true;
	k->terminating = js_str(js_path(crd, "metadata", "deletionTimestamp")) != NULL;
	bool has_storage = false;
	for (size_t i = 0; i < js_len(versions); i++) {
		const struct js *v = js_item(versions, i);
		const char *name = js_str(js_get(v, "name"));
		if (!name)
			return err_set(e, EINVAL, "spec.versions[%zu].name: Required value", i);
		int r = add_version(k, name, js_path(v, "schema", "openAPIV3Schema"), e);
		if (r < 0)
			return err_wrap(e, "spec.versions[%zu].schema.openAPIV3Schema", i);
		k->versions[i].served = js_bool(js_get(v, "served"), false);
		k->versions[i].status = js_type(js_path(v, "subresources", "status")) == JS_OBJECT;
		k->versions[i].columns = js_clone(js_get(v, "additionalPrinterColumns"));
		if (!js_bool(js_get(v, "storage"), false))
			continue;
		if (has_storage)
			return err_set(
				e, EINVAL,
				"spec.versions: must have exactly one version marked as storage version");
		has_storage = true;
		k->storage = i;
	}
	if (!has_storage)
		return err_set(e, EINVAL,
			       "spec.versions: must have exactly one version marked as storage version");
	*ret = TAKE(k);
	return 0;
}

void registry_put(struct registry *r, struct kind *k)
{
	add(r, k);
}

struct kind *registry_take(struct registry *r, const char *resource)
{
	for (size_t i = 0; i < r->n; i++) {
		struct kind *k = r->items[i];
		if (strcmp(k->resource, resource) != 0)
			continue;
		memmove(&r->items[i], &r->items[i + 1], (r->n - i - 1) * sizeof(struct kind *));
		r->n--;
		return k;
	}
	return NULL;
}
