/* What a record is to say of its address. */
#pragma once

#include "core/state.h"

/* The effect of a record's step; false: there is nothing to do any more. */
bool record_effect(struct ipam *m, const struct step *st, struct moment now, struct effect *ret);
/* The holders text that the record of the address should have: who holds it and who still shows it. */
void record_holders(const struct addr *a, struct buf *ret);
