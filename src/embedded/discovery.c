/* What is served: /api, /apis, /version, /healthz and the OpenAPI index, in the plain and the aggregated
 * form. */
#include "embedded/discovery.h"

#include "embedded/openapi.h"

#include <stdlib.h>

#define AGGREGATED "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

static const char *const main_verbs[] = { "create", "delete", "deletecollection", "get",
					  "list",   "patch",  "update",           "watch" };
static const char *const status_verbs[] = { "get", "patch", "update" };

static struct js *texts(const char *const *items, size_t n)
{
	struct js *list = js_new_array();
	for (size_t i = 0; i < n; i++)
		js_push(list, js_new_str(items[i]));
	return list;
}

static struct js *list_of(const char *kind, const char *version)
{
	struct js *o = js_new_object();
	js_set(o, "kind", js_new_str(kind));
	js_set(o, "apiVersion", js_new_str(version));
	return o;
}

/* Versions by age of promise, as the API sorts them: v2 before v1 before v1beta1 before v2alpha1 before
 * others. */
static int rank(const char *v, long *major, long *minor)
{
	char *end;
	*major = *minor = 0;
	if (*v != 'v')
		return 0;
	*major = strtol(v + 1, &end, 10);
	if (end == v + 1)
		return 0;
	if (!*end)
		return 3;
	int stage = strncmp(end, "beta", 4) == 0 ? 2 : strncmp(end, "alpha", 5) == 0 ? 1 : 0;
	if (stage)
		*minor = strtol(end + (stage == 2 ? 4 : 5), NULL, 10);
	return stage;
}

static int by_version(const void *a, const void *b)
{
	const char *va = *(const char *const *)a, *vb = *(const char *const *)b;
	long major_a, minor_a, major_b, minor_b;
	int ra = rank(va, &major_a, &minor_a), rb = rank(vb, &major_b, &minor_b);
	if (ra != rb)
		return rb - ra;
	if (major_a != major_b)
		return major_a < major_b ? 1 : -1;
	if (minor_a != minor_b)
		return minor_a < minor_b ? 1 : -1;
	return strcmp(va, vb);
}

/* The served versions of a group, in order. */
static struct names group_versions(const struct registry *r, const char *group)
{
	struct names v = { 0 };
	for (size_t i = 0; i < r->n; i++) {
		const struct kind *k = r->items[i];
		for (size_t j = 0; strcmp(k->group, group) == 0 && j < k->n_versions; j++) {
			bool known = !k->versions[j].served;
			for (size_t n = 0; n < v.n; n++)
				known |= strcmp(v.items[n], k->versions[j].name) == 0;
			if (known)
				continue;
			vec_grow(&v.items, &v.cap, v.n + 1);
			v.items[v.n++] = k->versions[j].name;
		}
	}
	if (v.n)
		qsort(v.items, v.n, sizeof(*v.items), by_version);
	return v;
}

struct names discovery_groups(const struct registry *r)
{
	struct names g = { 0 };
	for (size_t i = 0; i < r->n; i++) {
		bool known = !*r->items[i]->group;
		for (size_t n = 0; n < g.n; n++)
			known |= strcmp(g.items[n], r->items[i]->group) == 0;
		if (known)
			continue;
		vec_grow(&g.items, &g.cap, g.n + 1);
		g.items[g.n++] = r->items[i]->group;
	}
	return g;
}

struct names discovery_versions(const struct registry *r, const char *group)
{
	return group_versions(r, group);
}

/* One kind in one version; NULL if it is not served there. */
static const struct kind_version *version_of(const struct kind *k, const char *group, const char *version)
{
	if (strcmp(k->group, group) != 0)
		return NULL;
	for (size_t i = 0; i < k->n_versions; i++)
		if (k->versions[i].served && strcmp(k->versions[i].name, version) == 0)
			return &k->versions[i];
	return NULL;
}

/* Plain form */

static struct js *plain_resource(const struct kind *k, bool status)
{
	struct js *o = js_new_object();
	CLEANUP(freep) char *sub = xasprintf("%s/status", k->plural);
	js_set(o, "name", js_new_str(status ? sub : k->plural));
	js_set(o, "singularName", js_new_str(status ? "" : k->singular));
	js_set(o, "namespaced", js_new_bool(k->namespaced));
	js_set(o, "kind", js_new_str(k->kind));
	js_set(o, "verbs",
	       status ? texts(status_verbs, ARRAY_LEN(status_verbs))
		      : texts(main_verbs, ARRAY_LEN(main_verbs)));
	if (!status && k->short_names)
		js_set(o, "shortNames", js_clone(k->short_names));
	if (!status && k->categories)
		js_set(o, "categories", js_clone(k->categories));
	return o;
}

static struct js *resource_list(const struct registry *r, const char *group, const char *version)
{
	struct js *o = list_of("APIResourceList", "v1"), *list = js_new_array();
	CLEANUP(freep) char *gv = xasprintf("%s%s%s", group, *group ? "/" : "", version);
	js_set(o, "groupVersion", js_new_str(gv));
	for (size_t i = 0; i < r->n; i++) {
		const struct kind_version *v = version_of(r->items[i], group, version);
		if (v)
			js_push(list, plain_resource(r->items[i], false));
		if (v && v->status)
			js_push(list, plain_resource(r->items[i], true));
	}
	js_set(o, "resources", list);
	return o;
}

static struct js *group_version(const char *group, const char *version)
{
	struct js *o = js_new_object();
	CLEANUP(freep) char *gv = xasprintf("%s/%s", group, version);
	js_set(o, "groupVersion", js_new_str(gv));
	js_set(o, "version", js_new_str(version));
	return o;
}

static struct js *plain_group(const struct registry *r, const char *group, bool alone)
{
	struct js *o = alone ? list_of("APIGroup", "v1") : js_new_object(), *list = js_new_array();
	struct names v = group_versions(r, group);
	js_set(o, "name", js_new_str(group));
	for (size_t i = 0; i < v.n; i++)
		js_push(list, group_version(group, v.items[i]));
	js_set(o, "versions", list);
	if (v.n)
		js_set(o, "preferredVersion", group_version(group, v.items[0]));
	free(v.items);
	return o;
}

static struct js *plain_groups(const struct registry *r)
{
	struct js *o = list_of("APIGroupList", "v1"), *list = js_new_array();
	struct names g = discovery_groups(r);
	for (size_t i = 0; i < g.n; i++)
		js_push(list, plain_group(r, g.items[i], false));
	js_set(o, "groups", list);
	free(g.items);
	return o;
}

static struct js *plain_core(void)
{
	struct js *o = list_of("APIVersions", "v1");
	js_set(o, "versions", texts((const char *const[]){ "v1" }, 1));
	js_set(o, "serverAddressByClientCIDRs", js_new_array());
	return o;
}

/* Aggregated form */

static struct js *response_kind(const struct kind *k, const char *version)
{
	struct js *o = js_new_object();
	js_set(o, "group", js_new_str(k->group));
	js_set(o, "version", js_new_str(version));
	js_set(o, "kind", js_new_str(k->kind));
	return o;
}

static struct js *aggregated_resource(const struct kind *k, const struct kind_version *v)
{
	struct js *o = js_new_object();
	js_set(o, "resource", js_new_str(k->plural));
	js_set(o, "responseKind", response_kind(k, v->name));
	js_set(o, "scope", js_new_str(k->namespaced ? "Namespaced" : "Cluster"));
	js_set(o, "singularResource", js_new_str(k->singular));
	js_set(o, "verbs", texts(main_verbs, ARRAY_LEN(main_verbs)));
	if (k->short_names)
		js_set(o, "shortNames", js_clone(k->short_names));
	if (k->categories)
		js_set(o, "categories", js_clone(k->categories));
	if (v->status) {
		struct js *subs = js_new_array(), *s = js_new_object();
		js_set(s, "subresource", js_new_str("status"));
		js_set(s, "responseKind", response_kind(k, v->name));
		js_set(s, "verbs", texts(status_verbs, ARRAY_LEN(status_verbs)));
		js_push(subs, s);
		js_set(o, "subresources", subs);
	}
	return o;
}

static struct js *aggregated_group(const struct registry *r, const char *group)
{
	struct js *o = js_new_object(), *versions = js_new_array();
	struct names v = group_versions(r, group);
	struct js *metadata = js_need_object(o, "metadata");
	if (*group)
		js_set(metadata, "name", js_new_str(group));
	for (size_t i = 0; i < v.n; i++) {
		struct js *one = js_new_object(), *resources = js_new_array();
		js_set(one, "version", js_new_str(v.items[i]));
		for (size_t n = 0; n < r->n; n++) {
			const struct kind_version *kv = version_of(r->items[n], group, v.items[i]);
			if (kv)
				js_push(resources, aggregated_resource(r->items[n], kv));
		}
		js_set(one, "resources", resources);
		js_set(one, "freshness", js_new_str("Current"));
		js_push(versions, one);
	}
	js_set(o, "versions", versions);
	free(v.items);
	return o;
}

static struct js *aggregated(const struct registry *r, bool core)
{
	struct js *o = list_of("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"), *items = js_new_array();
	struct names g = core ? (struct names){ 0 } : discovery_groups(r);
	js_set(o, "metadata", js_new_object());
	if (core)
		js_push(items, aggregated_group(r, ""));
	for (size_t i = 0; i < g.n; i++)
		js_push(items, aggregated_group(r, g.items[i]));
	js_set(o, "items", items);
	free(g.items);
	return o;
}

static bool wants_aggregated(const struct request *r)
{
	const char *accept = http_header(r->x, "Accept");
	return accept && strstr(accept, "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
}

static void reply_aggregated(struct request *r, bool core)
{
	CLEANUP(js_freep) struct js *doc = aggregated(&r->api->kinds, core);
	size_t len = 0;
	char *body = object_text(doc, &len);
	api_reply(r->api, r->x, 200, AGGREGATED, body, len);
}

static struct js *version(void)
{
	struct js *o = js_new_object();
	js_set(o, "major", js_new_str("1"));
	js_set(o, "minor", js_new_str("34"));
	js_set(o, "gitVersion", js_new_str(DISCOVERY_VERSION));
	js_set(o, "gitCommit", js_new_str(""));
	js_set(o, "gitTreeState", js_new_str("clean"));
	js_set(o, "buildDate", js_new_str("1970-01-01T00:00:00Z"));
	js_set(o, "goVersion", js_new_str(""));
	js_set(o, "compiler", js_new_str("c"));
	js_set(o, "platform", js_new_str("linux"));
	return o;
}

static struct js *root(void)
{
	static const char *const paths[] = { "/api",    "/api/v1",  "/apis",       "/healthz",   "/livez",
					     "/readyz", "/version", "/openapi/v2", "/openapi/v3" };
	struct js *o = js_new_object();
	js_set(o, "paths", texts(paths, ARRAY_LEN(paths)));
	return o;
}

static bool has_group(const struct registry *r, const char *group, const char *version)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->items[i]->group, group) == 0 &&
		    (!version || version_of(r->items[i], group, version)))
			return true;
	return false;
}

/* The document for a path of discovery; NULL: not one. */
static struct js *describe(const struct registry *k, const char *const *parts, size_t n)
{
	if (n == 0)
		return root();
	bool core = strcmp(parts[0], "api") == 0, groups = strcmp(parts[0], "apis") == 0;
	if (n == 1 && strcmp(parts[0], "version") == 0)
		return version();
	if (n == 1 && core)
		return plain_core();
	if (n == 2 && core && strcmp(parts[1], "v1") == 0)
		return resource_list(k, "", "v1");
	if (n == 1 && groups)
		return plain_groups(k);
	if (n == 2 && groups && *parts[1] && has_group(k, parts[1], NULL))
		return plain_group(k, parts[1], true);
	if (n == 3 && groups && *parts[1] && has_group(k, parts[1], parts[2]))
		return resource_list(k, parts[1], parts[2]);
	return NULL;
}

static bool is_health(const char *part)
{
	return strcmp(part, "healthz") == 0 || strcmp(part, "livez") == 0 || strcmp(part, "readyz") == 0;
}

bool rest_describe(struct request *r, const char *const *parts, size_t n)
{
	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0)
		return false;
	if (n >= 1 && is_health(parts[0])) {
		api_reply(r->api, r->x, 200, "text/plain; charset=utf-8", xstrdup("ok"), 2);
		return true;
	}
	if (n >= 1 && strcmp(parts[0], "openapi") == 0)
		return openapi_serve(r, parts, n);
	if (n == 1 && wants_aggregated(r) &&
	    (strcmp(parts[0], "api") == 0 || strcmp(parts[0], "apis") == 0)) {
		reply_aggregated(r, strcmp(parts[0], "api") == 0);
		return true;
	}
	CLEANUP(js_freep) struct js *doc = describe(&r->api->kinds, parts, n);
	if (doc)
		rest_reply_js(r, 200, doc);
	return doc != NULL;
}
