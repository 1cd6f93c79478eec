/* berth completion bash|zsh|fish */
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/complete.h"
#include "cmd/verbs.h"

#include <stdio.h>

enum { SCRIPT_MAX = 256 * 1024 };

const struct flag_set completion_flags = {
	.verb = "completion",
	.arguments = "bash|zsh|fish",
	.about = "Prints the script that makes the shell complete verbs, flags and their values.",
	.examples = "# in ~/.bashrc, where no package has brought it\n"
		    "source <(berth completion bash)\n",
	.max_args = 1,
};

static const struct {
	const char *shell;
	void (*write)(const struct verb_table *t, struct buf *out);
} shells[] = {
	{ "bash", complete_bash },
	{ "zsh", complete_zsh },
	{ "fish", complete_fish },
};

int cmd_completion(int argc, char **argv)
{
	CLEANUP(flag_list_done) struct flag_list args = { 0 };
	int r = args_parse(&completion_flags, argc, argv, NULL, &args, NULL);
	if (r >= 0)
		return r;
	for (size_t i = 0; args.n && i < ARRAY_LEN(shells); i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(SCRIPT_MAX);
		if (strcmp(args.items[0], shells[i].shell) != 0)
			continue;
		shells[i].write(&berth_verbs, &text);
		return print_out(&text);
	}
	(void)fprintf(stderr, "%s completion: %.100s: want bash, zsh or fish\n", program_name(),
		      args.n ? args.items[0] : "the name of a shell is missing");
	return EXIT_WRONG_USE;
}
