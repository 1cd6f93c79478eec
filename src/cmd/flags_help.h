/* The text of `berth VERB --help`, from the verb's table. */
#pragma once

#include "cmd/flags.h"

/* program: "berth", or "kubectl lbipam". */
void flags_help(const struct flag_set *set, const char *program, struct buf *out);

/* Calls fn with each flag and the section it is in. */
void flags_each(const struct flag_set *set,
		void (*fn)(const struct flag *f, const struct flag_section *in, void *arg), void *arg);
/* "--log-level", "-o, --output", with what follows: "=debug|info", "[=FILE]" or nothing. */
void flag_usage(const struct flag *f, struct buf *out);
/* The help with what else is to know: default, alias. */
void flag_explain(const struct flag *f, struct buf *out);
