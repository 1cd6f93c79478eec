#include "cmd/complete.h"

struct completion completion_of(const struct flag *f)
{
	static const char *const none[] = { NULL };
	static const char *const truth[] = { "true", "false", NULL };
	const char *placeholder = f->placeholder ? f->placeholder : "";
	struct completion c = { .value = true, .words = f->choices ? f->choices : none };
	c.needs_value = f->type != FLAG_BOOL && f->type != FLAG_OPTIONAL;
	c.folders = f->type == FLAG_CONFIG_DIR;
	c.files = f->type == FLAG_PATHS || strstr(placeholder, "FILE");
	if (f->type == FLAG_BOOL)
		c.words = truth;
	return c;
}

void completion_words(const struct completion *c, struct buf *out)
{
	for (size_t i = 0; c->words[i]; i++)
		buf_addf(out, "%s%s", i ? " " : "", c->words[i]);
}

void completion_verbs(const struct verb_table *t, struct buf *out)
{
	const char *sep = "";
	for (size_t i = 0; i < t->n; i++) {
		if (t->verbs[i].hidden)
			continue;
		buf_addf(out, "%s%s", sep, t->verbs[i].name);
		sep = " ";
	}
}
