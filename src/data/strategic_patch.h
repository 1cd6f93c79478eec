/* Strategic merge patch, the patch format of the Kubernetes API for its own kinds: a merge patch that
 * merges lists of objects by a key and lists of plain values as sets where the schema says so.
 * Directives: $patch (replace, delete, merge), $deleteFromPrimitiveList/NAME, $setElementOrder/NAME,
 * $retainKeys. */
#pragma once

#include "data/schema.h"

/* Changes *doc, which the caller owns; untouched on failure. Without a schema (NULL) every list is
 * replaced. -EINVAL: the patch is malformed. */
int strategic_patch(struct js **doc, const struct js *patch, const struct schema *schema, struct err *e);
