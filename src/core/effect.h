/* Effects: handing them out and taking their results. */
#pragma once

#include "core/state.h"

/* The next step of the Service decided last. False: it has become pointless. */
bool effect_of_step(struct ipam *m, const struct step *st, struct moment now, struct effect *ret);
/* Notes that it is out; fills ret->id. */
void effect_out(struct ipam *m, struct effect *ret, struct service *s, struct addr *a, struct pool *p);
