/* From the decision to the writes: what stands between what the API shows and what should be. */
#pragma once

#include "core/state.h"

/* Decides the Service and puts the writes that are due now into m->steps: records first, then the
 * status, then what it gives back. Nothing due: the Service is settled. May free it when it is gone. */
void settle(struct ipam *m, struct service *s, struct moment now);

/* A record was told or vanished: finish what it is half of, let it cool, or queue its deletion. */
void record_settle(struct ipam *m, struct addr *a, struct moment now);
/* Is the condition in the API as the last decision wants it? */
bool condition_differs(const struct service *s);
/* Writes the ingress list that the status should have into m->out; true if it differs from the API. */
bool ingress_differs(struct ipam *m, const struct service *s, size_t *ret_n);
