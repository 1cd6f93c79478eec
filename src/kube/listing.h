/* A list answer ({"metadata":{…},"items":[…]}) taken apart while its bytes arrive: one object is parsed
 * at a time, and the whole list is never in memory. The fields may come in any order. */
#pragma once

#include "data/json_keep.h"

enum {
	LISTING_OBJECT_MAX = JS_SIZE_MAX,
	LISTING_METADATA_MAX = 256 * 1024, /* continue tokens are long */
};

/* `object` is borrowed and gone after the call. A negative return stops the feeding. */
typedef int listing_fn(struct js *object, void *arg, struct err *e);

enum listing_part { LIST_OTHER, LIST_ITEMS, LIST_METADATA };

struct listing {
	listing_fn *fn;
	void *arg;
	const struct js_keep *keep; /* of an object only this is read; borrowed; NULL = all */
	/* The scanner: it knows brackets, strings and commas, the rest is left to the parser. */
	int depth;
	bool in_string;
	bool escaped;
	bool want_key; /* the next string of the outer object is a key */
	bool in_key;
	bool finished; /* the outer object was closed */
	enum listing_part part;
	bool seen_items;
	struct buf key;   /* of the outer object's field under way */
	struct buf piece; /* what is being collected for the parser */
	bool collecting;
	char *resource_version; /* owned; NULL while not seen */
	char *next;             /* the continue token; NULL if there was none */
};

void listing_init(struct listing *l, listing_fn *fn, void *arg);
void listing_done(struct listing *l);

/* 0, -EINVAL for what is no list, -E2BIG for an object that is too large, or the error of `fn`. After
 * an error the listing is of no more use. */
int listing_feed(struct listing *l, struct slice bytes, struct err *e);
/* All bytes came: an error if the list is incomplete or has no resourceVersion. */
int listing_end(const struct listing *l, struct err *e);
