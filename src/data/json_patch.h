/* JSON Patch (RFC 6902) with JSON Pointers (RFC 6901). */
#pragma once

#include "data/json.h"

/* Changes *doc, which the caller owns; untouched on failure.
 * -EINVAL: the patch is malformed. -ENOENT: a path is not there, or a "test" fails. */
int json_patch(struct js **doc, const struct js *operations, struct err *e);
