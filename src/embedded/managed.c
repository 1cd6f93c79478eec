#include "embedded/managed.h"

#include "embedded/field_set.h"

#include <stdio.h>

static bool is_entry_of(const struct js *entry, const struct writer *w, const char *operation)
{
	const char *sub = js_str(js_get(entry, "subresource"));
	return slice_is(js_text(js_get(entry, "manager")), w->manager) &&
	       slice_is(js_text(js_get(entry, "operation")), operation) &&
	       strcmp(sub ? sub : "", w->subresource) == 0;
}

const struct js *managed_applied(const struct js *entries, const struct writer *w)
{
	for (size_t i = 0; i < js_len(entries); i++)
		if (is_entry_of(js_item(entries, i), w, "Apply"))
			return js_item(entries, i);
	return NULL;
}

struct js *managed_entry(const struct writer *w, const char *operation, const char *time, struct js *fields)
{
	struct js *entry = js_new_object();
	js_set(entry, "manager", js_new_str(w->manager));
	js_set(entry, "operation", js_new_str(operation));
	js_set(entry, "apiVersion", js_new_str(w->api_version));
	if (time)
		js_set(entry, "time", js_new_str(time));
	js_set(entry, "fieldsType", js_new_str("FieldsV1"));
	js_set(entry, "fieldsV1", fields);
	if (*w->subresource)
		js_set(entry, "subresource", js_new_str(w->subresource));
	return entry;
}

struct js *managed_with(const struct js *entry, struct js *fields)
{
	struct js *with = js_new_object();
	for (struct js_iter it = js_iter(entry); js_next(&it);)
		if (strcmp(it.key, "fieldsV1") != 0)
			js_set(with, it.key, js_ref(it.value));
	js_set(with, "fieldsV1", fields);
	return with;
}

static int compare_text(const struct js *a, const struct js *b, const char *key)
{
	const char *x = js_str(js_get(a, key)), *y = js_str(js_get(b, key));
	return strcmp(x ? x : "", y ? y : "");
}

/* "Apply" is before "Update", and what has no time before what has one. */
static bool is_before(const struct js *a, const struct js *b)
{
	static const char *const keys[] = { "operation", "time", "manager", "apiVersion", "subresource" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		int order = compare_text(a, b, keys[i]);
		if (order)
			return order < 0;
	}
	return false;
}

void managed_set(struct js *object, struct js *entries)
{
	struct js *metadata = js_need_object(object, "metadata"), *sorted = js_new_array();
	for (size_t i = 0; i < js_len(entries); i++) {
		size_t at = js_len(sorted);
		while (at > 0 && is_before(js_item(entries, i), js_item(sorted, at - 1)))
			at--;
		js_insert_item(sorted, at, js_ref(js_item(entries, i)));
	}
	js_free(entries);
	if (js_len(sorted) > 0) {
		js_set(metadata, "managedFields", sorted);
	} else {
		js_del(metadata, "managedFields");
		js_free(sorted);
	}
}

struct js *managed_part(const struct js *object, enum part which)
{
	static const char *const kept[] = { "labels", "annotations", "finalizers", "ownerReferences" };
	struct js *part = js_new_object();
	for (struct js_iter it = js_iter(object); js_next(&it);) {
		bool status = strcmp(it.key, "status") == 0;
		bool other = strcmp(it.key, "metadata") == 0 || strcmp(it.key, "apiVersion") == 0 ||
			     strcmp(it.key, "kind") == 0;
		if (!other && (which == PART_ALL || (which == PART_STATUS) == status))
			js_set(part, it.key, js_ref(it.value));
	}
	struct js *metadata = js_new_object();
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (js_has(js_get(object, "metadata"), kept[i]))
			js_set(metadata, kept[i], js_ref(js_path(object, "metadata", kept[i])));
	js_set(part, "metadata", metadata);
	return part;
}

static bool is_entry(const struct js *entry)
{
	struct slice operation = js_text(js_get(entry, "operation"));
	return js_text(js_get(entry, "manager")).len &&
	       (slice_is(operation, "Apply") || slice_is(operation, "Update")) &&
	       js_type(js_get(entry, "fieldsV1")) == JS_OBJECT;
}

struct js *managed_given(const struct js *object)
{
	struct js *entries = js_path(object, "metadata", "managedFields");
	if (js_type(entries) != JS_ARRAY)
		return NULL;
	/* A list with one empty entry says "nobody" in a merge patch, where an empty list says so too. */
	if (js_len(entries) == 1 && js_type(js_item(entries, 0)) == JS_OBJECT &&
	    js_len(js_item(entries, 0)) == 0)
		return js_new_array();
	for (size_t i = 0; i < js_len(entries); i++)
		if (!is_entry(js_item(entries, i)))
			return NULL;
	return js_ref(entries);
}

/* An entry as it is after an update of somebody else. NULL: it owns nothing any more. */
static struct js *left_of(const struct js *entry, const struct js *changed, const struct js *gone)
{
	CLEANUP(js_freep)
	struct js *kept = changed ? field_set_without(js_get(entry, "fieldsV1"), changed)
				  : js_ref(js_get(entry, "fieldsV1"));
	CLEANUP(js_freep) struct js *fields = field_set_without(kept, gone);
	if (js_len(fields) == 0)
		return NULL;
	return managed_with(entry, TAKE(fields));
}

void managed_update(struct js *object, const struct js *old, const struct schema *schema,
		    const struct writer *w)
{
	enum part part = w->without_status ? PART_BUT_STATUS : PART_ALL;
	CLEANUP(js_freep) struct js *before = old ? managed_part(old, part) : NULL;
	CLEANUP(js_freep) struct js *after = managed_part(object, part);
	CLEANUP(js_freep) struct js *changed = js_new_object();
	CLEANUP(js_freep) struct js *gone = js_new_object();
	field_set_compare(before, after, schema, w->metadata, changed, gone);
	if (js_len(js_get(changed, "f:metadata")) == 0)
		js_del(changed, "f:metadata");

	struct js *entries = js_new_array();
	const struct js *was = js_path(object, "metadata", "managedFields");
	bool done = js_len(changed) == 0;
	for (size_t i = 0; i < js_len(was); i++) {
		const struct js *entry = js_item(was, i);
		bool own = !done && is_entry_of(entry, w, "Update") &&
			   slice_is(js_text(js_get(entry, "apiVersion")), w->api_version);
		CLEANUP(js_freep) struct js *left = left_of(entry, own ? NULL : changed, gone);
		if (!own) {
			if (left)
				js_push(entries, TAKE(left));
			continue;
		}
		js_push(entries, managed_entry(w, "Update", w->now,
					       field_set_union(js_get(left, "fieldsV1"), changed)));
		done = true;
	}
	if (!done)
		js_push(entries, managed_entry(w, "Update", w->now, js_clone(changed)));
	managed_set(object, entries);
}
