/* Pools that are gone, and whose addresses are not yet: deletions that together would strip many
 * Services of their addresses are held for a while, since they are more often a mistake than not. */
#pragma once

#include "core/state.h"

/* The deletion is real; what it means is decided once no other deletion is in doubt. `hold`: in any
 * case for the delay. */
void pool_condemn(struct ipam *m, struct pool *p, bool hold, struct moment now);
/* Removes the condemned pools that may go, or holds them. */
void mass_release_settle(struct ipam *m, struct moment now);
/* When to call that again; -1 = never. */
msec mass_release_at(const struct ipam *m);
