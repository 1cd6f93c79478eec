/* Structural schemas: the subset of OpenAPI v3 that Kubernetes CRDs use. A schema is compiled once and
 * then says three things about a value: what is wrong with it, which defaults it lacks, and which of its
 * fields it does not know.
 *
 * Known: type, properties, required, enum, items, minItems, maxItems, uniqueItems, minLength, maxLength,
 * pattern, minimum, maximum, exclusiveMinimum, exclusiveMaximum, format (int32, int64, date-time, cidr,
 * ipv4, ipv6, ip), additionalProperties, minProperties, maxProperties, nullable, default and the
 * x-kubernetes-* keys int-or-string, preserve-unknown-fields, embedded-resource, list-type (set, map),
 * list-map-keys, patch-merge-key, patch-strategy. Patterns are RE2 in the API: those that cannot be said
 * as a POSIX expression are not checked. */
#pragma once

#include "data/json.h"

struct schema; /* one node of a compiled schema */

/* The document stays the caller's. -EINVAL names the place. */
int schema_new(const struct js *openapi, struct schema **ret, struct err *e);
void schema_free(struct schema *s); /* NULL allowed */
void schema_freep(struct schema **s);

/* Kinds of problems, with the names that the API uses in Status causes. */
enum problem_kind {
	PROBLEM_REQUIRED,
	PROBLEM_INVALID,
	PROBLEM_NOT_SUPPORTED,
	PROBLEM_DUPLICATE,
	PROBLEM_TOO_LONG,
	PROBLEM_TOO_MANY,
	PROBLEM_FORBIDDEN,
	PROBLEM_TYPE_INVALID,
};
const char *problem_reason(enum problem_kind k); /* "FieldValueRequired", … */

struct problem {
	enum problem_kind kind;
	char *field;   /* owned: "spec.blocks[0].cidr" */
	char *message; /* owned: "Invalid value: \"x\": …" */
};

struct problems {
	struct problem *items; /* owned */
	size_t n, cap;
};

enum { PROBLEMS_MAX = 64 }; /* more are dropped: nobody reads them */

void problems_done(struct problems *p);
/* `detail` goes behind what the kind and the value say, as the API server words it; may come out empty.
 * `value` NULL = none. */
[[gnu::format(printf, 5, 6)]] void problem_add(struct problems *p, enum problem_kind kind, const char *field,
					       const struct js *value, const char *detail, ...);

/* `path` is the name of the value, "" at the root. */
void schema_validate(const struct schema *s, const struct js *value, const char *path, struct problems *out);
/* Fills defaults in, in place. */
void schema_default(const struct schema *s, struct js *value);
/* Removes fields that the schema does not name. Their paths go to `unknown` as an array of strings (may be
 * NULL). At the root, apiVersion, kind and metadata are always known. */
void schema_prune(const struct schema *s, struct js *value, struct js *unknown);

/* For patches and field ownership. Each takes NULL and gives NULL or false. */
const struct schema *schema_field(const struct schema *s, const char *name);
/* Does it name this field? False for those that additionalProperties covers. */
bool schema_has_field(const struct schema *s, const char *name);
const struct schema *schema_items(const struct schema *s);
/* The key by which a strategic merge patch merges this list's objects. */
const char *schema_merge_key(const struct schema *s);
/* Does a strategic merge patch merge this list? */
bool schema_merges(const struct schema *s);
/* May its unknown fields stay? */
bool schema_open(const struct schema *s);
/* x-kubernetes-list-map-keys; NULL unless the list is a map. */
const struct js *schema_map_keys(const struct schema *s);
bool schema_is_set(const struct schema *s);
/* Is ownership of this list or map only ever of the whole? */
bool schema_atomic(const struct schema *s);
