/* Contention: another manager that writes over what we wrote into a status, be it another address, one more,
 * none, or another condition. Twice within a minute, and the Service is left alone for ten minutes: two
 * programs that overwrite each other help nobody. */
#pragma once

#include "core/state.h"

struct pool_in;
struct service_in;

/* Call before the news is taken over: does it show that somebody wrote over what we had written, and who?
 * (NULL = nobody knows; borrowed from the news) */
bool contest_is_overwritten(const struct service *s, const struct service_in *in, const char **ret_manager);
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
/* The same of a pool's conditions. Call before the news is taken over. */
void contest_pool_note(struct ipam *m, struct pool *p, const struct pool_in *in, struct moment now);
/* Are its conditions to be left alone for now? */
bool contest_pool_rests(struct pool *p, struct moment now);
/* There is nothing to contend about any more. */
void contest_end(struct service *s);
