/* berth: one binary, several verbs. */
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/explain_options.h"
#include "cmd/operator_options.h"
#include "cmd/plan_options.h"
#include "cmd/standing_options.h"
#include "cmd/verbs.h"
#include "io/names.h"

#include <stdio.h>

enum { HELP_MAX = 64 * 1024 };

static const struct verb table[] = {
	{ "operator", "runs the controllers", cmd_operator, &operator_flags, false },
	{ "plan", "tells what the operator would do with manifests", cmd_plan, &plan_flags, false },
	{ "explain", "tells why a Service has the addresses that it has", cmd_explain, &explain_flags,
	  false },
	{ "status", "tells how pools, Services and operators stand", cmd_status, &status_flags, false },
	{ "history", "tells who held an address, or what a Service held", cmd_history, &history_flags,
	  false },
	{ "cleanup", "takes finalizers off pools, before berth goes", cmd_cleanup, &cleanup_flags, false },
	{ "version", "tells what this program was built from", cmd_version, &version_flags, false },
	{ "help", "tells the flags of a verb", cmd_help, &help_flags, false },
	{ "completion", "prints what a shell needs to complete verbs and flags", cmd_completion,
	  &completion_flags, true },
	{ "man", "prints the manual page", cmd_man, &man_flags, true },
};
const struct verb_table berth_verbs = { table, ARRAY_LEN(table) };

static int no_such_verb(const char *typed)
{
	const char *near = verb_nearest(&berth_verbs, typed);
	bool is_flag = typed[0] == '-';
	(void)fprintf(stderr, "%s: %.100s: %s", program_name(), typed,
		      is_flag ? "want a verb first" : "there is no such verb");
	if (near && !is_flag)
		(void)fprintf(stderr, "; did you mean %s?\n", near);
	else
		(void)fprintf(stderr, "; see %s --help\n", program_name());
	return EXIT_WRONG_USE;
}

int main(int argc, char **argv)
{
	names_init();
	CLEANUP(buf_done) struct buf text = BUF_INIT(HELP_MAX);
	if (argc < 2) {
		verbs_help(&berth_verbs, program_name(), &text);
		(void)fputs(buf_str(&text), stderr);
		return EXIT_WRONG_USE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		verbs_help(&berth_verbs, program_name(), &text);
		return print_out(&text);
	}
	if (strcmp(name, "--version") == 0)
		name = "version";
	const struct verb *v = verb_find(&berth_verbs, name);
	return v ? v->run(argc - 1, argv + 1) : no_such_verb(name);
}
