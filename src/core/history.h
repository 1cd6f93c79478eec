/* Who had an address whose record is gone (lifecycle.md 6): handed out in batches, to be appended to what is
 * kept of each pool. Bounded; nothing depends on it, so what is refused or lost is not tried for ever. */
#pragma once

#include "core/state.h"

/* The record is gone from the API, whether the answer to our delete says so or the watch, which may be
 * faster: its holders are remembered, unless somebody has the address still and makes a new one. */
void history_note(struct ipam *m, const struct addr *a, struct moment now);
bool history_next(struct ipam *m, struct moment now, struct effect *ret);
void history_result(struct ipam *m, enum outcome o, msec delay, struct moment now);
msec history_wake_at(const struct ipam *m); /* -1 = nothing waits */
void history_free(struct ipam *m);
