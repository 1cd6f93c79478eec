#include "cmd/args.h"

#include "base/mem.h"
#include "cmd/config_dir.h"
#include "cmd/flags_help.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { HELP_MAX = 256 * 1024 };

const char *program_name(void)
{
	return strcmp(program_invocation_short_name, "kubectl-lbipam") == 0 ? "kubectl lbipam" : "berth";
}

int print_out(const struct buf *text)
{
	if (text->overflow || fwrite(buf_str(text), 1, text->len, stdout) != text->len ||
	    fflush(stdout) != 0) {
		(void)fprintf(stderr, "%s: standard output: %s\n", program_name(),
			      text->overflow ? "too much text" : strerror(errno));
		return EXIT_WRONG_USE;
	}
	return 0;
}

static void print_mistakes(const struct flag_set *set, const struct flag_mistakes *m)
{
	struct slice rest = buf_slice(&m->text), line;
	while (slice_cut(&rest, '\n', &line))
		if (line.len)
			(void)fprintf(stderr, "%s %s: %.*s\n", program_name(), set->verb, SLICE_ARG(line));
}

int args_parse(const struct flag_set *set, int argc, char **argv, void *options, struct flag_list *ret_args,
	       struct flag_list *ret_unknown_files)
{
	struct flag_input in = { .argc = argc, .argv = argv, .env = environ, .read_dir = config_dir_read };
	CLEANUP(flag_result_done) struct flag_result r = { 0 };
	flags_parse(set, &in, options, &r);
	if (r.help) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(HELP_MAX);
		flags_help(set, program_name(), &text);
		return print_out(&text);
	}
	if (r.mistakes.n > 0) {
		print_mistakes(set, &r.mistakes);
		return EXIT_WRONG_USE;
	}
	if (ret_args) {
		*ret_args = r.args;
		r.args = (struct flag_list){ 0 };
	}
	if (ret_unknown_files) {
		*ret_unknown_files = r.unknown_files;
		r.unknown_files = (struct flag_list){ 0 };
	}
	return -1;
}
