/* The manual page berth(1), from the tables of verbs and flags. */
#pragma once

#include "cmd/verbs.h"

void man_page(const struct verb_table *t, const char *version, struct buf *out);
