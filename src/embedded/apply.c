#include "embedded/apply.h"

#include "embedded/field_set.h"
#include "embedded/managed.h"
#include "embedded/meta.h"

#include <stdio.h>

enum { MESSAGE_MAX = 32 * 1024 };

/* Does it fit the schema so far that it can be merged? */

struct check {
	struct buf path, wrong; /* wrong: the first that was found; empty = nothing */
};

static void check_value(struct check *c, const struct js *value, const struct schema *s);

static void cut(struct buf *path, size_t len)
{
	path->len = len;
	path->overflow = false;
	if (path->ptr)
		path->ptr[len] = '\0';
}

static void say(struct check *c, const char *what)
{
	if (!c->wrong.len)
		buf_addf(&c->wrong, "%s: %s", buf_str(&c->path), what);
}

static void check_items(struct check *c, const struct js *list, const struct schema *s)
{
	CLEANUP(js_freep) struct js *seen = js_new_object();
	for (size_t i = 0; i < js_len(list) && !c->wrong.len; i++) {
		CLEANUP(freep) char *key = field_set_item(js_item(list, i), s);
		size_t here = c->path.len;
		if (!key) {
			say(c, "associative list with keys has an element that omits all key fields");
		} else if (js_has(seen, key)) {
			say(c, schema_is_set(s) ? "duplicate entries in a set" : "duplicate entries for key");
		} else {
			js_set(seen, key, js_new_bool(true));
			buf_addf(&c->path, "[%zu]", i);
			check_value(c, js_item(list, i), schema_items(s));
			cut(&c->path, here);
		}
	}
}

static void check_value(struct check *c, const struct js *value, const struct schema *s)
{
	size_t here = c->path.len;
	if (!value || c->wrong.len)
		return;
	if (field_set_by_item(s)) {
		if (js_type(value) != JS_ARRAY)
			say(c, "expected list");
		else
			check_items(c, value, s);
		return;
	}
	for (struct js_iter it = js_iter(value); js_next(&it);) {
		buf_addf(&c->path, ".%s", it.key);
		check_value(c, it.value, schema_field(s, it.key));
		cut(&c->path, here);
	}
}

static void check_unknown(struct check *c, const struct js *value, const struct schema *s, const char *prefix)
{
	CLEANUP(js_freep) struct js *copy = js_clone(value);
	CLEANUP(js_freep) struct js *unknown = js_new_array();
	if (!s || c->wrong.len)
		return;
	schema_prune(s, copy, unknown);
	if (js_len(unknown) > 0)
		buf_addf(&c->wrong, "%s%s: field not declared in schema", prefix,
			 js_str(js_item(unknown, 0)));
}

static int check(const struct write *w, const struct js *given, struct status *st)
{
	char version[320];
	const struct schema *metadata = w->api->kinds.metadata;
	struct check c = { .path = BUF_INIT(MESSAGE_MAX), .wrong = BUF_INIT(MESSAGE_MAX) };
	check_unknown(&c, given, w->version->schema, ".");
	check_unknown(&c, js_get(given, "metadata"), metadata, ".metadata.");
	for (struct js_iter it = js_iter(given); js_next(&it);) {
		bool is_meta = strcmp(it.key, "metadata") == 0;
		cut(&c.path, 0);
		buf_addf(&c.path, ".%s", it.key);
		check_value(&c, it.value, is_meta ? metadata : schema_field(w->version->schema, it.key));
	}
	int r = 0;
	if (c.wrong.len)
		r = status_fail(st, 500, "", "failed to create typed patch object (%s/%s; %s%s, Kind=%s): %s",
				meta_namespace(given), meta_name(given), *w->kind->group ? "" : "/",
				kind_api_version(w->kind, w->version, version, sizeof(version)),
				w->kind->kind, buf_str(&c.wrong));
	buf_done(&c.path);
	buf_done(&c.wrong);
	return r;
}

/* Merging */

static struct js *merge(const struct js *live, const struct js *given, const struct schema *s,
			const struct schema *metadata);

static const struct schema *schema_below(const struct schema *s, const struct schema *metadata,
					 const char *name)
{
	return metadata && strcmp(name, "metadata") == 0 ? metadata : schema_field(s, name);
}

/* A list with the keys of its items, and where each key is. */
struct keyed {
	const struct js *items;
	size_t n;
	struct js *keys, *at; /* owned */
};

static struct keyed keyed_list(const struct js *items, const struct schema *s)
{
	struct keyed k = {
		.items = items, .n = js_len(items), .keys = js_new_array(), .at = js_new_object()
	};
	for (size_t i = 0; i < k.n; i++) {
		CLEANUP(freep) char *key = field_set_item(js_item(items, i), s);
		js_push(k.keys, js_new_str(key ? key : ""));
		js_set(k.at, key ? key : "", js_new_int((int64_t)i));
	}
	return k;
}

static void keyed_done(struct keyed *k)
{
	js_free(k->keys);
	js_free(k->at);
}

/* Where the item `i` of `of` is in `k`; the end if it is not there. */
static size_t find(const struct keyed *k, const struct keyed *of, size_t i)
{
	const char *key = js_str(js_item(of->keys, i));
	return key ? (size_t)js_int(js_get(k->at, key), (int64_t)k->n) : k->n;
}

/* The first of `ours` from `from` on that `theirs` has, too; the end if there is none. */
static size_t next_shared(const struct keyed *ours, const struct keyed *theirs, size_t from)
{
	while (from < ours->n && find(theirs, ours, from) == theirs->n)
		from++;
	return from;
}

/* Items of both lists stand in the order of `given`; those of `live` alone keep their place among those
 * around them. */
static struct js *merge_list(const struct js *live, const struct js *given, const struct schema *s)
{
	struct js *out = js_new_array();
	struct keyed theirs = keyed_list(live, s), ours = keyed_list(given, s);
	size_t l = 0, g = 0, shared = next_shared(&ours, &theirs, 0);
	while (l < theirs.n || g < ours.n) {
		size_t wanted_at = l < theirs.n ? find(&ours, &theirs, l) : ours.n;
		if (l < theirs.n && wanted_at == ours.n) {
			js_push(out, js_clone(js_item(live, l++)));
			continue;
		}
		/* Taken already, or comes later, where `given` has it. */
		if (l < theirs.n && (wanted_at < g || wanted_at > shared)) {
			l++;
			continue;
		}
		size_t same = find(&theirs, &ours, g);
		js_push(out, merge(same < theirs.n ? js_item(live, same) : NULL, js_item(given, g),
				   schema_items(s), NULL));
		l += l < theirs.n && wanted_at == g;
		if (g++ == shared)
			shared = next_shared(&ours, &theirs, g);
	}
	keyed_done(&theirs);
	keyed_done(&ours);
	return out;
}

static struct js *merge(const struct js *live, const struct js *given, const struct schema *s,
			const struct schema *metadata)
{
	if (js_type(given) == JS_ARRAY && field_set_by_item(s))
		return merge_list(js_type(live) == JS_ARRAY ? live : NULL, given, s);
	if (js_type(given) != JS_OBJECT || schema_atomic(s))
		return js_clone(given);
	struct js *out = js_new_object();
	for (struct js_iter it = js_iter(live); js_next(&it);)
		if (!js_has(given, it.key))
			js_set(out, it.key, js_clone(it.value));
	for (struct js_iter it = js_iter(given); js_next(&it);)
		if (it.value)
			js_set(out, it.key,
			       merge(js_get(live, it.key), it.value, schema_below(s, metadata, it.key),
				     NULL));
	return out;
}

/* Removing what the manager applied before and nobody holds any more */

static void prune(struct js *value, const struct js *last, const struct js *held, const struct schema *s,
		  const struct schema *metadata);

static void prune_list(struct js *list, const struct js *last, const struct js *held, const struct schema *s)
{
	for (size_t i = js_len(list); i-- > 0;) {
		CLEANUP(freep) char *key = field_set_item(js_item(list, i), s);
		const struct js *step = key ? js_get(last, key) : NULL;
		if (!step)
			continue;
		if (field_set_is_member(step) && !field_set_is_member(js_get(held, key)))
			js_del_item(list, i);
		else
			prune(js_item(list, i), step, js_get(held, key), schema_items(s), NULL);
	}
}

static void prune_field(struct js *object, const char *name, const struct js *last, const struct js *held,
			const struct schema *s, bool is_meta, bool declared)
{
	/* A declared field is held by whoever holds something in it, one of a free map by who put it in. */
	bool was = declared || field_set_is_member(last);
	bool is = declared ? held != NULL : field_set_is_member(held);
	struct js *value = js_get(object, name);
	if (was && !is && !is_meta) {
		js_del(object, name);
		return;
	}
	bool empty = js_len(value) == 0;
	prune(value, last, held, s, NULL);
	/* What is left empty goes, too, unless somebody wants it empty. */
	if (!empty && !is_meta && !field_set_is_member(held) &&
	    (js_type(value) == JS_OBJECT || js_type(value) == JS_ARRAY) && js_len(value) == 0)
		js_del(object, name);
}

static void prune(struct js *value, const struct js *last, const struct js *held, const struct schema *s,
		  const struct schema *metadata)
{
	if (js_type(value) == JS_ARRAY && field_set_by_item(s)) {
		prune_list(value, last, held, s);
		return;
	}
	if (js_type(value) != JS_OBJECT)
		return;
	for (struct js_iter it = js_iter(last); js_next(&it);) {
		const char *name = strncmp(it.key, "f:", 2) == 0 ? it.key + 2 : NULL;
		if (!name || !js_has(value, name))
			continue;
		prune_field(value, name, it.value, js_get(held, it.key), schema_below(s, metadata, name),
			    metadata && strcmp(name, "metadata") == 0, schema_has_field(s, name));
	}
}

/* Conflicts */

struct conflicts {
	struct problems list;
	struct buf text;   /* "conflicts with …" for each manager */
	char *who;         /* owned; the last manager */
	size_t of_manager; /* conflicts with it so far */
};

/* "kubectl-edit" using v1 */
static char *describe(const struct js *entry)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MESSAGE_MAX);
	buf_add_json(&text, js_text(js_get(entry, "manager")));
	if (js_text(js_get(entry, "subresource")).len) {
		buf_add_str(&text, " with subresource ");
		buf_add_json(&text, js_text(js_get(entry, "subresource")));
	}
	if (slice_is(js_text(js_get(entry, "operation")), "Update")) {
		buf_add_str(&text, " using ");
		buf_add_slice(&text, js_text(js_get(entry, "apiVersion")));
	}
	return buf_take(&text);
}

static void add_conflict(const char *path, void *arg)
{
	struct conflicts *c = arg;
	if (c->of_manager++ == 0)
		buf_addf(&c->text, "%sconflicts with %s:", c->text.len ? "\n" : "", c->who);
	buf_addf(&c->text, "\n- %s", path);
	problem_add(&c->list, PROBLEM_INVALID, path, NULL, "%s", "");
	if (c->list.n == 0 || c->list.n > PROBLEMS_MAX)
		return;
	struct problem *p = &c->list.items[c->list.n - 1];
	free(p->message);
	p->message = xasprintf("conflict with %s", c->who);
}

static int refuse(struct conflicts *c, struct status *st)
{
	if (c->list.n == 1)
		status_fail(st, 409, "Conflict", "Apply failed with 1 conflict: %s: %s",
			    c->list.items[0].message, c->list.items[0].field);
	else
		status_fail(st, 409, "Conflict", "Apply failed with %zu conflicts: %s", c->list.n,
			    buf_str(&c->text));
	st->problems = c->list;
	st->problem_reason = "FieldManagerConflict";
	c->list = (struct problems){ 0 };
	return -1;
}

static int check_conflicts(const struct js *entries, const struct js *own, const struct js *changed,
			   struct status *st)
{
	struct conflicts c = { .text = BUF_INIT(MESSAGE_MAX) };
	for (size_t i = 0; i < js_len(entries); i++) {
		const struct js *entry = js_item(entries, i);
		if (entry == own)
			continue;
		CLEANUP(js_freep)
		struct js *both = field_set_intersection(js_get(entry, "fieldsV1"), changed);
		CLEANUP(freep) char *who = describe(entry);
		c.who = who;
		c.of_manager = 0;
		field_set_paths(both, add_conflict, &c);
	}
	int r = c.list.n ? refuse(&c, st) : 0;
	problems_done(&c.list);
	buf_done(&c.text);
	return r;
}

/* Together */

static struct js *held_by_all(const struct js *entries, const struct js *own, const struct js *set)
{
	struct js *all = js_clone(set);
	for (size_t i = 0; i < js_len(entries); i++) {
		if (js_item(entries, i) == own)
			continue;
		struct js *more = field_set_union(all, js_get(js_item(entries, i), "fieldsV1"));
		js_free(all);
		all = more;
	}
	return all;
}

static void add_others(struct js *to, const struct js *entries, const struct js *own,
		       const struct js *changed, const struct js *gone)
{
	for (size_t i = 0; i < js_len(entries); i++) {
		const struct js *entry = js_item(entries, i);
		if (entry == own)
			continue;
		CLEANUP(js_freep)
		struct js *kept = field_set_difference(js_get(entry, "fieldsV1"), changed);
		CLEANUP(js_freep) struct js *fields = field_set_without(kept, gone);
		if (js_len(fields) > 0)
			js_push(to, managed_with(entry, TAKE(fields)));
	}
}

/* What is there before anybody applied and nobody owns belongs to a manager of its own, so that applying
 * does not change it unasked. */
static struct js *entries_of(const struct js *old, const struct js *live, const struct schema *s,
			     const struct writer *w)
{
	struct js *entries = js_path(old, "metadata", "managedFields");
	if (js_len(entries) > 0)
		return js_ref(entries);
	struct js *list = js_new_array();
	struct js *changed = js_new_object();
	CLEANUP(js_freep) struct js *gone = js_new_object();
	field_set_compare(NULL, live, s, w->metadata, changed, gone);
	struct writer nobody = { .manager = "before-first-apply",
				 .api_version = w->api_version,
				 .subresource = "" };
	if (old)
		js_push(list, managed_entry(&nobody, "Update", w->now, changed));
	else
		js_free(changed);
	return list;
}

/* The old object with the merged part in place of its own. */
static struct js *put_together(const struct js *old, const struct js *given, const struct js *merged)
{
	static const char *const kept[] = { "labels", "annotations", "finalizers", "ownerReferences" };
	struct js *object = js_new_object(), *metadata = js_need_object(object, "metadata");
	const struct js *m = js_get(merged, "metadata"), *wanted = js_get(given, "metadata");
	for (struct js_iter it = js_iter(merged); js_next(&it);)
		if (strcmp(it.key, "metadata") != 0)
			js_set(object, it.key, js_ref(it.value));
	for (struct js_iter it = js_iter(js_get(old, "metadata")); js_next(&it);)
		js_set(metadata, it.key, js_clone(it.value));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		js_del(metadata, kept[i]);
		if (js_get(m, kept[i]))
			js_set(metadata, kept[i], js_ref(js_get(m, kept[i])));
	}
	if (js_get(wanted, "uid"))
		js_set(metadata, "uid", js_clone(js_get(wanted, "uid")));
	if (js_get(wanted, "resourceVersion"))
		js_set(metadata, "resourceVersion", js_clone(js_get(wanted, "resourceVersion")));
	return object;
}

int apply_merge(const struct apply *a, const struct js *given, const struct js *old, struct js **ret_object,
		struct js **ret_managed, struct status *st)
{
	const struct write *w = a->w;
	const struct schema *s = w->version->schema, *metadata = w->api->kinds.metadata;
	char version[320], now[RFC3339_MAX];
	struct writer who = { .manager = w->manager,
			      .api_version = kind_api_version(w->kind, w->version, version, sizeof(version)),
			      .subresource = w->subresource,
			      .now = meta_now(now),
			      .metadata = metadata };
	if (check(w, given, st) < 0)
		return -1;
	enum part part = !w->version->status ? PART_ALL : *w->subresource ? PART_STATUS : PART_BUT_STATUS;
	CLEANUP(js_freep) struct js *wanted = managed_part(given, part);
	CLEANUP(js_freep) struct js *live = managed_part(old, part);
	CLEANUP(js_freep) struct js *set = field_set_of(wanted, s, metadata);
	CLEANUP(js_freep) struct js *entries = entries_of(old, live, s, &who);
	const struct js *own = managed_applied(entries, &who);

	CLEANUP(js_freep) struct js *merged = merge(live, wanted, s, metadata);
	CLEANUP(js_freep) struct js *held = held_by_all(entries, own, set);
	prune(merged, js_get(own, "fieldsV1"), held, s, metadata);

	CLEANUP(js_freep) struct js *changed = js_new_object();
	CLEANUP(js_freep) struct js *gone = js_new_object();
	field_set_compare(live, merged, s, metadata, changed, gone);
	if (!a->force && check_conflicts(entries, own, changed, st) < 0)
		return -1;

	CLEANUP(js_freep) struct js *managed = js_new_array();
	add_others(managed, entries, own, changed, gone);
	/* A time is when a manager last changed something. */
	const char *time = js_equal(live, merged) ? js_str(js_get(own, "time")) : now;
	if (js_len(set) > 0)
		js_push(managed, managed_entry(&who, "Apply", time, TAKE(set)));
	*ret_object = old ? put_together(old, given, merged) : js_clone(given);
	*ret_managed = TAKE(managed);
	return 0;
}
