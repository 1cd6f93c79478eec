/* A plan for people (table, wide) and for programs (JSON, YAML). */
#pragma once

#include "plan/plan.h"

enum plan_form { PLAN_AS_TABLE, PLAN_AS_WIDE, PLAN_AS_JSON, PLAN_AS_YAML };

struct plan_summary {
	unsigned n[VERDICTS];
};

void plan_print(struct plan *p, enum plan_form form, struct buf *out, struct plan_summary *ret);
