/* Effects: handing them out and taking their results. */
#pragma once

#include "core/state.h"

/* The next step of the Service decided last. False: it has become pointless. */
bool effect_of_step(struct ipam *m, const struct step *st, struct moment now, struct effect *ret);
/* Notes that it is out; fills ret->id. */
void effect_out(struct ipam *m, struct effect *ret, struct service *s, struct addr *a, struct pool *p);
/* Takes the result of a request about a record into the picture. True if the answer settles what was asked;
 * false: try again later. */
bool record_result(struct ipam *m, const struct flight *f, enum outcome o, struct moment now);
