#include "embedded/table.h"

#include <stdio.h>

enum { CELL_MAX = 64 * 1024 };

/* A column whose only purpose is the age, where a CRD names no columns at all. */
static struct js *default_columns(void)
{
	struct js *list = js_new_array(), *age = js_new_object();
	js_set(age, "name", js_new_str("Age"));
	js_set(age, "type", js_new_str("date"));
	js_set(age, "jsonPath", js_new_str(".metadata.creationTimestamp"));
	js_push(list, age);
	return list;
}

static struct js *definition(const struct js *column)
{
	static const char *const copied[] = { "name", "type", "format", "description", "priority" };
	struct js *d = js_new_object();
	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		if (js_has(column, copied[i]))
			js_set(d, copied[i], js_clone(js_get(column, copied[i])));
	if (!js_has(d, "format"))
		js_set(d, "format", js_new_str(""));
	if (!js_has(d, "description"))
		js_set(d, "description", js_new_str(""));
	if (!js_has(d, "priority"))
		js_set(d, "priority", js_new_int(0));
	return d;
}

struct table table_begin(const struct kind *k, const struct kind_version *v, bool include_object,
			 bool no_object)
{
	struct table t = { .kind = k,
			   .version = v,
			   .rows = js_new_array(),
			   .include_object = include_object,
			   .no_object = no_object };
	t.columns = v->columns ? js_clone(v->columns) : default_columns();
	if (!k->builtin) {
		struct js *name = js_new_object();
		js_set(name, "name", js_new_str("Name"));
		js_set(name, "type", js_new_str("string"));
		js_set(name, "format", js_new_str("name"));
		js_set(name, "jsonPath", js_new_str(".metadata.name"));
		js_insert_item(t.columns, 0, name);
	}
	return t;
}

static struct js *cell(const struct js *column, const struct js *object, msec now)
{
	const char *computed = js_str(js_get(column, "cell")), *path = js_str(js_get(column, "jsonPath"));
	if (computed)
		return cell_compute(computed, object, now);
	CLEANUP(buf_done) struct buf text = BUF_INIT(CELL_MAX);
	const struct js *single = NULL;
	bool is_date = slice_is(js_text(js_get(column, "type")), "date");
	if (!path || !json_path(object, path, &text, &single))
		return is_date ? js_new_str("<unknown>") : NULL;
	if (is_date) {
		CLEANUP(buf_done) struct buf age = BUF_INIT(32);
		cell_age(&age, buf_slice(&text), now);
		return js_new_text(buf_slice(&age));
	}
	bool is_text = slice_is(js_text(js_get(column, "type")), "string");
	if (single && !is_text && js_type(single) != JS_OBJECT && js_type(single) != JS_ARRAY)
		return js_clone(single);
	return js_new_text(buf_slice(&text));
}

void table_add(struct table *t, const struct js *object, msec now)
{
	struct js *row = js_new_object(), *cells = js_new_array();
	for (size_t i = 0; i < js_len(t->columns); i++)
		js_push(cells, cell(js_item(t->columns, i), object, now));
	js_set(row, "cells", cells);
	if (!t->no_object) {
		struct js *shown = js_new_object();
		char version[320];
		if (t->include_object) {
			js_set(shown, "apiVersion",
			       js_new_str(kind_api_version(t->kind, t->version, version, sizeof(version))));
			js_set(shown, "kind", js_new_str(t->kind->kind));
			for (struct js_iter it = js_iter(object); js_next(&it);)
				js_set(shown, it.key, js_clone(it.value));
		} else {
			js_set(shown, "kind", js_new_str("PartialObjectMetadata"));
			js_set(shown, "apiVersion", js_new_str("meta.k8s.io/v1"));
			js_set(shown, "metadata", js_clone(js_get(object, "metadata")));
		}
		js_set(row, "object", shown);
	}
	js_push(t->rows, row);
}

struct js *table_end(struct table *t, const struct js *resource_version, bool with_columns)
{
	struct js *doc = js_new_object(), *columns = js_new_array();
	for (size_t i = 0; with_columns && i < js_len(t->columns); i++)
		js_push(columns, definition(js_item(t->columns, i)));
	js_set(doc, "kind", js_new_str("Table"));
	js_set(doc, "apiVersion", js_new_str("meta.k8s.io/v1"));
	if (resource_version)
		js_set(js_need_object(doc, "metadata"), "resourceVersion", js_clone(resource_version));
	js_set(doc, "columnDefinitions", columns);
	js_set(doc, "rows", TAKE(t->rows));
	table_drop(t);
	return doc;
}

void table_drop(struct table *t)
{
	js_free(t->columns);
	js_free(t->rows);
	*t = (struct table){ 0 };
}

/* JSONPath */

struct walk {
	struct buf *out;
	const struct js *single;
	size_t found;
};

static void take(struct walk *w, const struct js *v)
{
	if (!v)
		return;
	if (w->found++)
		buf_add_char(w->out, ' ');
	if (js_type(v) == JS_STRING)
		buf_add_slice(w->out, js_text(v));
	else
		js_write(v, w->out);
	w->single = w->found == 1 ? v : NULL;
}

static void step(struct walk *w, const struct js *at, const char *path);

/* [?(@.key=="value")]: the items of a list whose field has that value. */
static void filter(struct walk *w, const struct js *at, const char *test, const char *rest)
{
	char key[256], value[512], quote;
	if (sscanf(test, "?(@.%255[^= ] == %c%511[^\"'])", key, &quote, value) != 3 &&
	    sscanf(test, "?(@.%255[^= ]==%c%511[^\"'])", key, &quote, value) != 3)
		return;
	for (size_t i = 0; i < js_len(at); i++)
		if (slice_is(js_text(js_get(js_item(at, i), key)), value))
			step(w, js_item(at, i), rest);
}

static void brackets(struct walk *w, const struct js *at, const char *path)
{
	const char *end = strchr(path, ']');
	uint64_t index;
	if (path[1] == '?') {
		const char *close = strstr(path, ")]");
		end = close ? close + 1 : NULL;
	}
	if (!end)
		return;
	struct slice inside = { path + 1, (size_t)(end - path - 1) };
	if (slice_is(inside, "*")) {
		for (size_t i = 0; i < js_len(at); i++)
			step(w, js_item(at, i), end + 1);
	} else if (slice_starts(inside, "?(")) {
		CLEANUP(freep) char *test = xstrndup(inside.ptr, inside.len);
		filter(w, at, test, end + 1);
	} else if (slice_to_u64(inside, &index) == 0) {
		step(w, js_item(at, (size_t)index), end + 1);
	} else if (inside.len > 2) {
		CLEANUP(freep) char *key = xstrndup(inside.ptr + 1, inside.len - 2);
		step(w, js_get(at, key), end + 1);
	}
}

static void step(struct walk *w, const struct js *at, const char *path)
{
	if (!at)
		return;
	if (!*path) {
		take(w, at);
	} else if (*path == '[') {
		brackets(w, at, path);
	} else if (*path == '.') {
		/* A backslash makes the next character part of the key: .metadata.labels.a\.b */
		CLEANUP(buf_done) struct buf key = BUF_INIT(1024);
		for (path++; *path && *path != '.' && *path != '['; path++) {
			if (*path == '\\' && path[1])
				path++;
			buf_add_char(&key, *path);
		}
		if (key.len == 0 || strcmp(buf_str(&key), "*") == 0)
			step(w, at, path);
		else
			step(w, js_get(at, buf_str(&key)), path);
	}
}

bool json_path(const struct js *object, const char *path, struct buf *out, const struct js **ret_single)
{
	struct walk w = { .out = out };
	step(&w, object, path);
	*ret_single = w.single;
	return w.found > 0;
}
