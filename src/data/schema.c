#include "data/schema.h"

#include "data/schema_node.h"

#include <errno.h>

static const struct {
	const char *name;
	enum schema_type type;
} types[] = {
	{ "object", TYPE_OBJECT },   { "array", TYPE_ARRAY },   { "string", TYPE_STRING },
	{ "integer", TYPE_INTEGER }, { "number", TYPE_NUMBER }, { "boolean", TYPE_BOOLEAN },
};

void schema_free(struct schema *s)
{
	if (!s)
		return;
	size_t at = 0;
	struct schema_property *p;
	while ((p = map_next(&s->fields, &at))) {
		schema_free(p->schema);
		free(p->name);
		free(p);
	}
	map_done(&s->fields);
	schema_free(s->additional);
	schema_free(s->items);
	js_free(s->enumeration);
	js_free(s->otherwise);
	js_free(s->required);
	js_free(s->map_keys);
	free(s->format);
	free(s->pattern_text);
	free(s->merge_key);
	pattern_free(s->pattern);
	free(s);
}

void schema_freep(struct schema **s)
{
	schema_free(*s);
	*s = NULL;
}

static char *copy_of(const struct js *j)
{
	const char *s = js_str(j);
	return s ? xstrdup(s) : NULL;
}

static int read_type(struct schema *s, const struct js *doc, struct err *e)
{
	const char *name = js_str(js_get(doc, "type"));
	if (!name) {
		s->type = TYPE_ANY;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(name, types[i].name) == 0) {
			s->type = types[i].type;
			return 0;
		}
	}
	return err_set(e, EINVAL, "unknown type \"%s\"", name);
}

static void read_limits(struct schema *s, const struct js *doc)
{
	s->min_items = js_int(js_get(doc, "minItems"), -1);
	s->max_items = js_int(js_get(doc, "maxItems"), -1);
	s->min_length = js_int(js_get(doc, "minLength"), -1);
	s->max_length = js_int(js_get(doc, "maxLength"), -1);
	s->min_fields = js_int(js_get(doc, "minProperties"), -1);
	s->max_fields = js_int(js_get(doc, "maxProperties"), -1);
	s->has_min = js_has(doc, "minimum");
	s->has_max = js_has(doc, "maximum");
	s->min = js_double(js_get(doc, "minimum"), 0);
	s->max = js_double(js_get(doc, "maximum"), 0);
	s->exclusive_min = js_bool(js_get(doc, "exclusiveMinimum"), false);
	s->exclusive_max = js_bool(js_get(doc, "exclusiveMaximum"), false);
	s->unique = js_bool(js_get(doc, "uniqueItems"), false);
	s->format = copy_of(js_get(doc, "format"));
	s->pattern_text = copy_of(js_get(doc, "pattern"));
	if (s->pattern_text)
		s->pattern = pattern_new(s->pattern_text);
	if (js_type(js_get(doc, "enum")) == JS_ARRAY)
		s->enumeration = js_clone(js_get(doc, "enum"));
	if (js_type(js_get(doc, "required")) == JS_ARRAY)
		s->required = js_clone(js_get(doc, "required"));
	s->otherwise = js_clone(js_get(doc, "default"));
	s->nullable = js_bool(js_get(doc, "nullable"), false);
}

static void read_extensions(struct schema *s, const struct js *doc)
{
	const char *list = js_str(js_get(doc, "x-kubernetes-list-type"));
	const char *map = js_str(js_get(doc, "x-kubernetes-map-type"));
	const char *strategy = js_str(js_get(doc, "x-kubernetes-patch-strategy"));
	s->open = js_bool(js_get(doc, "x-kubernetes-preserve-unknown-fields"), false);
	s->embedded = js_bool(js_get(doc, "x-kubernetes-embedded-resource"), false);
	s->int_or_string = js_bool(js_get(doc, "x-kubernetes-int-or-string"), false);
	s->set = list && strcmp(list, "set") == 0;
	if (list && strcmp(list, "map") == 0)
		s->map_keys = js_clone(js_get(doc, "x-kubernetes-list-map-keys"));
	s->atomic = (s->type == TYPE_ARRAY && !s->set && !s->map_keys) || (map && strcmp(map, "atomic") == 0);
	s->merge_key = copy_of(js_get(doc, "x-kubernetes-patch-merge-key"));
	s->merges = strategy && strstr(strategy, "merge");
}

static int compile(const struct js *doc, int depth, struct schema **ret, struct err *e);

static int compile_fields(struct schema *s, const struct js *doc, int depth, struct err *e)
{
	for (struct js_iter it = js_iter(js_get(doc, "properties")); js_next(&it);) {
		struct schema *child = NULL;
		int r = compile(it.value, depth + 1, &child, e);
		if (r < 0)
			return err_wrap(e, "%s", it.key);
		struct schema_property *p = xcalloc(1, sizeof(*p));
		p->name = xstrdup(it.key);
		p->schema = child;
		map_put(&s->fields, p->name, p);
		s->defaults_below |= child->defaults_below;
	}
	const struct js *additional = js_get(doc, "additionalProperties");
	if (js_type(additional) == JS_OBJECT) {
		int r = compile(additional, depth + 1, &s->additional, e);
		if (r < 0)
			return r;
		s->defaults_below |= s->additional->defaults_below;
	} else if (js_bool(additional, false)) {
		s->open = true;
	}
	if (js_type(js_get(doc, "items")) == JS_OBJECT) {
		int r = compile(js_get(doc, "items"), depth + 1, &s->items, e);
		if (r < 0)
			return err_wrap(e, "items");
		s->defaults_below |= s->items->defaults_below;
	}
	return 0;
}

static int compile(const struct js *doc, int depth, struct schema **ret, struct err *e)
{
	if (js_type(doc) != JS_OBJECT)
		return err_set(e, EINVAL, "a schema must be an object");
	if (depth > JS_DEPTH_MAX)
		return err_set(e, EINVAL, "a schema nested too deeply");
	CLEANUP(schema_freep) struct schema *s = xcalloc(1, sizeof(*s));
	int r = read_type(s, doc, e);
	if (r < 0)
		return r;
	read_limits(s, doc);
	read_extensions(s, doc);
	s->defaults_below = js_has(doc, "default");
	r = compile_fields(s, doc, depth, e);
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

int schema_new(const struct js *openapi, struct schema **ret, struct err *e)
{
	return compile(openapi, 0, ret, e);
}

/* Walking */

const struct schema *schema_field(const struct schema *s, const char *name)
{
	if (!s)
		return NULL;
	const struct schema_property *p = map_get(&s->fields, name);
	return p ? p->schema : s->additional;
}

bool schema_has_field(const struct schema *s, const char *name)
{
	return s && map_get(&s->fields, name);
}

const struct schema *schema_items(const struct schema *s)
{
	return s ? s->items : NULL;
}

const char *schema_merge_key(const struct schema *s)
{
	return s ? s->merge_key : NULL;
}

bool schema_merges(const struct schema *s)
{
	return s && s->merges;
}

bool schema_open(const struct schema *s)
{
	return s && s->open;
}

const struct js *schema_map_keys(const struct schema *s)
{
	return s ? s->map_keys : NULL;
}

bool schema_is_set(const struct schema *s)
{
	return s && s->set;
}

bool schema_atomic(const struct schema *s)
{
	return s && s->atomic;
}

/* Defaults */

static bool is_null_field(const struct js *object, const char *name)
{
	return js_has(object, name) && !js_get(object, name);
}

void schema_default(const struct schema *s, struct js *value)
{
	if (!s)
		return;
	if (js_type(value) == JS_ARRAY) {
		for (size_t i = 0; s->items && i < js_len(value); i++)
			schema_default(s->items, js_item(value, i));
		return;
	}
	if (js_type(value) != JS_OBJECT)
		return;
	size_t at = 0;
	const struct schema_property *p;
	while ((p = map_next(&s->fields, &at))) {
		/* A null where none is allowed is the same as nothing, and so gets the default. */
		if (!p->schema->nullable && is_null_field(value, p->name))
			js_del(value, p->name);
		if (p->schema->otherwise && !js_has(value, p->name))
			js_set(value, p->name, js_clone(p->schema->otherwise));
		schema_default(p->schema, js_get(value, p->name));
	}
	if (!s->additional || !s->additional->defaults_below)
		return;
	for (struct js_iter it = js_iter(value); js_next(&it);)
		if (!map_get(&s->fields, it.key))
			schema_default(s->additional, it.value);
}

/* Pruning */

static void child_path(struct buf *path, const char *name)
{
	if (path->len)
		buf_add_char(path, '.');
	buf_add_str(path, name);
}

static void cut_path(struct buf *path, size_t len)
{
	path->len = len;
	path->overflow = false;
	if (path->ptr)
		path->ptr[len] = '\0';
}

static bool known_at_root(const char *name)
{
	return strcmp(name, "apiVersion") == 0 || strcmp(name, "kind") == 0 || strcmp(name, "metadata") == 0;
}

static void prune(const struct schema *s, struct js *value, bool root, struct buf *path, struct js *unknown)
{
	size_t here = path->len;
	if (js_type(value) == JS_ARRAY) {
		for (size_t i = 0; s->items && i < js_len(value); i++) {
			buf_addf(path, "[%zu]", i);
			prune(s->items, js_item(value, i), false, path, unknown);
			cut_path(path, here);
		}
		return;
	}
	if (js_type(value) != JS_OBJECT || s->int_or_string)
		return;
	CLEANUP(js_freep) struct js *gone = js_new_array();
	for (struct js_iter it = js_iter(value); js_next(&it);) {
		const struct schema *child = schema_field(s, it.key);
		child_path(path, it.key);
		if ((root || s->embedded) && known_at_root(it.key))
			; /* always there */
		else if (child)
			prune(child, it.value, false, path, unknown);
		else if (!s->open && s->type != TYPE_ANY) {
			js_push(gone, js_new_str(it.key));
			if (unknown)
				js_push(unknown, js_new_str(buf_str(path)));
		}
		cut_path(path, here);
	}
	for (size_t i = 0; i < js_len(gone); i++)
		js_del(value, js_str(js_item(gone, i)));
}

void schema_prune(const struct schema *s, struct js *value, struct js *unknown)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	prune(s, value, true, &path, unknown);
}
