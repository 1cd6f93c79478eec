#include "base/mem.h"
#include "cmd/complete.h"
#include "cmd/flags_help.h"

/* Inside '...' and there inside [...]: a quote ends the text, brackets and colons end the description. */
static void add_quoted(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'') {
			buf_add_str(out, "'\\''");
			continue;
		}
		if (strchr("[]:\\", *text))
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void add_action(const struct flag *f, struct buf *out)
{
	struct completion c = completion_of(f);
	buf_addf(out, "%s%s:", c.needs_value ? ":" : "::", f->name);
	if (c.words[0]) {
		buf_add_char(out, '(');
		completion_words(&c, out);
		buf_add_char(out, ')');
	} else {
		buf_add_str(out, c.folders ? "_files -/" : c.files ? "_files" : " ");
	}
}

static void add_spec(const struct flag *f, const char *name, struct buf *out)
{
	bool again = f->type == FLAG_LIST || f->type == FLAG_PATHS || f->type == FLAG_CHOICES;
	buf_addf(out, " \\\n\t\t\t'%s%s[", again ? "*" : "", name);
	add_quoted(out, f->help);
	buf_add_char(out, ']');
	add_action(f, out);
	buf_add_char(out, '\'');
}

static void add_flag(const struct flag *f, const struct flag_section *in, void *arg)
{
	/* "=" lets the value also be the next word, "=-" does not. */
	CLEANUP(freep) char *name = xasprintf("--%s%s", f->name, completion_of(f).needs_value ? "=" : "=-");
	const char letter[] = { '-', f->letter, '+', '\0' };
	add_spec(f, name, arg);
	if (f->letter)
		add_spec(f, letter, arg);
}

void complete_zsh(const struct verb_table *t, struct buf *out)
{
	buf_add_str(out, "#compdef berth kubectl-lbipam\n"
			 "# zsh completion for berth, made by: berth completion zsh\n"
			 "\n"
			 "_berth()\n"
			 "{\n"
			 "\tlocal context state state_descr line\n"
			 "\ttypeset -A opt_args\n"
			 "\tlocal -a verbs\n"
			 "\tverbs=(\n");
	for (size_t i = 0; i < t->n; i++) {
		if (t->verbs[i].hidden)
			continue;
		buf_addf(out, "\t\t'%s:", t->verbs[i].name);
		add_quoted(out, t->verbs[i].help);
		buf_add_str(out, "'\n");
	}
	buf_add_str(out,
		    "\t)\n"
		    "\t_arguments -C '(- *)--help[tells the verbs]' '1:verb:->verb' '*::argument:->flags'\n"
		    "\tif [[ $state == verb ]]; then\n"
		    "\t\t_describe verb verbs\n"
		    "\t\treturn\n"
		    "\tfi\n"
		    "\tcase $line[1] in\n");
	for (size_t i = 0; i < t->n; i++) {
		if (t->verbs[i].hidden)
			continue;
		buf_addf(out, "\t%s)\n\t\t_arguments -S '(- *)--help[tells the flags]'", t->verbs[i].name);
		flags_each(t->verbs[i].flags, add_flag, out);
		if (strcmp(t->verbs[i].name, "help") == 0) {
			buf_add_str(out, " \\\n\t\t\t'1:verb:(");
			completion_verbs(t, out);
			buf_add_str(out, ")'");
		}
		buf_add_str(out, "\n\t\t;;\n");
	}
	buf_add_str(out, "\tesac\n"
			 "}\n"
			 "\n"
			 "# found in fpath this file is the function; sourced it only defines it\n"
			 "if [[ $funcstack[1] == _berth ]]; then\n"
			 "\t_berth \"$@\"\n"
			 "else\n"
			 "\tcompdef _berth berth kubectl-lbipam\n"
			 "fi\n");
}
