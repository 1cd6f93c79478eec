/* Namespaces: deleting one deletes what is in it. There is no controller beside the embedded API that
 * would do it. */
#pragma once

#include "embedded/object.h"

int namespace_delete(const struct write *w, const char *name, const struct preconditions *pre,
		     struct js **ret, bool *ret_gone, struct status *st);
/* An object in this namespace is gone: if the namespace waits for that, it may go as well. */
void namespace_emptied(struct api *a, const char *ns);
