/* A walk over JSON text without making a tree of it: for those who want little of it. It finds its way
 * by quotes and brackets and checks nothing else; where it loses its way a function returns false, and
 * js_parse() says what is wrong. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>

struct js_scan {
	const char *at, *end;
};

struct js_scan js_scan(struct slice text);

/* The next byte that is no white space; '\0' = there is none. Does not go past it. Here, as it is asked for
 * at each step, and where API servers write there is no white space. */
static inline char js_scan_next(struct js_scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
	return s->at < s->end ? *s->at : '\0';
}

/* Goes past that byte if it is `c`. */
static inline bool js_scan_take(struct js_scan *s, char c)
{
	if (js_scan_next(s) != c || s->at == s->end)
		return false;
	s->at++;
	return true;
}

/* What stands between the quotes, as it stands: escapes are not resolved. */
bool js_scan_string(struct js_scan *s, struct slice *ret);
/* Goes past a value of any kind. */
bool js_scan_skip(struct js_scan *s);
/* For members of an object whose '{' was taken: the key, and the scan stands at its value then. False
 * at the '}', which is not taken, or where there is no key; then the scan stands at the end. */
bool js_scan_key(struct js_scan *s, struct slice *ret);
