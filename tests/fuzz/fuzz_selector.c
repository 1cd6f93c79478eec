/* Label selectors: a line with '=' is a label, any other one a requirement "key operator value,value".
 * A selector holds exactly if each of its requirements alone does, and equals itself built again. */
#include "base/buf.h"
#include "base/mem.h"
#include "core/selector.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MANY = 16 };

struct input {
	struct label labels[MANY];
	size_t n_labels;
	char *lines[MANY];
	size_t n_lines;
};

static int add(struct selector *s, const char *line)
{
	CLEANUP(freep) char *copy = xstrdup(line);
	char *rest = copy;
	const char *values[MANY];
	size_t n = 0;
	const char *key = strsep(&rest, " "), *op = strsep(&rest, " ");
	for (char *v; n < MANY && (v = strsep(&rest, ","));)
		values[n++] = v;
	struct err e = { 0 };
	int r = selector_add(s, key, op, values, n, &e);
	assert(r == 0 || e.msg[0]);
	return r;
}

/* Cuts the text up in place. */
static void read_input(char *text, struct input *in)
{
	for (char *line; (line = strsep(&text, "\n"));) {
		char *equals = strchr(line, '=');
		if (!equals && in->n_lines < MANY) {
			in->lines[in->n_lines++] = line;
		} else if (equals && in->n_labels < MANY) {
			*equals = '\0';
			in->labels[in->n_labels++] = (struct label){ line, equals + 1 };
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = xstrndup((const char *)data, size);
	CLEANUP(selector_done) struct selector s = { 0 };
	CLEANUP(selector_done) struct selector again = { 0 };
	CLEANUP(buf_done) struct buf out = BUF_INIT(size * 4 + 100);
	struct input in = { .n_lines = 0 };
	read_input(text, &in);
	struct label_view view = { .items = in.labels, .n = in.n_labels };
	if (in.n_labels > 1)
		view.magic_namespace = in.labels[0].value;

	bool all = true;
	for (size_t i = 0; i < in.n_lines; i++) {
		CLEANUP(selector_done) struct selector one = { 0 };
		if (add(&one, in.lines[i]) == 0)
			all = all && selector_matches(&one, &view);
		assert(add(&s, in.lines[i]) == add(&again, in.lines[i]));
	}
	assert(selector_matches(&s, &view) == all);
	assert(selector_eq(&s, &again));
	selector_format(&s, &out);
	assert(!out.overflow && out.len > 0);
	return 0;
}
