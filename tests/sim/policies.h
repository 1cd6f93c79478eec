/* Policies and the quotas in them (lifecycle 3), in the plainest words. */
#pragma once

#include "model.h"

struct js *policy_document(const struct world *w, int i);
const char *policy_title(int i);

/* Does it speak of the pool, in force or not? */
bool speaks_of(const struct world *w, int i, int p);
/* What is in force for the pool; the defaults if no policy speaks of it. */
const struct mpolicy *rules(const struct world *w, int p);
/* How long released addresses of it are kept. */
msec reuse_of(const struct world *w, int p);
/* Does it give to the Service although that asks for no address of it? */
bool assigns(const struct world *w, int p, int s);
/* Is the one pool asked before the other? */
bool asked_before(const struct world *w, int s, int p, int q);
/* onShrink: Keep. The address left its pool, and the Service may have it all the same. */
bool kept_by_policy(const struct world *w, int s, int a);
/* Without records it is not known from which pool an address was. */
bool may_be_kept(const struct world *w);

struct js *namespace_document(const struct world *w, int ns);
int namespace_of(int s);
/* How many addresses of the pool the Service's namespace may have; -1 = any number. */
int quota_of(const struct world *w, int p, int s);
