#include "cmd/flags_help.h"

#include "base/mem.h"

enum {
	WIDTH = 100,     /* of a line */
	HELP_COLUMN = 6, /* where the explanation of a flag begins */
};

void flags_each(const struct flag_set *set,
		void (*fn)(const struct flag *f, const struct flag_section *in, void *arg), void *arg)
{
	for (size_t i = 0; i < set->n_sections; i++)
		for (size_t j = 0; j < set->sections[i].n; j++)
			fn(&set->sections[i].flags[j], &set->sections[i], arg);
}

void flag_usage(const struct flag *f, struct buf *out)
{
	if (f->letter)
		buf_addf(out, "-%c, ", f->letter);
	buf_addf(out, "--%s", f->name);
	if (f->type == FLAG_BOOL)
		return;
	buf_add_str(out, f->type == FLAG_OPTIONAL ? "[=" : "=");
	flag_placeholder(f, out);
	if (f->type == FLAG_OPTIONAL)
		buf_add_char(out, ']');
}

void flag_explain(const struct flag *f, struct buf *out)
{
	buf_add_str(out, f->help);
	if (f->type == FLAG_LIST || f->type == FLAG_CHOICES)
		buf_add_str(out, "; a list with commas, or given several times");
	else if (f->type == FLAG_PATHS)
		buf_add_str(out, "; may be given several times");
	if (f->type == FLAG_INT)
		buf_addf(out, "; from %d to %d", f->min, f->max);
	if (f->standard && *f->standard)
		buf_addf(out, " (default %s)", f->standard);
	if (f->alias)
		buf_addf(out, " (also --%s)", f->alias);
}

/* Words of one paragraph, broken at WIDTH. */
static void add_wrapped(struct buf *out, struct slice text, size_t indent)
{
	struct slice word;
	size_t column = 0;
	while (slice_cut(&text, ' ', &word)) {
		if (word.len == 0)
			continue;
		if (column > 0 && column + 1 + word.len > WIDTH) {
			buf_add_char(out, '\n');
			column = 0;
		}
		if (column == 0) {
			buf_addf(out, "%*s", (int)indent, "");
			column = indent;
		} else {
			buf_add_char(out, ' ');
			column++;
		}
		buf_add_slice(out, word);
		column += word.len;
	}
	buf_add_char(out, '\n');
}

/* Lines are kept. */
static void add_paragraphs(struct buf *out, const char *text, size_t indent)
{
	struct slice rest = slice_of(text), line;
	while (slice_cut(&rest, '\n', &line)) {
		if (line.len)
			add_wrapped(out, line, indent);
		else if (rest.ptr)
			buf_add_char(out, '\n');
	}
}

struct help {
	struct buf *out;
	const struct flag_section *section;
};

static void add_flag(const struct flag *f, const struct flag_section *in, void *arg)
{
	struct help *h = arg;
	if (h->section != in)
		buf_addf(h->out, "\n%s\n", in->title);
	h->section = in;
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	buf_add_str(h->out, "  ");
	flag_usage(f, h->out);
	buf_add_char(h->out, '\n');
	flag_explain(f, &text);
	add_wrapped(h->out, buf_slice(&text), HELP_COLUMN);
}

static bool has_config_dir(const struct flag_set *set)
{
	for (size_t i = 0; i < set->n_sections; i++)
		for (size_t j = 0; j < set->sections[i].n; j++)
			if (set->sections[i].flags[j].type == FLAG_CONFIG_DIR)
				return true;
	return false;
}

void flags_help(const struct flag_set *set, const char *program, struct buf *out)
{
	buf_addf(out, "Usage: %s %s%s%s%s\n\n", program, set->verb, set->n_sections ? " [FLAG...]" : "",
		 *set->arguments ? " " : "", set->arguments);
	add_paragraphs(out, set->about, 0);
	struct help h = { .out = out };
	flags_each(set, add_flag, &h);
	if (set->n_sections) {
		CLEANUP(buf_done) struct buf more = BUF_INIT(4096);
		buf_add_str(&more, "Every flag can be given as an environment variable too: --log-level as "
				   "BERTH_LOG_LEVEL.");
		if (has_config_dir(set))
			buf_add_str(
				&more,
				" And as a file in the folder of --config-dir, with the flag's name and its "
				"value as content. The command line wins over the environment, the "
				"environment over the folder.");
		buf_add_char(out, '\n');
		add_wrapped(out, buf_slice(&more), 0);
	}
	if (set->examples) {
		buf_add_str(out, "\nExamples\n");
		add_paragraphs(out, set->examples, 2);
	}
}
