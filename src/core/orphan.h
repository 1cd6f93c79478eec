/* Records that nobody stands behind: queued to cool or to be deleted, as soon as that takes nothing from
 * anybody. */
#pragma once

#include "core/state.h"

void orphan_add(struct ipam *m, struct addr *a, msec at);
/* May its record be deleted as far as we know, time apart? Not while a Service that it names still has a
 * write ahead of it: another operator may have made this record for that very write. Once the Service shows
 * an address of ours, a write that was meant for an earlier version of it is refused. */
bool orphan_is_loose(const struct ipam *m, const struct addr *a);
/* The next effect for one of them. */
bool orphan_next(struct ipam *m, struct moment now, struct effect *ret);
msec orphan_wake_at(const struct ipam *m); /* -1 = none is due by time alone */
