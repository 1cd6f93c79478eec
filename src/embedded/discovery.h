/* Which groups and versions are served. */
#pragma once

#include "embedded/rest.h"

#define DISCOVERY_VERSION "v1.34.2+berth"

struct names {
	const char **items; /* the array is owned, the texts are borrowed */
	size_t n, cap;
};

/* Without the core group. */
struct names discovery_groups(const struct registry *r);
/* The one that is preferred first. */
struct names discovery_versions(const struct registry *r, const char *group);
