/* berth man */
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/man_page.h"
#include "cmd/verbs.h"
#include "observe/build_info.h"

enum { PAGE_MAX = 256 * 1024 };

const struct flag_set man_flags = {
	.verb = "man",
	.arguments = "",
	.about = "Prints the manual page, for man(1).",
	.examples = "berth man | man -l -\n",
};

int cmd_man(int argc, char **argv)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(PAGE_MAX);
	int r = args_parse(&man_flags, argc, argv, NULL, NULL, NULL);
	if (r >= 0)
		return r;
	man_page(&berth_verbs, build_version(), &text);
	return print_out(&text);
}
