/* Completion scripts for shells, from the tables of verbs and flags. */
#pragma once

#include "cmd/verbs.h"

void complete_bash(const struct verb_table *t, struct buf *out);
void complete_zsh(const struct verb_table *t, struct buf *out);
void complete_fish(const struct verb_table *t, struct buf *out);

/* What may stand as the value of a flag. */
struct completion {
	bool value;       /* there may be a value */
	bool needs_value; /* and also as the next word, without '=' */
	bool files, folders;
	const char *const *words; /* NULL-terminated, never NULL */
};
struct completion completion_of(const struct flag *f);

/* Words with blanks between. */
void completion_words(const struct completion *c, struct buf *out);
/* The verbs that are not hidden, with blanks between. */
void completion_verbs(const struct verb_table *t, struct buf *out);
