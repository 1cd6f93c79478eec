/* Documents told to the core: the one place that knows which reader belongs to which kind. */
#pragma once

#include "view/view.h"

/* The object as it stands. It has a name. -EINVAL where it cannot be read: then nothing is told. */
int view_tell(struct ipam *m, enum ipam_kind kind, const struct js *object, const struct view_config *c,
	      enum told_by by, struct moment now, struct err *e);
/* Would telling that version of the object be no news? */
bool view_known(const struct ipam *m, enum ipam_kind kind, const char *namespace, const char *name,
		const char *uid, const char *resource_version);
/* The object is gone; `object` is its last state. */
void view_tell_deleted(struct ipam *m, enum ipam_kind kind, const struct js *object, struct moment now);
