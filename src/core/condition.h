/* Conditions of pools and policies: as they were found, and as they should be. */
#pragma once

#include "core/state.h"

void conditions_done(struct condition_list *l);
/* Takes over what was told; `types` are ours, n of them, constants. */
void conditions_take(struct condition_list *l, const char *const *types, size_t n_types,
		     const struct condition_in *in, size_t n);
/* NULL: it has none of this type. */
const struct pool_condition *condition_seen(const struct condition_list *l, const char *type);
/* Adds a condition to the effect; *differs becomes true if the API does not show it so. */
void condition_want(struct effect *e, const struct condition_list *l, int64_t generation, bool *differs,
		    struct condition_out c);
