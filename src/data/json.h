/* JSON documents as trees: thin, typed access to json-c.
 *
 * A node is owned by its parent; a root by whoever made it (CLEANUP(js_freep)). JSON null and
 * "not there" are both a NULL node; js_has() tells them apart. Every reader takes NULL and takes
 * a node of the wrong type as absent, so a walk over a stranger's document needs no checks. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

/* `js` and not `json`, because json-c has taken json_type and json_bool. */
struct js; /* a node */

enum js_type { JS_NULL, JS_BOOL, JS_INT, JS_DOUBLE, JS_STRING, JS_ARRAY, JS_OBJECT };

enum {
	JS_DEPTH_MAX = 64,              /* deeper documents are refused */
	JS_SIZE_MAX = 16 * 1024 * 1024, /* larger ones too */
};

/* The whole text must be one JSON value. 0, -EINVAL (the message says where), -E2BIG. */
int js_parse(struct slice text, struct js **ret, struct err *e);

struct js *js_ref(struct js *j); /* one more owner of the same node; NULL allowed */
void js_free(struct js *j);      /* one owner less; NULL allowed */
void js_freep(struct js **j);
/* A deep copy of its own. */
[[nodiscard]] struct js *js_clone(const struct js *j);
/* Objects compare without order of keys. */
bool js_equal(const struct js *a, const struct js *b);

enum js_type js_type(const struct js *j);

/* Reading */
struct js *js_get(const struct js *object, const char *key);
/* js_path(j, "metadata", "name"): NULL as soon as one step is missing. */
#define js_path(j, ...) js_path_to((j), (const char *const[]){ __VA_ARGS__, NULL })
struct js *js_path_to(const struct js *j, const char *const *keys);
bool js_has(const struct js *object, const char *key);
/* The text of a string node, borrowed; {NULL, 0} for anything else. NUL-terminated behind len. */
struct slice js_text(const struct js *j);
/* The same as a C string; NULL if it is no string or has a NUL inside. */
const char *js_str(const struct js *j);
bool js_bool(const struct js *j, bool otherwise);
/* Integers only; a double or a string is "otherwise". */
int64_t js_int(const struct js *j, int64_t otherwise);
double js_double(const struct js *j, double otherwise);
size_t js_len(const struct js *array_or_object);
struct js *js_item(const struct js *array, size_t i);

/* for (struct js_iter it = js_iter(j); js_next(&it);) it.key, it.value */
struct js_iter {
	const char *key;
	struct js *value;
	void *entry;
	size_t left; /* only used by trees of js_parse_kept() */
};
struct js_iter js_iter(const struct js *object);
bool js_next(struct js_iter *it);

/* Building. The child is handed over; NULL stands for null. */
[[nodiscard]] struct js *js_new_object(void);
[[nodiscard]] struct js *js_new_array(void);
/* Bytes that are no UTF-8 become U+FFFD: what is written must be JSON whatever a stranger put into it. */
[[nodiscard]] struct js *js_new_text(struct slice s);
[[nodiscard]] struct js *js_new_str(const char *s); /* NULL gives null */
[[nodiscard]] struct js *js_new_int(int64_t v);
[[nodiscard]] struct js *js_new_double(double v);
[[nodiscard]] struct js *js_new_bool(bool v);
void js_set(struct js *object, const char *key, struct js *child);
void js_del(struct js *object, const char *key);
void js_push(struct js *array, struct js *child);
/* Replaces element i (i == length appends). */
void js_put_item(struct js *array, size_t i, struct js *child);
/* Puts the child in front of element i. */
void js_insert_item(struct js *array, size_t i, struct js *child);
void js_del_item(struct js *array, size_t i);
/* The object at `key`, made if it is not there or no object. Borrowed. */
struct js *js_need_object(struct js *object, const char *key);

/* Writing, without white space, or for people with two blanks of indent. */
void js_write(const struct js *j, struct buf *out);
void js_write_pretty(const struct js *j, struct buf *out);
