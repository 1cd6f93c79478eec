/* Regular expressions of schemas: RE2 syntax, matched by POSIX extended expressions where that is equal. */
#pragma once

#include "base/buf.h"

struct pattern;

/* NULL if the expression cannot be said in POSIX. */
struct pattern *pattern_new(const char *re2);
void pattern_free(struct pattern *p); /* NULL allowed */
/* A search, as in the API: not anchored unless the expression is. True for a NULL pattern. */
bool pattern_matches(const struct pattern *p, const char *text);
