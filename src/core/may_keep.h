/* Keep or move: the only function that ever takes an address from a Service. */
#pragma once

#include "core/state.h"

/* NULL: it may keep (or take over) the address. Else why it must not, as a clause. */
const char *may_keep(const struct ipam *m, const struct service *s, struct ip ip);
/* The rules that do not depend on who else has the address: those of the Service and the pools. */
const char *may_have(const struct ipam *m, const struct service *s, struct ip ip);
/* No pool contains the address any more, but a policy says onShrink: Keep of the one that it came from. */
bool stays_by_policy(const struct ipam *m, const struct service *s, struct ip ip);
