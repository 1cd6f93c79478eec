/* Text that many objects share (label keys and values, namespaces, managers), kept once and
 * counted. Two interned texts of one table are equal exactly if their pointers are. */
#pragma once

#include "base/map.h"

struct intern {
	struct map map;
};

/* Frees the table with everything in it, whatever the counts. */
void intern_done(struct intern *t);
/* The shared copy; counted once more. */
const char *intern(struct intern *t, struct slice text);
/* Counts down; the text is gone at zero. NULL is allowed. */
void intern_put(struct intern *t, const char *text);
/* The shared copy if there is one, without counting; else NULL. */
const char *intern_peek(const struct intern *t, struct slice text);
