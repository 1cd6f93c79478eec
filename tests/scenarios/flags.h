/* The flags of a scenario that the core knows: the same texts that `berth operator` takes. */
#pragma once

#include "core/ipam.h"
#include "data/json.h"
#include "view/view.h"

enum { CLASSES_MAX = 8, POOL_ENTRIES_MAX = 8 };

struct scenario_flags {
	struct ipam_config ipam;
	struct view_config view;
	const char *classes[CLASSES_MAX + 1];
	char text[256]; /* what `classes` points into */
	struct cluster_pool_config pool;
	struct range entries[FAMILIES][POOL_ENTRIES_MAX], pods[FAMILIES][POOL_ENTRIES_MAX];
};

/* `list`: the flags, borrowed. -EINVAL for one that is not known here. */
int flags_of(const struct js *list, struct scenario_flags *ret, struct err *e);
