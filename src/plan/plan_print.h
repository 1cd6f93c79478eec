/* A plan for people (table, wide) and for programs (JSON, YAML). */
#pragma once

#include "plan/plan.h"
#include "plan/print.h"

struct plan_summary {
	unsigned n[VERDICTS];
};

void plan_print(struct plan *p, enum plan_form form, struct buf *out, struct plan_summary *ret);
