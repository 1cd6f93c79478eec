/* The Table format: what `kubectl get` prints is decided by the server. */
#pragma once

#include "embedded/kinds.h"

#include "base/times.h"

struct table {
	const struct kind *kind;
	const struct kind_version *version;
	struct js *columns, *rows; /* owned */
	bool include_object, no_object;
};

struct table table_begin(const struct kind *k, const struct kind_version *v, bool include_object,
			 bool no_object);
void table_add(struct table *t, const struct js *object, msec now);
/* The Table; `t` is empty again. resource_version may be NULL. */
[[nodiscard]] struct js *table_end(struct table *t, const struct js *resource_version, bool with_columns);
void table_drop(struct table *t);

/* Computed cells by name, as in kinds.yaml; NULL = an unknown name. */
[[nodiscard]] struct js *cell_compute(const char *name, const struct js *object, msec now);
/* "5m", "3d4h"; "<unknown>" for what is no time. */
void cell_age(struct buf *out, struct slice timestamp, msec now);

/* The subset of JSONPath that printer columns use: .a.b, ['a'], [0], [*], [?(@.type=="x")]. The values found,
 * separated by blanks; false if there is none. A single value keeps its type: *ret_single. */
bool json_path(const struct js *object, const char *path, struct buf *out, const struct js **ret_single);
