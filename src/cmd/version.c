/* berth version */
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/verbs.h"
#include "observe/build_info.h"

const struct flag_set version_flags = {
	.verb = "version",
	.arguments = "",
	.about = "Tells the version, the commit, and the compiler and libraries that it was built with.",
};

int cmd_version(int argc, char **argv)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	int r = args_parse(&version_flags, argc, argv, NULL, NULL, NULL);
	if (r >= 0)
		return r;
	buf_addf(&text, "berth %s\n", build_version());
	buf_addf(&text, "commit    %s\n", build_commit());
	buf_addf(&text, "compiler  %s\n", build_compiler());
	for (size_t i = 0; build_library(i).name; i++)
		buf_addf(&text, "%-9s %s\n", build_library(i).name, build_library(i).version);
	return print_out(&text);
}
