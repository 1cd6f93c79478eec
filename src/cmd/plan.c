/* berth plan: what the operator would do with these manifests. */
#include "cmd/manifests.h"
#include "cmd/plan_options.h"
#include "cmd/planning.h"
#include "cmd/verbs.h"
#include "plan/plan_print.h"

enum { TEXT_MAX = 256 * 1024 * 1024 };

/* A manifest that was applied, and where it stands. */
struct applied {
	struct js *document;
	char *path;
	int line;
};

struct run {
	struct plan_options options;
	struct planning planning;
	struct applied *applied;
	size_t n, cap;
	size_t at; /* whose problems are being told */
	unsigned problems;
};

static void run_done(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		js_free(r->applied[i].document);
		free(r->applied[i].path);
	}
	free(r->applied);
	planning_done(&r->planning);
	plan_options_done(&r->options);
}

static int on_document(struct js *document, const char *path, int line, void *arg, struct err *e)
{
	struct run *r = arg;
	int err = plan_apply(r->planning.plan, document, e);
	if (err < 0)
		return err;
	vec_grow(&r->applied, &r->cap, r->n + 1);
	r->applied[r->n++] = (struct applied){ js_ref(document), xstrdup(path), line };
	return 0;
}

static void on_problem(const char *line, void *arg)
{
	struct run *r = arg;
	r->problems++;
	manifest_complain("plan", r->applied[r->at].path, r->applied[r->at].line, line);
}

static unsigned found(const struct plan_summary *s, unsigned allow)
{
	return (allow & PLAN_MOVES ? 0 : s->n[VERDICT_MOVES]) +
	       (allow & PLAN_LOSES ? 0 : s->n[VERDICT_LOSES]) +
	       (allow & PLAN_WAITS ? 0 : s->n[VERDICT_WAITS]);
}

static int run(struct run *r)
{
	const struct plan_options *o = &r->options;
	const struct planning_options from = {
		.verb = "plan",
		.allocation = &o->allocation,
		.pool = &o->pool,
		.cluster = &o->cluster,
		.against = o->against,
		.ns = o->ns,
	};
	int code = planning_begin(&from, &r->planning);
	if (!r->planning.plan)
		return code;
	struct manifest_reader reader = { .verb = "plan", .fn = on_document, .arg = r };
	for (size_t i = 0; i < o->filename.n; i++)
		manifests_read(&reader, o->filename.items[i]);
	for (r->at = 0; r->at < r->n; r->at++)
		plan_problems(r->planning.plan, r->applied[r->at].document, on_problem, r);
	if (code || reader.mistakes)
		return EXIT_WRONG_USE;

	struct plan_summary summary = { 0 };
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	plan_print(r->planning.plan, o->output, &text, &summary);
	code = print_out(&text);
	return code ? code : r->problems || found(&summary, o->allow) ? EXIT_FOUND : 0;
}

int cmd_plan(int argc, char **argv)
{
	struct run r = { 0 };
	int code = plan_options_parse(argc, argv, &r.options);
	if (code < 0)
		code = run(&r);
	run_done(&r);
	return code;
}
