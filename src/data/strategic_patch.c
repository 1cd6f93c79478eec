#include "data/strategic_patch.h"

#include <errno.h>

#define DIRECTIVE "$patch"
#define DELETE_FROM "$deleteFromPrimitiveList/"
#define SET_ORDER "$setElementOrder/"
#define RETAIN "$retainKeys"

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_directive(const char *key)
{
	return strcmp(key, DIRECTIVE) == 0 || strcmp(key, RETAIN) == 0 || starts(key, DELETE_FROM) ||
	       starts(key, SET_ORDER);
}

static bool has_directive(const struct js *patch, const char *what)
{
	const char *is = js_str(js_get(patch, DIRECTIVE));
	return is && strcmp(is, what) == 0;
}

/* A copy of a patch's value where there is nothing to merge with: nulls and directives are not data. */
static struct js *as_value(const struct js *patch)
{
	if (js_type(patch) == JS_ARRAY) {
		struct js *list = js_new_array();
		for (size_t i = 0; i < js_len(patch); i++) {
			const struct js *item = js_item(patch, i);
			if (js_type(item) == JS_OBJECT &&
			    (has_directive(item, "delete") || has_directive(item, "replace")))
				continue;
			js_push(list, as_value(item));
		}
		return list;
	}
	if (js_type(patch) != JS_OBJECT)
		return js_clone(patch);
	struct js *object = js_new_object();
	for (struct js_iter it = js_iter(patch); js_next(&it);)
		if (it.value && !is_directive(it.key))
			js_set(object, it.key, as_value(it.value));
	return object;
}

static int merge_object(struct js *object, const struct js *patch, const struct schema *s, struct err *e);

static size_t find_plain(const struct js *list, const struct js *value)
{
	size_t n = js_len(list), i = 0;
	while (i < n && !js_equal(js_item(list, i), value))
		i++;
	return i;
}

static size_t find_keyed(const struct js *list, const char *key, const struct js *value)
{
	size_t n = js_len(list), i = 0;
	while (i < n && !js_equal(js_get(js_item(list, i), key), value))
		i++;
	return i;
}

static int merge_items(struct js *list, const struct js *patch, const struct schema *s, struct err *e)
{
	const char *key = schema_merge_key(s);
	for (size_t i = 0; i < js_len(patch); i++) {
		const struct js *item = js_item(patch, i);
		if (!key) {
			if (find_plain(list, item) == js_len(list))
				js_push(list, js_clone(item));
			continue;
		}
		if (has_directive(item, "replace"))
			continue;
		const struct js *id = js_get(item, key);
		if (js_type(item) != JS_OBJECT || !id)
			return err_set(e, EINVAL, "map: an item of a merged list does not contain its key %s",
				       key);
		size_t at = find_keyed(list, key, id);
		if (has_directive(item, "delete")) {
			while (at < js_len(list)) {
				js_del_item(list, at);
				at = find_keyed(list, key, id);
			}
		} else if (at == js_len(list)) {
			js_push(list, as_value(item));
		} else {
			int r = merge_object(js_item(list, at), item, schema_items(s), e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool replaces_list(const struct js *patch)
{
	for (size_t i = 0; i < js_len(patch); i++)
		if (js_type(js_item(patch, i)) == JS_OBJECT && has_directive(js_item(patch, i), "replace"))
			return true;
	return false;
}

static size_t find_in(const struct js *list, const struct js *item, const char *key)
{
	return key ? find_keyed(list, key, js_get(item, key)) : find_plain(list, item);
}

/* Items that the order names come in that order, the others in that of the list as it was (`before`). Both
 * are interleaved so that an item of the second sort stays in front of what it was in front of. */
static void reorder(struct js *object, const char *name, const struct js *order, const struct js *before,
		    const char *key)
{
	const struct js *list = js_get(object, name);
	struct js *named = js_new_array(), *others = js_new_array(), *sorted = js_new_array();
	for (size_t i = 0; i < js_len(order); i++) {
		size_t at = find_in(list, js_item(order, i), key);
		if (at < js_len(list) && find_in(named, js_item(list, at), key) == js_len(named))
			js_push(named, js_ref(js_item(list, at)));
	}
	for (size_t i = 0; i < js_len(list); i++)
		if (find_in(named, js_item(list, i), key) == js_len(named))
			js_push(others, js_ref(js_item(list, i)));
	size_t i = 0, j = 0;
	while (i < js_len(others) || j < js_len(named)) {
		size_t left = find_in(before, js_item(others, i), key),
		       right = find_in(before, js_item(named, j), key);
		bool in_front = left < js_len(before) && right < js_len(before) && left < right;
		if (i < js_len(others) && (j >= js_len(named) || in_front))
			js_push(sorted, js_ref(js_item(others, i++)));
		else
			js_push(sorted, js_ref(js_item(named, j++)));
	}
	js_set(object, name, sorted);
	js_free(named);
	js_free(others);
}

/* `order` NULL: that of the patch itself. */
static int merge_list(struct js *object, const char *name, const struct js *patch, const struct js *order,
		      const struct schema *s, struct err *e)
{
	struct js *list = js_get(object, name);
	if (!schema_merges(s) || js_type(list) != JS_ARRAY || replaces_list(patch)) {
		js_set(object, name, as_value(patch));
		return 0;
	}
	CLEANUP(js_freep) struct js *before = js_clone(list);
	int r = merge_items(list, patch, s, e);
	if (r == 0)
		reorder(object, name, order ? order : patch, before, schema_merge_key(s));
	return r;
}

static int delete_plain(struct js *object, const char *name, const struct js *gone, struct err *e)
{
	struct js *list = js_get(object, name);
	if (js_type(gone) != JS_ARRAY)
		return err_set(e, EINVAL, DELETE_FROM "%s is a list of the values to delete", name);
	if (js_type(list) != JS_ARRAY)
		return 0;
	for (size_t i = 0; i < js_len(gone); i++) {
		size_t at = find_plain(list, js_item(gone, i));
		while (at < js_len(list)) {
			js_del_item(list, at);
			at = find_plain(list, js_item(gone, i));
		}
	}
	return 0;
}

static bool in_list(const struct js *list, const char *text)
{
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_item(list, i)), text))
			return true;
	return false;
}

static void retain_keys(struct js *object, const struct js *keep)
{
	CLEANUP(js_freep) struct js *gone = js_new_array();
	for (struct js_iter it = js_iter(object); js_next(&it);)
		if (!in_list(keep, it.key))
			js_push(gone, js_new_str(it.key));
	for (size_t i = 0; i < js_len(gone); i++)
		js_del(object, js_str(js_item(gone, i)));
}

static int merge_field(struct js *object, const char *name, const struct js *patch, const struct js *order,
		       const struct schema *s, struct err *e)
{
	if (!patch || (js_type(patch) == JS_OBJECT && has_directive(patch, "delete"))) {
		js_del(object, name);
		return 0;
	}
	if (js_type(patch) == JS_ARRAY)
		return merge_list(object, name, patch, order, s, e);
	if (js_type(patch) != JS_OBJECT) {
		js_set(object, name, js_clone(patch));
		return 0;
	}
	if (js_type(js_get(object, name)) != JS_OBJECT || has_directive(patch, "replace")) {
		js_set(object, name, as_value(patch));
		return 0;
	}
	return merge_object(js_get(object, name), patch, s, e);
}

static int check_directives(const struct js *patch, struct err *e)
{
	const char *what = js_str(js_get(patch, DIRECTIVE));
	if (what && strcmp(what, "merge") != 0 && strcmp(what, "replace") != 0 && strcmp(what, "delete") != 0)
		return err_set(e, EINVAL, "unknown $patch directive: %s", what);
	return 0;
}

static int merge_object(struct js *object, const struct js *patch, const struct schema *s, struct err *e)
{
	int r = check_directives(patch, e);
	if (r < 0)
		return r;
	if (js_type(js_get(patch, RETAIN)) == JS_ARRAY)
		retain_keys(object, js_get(patch, RETAIN));
	for (struct js_iter it = js_iter(patch); r == 0 && js_next(&it);)
		if (starts(it.key, DELETE_FROM))
			r = delete_plain(object, it.key + strlen(DELETE_FROM), it.value, e);
	for (struct js_iter it = js_iter(patch); r == 0 && js_next(&it);) {
		if (is_directive(it.key))
			continue;
		CLEANUP(freep) char *order = xasprintf(SET_ORDER "%s", it.key);
		r = merge_field(object, it.key, it.value, js_get(patch, order), schema_field(s, it.key), e);
	}
	if (r < 0)
		return r;
	for (struct js_iter it = js_iter(patch); js_next(&it);) {
		const char *name = starts(it.key, SET_ORDER) ? it.key + strlen(SET_ORDER) : NULL;
		const struct schema *list = name ? schema_field(s, name) : NULL;
		/* An order without a patch to the list sorts what is there. */
		if (name && !js_has(patch, name) && js_type(js_get(object, name)) == JS_ARRAY &&
		    schema_merges(list)) {
			CLEANUP(js_freep) struct js *before = js_clone(js_get(object, name));
			reorder(object, name, it.value, before, schema_merge_key(list));
		}
	}
	return 0;
}

int strategic_patch(struct js **doc, const struct js *patch, const struct schema *schema, struct err *e)
{
	if (js_type(patch) != JS_OBJECT)
		return err_set(e, EINVAL, "a strategic merge patch is an object");
	CLEANUP(js_freep)
	struct js *work = has_directive(patch, "replace") ? js_new_object() : js_clone(*doc);
	if (js_type(work) != JS_OBJECT) {
		js_free(work);
		work = js_new_object();
	}
	int r = merge_object(work, patch, schema, e);
	if (r < 0)
		return r;
	js_free(*doc);
	*doc = TAKE(work);
	return 0;
}
