/* A ConfigMap of ours: what berth keeps for itself, one text under one key. */
#pragma once

#include "base/buf.h"

struct config_map_out {
	const char *name;
	const char *pool;             /* that it is about; NULL = about none */
	const char *resource_version; /* that was read; NULL = there is none yet */
	const char *key, *text;
};

/* The body of a create (resource_version NULL) or of a merge patch. */
void config_map_body(const struct config_map_out *m, struct buf *out);
