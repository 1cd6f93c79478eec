#include "base/mem.h"
#include "cmd/complete.h"
#include "cmd/flags_help.h"

/* Needs nothing but bash. Bash takes words apart at '=', so "--x=va" may come as one word or as three. */
static const char head[] =
	"# bash completion for berth, made by: berth completion bash\n"
	"\n"
	"_berth_words()\n"
	"{\n"
	"\tmapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"$cur\")\n"
	"}\n"
	"\n"
	"_berth_files()\n"
	"{\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -P \"$before\" \"$1\" -- \"$cur\")\n"
	"}\n"
	"\n"
	"_berth()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} flag= before=\n"
	"\tlocal last=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tCOMPREPLY=()\n"
	"\tif ((COMP_CWORD < 2)); then\n"
	"\t\t_berth_words \"%s --help\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tif [[ $cur == --*=* ]]; then\n"
	"\t\tflag=${cur%%%%=*}= before=${cur%%%%=*}= cur=${cur#*=}\n"
	"\telif [[ $cur == = ]]; then\n"
	"\t\tflag=$last= cur=\n"
	"\telif [[ $last == = ]]; then\n"
	"\t\tflag=${COMP_WORDS[COMP_CWORD - 2]}=\n"
	"\telif [[ $last == -* ]]; then\n"
	"\t\tflag=$last\n"
	"\tfi\n"
	"\tcase \"$verb $flag\" in\n";

static const char tail[] = "\tesac\n"
			   "\t[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
			   "\treturn 0\n"
			   "}\n"
			   "\n"
			   "complete -F _berth berth kubectl-lbipam\n";

struct bash {
	struct buf *out;
	const char *verb;
};

static void add_value(const struct flag *f, const struct flag_section *in, void *arg)
{
	struct bash *b = arg;
	struct completion c = completion_of(f);
	buf_addf(b->out, "\t'%s --%s='", b->verb, f->name);
	if (c.needs_value)
		buf_addf(b->out, " | '%s --%s'", b->verb, f->name);
	if (c.needs_value && f->letter)
		buf_addf(b->out, " | '%s -%c'", b->verb, f->letter);
	buf_add_str(b->out, ")\n");
	if (c.words[0]) {
		buf_add_str(b->out, "\t\t_berth_words '");
		completion_words(&c, b->out);
		buf_add_str(b->out, "'\n");
	}
	if (c.files || c.folders)
		buf_addf(b->out, "\t\t_berth_files %s\n", c.folders ? "-d" : "-f");
	buf_add_str(b->out, "\t\treturn\n\t\t;;\n");
}

static void add_name(const struct flag *f, const struct flag_section *in, void *arg)
{
	struct buf *out = arg;
	buf_addf(out, "--%s%s ", f->name, completion_of(f).needs_value ? "=" : "");
}

void complete_bash(const struct verb_table *t, struct buf *out)
{
	CLEANUP(buf_done) struct buf verbs = BUF_INIT(4096);
	completion_verbs(t, &verbs);
	/* The only %s of the head: the verbs. */
	buf_addf(out, head, buf_str(&verbs));
	for (size_t i = 0; i < t->n; i++) {
		struct bash b = { out, t->verbs[i].name };
		if (!t->verbs[i].hidden)
			flags_each(t->verbs[i].flags, add_value, &b);
	}
	for (size_t i = 0; i < t->n; i++) {
		if (t->verbs[i].hidden)
			continue;
		buf_addf(out, "\t'%s '*)\n\t\t_berth_words '", t->verbs[i].name);
		if (strcmp(t->verbs[i].name, "help") == 0)
			buf_addf(out, "%s ", buf_str(&verbs));
		flags_each(t->verbs[i].flags, add_name, out);
		buf_add_str(out, "--help'\n\t\t;;\n");
	}
	buf_add_str(out, tail);
}
