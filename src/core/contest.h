/* Contention: another manager that writes over what we gave. Twice within a minute, and the Service is
 * left alone for ten minutes: two programs that overwrite each other help nobody. */
#pragma once

#include "core/state.h"

struct service_in;

/* Call before the news is taken over: does it show that somebody wrote over our addresses? */
bool contest_is_overwritten(const struct service *s, const struct service_in *in);
/* Call before the news is taken over, where one of our name wrote it: what another berth has put over ours is
 * seen and as good, so ours counts as assumed again, and yields if that may stay. Two that both insist would
 * write for ever. */
void contest_yield(struct service *s, const struct service_in *in);
/* Counts one such write. */
void contest_note(struct ipam *m, struct service *s, const char *manager, struct moment now);
/* Is the Service to be left alone for now? */
bool contest_rests(struct ipam *m, struct service *s, struct moment now);
/* It rests: nothing of it is due, though a timer runs. */
bool contest_is_open(const struct service *s);
/* There is nothing to contend about any more. */
void contest_end(struct service *s);
