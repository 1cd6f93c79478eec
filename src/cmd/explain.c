/* berth explain: why a Service has what it has, and what to do. */
#include "plan/explain.h"
#include "cmd/explain_options.h"
#include "cmd/planning.h"
#include "cmd/verbs.h"

#include <stdio.h>

enum { TEXT_MAX = 16 * 1024 * 1024 };

/* "ns/name", or "name" in the namespace of what names none. */
static char *namespace_of(const char *what, const char *standard)
{
	const char *slash = strchr(what, '/');
	return slash ? xstrndup(what, (size_t)(slash - what)) : xstrdup(standard);
}

static int run(const struct explain_options *o, const char *what, struct planning *p)
{
	const struct planning_options from = {
		.verb = "explain",
		.allocation = &o->allocation,
		.pool = &o->pool,
		.cluster = &o->cluster,
		.against = o->against,
		.ns = o->ns,
	};
	int code = planning_begin(&from, p);
	if (code)
		return code;
	const char *slash = strchr(what, '/');
	CLEANUP(freep) char *ns = namespace_of(what, p->ns);
	const char *name = slash ? slash + 1 : what;
	struct explanation x = { 0 };
	if (!explain(p->plan, ns, name, &x)) {
		(void)fprintf(stderr, "%s explain: there is no Service %s/%s in %s\n", program_name(), ns,
			      name, strcmp(o->against, "cluster") == 0 ? "the cluster" : o->against);
		return EXIT_WRONG_USE;
	}
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	explain_print(&x, o->output, &text);
	code = print_out(&text);
	if (code == 0 && !x.satisfied)
		code = EXIT_FOUND;
	explanation_done(&x);
	return code;
}

static bool is_service_name(const char *what)
{
	const char *slash = strchr(what, '/');
	return what[0] && what[0] != '/' && (!slash || (slash[1] && !strchr(slash + 1, '/')));
}

int cmd_explain(int argc, char **argv)
{
	struct explain_options o = { 0 };
	struct planning p = { 0 };
	struct flag_list args = { 0 };
	int code = explain_options_parse(argc, argv, &o, &args);
	if (code < 0 && (args.n != 1 || !is_service_name(args.items[0]))) {
		(void)fprintf(stderr, "%s explain: %s: want the Service, as NAMESPACE/NAME\n", program_name(),
			      args.n ? args.items[0] : "no Service is named");
		code = EXIT_WRONG_USE;
	}
	if (code < 0)
		code = run(&o, args.items[0], &p);
	planning_done(&p);
	flag_list_done(&args);
	explain_options_done(&o);
	return code;
}
