#include "cmd/flags.h"

#include "base/mem.h"
#include "cmd/nearest.h"

#include <ctype.h>
#include <errno.h>

enum {
	MISTAKES_MAX = 64 * 1024, /* bytes of all lines */
	SHOWN_MAX = 100,          /* bytes of a value in a message */
};

/* Where a value came from; a larger one wins. */
enum source { FROM_NOWHERE, FROM_FILE, FROM_ENVIRONMENT, FROM_COMMAND_LINE };

struct state {
	const struct flag_set *set;
	void *options;
	struct flag_result *r;
	const struct flag **flags; /* all of the set, flat */
	void **values;             /* where each lives */
	enum source *from;
	size_t n;
};

union value {
	bool on;
	int number;
	msec time;
	unsigned bits;
	char *text;
	struct flag_list list;
	struct flag_optional optional;
};

/* Lists */

void flag_list_add(struct flag_list *l, struct slice item)
{
	vec_grow(&l->items, &l->cap, l->n + 2);
	l->items[l->n++] = xstrndup(item.ptr ? item.ptr : "", item.len);
	l->items[l->n] = NULL;
}

bool flag_list_has(const struct flag_list *l, const char *item)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i], item) == 0)
			return true;
	return false;
}

void flag_list_done(struct flag_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct flag_list){ 0 };
}

/* Messages */

void flag_mistake(struct flag_mistakes *m, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&m->text, fmt, ap);
	va_end(ap);
	buf_add_char(&m->text, '\n');
	m->n++;
}

/* As it is where that is readable, else in quotes; always on one line, harmless to a terminal, and
 * never long. */
static void show(struct buf *out, struct slice text)
{
	bool plain = text.len > 0;
	size_t shown = text.len < SHOWN_MAX ? text.len : SHOWN_MAX;
	for (size_t i = 0; i < shown; i++)
		plain = plain && isgraph((unsigned char)text.ptr[i]) && text.ptr[i] != '"';
	if (!plain)
		buf_add_char(out, '"');
	for (size_t i = 0; i < shown; i++) {
		char c = text.ptr[i];
		if (c == '\n')
			buf_add_str(out, "\\n");
		else if (!isprint((unsigned char)c))
			buf_addf(out, "\\x%02x", (unsigned)(unsigned char)c);
		else if (!plain && (c == '"' || c == '\\'))
			buf_addf(out, "\\%c", c);
		else
			buf_add_char(out, c);
	}
	if (!plain)
		buf_add_char(out, '"');
	if (shown < text.len)
		buf_add_str(out, "...");
}

static void list_choices(const struct flag *f, struct buf *out)
{
	for (size_t i = 0; f->choices[i]; i++) {
		if (i > 0)
			buf_add_str(out, f->choices[i + 1] ? ", " : " or ");
		buf_add_str(out, f->choices[i]);
	}
}

void flag_want(const struct flag *f, struct buf *out)
{
	if (f->want) {
		buf_add_str(out, f->want);
		return;
	}
	switch (f->type) {
	case FLAG_BOOL:
		buf_add_str(out, "true or false");
		return;
	case FLAG_INT:
		buf_addf(out, "a number from %d to %d", f->min, f->max);
		return;
	case FLAG_DURATION:
		buf_add_str(out, "a duration such as 30s or 1m30s");
		return;
	case FLAG_ENUM:
		list_choices(f, out);
		return;
	case FLAG_CHOICES:
		list_choices(f, out);
		buf_add_str(out, ", or several of them with commas between");
		return;
	case FLAG_STRING:
	case FLAG_LIST:
	case FLAG_PATHS:
	case FLAG_OPTIONAL:
	case FLAG_CONFIG_DIR:
		break;
	}
	buf_addf(out, "%s", f->placeholder ? f->placeholder : "a text");
}

void flag_placeholder(const struct flag *f, struct buf *out)
{
	if (f->placeholder)
		buf_add_str(out, f->placeholder);
	else if (f->choices)
		for (size_t i = 0; f->choices[i]; i++)
			buf_addf(out, "%s%s", i > 0 ? "|" : "", f->choices[i]);
}

void flag_env_name(const char *name, struct buf *out)
{
	buf_add_str(out, "BERTH_");
	for (; *name; name++)
		buf_add_char(out, (char)(*name == '-' ? '_' : toupper((unsigned char)*name)));
}

/* Values */

static bool is_clean(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (iscntrl((unsigned char)text.ptr[i]))
			return false;
	return true;
}

static bool item_is_right(const struct flag *f, struct slice item)
{
	CLEANUP(freep) char *text = xstrndup(item.ptr ? item.ptr : "", item.len);
	return is_clean(item) && (item.len == 0 || !f->check || f->check(text));
}

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next item of "a, b c"; empty ones do not count. */
static bool next_item(struct slice *rest, struct slice *ret)
{
	while (rest->len && is_separator(rest->ptr[0])) {
		rest->ptr++;
		rest->len--;
	}
	size_t n = 0;
	while (n < rest->len && !is_separator(rest->ptr[n]))
		n++;
	*ret = (struct slice){ rest->ptr, n };
	rest->ptr += n;
	rest->len -= n;
	return n > 0;
}

static int choice_of(const struct flag *f, struct slice text)
{
	for (int i = 0; f->choices[i]; i++)
		if (slice_is(text, f->choices[i]))
			return i;
	return -EINVAL;
}

static int read_number(const struct flag *f, struct slice text, int *ret)
{
	uint64_t v = 0;
	int r = slice_to_u64(text, &v);
	if (r < 0 || v > (uint64_t)f->max || (int)v < f->min)
		return -EINVAL;
	*ret = (int)v;
	return 0;
}

static int read_items(const struct flag *f, struct slice text, union value *v, struct slice *ret_bad)
{
	struct slice rest = text, item;
	while (next_item(&rest, &item)) {
		int choice = f->type == FLAG_CHOICES ? choice_of(f, item) : 0;
		if (choice < 0 || !item_is_right(f, item)) {
			*ret_bad = item;
			return -EINVAL;
		}
		if (f->type == FLAG_CHOICES)
			v->bits |= 1u << choice;
		else
			flag_list_add(&v->list, item);
	}
	return f->needed && v->list.n == 0 ? -EINVAL : 0;
}

static int read_optional(const struct flag *f, struct slice text, struct flag_optional *ret)
{
	bool on;
	if (slice_to_bool(text, &on) == 0) {
		ret->on = on;
		return 0;
	}
	if (text.len == 0 || !item_is_right(f, text))
		return -EINVAL;
	*ret = (struct flag_optional){ .on = true, .value = xstrndup(text.ptr, text.len) };
	return 0;
}

/* Reads into *v, which is all zero; on failure it may hold a part. *ret_bad: the piece that is wrong,
 * where that is less than all. */
static int read_value(const struct flag *f, struct slice text, union value *v, struct slice *ret_bad)
{
	int choice;
	switch (f->type) {
	case FLAG_BOOL:
		return slice_to_bool(text, &v->on);
	case FLAG_INT:
		return read_number(f, text, &v->number);
	case FLAG_DURATION:
		return duration_parse(text, &v->time);
	case FLAG_ENUM:
		choice = choice_of(f, text);
		v->bits = choice < 0 ? 0 : (unsigned)choice;
		return choice < 0 ? choice : 0;
	case FLAG_CHOICES:
	case FLAG_LIST:
		return read_items(f, text, v, ret_bad);
	case FLAG_PATHS:
		if (text.len == 0 || !item_is_right(f, text))
			return -EINVAL;
		flag_list_add(&v->list, text);
		return 0;
	case FLAG_OPTIONAL:
		return read_optional(f, text, &v->optional);
	case FLAG_STRING:
	case FLAG_CONFIG_DIR:
		if ((f->needed && text.len == 0) || !item_is_right(f, text))
			return -EINVAL;
		v->text = xstrndup(text.ptr ? text.ptr : "", text.len);
		return 0;
	}
	return -EINVAL;
}

static void free_value(const struct flag *f, void *value)
{
	switch (f->type) {
	case FLAG_STRING:
	case FLAG_CONFIG_DIR:
		str_replace(value, NULL);
		break;
	case FLAG_LIST:
	case FLAG_PATHS:
		flag_list_done(value);
		break;
	case FLAG_OPTIONAL:
		str_replace(&((struct flag_optional *)value)->value, NULL);
		break;
	case FLAG_BOOL:
	case FLAG_INT:
	case FLAG_DURATION:
	case FLAG_ENUM:
	case FLAG_CHOICES:
		break;
	}
}

static bool is_list(const struct flag *f)
{
	return f->type == FLAG_LIST || f->type == FLAG_PATHS || f->type == FLAG_CHOICES;
}

/* Moves *v to where the option lives. `more`: it goes on a list. */
static void store(const struct flag *f, void *to, union value *v, bool more)
{
	if (!more)
		free_value(f, to);
	switch (f->type) {
	case FLAG_BOOL:
		*(bool *)to = v->on;
		break;
	case FLAG_INT:
		*(int *)to = v->number;
		break;
	case FLAG_DURATION:
		*(msec *)to = v->time;
		break;
	case FLAG_ENUM:
		*(unsigned *)to = v->bits;
		break;
	case FLAG_CHOICES:
		*(unsigned *)to = more ? *(unsigned *)to | v->bits : v->bits;
		break;
	case FLAG_STRING:
	case FLAG_CONFIG_DIR:
		*(char **)to = TAKE(v->text);
		break;
	case FLAG_OPTIONAL:
		*(struct flag_optional *)to = v->optional;
		v->optional.value = NULL;
		break;
	case FLAG_LIST:
	case FLAG_PATHS:
		for (size_t i = 0; i < v->list.n; i++)
			flag_list_add(to, slice_of(v->list.items[i]));
		break;
	}
}

/* One value of one source. `where` is how the message names it: "--x=", "BERTH_X=", "/etc/b/x: ". */
static void take(struct state *s, size_t at, enum source from, struct slice text, const char *where)
{
	const struct flag *f = s->flags[at];
	union value v = { 0 };
	struct slice bad = text;
	if (read_value(f, text, &v, &bad) < 0) {
		CLEANUP(buf_done) struct buf line = BUF_INIT(4096);
		buf_add_str(&line, where);
		show(&line, text);
		if (bad.len != text.len) {
			buf_add_str(&line, ": ");
			show(&line, bad);
		}
		buf_add_str(&line, ": want ");
		flag_want(f, &line);
		flag_mistake(&s->r->mistakes, "%s", buf_str(&line));
	} else if (from >= s->from[at]) {
		store(f, s->values[at], &v, is_list(f) && s->from[at] == FROM_COMMAND_LINE);
		s->from[at] = from;
	}
	free_value(f, &v);
}

/* Finding */

static bool is_named(const struct flag *f, struct slice name)
{
	return slice_is(name, f->name) || (f->alias && slice_is(name, f->alias));
}

static const size_t NOT_FOUND = SIZE_MAX;

static size_t find(const struct state *s, struct slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_named(s->flags[i], name))
			return i;
	return NOT_FOUND;
}

static size_t find_letter(const struct state *s, char letter)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->flags[i]->letter == letter)
			return i;
	return NOT_FOUND;
}

const struct flag *flags_find(const struct flag_set *set, struct slice name)
{
	for (size_t i = 0; i < set->n_sections; i++) {
		for (size_t j = 0; j < set->sections[i].n; j++) {
			const struct flag *f = &set->sections[i].flags[j];
			if (is_named(f, name) || (name.len == 1 && f->letter == name.ptr[0]))
				return f;
		}
	}
	return NULL;
}

/* The command line */

static void unknown_flag(struct state *s, struct slice shown, struct slice name)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(4096);
	const char *best = NULL;
	int nearest = -1;
	show(&line, shown);
	buf_add_str(&line, ": there is no such flag");
	for (size_t i = 0; i < 2 * s->n; i++) {
		const struct flag *f = s->flags[i / 2];
		const char *candidate = i % 2 ? f->alias : f->name;
		int near = candidate ? nearness(name, candidate) : -1;
		if (near >= 0 && (nearest < 0 || near < nearest)) {
			nearest = near;
			best = candidate;
		}
	}
	if (best)
		buf_addf(&line, "; did you mean --%s?", best);
	flag_mistake(&s->r->mistakes, "%s", buf_str(&line));
}

static void missing_value(struct state *s, const char *shown, const char *join, const struct flag *f)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(4096);
	buf_addf(&line, "%s: a value is missing: %s%s", shown, shown, join);
	flag_placeholder(f, &line);
	flag_mistake(&s->r->mistakes, "%s", buf_str(&line));
}

/* May this argument be the value of the flag before it? */
static bool may_be_value(const struct state *s, const char *arg)
{
	struct slice name = { arg + 2, 0 };
	if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
		return true;
	name.len = strcspn(arg + 2, "=");
	return !slice_is(name, "help") && find(s, name) == NOT_FOUND;
}

static bool takes_next(const struct flag *f)
{
	return f->type != FLAG_BOOL && f->type != FLAG_OPTIONAL;
}

/* One flag of the command line; returns how many further arguments it used. */
static int take_flag(struct state *s, const struct flag_input *in, int i, size_t at, const char *shown,
		     const char *value, bool is_long)
{
	const struct flag *f = s->flags[at];
	CLEANUP(freep) char *where = xasprintf("%s%s", shown, is_long ? "=" : " ");
	if (value) {
		take(s, at, FROM_COMMAND_LINE, slice_of(value), where);
		return 0;
	}
	if (!takes_next(f)) {
		take(s, at, FROM_COMMAND_LINE, slice_of("true"), where);
		return 0;
	}
	if (i + 1 >= in->argc || !may_be_value(s, in->argv[i + 1])) {
		missing_value(s, shown, is_long ? "=" : " ", f);
		return 0;
	}
	take(s, at, FROM_COMMAND_LINE, slice_of(in->argv[i + 1]), where);
	return 1;
}

static int take_long(struct state *s, const struct flag_input *in, int i)
{
	const char *arg = in->argv[i];
	struct slice name = { arg + 2, strcspn(arg + 2, "=") };
	const char *value = name.ptr[name.len] ? name.ptr + name.len + 1 : NULL;
	size_t at = find(s, name);
	if (at == NOT_FOUND) {
		unknown_flag(s, (struct slice){ arg, name.len + 2 }, name);
		/* What follows was most likely meant as its value: that is no second mistake. */
		return !value && s->set->max_args == 0 && i + 1 < in->argc && in->argv[i + 1][0] != '-';
	}
	CLEANUP(freep) char *shown = xstrndup(arg, name.len + 2);
	return take_flag(s, in, i, at, shown, value, true);
}

static int take_short(struct state *s, const struct flag_input *in, int i)
{
	const char *arg = in->argv[i];
	size_t at = find_letter(s, arg[1]);
	if (at == NOT_FOUND || (!takes_next(s->flags[at]) && arg[2])) {
		unknown_flag(s, slice_of(arg), (struct slice){ arg + 1, strcspn(arg + 1, "=") });
		return 0;
	}
	const char shown[] = { '-', arg[1], '\0' };
	const char *value = arg[2] == '=' ? arg + 3 : arg[2] ? arg + 2 : NULL;
	return take_flag(s, in, i, at, shown, value, false);
}

static void stray_argument(struct state *s, const struct flag_input *in, int i)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(4096);
	struct slice arg = slice_of(in->argv[i]);
	const char *last = i > 1 ? in->argv[i - 1] : "";
	size_t at = strncmp(last, "--", 2) == 0 ? find(s, slice_of(last + 2)) : NOT_FOUND;
	bool b;
	buf_add_str(&line, "unexpected argument ");
	show(&line, arg);
	if (at != NOT_FOUND && !takes_next(s->flags[at]) &&
	    (s->flags[at]->type == FLAG_OPTIONAL || slice_to_bool(arg, &b) == 0)) {
		buf_addf(&line, ": write %s=", last);
		show(&line, arg);
	}
	flag_mistake(&s->r->mistakes, "%s", buf_str(&line));
}

static void read_command_line(struct state *s, const struct flag_input *in)
{
	bool only_args = false;
	for (int i = 1; i < in->argc && !s->r->help; i++) {
		const char *arg = in->argv[i];
		if (!only_args && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0))
			s->r->help = true;
		else if (!only_args && strcmp(arg, "--") == 0)
			only_args = true;
		else if (!only_args && strncmp(arg, "--", 2) == 0)
			i += take_long(s, in, i);
		else if (!only_args && arg[0] == '-' && arg[1])
			i += take_short(s, in, i);
		else if (s->r->args.n < s->set->max_args)
			flag_list_add(&s->r->args, slice_of(arg));
		else
			stray_argument(s, in, i);
	}
}

/* The environment */

static const char *env_value(char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=' && (*env)[n + 1])
			return *env + n + 1;
	return NULL;
}

static void read_environment(struct state *s, char *const *env)
{
	for (size_t i = 0; env && i < s->n; i++) {
		const char *names[] = { s->flags[i]->name, s->flags[i]->alias };
		for (size_t j = 0; j < ARRAY_LEN(names) && names[j]; j++) {
			CLEANUP(buf_done) struct buf name = BUF_INIT(256);
			flag_env_name(names[j], &name);
			const char *value = env_value(env, buf_str(&name));
			if (!value)
				continue;
			buf_add_char(&name, '=');
			take(s, i, FROM_ENVIRONMENT, slice_of(value), buf_str(&name));
			break;
		}
	}
}

/* The folder */

static const struct flag_file *file_of(const struct flag_file *files, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

static void read_files(struct state *s, const struct flag_file *files, size_t n, const char *dir)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct flag *f = s->flags[i];
		const struct flag_file *file = file_of(files, n, f->name);
		if (!file)
			file = file_of(files, n, f->alias);
		if (!file || f->type == FLAG_CONFIG_DIR)
			continue;
		CLEANUP(freep) char *where = xasprintf("%s/%s: ", dir, file->name);
		take(s, i, FROM_FILE, (struct slice){ file->text, file->len }, where);
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = find(s, slice_of(files[i].name));
		if (at == NOT_FOUND || s->flags[at]->type == FLAG_CONFIG_DIR)
			flag_list_add(&s->r->unknown_files, slice_of(files[i].name));
	}
}

static void read_config_dir(struct state *s, const struct flag_input *in)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct flag *f = s->flags[i];
		const char *dir = f->type == FLAG_CONFIG_DIR ? *(char **)s->values[i] : NULL;
		struct flag_file *files = NULL;
		size_t n = 0;
		struct err e = { 0 };
		if (!dir || !*dir)
			continue;
		if (in->read_dir(dir, &files, &n, in->arg, &e) < 0) {
			flag_mistake(&s->r->mistakes, "--%s: %s", f->name, e.msg);
			continue;
		}
		read_files(s, files, n, dir);
		for (size_t j = 0; j < n; j++) {
			free(files[j].name);
			free(files[j].text);
		}
		free(files);
	}
}

/* All together */

static void set_defaults(struct state *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->from[i] == FROM_NOWHERE && s->flags[i]->standard)
			take(s, i, FROM_NOWHERE, slice_of(s->flags[i]->standard), "default ");
}

static struct state state_new(const struct flag_set *set, void *options)
{
	struct state s = { .set = set, .options = options };
	for (size_t i = 0; i < set->n_sections; i++)
		s.n += set->sections[i].n;
	s.flags = xcalloc(s.n + 1, sizeof(const struct flag *));
	s.values = xcalloc(s.n + 1, sizeof(void *));
	s.from = xcalloc(s.n + 1, sizeof(enum source));
	size_t at = 0;
	for (size_t i = 0; i < set->n_sections; i++) {
		for (size_t j = 0; j < set->sections[i].n; j++, at++) {
			s.flags[at] = &set->sections[i].flags[j];
			s.values[at] = (char *)options + set->sections[i].offset + s.flags[at]->offset;
		}
	}
	return s;
}

static void state_done(struct state *s)
{
	free(s->flags);
	free(s->values);
	free(s->from);
}

void flags_parse(const struct flag_set *set, const struct flag_input *in, void *options,
		 struct flag_result *ret)
{
	CLEANUP(state_done) struct state s = state_new(set, options);
	*ret = (struct flag_result){ .mistakes.text = BUF_INIT(MISTAKES_MAX) };
	s.r = ret;
	read_command_line(&s, in);
	if (ret->help)
		return;
	read_environment(&s, in->env);
	read_config_dir(&s, in);
	set_defaults(&s);
	if (set->check)
		set->check(options, &ret->mistakes);
}

void flags_done(const struct flag_set *set, void *options)
{
	CLEANUP(state_done) struct state s = state_new(set, options);
	for (size_t i = 0; i < s.n; i++)
		free_value(s.flags[i], s.values[i]);
}

void flag_result_done(struct flag_result *r)
{
	buf_done(&r->mistakes.text);
	flag_list_done(&r->args);
	flag_list_done(&r->unknown_files);
}
