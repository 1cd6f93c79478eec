/* Explanations: objects in, text out; the cases are in data/explain.yaml. */
#include "golden.h"
#include "plan/explain.h"
#include "plan/plan_print.h"

#include "lib/test.h"

static void print_explanation(struct plan *p, const struct js *c, enum plan_form form, struct buf *out)
{
	const char *name = js_str(js_get(c, "service"));
	struct explanation x = { 0 };
	struct plan_summary unused;
	/* Asking changes nothing. */
	CLEANUP(buf_done) struct buf before = BUF_INIT(1024 * 1024), after = BUF_INIT(1024 * 1024);
	plan_print(p, PLAN_AS_JSON, &before, &unused);
	if (!explain(p, "default", name, &x)) {
		buf_add_str(out, "no such Service\n");
		return;
	}
	explain_print(&x, form, out);
	explanation_done(&x);
	plan_print(p, PLAN_AS_JSON, &after, &unused);
	assert_string_equal(buf_str(&before), buf_str(&after));
}

static void explanations_are_as_written(void **state)
{
	golden_run("explain.yaml", print_explanation);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(explanations_are_as_written) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
