/* The bodies of the requests that effects ask for, as JSON text. */
#pragma once

#include "core/ipam.h"
#include "data/json.h"

struct body_context {
	msec wall;             /* API-server time: stamps */
	const char *component; /* who says it: the first field manager */
	uint64_t serial;       /* makes names of Events unique */
};

/* What PATCH needs to be told beside the body. */
enum body_type { BODY_NONE, BODY_JSON, BODY_MERGE_PATCH, BODY_STRATEGIC_PATCH };

/* Appends the body for the effect; BODY_NONE: the request has none, or (EFFECT_HISTORY) is more than one. */
enum body_type body_of_effect(const struct effect *x, const struct body_context *c, struct buf *out);

/* A label value for a pool's name: the name itself, or where that is over 63 characters its first 54,
 * a dash and 8 hex digits of its SHA-256. */
enum { LABEL_VALUE_MAX = 64 };
const char *pool_label(const char *name, char text[LABEL_VALUE_MAX]);
