/* The labelSelector and fieldSelector parameters of lists and watches. */
#pragma once

#include "data/json.h"

struct select_term; /* one requirement */

/* All terms must hold; none = everything. */
struct select {
	struct select_term *terms; /* owned */
	size_t n, cap;
};

void select_done(struct select *s);
/* Adds what "a=b,c!=d,e in (x,y),!f,g" says. -EINVAL. */
int select_add_labels(struct select *s, const char *text, struct err *e);
/* Adds "metadata.name=x,spec.type!=y". Which fields there are depends on the kind; -EINVAL for others. */
int select_add_fields(struct select *s, const char *text, const char *resource, struct err *e);
bool select_matches(const struct select *s, const struct js *object);
/* The name that the object must have, if a term says so; else NULL. */
const char *select_only_name(const struct select *s);
