/* berth help [VERB] */
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/flags_help.h"
#include "cmd/verbs.h"

#include <stdio.h>

enum { HELP_MAX = 256 * 1024 };

const struct flag_set help_flags = {
	.verb = "help",
	.arguments = "[VERB]",
	.about = "Tells what a verb does, its flags and examples; without VERB, which verbs there are.",
	.max_args = 1,
};

int cmd_help(int argc, char **argv)
{
	CLEANUP(flag_list_done) struct flag_list args = { 0 };
	CLEANUP(buf_done) struct buf text = BUF_INIT(HELP_MAX);
	int r = args_parse(&help_flags, argc, argv, NULL, &args, NULL);
	if (r >= 0)
		return r;
	if (args.n == 0) {
		verbs_help(&berth_verbs, program_name(), &text);
		return print_out(&text);
	}
	const struct verb *v = verb_find(&berth_verbs, args.items[0]);
	if (!v) {
		const char *near = verb_nearest(&berth_verbs, args.items[0]);
		(void)fprintf(stderr, "%s help: %.100s: there is no such verb%s%s%s\n", program_name(),
			      args.items[0], near ? "; did you mean " : "", near ? near : "",
			      near ? "?" : "");
		return EXIT_WRONG_USE;
	}
	flags_help(v->flags, program_name(), &text);
	return print_out(&text);
}
