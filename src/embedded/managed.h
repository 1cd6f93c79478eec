/* metadata.managedFields: who wrote which field last. Kept for updates and patches: the fields that a
 * write changed go to its manager and leave all others. */
#pragma once

#include "embedded/kinds.h"

/* Who writes. */
struct writer {
	const char *manager;     /* field manager */
	const char *api_version; /* "v1" */
	const char *subresource; /* "" = the object itself */
	const char *now;         /* RFC 3339 */
	bool without_status;     /* status has a path of its own, and this write is not on it */
};

/* `old` NULL on create. `object` carries the managedFields of `old` and gets the new ones. */
void managed_update(struct js *object, const struct js *old, const struct schema *schema,
		    const struct writer *w);
