/* Server-side apply: merges what a manager wants into an object and keeps what each manager applied. After
 * kubernetes.io/docs/reference/using-api/server-side-apply and sigs.k8s.io/structured-merge-diff. */
#pragma once

#include "embedded/object.h"

struct apply {
	const struct write *w;
	bool force; /* takes fields from others instead of failing */
};

/* `given` is the object as applied, in stored form; `old` the one that is there, NULL = none.
 * *ret_object: what to write; *ret_managed: its managedFields. Both for the caller to free. -1: refused. */
int apply_merge(const struct apply *a, const struct js *given, const struct js *old, struct js **ret_object,
		struct js **ret_managed, struct status *st);
