/* Time as numbers. Nothing in here reads a clock: whoever may read one passes the value in. */
#pragma once

#include "base/slice.h"

typedef int64_t msec; /* milliseconds; of the wall (since 1970, UTC) or of a monotonic clock */

enum { RFC3339_MAX = 32 };

/* "2026-11-23T01:22:25Z", as Kubernetes writes times. Returns `text`. */
const char *time_format(msec wall, char text[RFC3339_MAX]);
/* The same with six digits of microseconds, as MicroTime fields (Lease) are written. */
const char *time_format_micro(msec wall, char text[RFC3339_MAX]);
/* RFC 3339 with or without fraction and offset. 0 or -EINVAL. */
int time_parse(struct slice text, msec *ret_wall);
/* HTTP's Date header (IMF-fixdate of RFC 9110, 5.6.7). 0 or -EINVAL. */
int time_parse_http(struct slice text, msec *ret_wall);

/* Durations as Go writes them: "1h30m", "15s", "100ms", "1.5s", "0". Negative ones are refused.
 * 0, -EINVAL or -ERANGE. */
int duration_parse(struct slice text, msec *ret);
