/* metadata.managedFields: who wrote which field last, and which fields appliers hold. */
#pragma once

#include "embedded/kinds.h"

/* Who writes. */
struct writer {
	const char *manager;           /* field manager */
	const char *api_version;       /* "v1" */
	const char *subresource;       /* "" = the object itself */
	const char *now;               /* RFC 3339 */
	const struct schema *metadata; /* of all kinds */
	bool without_status;           /* status has a path of its own, and this write is not on it */
};

/* An update: the fields that it changed go to its manager and leave all others. `old` NULL on create.
 * `object` carries the managedFields from before and gets the new ones. */
void managed_update(struct js *object, const struct js *old, const struct schema *schema,
		    const struct writer *w);

/* What a client says managedFields should be: usually what it has read. NULL: nothing, or nothing of use; an
 * empty array: nobody shall own anything. Borrowed from the object or new, for the caller to free. */
[[nodiscard]] struct js *managed_given(const struct js *object);

enum part { PART_ALL, PART_BUT_STATUS, PART_STATUS };
/* What a writer may own: identity and bookkeeping are nobody's. Shares its fields with `object`. */
[[nodiscard]] struct js *managed_part(const struct js *object, enum part part);

/* The entry of an applier, borrowed; NULL if it has none. */
const struct js *managed_applied(const struct js *entries, const struct writer *w);
/* A new entry; `fields` is taken over, `time` NULL = none. */
[[nodiscard]] struct js *managed_entry(const struct writer *w, const char *operation, const char *time,
				       struct js *fields);
/* The same entry with other fields, which are taken over. Shares the rest. */
[[nodiscard]] struct js *managed_with(const struct js *entry, struct js *fields);
/* Sets the object's entries (taken over), in the order that the API server gives them. */
void managed_set(struct js *object, struct js *entries);
