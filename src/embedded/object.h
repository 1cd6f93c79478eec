/* What a write does to an object, whoever asks for it: checks, defaults, bookkeeping, the store. */
#pragma once

#include "embedded/api.h"

enum field_validation { FIELDS_IGNORE, FIELDS_WARN, FIELDS_STRICT };

struct write {
	struct api *api;
	const struct kind *kind;
	const struct kind_version *version;
	const char *ns;          /* "" = cluster-scoped */
	const char *subresource; /* "" or "status" */
	const char *manager;     /* field manager */
	bool dry_run;
	enum field_validation validation;
	struct js *warnings; /* array, borrowed; NULL = not wanted */
	/* Of a server-side apply: managedFields as they are to be, borrowed. NULL: an update, whose manager
	 * gets what it changes. */
	const struct js *managed;
};

/* The stored object; *ret_text (may be NULL) is its text. -1: not found, or the store failed. */
int object_load(struct api *a, const struct kind *k, const char *ns, const char *name, struct js **ret,
		char **ret_text, struct status *st);

/* Takes `object` over. The result is the object as it is now, for the caller to free. All return -1 when the
 * request is refused and 0 when it is done; the caller has begun a transaction (api_begin). */
int object_create(const struct write *w, struct js *object, struct js **ret, struct status *st);
/* old and old_text: from object_load(). An update that changes nothing writes nothing. An object whose last
 * finalizer goes while it is being deleted is gone: *ret is its last state. */
int object_update(const struct write *w, struct js *object, const struct js *old, const char *old_text,
		  struct js **ret, struct status *st);

struct preconditions {
	const char *uid, *resource_version; /* NULL = any */
};
/* *ret_gone: the object is gone; else it waits for its finalizers. */
int object_delete(const struct write *w, const char *name, const struct preconditions *pre, struct js **ret,
		  bool *ret_gone, struct status *st);
/* All objects of a kind, or of one namespace of it. Returns how many are still there, waiting for finalizers.
 */
int object_delete_all(const struct write *w, struct status *st);

/* Stores `object` (taken over) in place of `old` as it is, without checks; for what the server itself
 * changes. */
int object_mark(const struct write *w, struct js *object, const struct js *old, const char *old_text,
		struct js **ret, struct status *st);

/* Text without apiVersion and kind, as the store has it. Owned by the caller. */
char *object_text(const struct js *object, size_t *ret_len);
