/* Labels of objects, kept as an owned array of interned texts. */
#pragma once

#include "core/state.h"

/* Replaces what is there. */
void labels_take(struct ipam *m, struct label **list, uint16_t *n, const struct label *in, size_t n_in);
void labels_drop(struct ipam *m, struct label **list, uint16_t *n);
