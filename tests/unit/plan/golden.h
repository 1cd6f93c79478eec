/* Cases with manifests in and text out: documents of a YAML file with
 *
 *	name, flags   which flags differ from the operator's: see flags_of() in golden.c
 *	base, apply   objects: what is there, and what is applied on top of it; `web: {…}` is short for a
 *	              Service of ours, `pool: {…}` for a pool
 *	service       of which an explanation is asked; else the plan is
 *	output        table (standard), wide, json, yaml
 *	problems      lines about the manifests
 *	expect        the text */
#pragma once

#include "plan/plan.h"
#include "plan/print.h"

/* Prints what is asked for. */
typedef void golden_fn(struct plan *p, const struct js *the_case, enum plan_form form, struct buf *out);

/* Runs each document of the file in the folder CASES; fails the test when one differs. */
void golden_run(const char *file, golden_fn *fn);
