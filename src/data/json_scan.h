/* A walk over JSON text without making a tree of it: for those who want little of it. It finds its way
 * by quotes and brackets and checks nothing else; where it loses its way a function returns false, and
 * js_parse() says what is wrong. */
#pragma once

#include "base/slice.h"

struct js_scan {
	const char *at, *end;
};

struct js_scan js_scan(struct slice text);
/* The next byte that is no white space; '\0' = there is none. Does not go past it. */
char js_scan_next(struct js_scan *s);
/* Goes past that byte if it is `c`. */
bool js_scan_take(struct js_scan *s, char c);
/* What stands between the quotes, as it stands: escapes are not resolved. */
bool js_scan_string(struct js_scan *s, struct slice *ret);
/* Goes past a value of any kind. */
bool js_scan_skip(struct js_scan *s);
/* For members of an object whose '{' was taken: the key, and the scan stands at its value then. False
 * at the '}', which is not taken, or where there is no key; then the scan stands at the end. */
bool js_scan_key(struct js_scan *s, struct slice *ret);
