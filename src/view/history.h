/* The past holders of a pool's addresses, in a ConfigMap of the operator's namespace: data key "history", one
 * JSON document a line, the newest last. */
#pragma once

#include "core/ipam.h"
#include "data/json.h"

enum {
	HISTORY_LINES_MAX = 1000,
	HISTORY_BYTES_MAX = 900 * 1024, /* an object may have about 1.5 MB */
	HISTORY_NAME_MAX = 96,
};

/* "berth-history-POOL"; what pool_label() makes of a long name. */
const char *history_name(const char *pool, char text[HISTORY_NAME_MAX]);
/* {"address":"10.0.0.1","holder":"ns/name","from":"…","until":"…"} and a line feed. */
void history_line(const struct past *p, struct buf *out);
/* Lines of the items, the last ones that have room. Returns their number. */
size_t history_lines(const struct past *items, size_t n, struct buf *out);
/* What `old` (NULL = nothing) becomes with these lines behind it. */
void history_append(const char *old, struct slice fresh, size_t n_fresh, struct buf *out);
/* The body of a create (version NULL) or of a merge patch. */
void history_body(const char *pool, const char *resource_version, const char *text, struct buf *out);
