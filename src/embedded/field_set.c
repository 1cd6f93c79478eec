#include "embedded/field_set.h"

#include <stdio.h>

enum { KEY_MAX = 4096, PATH_MAX_BYTES = 8192 };

/* Algebra */

enum operation { UNION, INTERSECTION, DIFFERENCE, WITHOUT };

bool field_set_is_member(const struct js *step)
{
	return js_type(step) == JS_OBJECT && (js_len(step) == 0 || js_has(step, "."));
}

static bool is_self(const char *key)
{
	return strcmp(key, ".") == 0;
}

static struct js *combine_step(const struct js *a, const struct js *b, enum operation op);

static struct js *combine_below(const struct js *a, const struct js *b, enum operation op)
{
	struct js *below = js_new_object();
	for (struct js_iter it = js_iter(a); js_next(&it);) {
		const struct js *other = js_get(b, it.key);
		struct js *step = NULL;
		if (is_self(it.key) || js_type(it.value) != JS_OBJECT)
			continue;
		if (other || op == INTERSECTION)
			step = combine_step(it.value, other, op);
		else
			step = js_ref(it.value);
		if (step)
			js_set(below, it.key, step);
	}
	for (struct js_iter it = js_iter(b); op == UNION && js_next(&it);)
		if (!is_self(it.key) && !js_has(a, it.key) && js_type(it.value) == JS_OBJECT)
			js_set(below, it.key, js_ref(it.value));
	return below;
}

/* NULL: neither the step nor anything below it is left. */
static struct js *combine_step(const struct js *a, const struct js *b, enum operation op)
{
	bool in_a = field_set_is_member(a), in_b = field_set_is_member(b), member = in_a;
	if (op == WITHOUT && js_type(b) == JS_OBJECT && js_len(b) == 0)
		return NULL;
	if (op == UNION)
		member = in_a || in_b;
	else if (op == INTERSECTION)
		member = in_a && in_b;
	else
		member = in_a && !in_b;
	CLEANUP(js_freep) struct js *below = combine_below(a, b, op);
	if (js_len(below) == 0 && !member)
		return NULL;
	if (js_len(below) > 0 && member)
		js_set(below, ".", js_new_object());
	return TAKE(below);
}

struct js *field_set_union(const struct js *a, const struct js *b)
{
	return combine_below(a, b, UNION);
}

struct js *field_set_intersection(const struct js *a, const struct js *b)
{
	return combine_below(a, b, INTERSECTION);
}

struct js *field_set_difference(const struct js *a, const struct js *b)
{
	return combine_below(a, b, DIFFERENCE);
}

struct js *field_set_without(const struct js *a, const struct js *b)
{
	return combine_below(a, b, WITHOUT);
}

/* Items of lists */

bool field_set_by_item(const struct schema *list)
{
	return schema_map_keys(list) || schema_is_set(list);
}

/* The first of `keys` behind `last` in the order of letters, which is how they are written. */
static const char *next_key(const struct js *keys, const char *last)
{
	const char *next = NULL;
	for (size_t i = 0; i < js_len(keys); i++) {
		const char *key = js_str(js_item(keys, i));
		if (key && (!last || strcmp(key, last) > 0) && (!next || strcmp(key, next) < 0))
			next = key;
	}
	return next;
}

/* A key that is left out has its default: a port is of TCP. NULL: no key is left out. */
static struct js *with_default_keys(const struct js *item, const struct schema *list)
{
	const struct js *keys = schema_map_keys(list);
	struct js *some = js_new_object();
	for (const char *key = next_key(keys, NULL); key; key = next_key(keys, key))
		if (js_get(item, key))
			js_set(some, key, js_clone(js_get(item, key)));
	schema_default(schema_items(list), some);
	return some;
}

static bool lacks_a_key(const struct js *item, const struct js *keys)
{
	for (size_t i = 0; i < js_len(keys); i++) {
		const char *key = js_str(js_item(keys, i));
		if (key && !js_get(item, key))
			return true;
	}
	return false;
}

char *field_set_item(const struct js *item, const struct schema *list)
{
	const struct js *keys = schema_map_keys(list);
	CLEANUP(buf_done) struct buf text = BUF_INIT(KEY_MAX);
	if (!keys && !schema_is_set(list))
		return NULL;
	buf_add_str(&text, keys ? "k:{" : "v:");
	if (!keys)
		js_write(item, &text);
	if (keys && js_type(item) != JS_OBJECT)
		return NULL;
	CLEANUP(js_freep) struct js *filled = lacks_a_key(item, keys) ? with_default_keys(item, list) : NULL;
	const struct js *some = filled ? filled : item;
	bool any = !keys;
	for (const char *key = next_key(keys, NULL); key; key = next_key(keys, key)) {
		if (!js_get(some, key))
			continue;
		buf_add_str(&text, any ? "," : "");
		buf_add_json(&text, slice_of(key));
		buf_add_char(&text, ':');
		js_write(js_get(some, key), &text);
		any = true;
	}
	if (keys)
		buf_add_char(&text, '}');
	return any && !text.overflow ? buf_take(&text) : NULL;
}

/* Fields of a value */

static void add_step(struct js *set, const char *key, bool member, struct js *below)
{
	if (js_len(below) == 0 && !member) {
		js_free(below);
		return;
	}
	if (js_len(below) > 0 && member)
		js_set(below, ".", js_new_object());
	js_set(set, key, below);
}

static bool is_granular(const struct js *value, const struct schema *s)
{
	if (js_type(value) == JS_ARRAY)
		return field_set_by_item(s);
	return js_type(value) == JS_OBJECT && !schema_atomic(s);
}

static void add_items(const struct js *list, const struct schema *s, struct js *set)
{
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *item = js_item(list, i);
		CLEANUP(freep) char *key = field_set_item(item, s);
		if (!key)
			continue;
		struct js *below = is_granular(item, schema_items(s))
					   ? field_set_of(item, schema_items(s), NULL)
					   : js_new_object();
		add_step(set, key, true, below);
	}
}

struct js *field_set_of(const struct js *object, const struct schema *s, const struct schema *metadata)
{
	struct js *set = js_new_object();
	for (struct js_iter it = js_iter(object); js_next(&it);) {
		bool is_meta = metadata && strcmp(it.key, "metadata") == 0;
		const struct schema *field = is_meta ? metadata : schema_field(s, it.key);
		CLEANUP(freep) char *key = xasprintf("f:%s", it.key);
		struct js *below = NULL;
		bool member = !is_meta && !schema_has_field(s, it.key);
		if (!is_granular(it.value, field)) {
			below = js_new_object();
			member = true;
		} else if (js_type(it.value) == JS_ARRAY) {
			below = js_new_object();
			add_items(it.value, field, below);
		} else {
			below = field_set_of(it.value, field, NULL);
			/* An empty object is somebody's as well. */
			member = member || (js_len(it.value) == 0 && !is_meta);
		}
		add_step(set, key, member, below);
	}
	return set;
}

/* What differs */

static struct js *child_of(struct js *tree, const char *prefix, const char *name)
{
	CLEANUP(freep) char *key = xasprintf("%s%s", prefix, name);
	return js_need_object(tree, key);
}

/* Takes empty children away that came into being on the way. */
static void drop_if_empty(struct js *tree, const char *prefix, const char *name)
{
	CLEANUP(freep) char *key = xasprintf("%s%s", prefix, name);
	if (js_len(js_get(tree, key)) == 0)
		js_del(tree, key);
}

/* The items of a list by their keys. */
static struct js *items_by_key(const struct js *list, const struct schema *s)
{
	struct js *items = js_new_object();
	for (size_t i = 0; i < js_len(list); i++) {
		CLEANUP(freep) char *key = field_set_item(js_item(list, i), s);
		if (key && !js_has(items, key))
			js_set(items, key, js_ref(js_item(list, i)));
	}
	return items;
}

static void compare_list(const struct js *old, const struct js *new, const struct schema *s,
			 struct js *changed, struct js *gone)
{
	CLEANUP(js_freep) struct js *before = items_by_key(old, s);
	CLEANUP(js_freep) struct js *after = items_by_key(new, s);
	for (struct js_iter it = js_iter(after); js_next(&it);) {
		const struct js *item = it.value, *was = js_get(before, it.key);
		if (js_has(before, it.key) && js_equal(was, item))
			continue;
		if (!is_granular(item, schema_items(s))) {
			(void)js_need_object(changed, it.key);
			continue;
		}
		struct js *below = js_need_object(changed, it.key), *lost = js_need_object(gone, it.key);
		if (!was)
			js_set(below, ".", js_new_object());
		field_set_compare(was, item, schema_items(s), NULL, below, lost);
		drop_if_empty(changed, "", it.key);
		drop_if_empty(gone, "", it.key);
	}
	for (struct js_iter it = js_iter(before); js_next(&it);)
		if (!js_has(after, it.key))
			js_set(gone, it.key, js_new_object());
}

/* A list or a free map that is new is changed as such, too; a struct with its fields only. */
static bool counts_itself(const struct js *value, const struct schema *s)
{
	struct js_iter it = js_iter(value);
	return js_type(value) == JS_ARRAY || (js_next(&it) && !schema_has_field(s, it.key));
}

static void compare_field(const char *name, const struct js *old, const struct js *new,
			  const struct schema *s, struct js *changed, struct js *gone)
{
	struct js *below = child_of(changed, "f:", name);
	bool bare = js_type(new) == JS_OBJECT && js_len(new) == 0 && js_type(old) != JS_OBJECT;
	if (!is_granular(new, s) || bare)
		return; /* a leaf */
	struct js *lost = child_of(gone, "f:", name);
	if (!old && counts_itself(new, s))
		js_set(below, ".", js_new_object());
	if (js_type(new) == JS_ARRAY)
		compare_list(js_type(old) == JS_ARRAY ? old : NULL, new, s, below, lost);
	else
		field_set_compare(js_type(old) == JS_OBJECT ? old : NULL, new, s, NULL, below, lost);
	drop_if_empty(changed, "f:", name);
	drop_if_empty(gone, "f:", name);
}

void field_set_compare(const struct js *old, const struct js *new, const struct schema *s,
		       const struct schema *metadata, struct js *changed, struct js *gone)
{
	for (struct js_iter it = js_iter(new); js_next(&it);) {
		bool is_meta = metadata && strcmp(it.key, "metadata") == 0;
		const struct schema *field = is_meta ? metadata : schema_field(s, it.key);
		if (!js_has(old, it.key) || !js_equal(js_get(old, it.key), it.value))
			compare_field(it.key, js_get(old, it.key), it.value, field, changed, gone);
	}
	for (struct js_iter it = js_iter(old); js_next(&it);)
		if (!js_has(new, it.key))
			(void)child_of(gone, "f:", it.key);
}

/* Paths */

static void cut(struct buf *path, size_t len)
{
	path->len = len;
	path->overflow = false;
	if (path->ptr)
		path->ptr[len] = '\0';
}

/* k:{"port":80,"protocol":"TCP"} as [port=80,protocol="TCP"] */
static void add_item_keys(struct buf *path, const char *text)
{
	CLEANUP(js_freep) struct js *keys = NULL;
	bool any = false;
	if (js_parse(slice_of(text), &keys, NULL) < 0) {
		buf_addf(path, "[%s]", text);
		return;
	}
	buf_add_char(path, '[');
	for (struct js_iter it = js_iter(keys); js_next(&it); any = true) {
		buf_addf(path, "%s%s=", any ? "," : "", it.key);
		js_write(it.value, path);
	}
	buf_add_char(path, ']');
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The steps of a set in the order of letters; the caller frees the array. */
static const char **sorted_keys(const struct js *set)
{
	const char **keys = xcalloc(js_len(set) + 1, sizeof(*keys));
	size_t n = 0;
	for (struct js_iter it = js_iter(set); js_next(&it);)
		keys[n++] = it.key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	return keys;
}

static void add_key(struct buf *path, const char *key)
{
	if (strncmp(key, "f:", 2) == 0)
		buf_addf(path, ".%s", key + 2);
	else if (strncmp(key, "k:", 2) == 0)
		add_item_keys(path, key + 2);
	else if (strncmp(key, "v:", 2) == 0)
		buf_addf(path, "[=%s]", key + 2);
	else
		buf_addf(path, "[%s]", key);
}

/* The members of a step come before what is deeper. */
static void walk_paths(const struct js *set, struct buf *path, void (*fn)(const char *path, void *arg),
		       void *arg)
{
	const char **keys = sorted_keys(set);
	size_t here = path->len;
	for (size_t i = 0; keys[i]; i++) {
		if (is_self(keys[i]) || !field_set_is_member(js_get(set, keys[i])))
			continue;
		add_key(path, keys[i]);
		fn(buf_str(path), arg);
		cut(path, here);
	}
	for (size_t i = 0; keys[i]; i++) {
		if (is_self(keys[i]) || js_len(js_get(set, keys[i])) == 0)
			continue;
		add_key(path, keys[i]);
		walk_paths(js_get(set, keys[i]), path, fn, arg);
		cut(path, here);
	}
	free(keys);
}

void field_set_paths(const struct js *set, void (*fn)(const char *path, void *arg), void *arg)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX_BYTES);
	walk_paths(set, &path, fn, arg);
}
