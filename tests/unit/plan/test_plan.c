/* Plans: manifests in, text out; the cases are in data/plan.yaml. */
#include "golden.h"
#include "plan/plan_print.h"

#include "lib/test.h"

static void print_plan(struct plan *p, const struct js *c, enum plan_form form, struct buf *out)
{
	(void)c;
	struct plan_summary unused;
	plan_print(p, form, out, &unused);
}

static void plans_are_as_written(void **state)
{
	golden_run("plan.yaml", print_plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(plans_are_as_written) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
