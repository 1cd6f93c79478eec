#include "base/mem.h"
#include "cmd/complete.h"
#include "cmd/flags_help.h"

static void add_quoted(struct buf *out, const char *text)
{
	buf_add_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '\'');
}

struct fish {
	struct buf *out;
	const char *verb;
};

static void add_flag(const struct flag *f, const struct flag_section *in, void *arg)
{
	struct fish *s = arg;
	struct completion c = completion_of(f);
	buf_addf(s->out, "complete -c berth -n '__fish_seen_subcommand_from %s' -l %s", s->verb, f->name);
	if (f->letter)
		buf_addf(s->out, " -s %c", f->letter);
	/* -r: there is a value; -x: and it is no file. */
	if (c.needs_value)
		buf_add_str(s->out, c.files || c.folders ? " -r -F" : " -x");
	if (c.needs_value && (c.words[0] || c.folders)) {
		buf_add_str(s->out, " -a '");
		if (c.folders)
			buf_add_str(s->out, "(__fish_complete_directories)");
		completion_words(&c, s->out);
		buf_add_char(s->out, '\'');
	}
	buf_add_str(s->out, " -d ");
	add_quoted(s->out, f->help);
	buf_add_char(s->out, '\n');
}

void complete_fish(const struct verb_table *t, struct buf *out)
{
	buf_add_str(out, "# fish completion for berth, made by: berth completion fish\n\n"
			 "complete -c berth -f\n"
			 "complete -c berth -l help -s h -d 'tells the flags'\n");
	for (size_t i = 0; i < t->n; i++) {
		if (t->verbs[i].hidden)
			continue;
		buf_addf(out, "complete -c berth -n __fish_use_subcommand -a %s -d ", t->verbs[i].name);
		add_quoted(out, t->verbs[i].help);
		buf_add_char(out, '\n');
	}
	for (size_t i = 0; i < t->n; i++) {
		struct fish s = { out, t->verbs[i].name };
		if (t->verbs[i].hidden)
			continue;
		flags_each(t->verbs[i].flags, add_flag, &s);
		if (strcmp(s.verb, "help") == 0) {
			buf_add_str(out, "complete -c berth -n '__fish_seen_subcommand_from help' -a '");
			completion_verbs(t, out);
			buf_add_str(out, "'\n");
		}
	}
	buf_add_str(out, "complete -c kubectl-lbipam -w berth\n");
}
