/* The front of flags.h for a verb: reads the real command line, environment and folder, and says to the
 * user what there is to say. */
#pragma once

#include "cmd/flags.h"

enum { EXIT_FOUND = 1, EXIT_WRONG_USE = 2 };

/* argv[0] is the verb. Returns -1 to go on; else the exit code: 0 after --help, EXIT_WRONG_USE after
 * mistakes, one line each on standard error. ret_args and ret_unknown_files may be NULL; else they are
 * set when it returns -1, and owned by the caller. What `options` owns is freed by flags_done(). */
int args_parse(const struct flag_set *set, int argc, char **argv, void *options, struct flag_list *ret_args,
	       struct flag_list *ret_unknown_files);

/* "berth", or "kubectl lbipam" when called as the plugin. */
const char *program_name(void);

/* Writes it to standard output. 0, or 2 with a line on standard error. */
int print_out(const struct buf *text);
