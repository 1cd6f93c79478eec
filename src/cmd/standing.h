/* What `berth status` and `berth history` have in common: the cluster read, and told to a core. */
#pragma once

#include "cmd/snapshot.h"
#include "cmd/standing_options.h"
#include "plan/standing.h"

struct standing {
	struct ipam_config config;
	struct view_config view;
	struct snapshot snapshot;
	struct standing_in in; /* borrows all above: it is not to be moved */
};

/* Configuration from the flags; the objects are still to come. Borrows the options' texts. */
void standing_begin(const struct standing_options *o, struct standing *ret);
/* What of berth's own to read. 0, or the exit code after lines on standard error. */
int standing_read(const char *verb, const struct standing_options *o, const struct snapshot_want *own,
		  size_t n_own, struct standing *ret);
void standing_done(struct standing *s);
/* The operator's namespace, where it is known; NULL = all are looked through. */
const char *standing_namespace(const struct standing_options *o);
/* Is that the version of the embedded API? */
bool standing_is_embedded(const char *version);
