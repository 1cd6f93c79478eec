/* Parsing only what is wanted of a document. Most of an object of the API are parts that nobody here
 * looks at, and to make a tree of them costs more than all the rest of the work on it. */
#pragma once

#include "data/json.h"

/* Members of an object that are kept; a list of these ends with a NULL key. It goes through arrays: it
 * is meant of each of their elements. */
struct js_keep {
	const char *key; /* as it stands between the quotes, with its escapes */
	size_t len;
	const struct js_keep *of; /* what is kept of the value; NULL = all of it */
};
#define JS_KEEP(text, what) { (text), sizeof(text) - 1, (what) }
#define JS_KEEP_END { NULL, 0, NULL }
/* As `of`: only that it is there; the value is 1 in the tree. */
extern const struct js_keep js_keep_presence[];

const struct js_keep *js_keep_find(const struct js_keep *keep, struct slice key); /* NULL = not kept */

/* As js_parse(), but the tree has only what is kept, and is for reading only: js_set() and its like may not
 * be used on it, and js_ref() makes a copy. What is left out is not checked, except that its
 * brackets are balanced. keep NULL = all. */
int js_parse_kept(struct slice text, const struct js_keep *keep, struct js **ret, struct err *e);
