/* Manifests for a plan, as YAML or JSON: each document is told, judged and decided on. Problems are single
 * lines, and each Service has one row, which says the same when it is asked for again. */
#include "base/mem.h"
#include "data/yaml.h"
#include "plan/plan.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEW_DOCUMENTS = 6, WALL = 1700000000 };

struct run {
	struct plan *plan;
	size_t n;
};

static void on_problem(const char *line, void *arg)
{
	assert(line[0] && !strchr(line, '\n'));
}

static int on_document(struct js *document, int line, void *arg, struct err *e)
{
	struct run *r = arg;
	struct err own = { 0 };
	if (r->n++ >= FEW_DOCUMENTS)
		return 0;
	if (plan_apply(r->plan, document, &own) < 0)
		assert(own.msg[0]);
	else if (js_type(js_path(document, "metadata", "name")) == JS_STRING)
		plan_problems(r->plan, document, on_problem, NULL);
	return 0;
}

static void on_row(const struct plan_row *row, void *arg)
{
	assert(row->verdict < VERDICTS && row->before && row->after && row->reason && row->message);
	buf_addf(arg, "%s/%s=%s\n", row->namespace, row->name, row->after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const classes[] = { "berth.dev/lb", NULL }, *const managers[] = { "berth", NULL };
	const struct ipam_config config = {
		.opt_in = OPT_IN_ALL,
		.classes = classes,
		.proxy_name = "",
		.family_on = { true, true },
		.records = true,
		.classless_are_ours = true,
		.max_in_flight = 64,
	};
	const struct view_config view = { .managers = managers, .metallb = true };
	CLEANUP(plan_freep) struct plan *plan = plan_new(&config, &view, (msec)WALL * 1000);
	CLEANUP(buf_done) struct buf once = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct run r = { .plan = plan };
	struct slice text = { (const char *)data, size };
	plan_begin(plan);
	int good = yaml_parse(text, on_document, &r, NULL);
	assert(good <= 0);
	plan_rows(plan, on_row, &once);
	plan_rows(plan, on_row, &again);
	assert(once.len == again.len && strcmp(buf_str(&once), buf_str(&again)) == 0);
	return 0;
}
