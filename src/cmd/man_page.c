#include "cmd/man_page.h"

#include "base/mem.h"
#include "cmd/flags_help.h"

/* Text for roff: '-' must stay one, a backslash is itself, and no line begins like a request. */
static void add_text(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if ((c == '.' || c == '\'') && (i == 0 || text.ptr[i - 1] == '\n'))
			buf_add_str(out, "\\&");
		if (c == '-')
			buf_add_str(out, "\\-");
		else if (c == '\\')
			buf_add_str(out, "\\e");
		else
			buf_add_char(out, c);
	}
}

static void add_line(struct buf *out, const char *text)
{
	add_text(out, slice_of(text));
	buf_add_char(out, '\n');
}

struct page {
	struct buf *out;
	const struct flag_section *section;
};

static void add_flag(const struct flag *f, const struct flag_section *in, void *arg)
{
	struct page *p = arg;
	CLEANUP(buf_done) struct buf usage = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf help = BUF_INIT(4096);
	if (p->section != in) {
		buf_add_str(p->out, ".PP\n.I ");
		add_line(p->out, in->title);
	}
	p->section = in;
	flag_usage(f, &usage);
	flag_explain(f, &help);
	buf_add_str(p->out, ".TP\n.B ");
	add_line(p->out, buf_str(&usage));
	add_line(p->out, buf_str(&help));
}

static void add_examples(struct buf *out, const char *examples)
{
	buf_add_str(out, ".PP\n.EX\n");
	add_text(out, slice_of(examples));
	buf_add_str(out, ".EE\n");
}

static void add_verb(struct buf *out, const struct verb *v)
{
	struct page p = { .out = out };
	buf_addf(out, ".SS berth %s%s%s%s\n", v->name, v->flags->n_sections ? " [FLAG...]" : "",
		 *v->flags->arguments ? " " : "", v->flags->arguments);
	add_line(out, v->flags->about);
	flags_each(v->flags, add_flag, &p);
	if (v->flags->examples)
		add_examples(out, v->flags->examples);
}

static const char ending[] =
	".SH ENVIRONMENT\n"
	"Every flag can be given as a variable too:\n"
	".B \\-\\-log\\-level\n"
	"as\n"
	".BR BERTH_LOG_LEVEL .\n"
	"The command line wins over the environment, the environment over the folder of\n"
	".BR \\-\\-config\\-dir .\n"
	"A variable that is empty counts as not there.\n"
	".TP\n"
	".B KUBECONFIG\n"
	"kubeconfig files, with colons between.\n"
	".SH EXIT STATUS\n"
	".TP\n"
	".B 0\n"
	"Done.\n"
	".TP\n"
	".B 1\n"
	"Done, and found what it was asked to find: differences or problems.\n"
	".TP\n"
	".B 2\n"
	"Wrong use or wrong input; one line for each mistake on standard error, and nothing was started.\n"
	".SH SEE ALSO\n"
	".BR kubectl (1)\n";

void man_page(const struct verb_table *t, const char *version, struct buf *out)
{
	buf_addf(out, ".TH BERTH 1 \"\" \"berth %s\" \"User Commands\"\n", version);
	buf_add_str(out, ".SH NAME\n"
			 "berth \\- gives Kubernetes Services of type LoadBalancer their addresses\n"
			 ".SH SYNOPSIS\n"
			 ".B berth\n"
			 ".I VERB\n"
			 ".RI [ FLAG... ]\n"
			 ".br\n"
			 ".B kubectl lbipam\n"
			 ".I VERB\n"
			 ".RI [ FLAG... ]\n"
			 ".SH VERBS\n");
	for (size_t i = 0; i < t->n; i++)
		if (!t->verbs[i].hidden)
			add_verb(out, &t->verbs[i]);
	buf_add_str(out, ending);
}
