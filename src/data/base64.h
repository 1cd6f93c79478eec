/* Base64 of RFC 4648, section 4, as Kubernetes writes bytes. */
#pragma once

#include "base/buf.h"

void base64_encode(struct slice bytes, struct buf *out);
/* Line breaks and blanks are skipped; padding is required. 0, -EINVAL, or -E2BIG if `out` is full. */
int base64_decode(struct slice text, struct buf *out);
