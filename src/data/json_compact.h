/* Small documents that are read once and dropped: a tree in one piece of memory, made in one walk over the
 * text. A tree of json-c costs an allocation or three for each value, which is most of what reading an
 * object of the API costs.
 *
 * Only the ordinary is taken: ASCII, whole numbers, small objects, no key twice. Whoever gets false goes to
 * json-c, which takes the rest or says what is wrong. Behind data/json.h nobody sees which tree it is. */
#pragma once

#include "data/json.h"
#include "data/json_keep.h"

/* False: it cannot be told this way. *ret NULL = the text is null. */
bool compact_parse(struct slice text, const struct js_keep *keep, struct js **ret);
/* Of the root only. */
void compact_free(struct js *root);

/* The address of a compact node has its lowest bit set; json-c's nodes come from malloc() and never have. */
static inline bool is_compact(const struct js *j)
{
	return ((uintptr_t)j & 1) != 0;
}

/* As their namesakes in json.h; the node is a compact one. */
enum js_type compact_type(const struct js *j);
bool compact_find(const struct js *object, const char *key, struct js **ret);
struct slice compact_text(const struct js *j);
int64_t compact_number(const struct js *j); /* of JS_INT, and 0 or 1 of JS_BOOL */
size_t compact_len(const struct js *j);
struct js *compact_item(const struct js *array, size_t i);
struct js_iter compact_iter(const struct js *object);
bool compact_next(struct js_iter *it);
