/* `berth status --watch`. */
#pragma once

#include "cmd/standing.h"

/* Prints the status, and again whenever it changes, until a signal comes. Returns the exit code: that of the
 * last status, or EXIT_WRONG_USE after a line on standard error. */
int status_watch(const struct standing_options *o, const struct snapshot_want *own, size_t n_own);
/* Prints it once. Returns the exit code. */
int status_tell(const struct standing_in *in, enum plan_form form, bool colour, const char *before);
/* Is standard output a terminal that wants colours? */
bool status_terminal(void);
