#include "embedded/openapi.h"

#include "embedded/discovery.h"

static struct js *gvk(const struct kind *k, const struct kind_version *v)
{
	struct js *o = js_new_object();
	js_set(o, "group", js_new_str(k->group));
	js_set(o, "kind", js_new_str(k->kind));
	js_set(o, "version", js_new_str(v->name));
	return o;
}

/* "io.k8s.v1.Service", "io.cilium.v2.CiliumLoadBalancerIPPool" */
static char *schema_name(const struct kind *k, const struct kind_version *v)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(1024);
	const char *group = *k->group ? k->group : "core.k8s.io", *end = group + strlen(group);
	while (end > group) {
		const char *start = end;
		while (start > group && start[-1] != '.')
			start--;
		buf_add(&name, start, (size_t)(end - start));
		buf_add_char(&name, '.');
		end = start > group ? start - 1 : group;
	}
	return xasprintf("%s%s.%s", buf_str(&name), v->name, k->kind);
}

static struct js *text_field(void)
{
	struct js *o = js_new_object();
	js_set(o, "type", js_new_str("string"));
	return o;
}

static struct js *schema_of(const struct kind *k, const struct kind_version *v)
{
	struct js *s = v->openapi ? js_clone(v->openapi) : js_new_object(), *list = js_new_array();
	struct js *properties = js_need_object(s, "properties");
	js_set(properties, "apiVersion", text_field());
	js_set(properties, "kind", text_field());
	js_push(list, gvk(k, v));
	js_set(s, "x-kubernetes-group-version-kind", list);
	return s;
}

static struct js *parameter(const char *name)
{
	struct js *o = js_new_object();
	js_set(o, "name", js_new_str(name));
	js_set(o, "in", js_new_str("query"));
	js_set(o, "schema", text_field());
	return o;
}

static struct js *operation(const struct kind *k, const struct kind_version *v, const char *action,
			    const char *reference, const char *const *types)
{
	static const char *const parameters[] = { "dryRun", "fieldManager", "fieldValidation" };
	struct js *o = js_new_object(), *list = js_new_array();
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		js_push(list, parameter(parameters[i]));
	js_set(o, "parameters", list);
	struct js *content = js_need_object(js_need_object(o, "requestBody"), "content");
	for (; *types; types++) {
		struct js *schema = js_new_object();
		js_set(schema, "$ref", js_new_str(reference));
		js_set(js_need_object(content, *types), "schema", schema);
	}
	struct js *ok = js_need_object(js_need_object(o, "responses"), "200");
	js_set(ok, "description", js_new_str("OK"));
	js_set(o, "x-kubernetes-action", js_new_str(action));
	js_set(o, "x-kubernetes-group-version-kind", gvk(k, v));
	return o;
}

static void add_paths(struct js *paths, const struct kind *k, const struct kind_version *v,
		      const char *reference)
{
	static const char *const json[] = { "application/json", NULL };
	static const char *const patches[] = { "application/json-patch+json", "application/merge-patch+json",
					       "application/strategic-merge-patch+json",
					       "application/apply-patch+yaml", NULL };
	static const char *const custom[] = { "application/json-patch+json", "application/merge-patch+json",
					      "application/apply-patch+yaml", NULL };
	CLEANUP(freep)
	char *all = xasprintf("/%s%s%s/%s/%s%s", *k->group ? "apis" : "api", *k->group ? "/" : "", k->group,
			      v->name, k->namespaced ? "namespaces/{namespace}/" : "", k->plural);
	CLEANUP(freep) char *one = xasprintf("%s/{name}", all);
	js_set(js_need_object(paths, all), "post", operation(k, v, "post", reference, json));
	js_set(js_need_object(paths, one), "put", operation(k, v, "put", reference, json));
	js_set(js_need_object(paths, one), "patch",
	       operation(k, v, "patch", reference, k->builtin ? patches : custom));
}

static struct js *info(void)
{
	struct js *o = js_new_object();
	js_set(o, "title", js_new_str("berth embedded API"));
	js_set(o, "version", js_new_str(DISCOVERY_VERSION));
	return o;
}

static struct js *document(const struct registry *r, const char *group, const char *version)
{
	struct js *doc = js_new_object();
	js_set(doc, "openapi", js_new_str("3.0.0"));
	js_set(doc, "info", info());
	struct js *paths = js_need_object(doc, "paths");
	struct js *schemas = js_need_object(js_need_object(doc, "components"), "schemas");
	for (size_t i = 0; i < r->n; i++) {
		const struct kind *k = r->items[i];
		for (size_t j = 0; strcmp(k->group, group) == 0 && j < k->n_versions; j++) {
			const struct kind_version *v = &k->versions[j];
			if (!v->served || strcmp(v->name, version) != 0)
				continue;
			CLEANUP(freep) char *name = schema_name(k, v);
			CLEANUP(freep) char *reference = xasprintf("#/components/schemas/%s", name);
			js_set(schemas, name, schema_of(k, v));
			add_paths(paths, k, v, reference);
		}
	}
	return doc;
}

static void add_index(struct js *paths, const char *group, const char *version)
{
	CLEANUP(freep)
	char *key = xasprintf("%s%s%s/%s", *group ? "apis" : "api", *group ? "/" : "", group, version);
	CLEANUP(freep) char *url = xasprintf("/openapi/v3/%s", key);
	struct js *entry = js_new_object();
	js_set(entry, "serverRelativeURL", js_new_str(url));
	js_set(paths, key, entry);
}

static struct js *v3_index(const struct registry *r)
{
	struct js *doc = js_new_object(), *paths = js_need_object(doc, "paths");
	struct names g = discovery_groups(r);
	add_index(paths, "", "v1");
	for (size_t i = 0; i < g.n; i++) {
		struct names v = discovery_versions(r, g.items[i]);
		for (size_t n = 0; n < v.n; n++)
			add_index(paths, g.items[i], v.items[n]);
		free(v.items);
	}
	free(g.items);
	return doc;
}

static struct js *v2(const struct registry *r)
{
	struct js *doc = js_new_object();
	js_set(doc, "swagger", js_new_str("2.0"));
	js_set(doc, "info", info());
	js_set(doc, "paths", js_new_object());
	struct js *definitions = js_need_object(doc, "definitions");
	for (size_t i = 0; i < r->n; i++) {
		for (size_t n = 0; n < r->items[i]->n_versions; n++) {
			const struct kind_version *v = &r->items[i]->versions[n];
			CLEANUP(freep) char *name = schema_name(r->items[i], v);
			if (v->served)
				js_set(definitions, name, schema_of(r->items[i], v));
		}
	}
	return doc;
}

/* kubectl takes version 2 as protobuf only, and asks for it for kinds that version 3 does not describe (a
 * List) and before 1.27 for all. A document without definitions says that nothing is known of any kind, and
 * kubectl then leaves validation to us. Document of gnostic's openapiv2.proto: 1 swagger, 2 info {1 title, 2
 * version}. */
static void serve_v2_protobuf(struct request *r)
{
	static const char doc[] = "\x0a\x03"
				  "2.0"
				  "\x12\x10"
				  "\x0a\x05"
				  "berth"
				  "\x12\x07"
				  "v1.34.0";
	struct buf body = BUF_INIT(sizeof(doc));
	buf_add(&body, doc, sizeof(doc) - 1);
	size_t len = body.len;
	api_reply(r->api, r->x, 200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
		  buf_take(&body), len);
}

bool openapi_serve(struct request *r, const char *const *parts, size_t n)
{
	const char *accept = http_header(r->x, "Accept");
	CLEANUP(js_freep) struct js *doc = NULL;
	const struct registry *k = &r->api->kinds;
	if (n == 2 && strcmp(parts[1], "v2") == 0) {
		if (accept && strstr(accept, "protobuf") && !strstr(accept, "application/json")) {
			serve_v2_protobuf(r);
			return true;
		}
		doc = v2(k);
	} else if (n == 2 && strcmp(parts[1], "v3") == 0) {
		doc = v3_index(k);
	} else if (n == 4 && strcmp(parts[1], "v3") == 0 && strcmp(parts[2], "api") == 0) {
		doc = document(k, "", parts[3]);
	} else if (n == 5 && strcmp(parts[1], "v3") == 0 && strcmp(parts[2], "apis") == 0) {
		doc = document(k, parts[3], parts[4]);
	}
	if (doc)
		rest_reply_js(r, 200, doc);
	return doc != NULL;
}
