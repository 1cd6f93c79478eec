/* Pools that run low (lifecycle.md 5 and 8): condition berth.dev/Low, and an Event for each change. */
#pragma once

#include "core/state.h"

/* Of one pool and family. */
enum pool_low {
	LOW_UNKNOWN, /* not looked at yet, or the pool has no such family */
	LOW_ENOUGH,
	LOW_BELOW, /* at or below the watermark, or not yet clearly above it again */
	LOW_EMPTY,
};

/* Looks at the counts of the pool, tells of what has changed, and adds the condition's text to `message`: the
 * families that are low, each with its numbers; "" = there is enough. Before the first look it is as the
 * condition in the API says, so that a restart does not tell anything twice. */
enum pool_low pool_low_update(struct ipam *m, struct pool *p, struct buf *message);
