/* JSON Merge Patch (RFC 7386). */
#pragma once

#include "data/json.h"

/* Changes *doc, which the caller owns. `patch` stays as it is. */
void merge_patch(struct js **doc, const struct js *patch);
