#include "embedded/managed.h"

#include <stdio.h>

/* Sets of fields are trees in the form of FieldsV1: {"f:spec":{"f:type":{}}}. An empty object is a leaf. */

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

/* The name of a list item in a set of fields: k:{"type":"Ready"} */
static char *item_key(const struct js *item, const struct js *keys)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	buf_add_str(&text, "k:{");
	bool any = false;
	for (size_t i = 0; i < js_len(keys); i++) {
		const char *key = js_str(js_item(keys, i));
		const struct js *v = key ? js_get(item, key) : NULL;
		if (!v)
			continue;
		buf_add_str(&text, any ? "," : "");
		buf_add_json(&text, slice_of(key));
		buf_add_char(&text, ':');
		js_write(v, &text);
		any = true;
	}
	buf_add_char(&text, '}');
	return any && !text.overflow ? buf_take(&text) : NULL;
}

static const struct js *same_item(const struct js *list, const struct js *item, const struct js *keys)
{
	CLEANUP(freep) char *want = item_key(item, keys);
	for (size_t i = 0; want && i < js_len(list); i++) {
		CLEANUP(freep) char *is = item_key(js_item(list, i), keys);
		if (is && strcmp(is, want) == 0)
			return js_item(list, i);
	}
	return NULL;
}

static void diff(const struct js *old, const struct js *new, const struct schema *s, struct js *changed,
		 struct js *gone);

static void diff_map_list(const struct js *old, const struct js *new, const struct schema *s,
			  struct js *changed, struct js *gone)
{
	const struct js *keys = schema_map_keys(s);
	for (size_t i = 0; i < js_len(new); i++) {
		const struct js *item = js_item(new, i), *was = same_item(old, item, keys);
		CLEANUP(freep) char *key = item_key(item, keys);
		if (!key || js_equal(was, item))
			continue;
		struct js *below = child_of(changed, "", key), *lost = child_of(gone, "", key);
		if (!was)
			js_set(below, ".", js_new_object());
		diff(was, item, schema_items(s), below, lost);
		drop_if_empty(changed, "", key);
		drop_if_empty(gone, "", key);
	}
	for (size_t i = 0; i < js_len(old); i++) {
		CLEANUP(freep) char *key = item_key(js_item(old, i), keys);
		if (key && !same_item(new, js_item(old, i), keys))
			js_set(gone, key, js_new_object());
	}
}

static void diff_field(const char *name, const struct js *old, const struct js *new, const struct schema *s,
		       struct js *changed, struct js *gone)
{
	bool map_list = js_type(new) == JS_ARRAY && schema_map_keys(s);
	bool object = js_type(new) == JS_OBJECT && !schema_atomic(s) && js_len(new) > 0;
	struct js *below = child_of(changed, "f:", name);
	if (!map_list && !object)
		return; /* a leaf */
	struct js *lost = child_of(gone, "f:", name);
	if (map_list)
		diff_map_list(js_type(old) == JS_ARRAY ? old : NULL, new, s, below, lost);
	else
		diff(js_type(old) == JS_OBJECT ? old : NULL, new, s, below, lost);
	drop_if_empty(changed, "f:", name);
	drop_if_empty(gone, "f:", name);
}

static void diff(const struct js *old, const struct js *new, const struct schema *s, struct js *changed,
		 struct js *gone)
{
	for (struct js_iter it = js_iter(new); js_next(&it);)
		if (!js_has(old, it.key) || !js_equal(js_get(old, it.key), it.value))
			diff_field(it.key, js_get(old, it.key), it.value, schema_field(s, it.key), changed,
				   gone);
	for (struct js_iter it = js_iter(old); js_next(&it);)
		if (!js_has(new, it.key))
			(void)child_of(gone, "f:", it.key);
}

/* Takes the leaves of `what` out of `tree`, with what is below them. */
static void subtract(struct js *tree, const struct js *what)
{
	for (struct js_iter it = js_iter(what); js_next(&it);) {
		struct js *below = js_get(tree, it.key);
		if (!below)
			continue;
		if (js_len(it.value) > 0 && js_len(below) > 0) {
			subtract(below, it.value);
			if (js_len(below) > 0)
				continue;
		}
		js_del(tree, it.key);
	}
}

static void unite(struct js *tree, const struct js *what)
{
	for (struct js_iter it = js_iter(what); js_next(&it);)
		unite(js_need_object(tree, it.key), it.value);
}

static bool is_entry_of(const struct js *entry, const struct writer *w)
{
	const char *sub = js_str(js_get(entry, "subresource"));
	return slice_is(js_text(js_get(entry, "manager")), w->manager) &&
	       slice_is(js_text(js_get(entry, "operation")), "Update") &&
	       slice_is(js_text(js_get(entry, "apiVersion")), w->api_version) &&
	       strcmp(sub ? sub : "", w->subresource) == 0;
}

static struct js *new_entry(const struct writer *w)
{
	struct js *entry = js_new_object();
	js_set(entry, "manager", js_new_str(w->manager));
	js_set(entry, "operation", js_new_str("Update"));
	js_set(entry, "apiVersion", js_new_str(w->api_version));
	js_set(entry, "time", js_new_str(w->now));
	js_set(entry, "fieldsType", js_new_str("FieldsV1"));
	js_set(entry, "fieldsV1", js_new_object());
	if (*w->subresource)
		js_set(entry, "subresource", js_new_str(w->subresource));
	return entry;
}

/* Only what a writer may own: identity and bookkeeping are nobody's. */
static struct js *owned_part(const struct js *object, bool without_status)
{
	static const char *const kept[] = { "labels", "annotations", "finalizers", "ownerReferences" };
	struct js *part = js_new_object();
	for (struct js_iter it = js_iter(object); js_next(&it);)
		if (strcmp(it.key, "metadata") != 0 && strcmp(it.key, "apiVersion") != 0 &&
		    strcmp(it.key, "kind") != 0 && !(without_status && strcmp(it.key, "status") == 0))
			js_set(part, it.key, js_ref(it.value));
	struct js *metadata = js_new_object();
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (js_has(js_get(object, "metadata"), kept[i]))
			js_set(metadata, kept[i], js_ref(js_path(object, "metadata", kept[i])));
	js_set(part, "metadata", metadata);
	return part;
}

void managed_update(struct js *object, const struct js *old, const struct schema *schema,
		    const struct writer *w)
{
	CLEANUP(js_freep) struct js *before = old ? owned_part(old, w->without_status) : NULL;
	CLEANUP(js_freep) struct js *after = owned_part(object, w->without_status);
	CLEANUP(js_freep) struct js *changed = js_new_object();
	CLEANUP(js_freep) struct js *gone = js_new_object();
	diff(before, after, schema, changed, gone);
	if (js_len(js_get(changed, "f:metadata")) == 0)
		js_del(changed, "f:metadata");

	struct js *entries = js_new_array(), *mine = NULL;
	const struct js *was = js_path(old, "metadata", "managedFields");
	for (size_t i = 0; i < js_len(was); i++) {
		struct js *entry = js_clone(js_item(was, i));
		struct js *fields = js_need_object(entry, "fieldsV1");
		bool own = is_entry_of(entry, w);
		if (!own)
			subtract(fields, changed);
		subtract(fields, gone);
		if (own && js_len(changed) > 0) {
			unite(fields, changed);
			js_set(entry, "time", js_new_str(w->now));
			mine = entry;
		}
		if (js_len(fields) > 0)
			js_push(entries, entry);
		else
			js_free(entry);
	}
	if (!mine && js_len(changed) > 0) {
		mine = new_entry(w);
		unite(js_get(mine, "fieldsV1"), changed);
		js_push(entries, mine);
	}
	struct js *metadata = js_need_object(object, "metadata");
	if (js_len(entries) > 0) {
		js_set(metadata, "managedFields", entries);
	} else {
		js_del(metadata, "managedFields");
		js_free(entries);
	}
}
