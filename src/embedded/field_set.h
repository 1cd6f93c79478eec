/* Sets of fields as managedFields has them (FieldsV1): a tree of objects whose keys are one step each,
 *
 *   f:NAME        a field of an object
 *   k:{"a":1}     the item of a list that has these keys
 *   v:"x"         this item of a set
 *   .             the step above itself belongs to the set
 *
 * An empty object is a step that belongs to the set and has nothing below; one with steps below belongs to
 * it only if it has the "." as well. The root itself is never a member. After
 * sigs.k8s.io/structured-merge-diff. */
#pragma once

#include "data/schema.h"

/* The results are new trees, for the caller to free; what they share with `a` and `b` must not be changed. */
[[nodiscard]] struct js *field_set_union(const struct js *a, const struct js *b);
[[nodiscard]] struct js *field_set_intersection(const struct js *a, const struct js *b);
/* Member by member: what is below a member of `b` stays. */
[[nodiscard]] struct js *field_set_difference(const struct js *a, const struct js *b);
/* As before, but what has nothing below in `b` goes with all that is below it in `a`. */
[[nodiscard]] struct js *field_set_without(const struct js *a, const struct js *b);
/* Is this step a member? NULL is none. */
bool field_set_is_member(const struct js *step);

/* The key of a list's item, for the caller to free: "k:…" in a list that is a map, "v:…" in a set. `list` is
 * the schema of the list. NULL: the item has none of the keys, or the list is neither. */
[[nodiscard]] char *field_set_item(const struct js *item, const struct schema *list);
/* Is this list owned item by item? */
bool field_set_by_item(const struct schema *list);

/* All fields of an object. `metadata` is the schema of the metadata of an API object; NULL below it. */
[[nodiscard]] struct js *field_set_of(const struct js *object, const struct schema *s,
				      const struct schema *metadata);
/* What differs: fields that are new or have another value go to `changed`, those that are no more to `gone`,
 * where one step stands for all below it. Both are sets to add to. `old` NULL = nothing. */
void field_set_compare(const struct js *old, const struct js *new, const struct schema *s,
		       const struct schema *metadata, struct js *changed, struct js *gone);

/* Calls `fn` with each member as a path, as messages have it: .spec.ports[port=80,protocol="TCP"].name */
void field_set_paths(const struct js *set, void (*fn)(const char *path, void *arg), void *arg);
