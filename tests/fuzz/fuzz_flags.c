/* Flags of the operator from all three sources. Each line of the input is one: "a" and an argument, "e" and
 * a variable, "f" and a file as NAME=TEXT; other lines are nothing. Whatever comes: each mistake is one line
 * of readable text, and without mistakes every option is in its range. */
#include "base/mem.h"
#include "cmd/checks.h"
#include "cmd/operator_options.h"

#include <assert.h>
#include <ctype.h>

enum { MOST = 64, LONGEST_LINE = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	char *argv[MOST + 2], *env[MOST + 1];
	struct flag_file files[MOST];
	size_t n_args, n_env, n_files;
};

static void input_done(struct input *in)
{
	for (size_t i = 0; i < in->n_args; i++)
		free(in->argv[i]);
	for (size_t i = 0; i < in->n_env; i++)
		free(in->env[i]);
	for (size_t i = 0; i < in->n_files; i++) {
		free(in->files[i].name);
		free(in->files[i].text);
	}
}

static void add_line(struct input *in, struct slice line)
{
	struct slice text = { line.ptr + 1, line.len - 1 }, name;
	if (line.ptr[0] == 'a' && in->n_args <= MOST) {
		in->argv[in->n_args++] = xstrndup(text.ptr, text.len);
	} else if (line.ptr[0] == 'e' && in->n_env < MOST) {
		in->env[in->n_env++] = xstrndup(text.ptr, text.len);
	} else if (line.ptr[0] == 'f' && in->n_files < MOST && slice_cut(&text, '=', &name) && text.ptr) {
		char *copy = xcalloc(1, text.len + 1);
		memcpy(copy, text.ptr, text.len);
		in->files[in->n_files++] = (struct flag_file){ xstrndup(name.ptr, name.len), copy, text.len };
	}
}

static int read_dir(const char *path, struct flag_file **ret, size_t *ret_n, void *arg, struct err *e)
{
	const struct input *in = arg;
	(void)path;
	(void)e;
	*ret = xcalloc(in->n_files + 1, sizeof(**ret));
	for (size_t i = 0; i < in->n_files; i++) {
		const struct flag_file *f = &in->files[i];
		char *copy = xcalloc(1, f->len + 1);
		memcpy(copy, f->text, f->len);
		(*ret)[i] = (struct flag_file){ xstrdup(f->name), copy, f->len };
	}
	*ret_n = in->n_files;
	return 0;
}

static void check_mistakes(const struct flag_mistakes *m)
{
	size_t lines = 0, from = 0;
	for (size_t i = 0; i < m->text.len; i++) {
		if (m->text.ptr[i] != '\n') {
			assert(!iscntrl((unsigned char)m->text.ptr[i]));
			continue;
		}
		assert(i > from && i - from < LONGEST_LINE);
		from = i + 1;
		lines++;
	}
	assert(from == m->text.len && lines == m->n && !m->text.overflow);
}

static void check_options(const struct operator_options *o)
{
	const struct ipam_config c = allocation_config(&o->allocation);
	assert(o->max_in_flight >= 1 && o->max_in_flight <= 1000);
	assert(o->mass_release_delay >= 0);
	assert(o->log_level <= LOG_ERROR && o->log_format <= LOG_FORMAT_JSON);
	assert(c.opt_in <= OPT_IN_ALL && o->allocation.address_records <= RECORDS_OFF);
	assert(c.family_on[IPV4] || c.family_on[IPV6]);
	assert(check_address(o->http_address) && check_loopback(o->embedded_address));
	assert(o->allocation.field_manager.n > 0);
	for (size_t i = 0; c.classes[i]; i++)
		assert(check_class(c.classes[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(input_done) struct input in = { 0 };
	struct slice rest = { (const char *)data, size }, line;
	in.argv[in.n_args++] = xstrdup("operator");
	while (size > 0 && slice_cut(&rest, '\n', &line))
		if (line.len)
			add_line(&in, line);

	struct operator_options o = { 0 };
	CLEANUP(flag_result_done) struct flag_result r = { 0 };
	struct flag_input from = { (int)in.n_args, in.argv, in.env, read_dir, &in };
	flags_parse(&operator_flags, &from, &o, &r);
	if (!r.help) {
		check_mistakes(&r.mistakes);
		if (r.mistakes.n == 0)
			check_options(&o);
	}
	operator_options_done(&o);
	return 0;
}
