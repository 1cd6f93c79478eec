/* What is wrong with a manifest though it can be applied, or could be with a looser schema. */
#pragma once

#include "core/ipam.h"
#include "data/json.h"

/* The schema of pools, made ready once. */
struct manifest_checks;
struct manifest_checks *manifest_checks_new(void);
void manifest_checks_free(struct manifest_checks *c); /* NULL allowed */

/* `object` is complete with its namespace and was told to the core. fn is called with one line for each
 * problem; the line names the object and says what would be right. */
void manifest_problems(const struct manifest_checks *c, struct ipam *m, const struct js *object,
		       void (*fn)(const char *line, void *arg), void *arg);
