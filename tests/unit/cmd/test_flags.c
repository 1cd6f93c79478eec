#include "cmd/flags.h"

#include "cmd/flags_help.h"
#include "lib/test.h"

#include <errno.h>

/* One flag of each type. */

enum colour { RED, GREEN, BLUE };

struct options {
	bool on, off;
	char *text, *shy, *needed, *dir;
	int number;
	msec delay;
	enum colour colour;
	unsigned fruits;
	struct flag_list list, paths;
	struct flag_optional maybe;
};

static bool no_x(const char *value)
{
	return !strchr(value, 'x');
}

static const char *const colours[] = { "red", "green", "blue", NULL };
static const char *const fruits[] = { "apple", "pear", "plum", NULL };

#define AT(field) .offset = offsetof(struct options, field)
static const struct flag rows[] = {
	{ .name = "on", .type = FLAG_BOOL, AT(on), .standard = "true", .help = "on" },
	{ .name = "off", .type = FLAG_BOOL, AT(off), .help = "off" },
	{ .name = "some-text",
	  .alias = "words",
	  .type = FLAG_STRING,
	  AT(text),
	  .standard = "std",
	  .placeholder = "TEXT",
	  .help = "text",
	  .check = no_x,
	  .want = "no x" },
	{ .name = "shy", .type = FLAG_STRING, AT(shy), .placeholder = "TEXT", .help = "not given is NULL" },
	{ .name = "needed",
	  .type = FLAG_STRING,
	  AT(needed),
	  .standard = "n",
	  .placeholder = "TEXT",
	  .needed = true,
	  .help = "never empty",
	  .want = "something" },
	{ .name = "dir", .type = FLAG_CONFIG_DIR, AT(dir), .placeholder = "DIR", .help = "folder" },
	{ .name = "number",
	  .type = FLAG_INT,
	  AT(number),
	  .standard = "7",
	  .min = 1,
	  .max = 1000,
	  .placeholder = "N",
	  .help = "number" },
	{ .name = "delay",
	  .type = FLAG_DURATION,
	  AT(delay),
	  .standard = "1m",
	  .placeholder = "DURATION",
	  .help = "delay" },
	{ .name = "colour",
	  .letter = 'c',
	  .type = FLAG_ENUM,
	  AT(colour),
	  .standard = "green",
	  .choices = colours,
	  .help = "colour" },
	{ .name = "fruits", .type = FLAG_CHOICES, AT(fruits), .choices = fruits, .help = "fruits" },
	{ .name = "list",
	  .type = FLAG_LIST,
	  AT(list),
	  .standard = "a,b",
	  .placeholder = "ITEM",
	  .help = "list",
	  .check = no_x,
	  .want = "no x" },
	{ .name = "path",
	  .letter = 'f',
	  .type = FLAG_PATHS,
	  AT(paths),
	  .placeholder = "PATH",
	  .help = "paths" },
	{ .name = "maybe", .type = FLAG_OPTIONAL, AT(maybe), .placeholder = "FILE", .help = "maybe" },
};
static const struct flag_section section = { "Flags", rows, ARRAY_LEN(rows), 0 };

static void check(void *options, struct flag_mistakes *m)
{
	const struct options *o = options;
	if (o->number == 13)
		flag_mistake(m, "--number=13: brings bad luck");
}

static const struct flag_set set = {
	.verb = "try",
	.arguments = "",
	.about = "Tries.",
	.examples = "# how\nberth try\n",
	.sections = &section,
	.n_sections = 1,
	.check = check,
};

/* The words of a test: what goes in, what comes out. */

enum { MOST_ARGS = 32 };

struct file {
	const char *name, *text;
};

struct run {
	struct flag_set set;
	const char *argv[MOST_ARGS];
	int argc;
	const char *env[MOST_ARGS];
	const struct file *files;
	size_t n_files;
	struct options o;
	struct flag_result r;
};

static int read_dir(const char *path, struct flag_file **ret, size_t *ret_n, void *arg, struct err *e)
{
	const struct run *t = arg;
	if (strcmp(path, "/etc/try") != 0)
		return err_set(e, ENOENT, "%s: there is no such folder", path);
	*ret = xcalloc(t->n_files + 1, sizeof(**ret));
	for (size_t i = 0; i < t->n_files; i++)
		(*ret)[i] = (struct flag_file){ xstrdup(t->files[i].name), xstrdup(t->files[i].text),
						strlen(t->files[i].text) };
	*ret_n = t->n_files;
	return 0;
}

static void run(struct run *t)
{
	const char *argv[MOST_ARGS + 1] = { "try" };
	for (t->argc = 0; t->argv[t->argc]; t->argc++)
		argv[t->argc + 1] = t->argv[t->argc];
	char *owned_argv[MOST_ARGS + 1] = { 0 }, *owned_env[MOST_ARGS] = { 0 };
	for (int i = 0; i <= t->argc; i++)
		owned_argv[i] = xstrdup(argv[i]);
	for (int i = 0; t->env[i]; i++)
		owned_env[i] = xstrdup(t->env[i]);
	struct flag_input in = { t->argc + 1, owned_argv, owned_env, read_dir, t };
	if (!t->set.verb)
		t->set = set;
	flags_parse(&t->set, &in, &t->o, &t->r);
	for (int i = 0; i <= t->argc; i++)
		free(owned_argv[i]);
	for (int i = 0; owned_env[i]; i++)
		free(owned_env[i]);
}

static void done(struct run *t)
{
	flags_done(&t->set, &t->o);
	flag_result_done(&t->r);
}

#define RUN(t, ...)                                               \
	CLEANUP(done) struct run t = { .argv = { __VA_ARGS__ } }; \
	run(&t)
#define GOOD(t) assert_string_equal(buf_str(&(t).r.mistakes.text), "")
/* Exactly this one line. */
#define BAD(line, ...)                                                          \
	do {                                                                    \
		RUN(bad_, __VA_ARGS__);                                         \
		assert_string_equal(buf_str(&bad_.r.mistakes.text), line "\n"); \
		assert_int_equal(bad_.r.mistakes.n, 1);                         \
	} while (0)

static const char *joined(const struct flag_list *l, char text[256])
{
	text[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		(void)snprintf(text + strlen(text), 256 - strlen(text), "%s%s", i ? "|" : "", l->items[i]);
	if (l->items)
		assert_null(l->items[l->n]);
	return text;
}

static void without_flags_the_defaults_hold(void **state)
{
	char text[256];
	RUN(t, NULL);
	GOOD(t);
	assert_true(t.o.on && !t.o.off && !t.o.maybe.on && !t.o.maybe.value && !t.o.shy && !t.o.dir);
	assert_string_equal(t.o.text, "std");
	assert_int_equal(t.o.number, 7);
	assert_int_equal(t.o.delay, 60000);
	assert_int_equal(t.o.colour, GREEN);
	assert_int_equal(t.o.fruits, 0);
	assert_string_equal(joined(&t.o.list, text), "a|b");
	assert_int_equal(t.o.paths.n, 0);
	assert_null(t.o.paths.items);
}

static void values_come_with_equals_or_as_the_next_word(void **state)
{
	char text[256];
	RUN(t, "--on=false", "--off", "--some-text=a=b", "--number", "12", "--delay=1h30m", "--colour",
	    "blue", "--fruits=plum,apple", "--shy=", "--list", "c, d", "--list=e", "-f", "-", "-fa b,c",
	    "--path=x", "--maybe");
	GOOD(t);
	assert_true(!t.o.on && t.o.off && t.o.maybe.on && !t.o.maybe.value);
	assert_string_equal(t.o.text, "a=b");
	assert_string_equal(t.o.shy, "");
	assert_int_equal(t.o.number, 12);
	assert_int_equal(t.o.delay, 5400000);
	assert_int_equal(t.o.colour, BLUE);
	assert_int_equal(t.o.fruits, 1 << 2 | 1 << 0);
	assert_string_equal(joined(&t.o.list, text), "c|d|e");
	assert_string_equal(joined(&t.o.paths, text), "-|a b,c|x");
}

static void the_last_one_wins(void **state)
{
	char text[256];
	RUN(t, "--number=1", "--number=2", "--some-text=a", "--words=b", "--on=0", "--on", "--maybe=FILE",
	    "--maybe=/other", "-cred", "-c=blue", "--fruits=apple", "--fruits=pear", "--list=", "--list=q");
	GOOD(t);
	assert_int_equal(t.o.number, 2);
	assert_string_equal(t.o.text, "b");
	assert_true(t.o.on && t.o.maybe.on);
	assert_string_equal(t.o.maybe.value, "/other");
	assert_int_equal(t.o.colour, BLUE);
	assert_int_equal(t.o.fruits, 3);
	assert_string_equal(joined(&t.o.list, text), "q");
	RUN(off, "--maybe=FILE", "--maybe=false", "--list=");
	GOOD(off);
	assert_true(!off.o.maybe.on && !off.o.maybe.value);
	assert_int_equal(off.o.list.n, 0);
}

static void each_mistake_is_one_clear_line(void **state)
{
	BAD("--nubmer: there is no such flag; did you mean --number?", "--nubmer=3");
	BAD("--nubmer: there is no such flag; did you mean --number?", "--nubmer", "3");
	BAD("--word: there is no such flag; did you mean --words?", "--word", "--on");
	BAD("--quite-another: there is no such flag", "--quite-another");
	BAD("--: there is no such flag", "--=3");
	BAD("-z: there is no such flag", "-z");
	BAD("-number=3: there is no such flag; did you mean --number?", "-number=3");
	BAD("--number: a value is missing: --number=N", "--number");
	BAD("--number: a value is missing: --number=N", "--number", "--on");
	BAD("--colour: a value is missing: --colour=red|green|blue", "--colour", "--words=a");
	BAD("-f: a value is missing: -f PATH", "-f");
	BAD("-c pink: want red, green or blue", "-c", "pink");
	BAD("--on=maybe: want true or false", "--on=maybe");
	BAD("--on=\"\": want true or false", "--on=");
	BAD("--number=0: want a number from 1 to 1000", "--number=0");
	BAD("--number=1001: want a number from 1 to 1000", "--number", "1001");
	BAD("--number=-1: want a number from 1 to 1000", "--number", "-1");
	BAD("--number=99999999999999999999: want a number from 1 to 1000", "--number=99999999999999999999");
	BAD("--number=\"7 \": want a number from 1 to 1000", "--number=7 ");
	BAD("--delay=\"5 parsecs\": want a duration such as 30s or 1m30s", "--delay=5 parsecs");
	BAD("--delay=5: want a duration such as 30s or 1m30s", "--delay=5");
	BAD("--colour=Red: want red, green or blue", "--colour=Red");
	BAD("--fruits=apple,nut: nut: want apple, pear or plum, or several of them with commas between",
	    "--fruits=apple,nut");
	BAD("--some-text=axe: want no x", "--some-text=axe");
	BAD("--some-text=\"a\\nb\": want no x", "--some-text=a\nb");
	BAD("--list=a,box,c: box: want no x", "--list=a,box,c");
	BAD("--needed=\"\": want something", "--needed=");
	BAD("--path=\"\": want PATH", "--path=");
	BAD("--maybe=\"\": want FILE", "--maybe=");
	BAD("--number=13: brings bad luck", "--number=13");
	BAD("unexpected argument extra", "extra");
	BAD("unexpected argument extra", "--number", "3", "extra");
	BAD("unexpected argument --on", "--", "--on");
	BAD("unexpected argument false: write --on=false", "--on", "false");
	BAD("unexpected argument db.sqlite: write --maybe=db.sqlite", "--maybe", "db.sqlite");
	BAD("--dir: /nowhere: there is no such folder", "--dir=/nowhere");
}

static void all_mistakes_come_at_once(void **state)
{
	RUN(t, "--on=maybe", "--nubmer", "extra", "--colour=pink");
	assert_string_equal(buf_str(&t.r.mistakes.text),
			    "--on=maybe: want true or false\n"
			    "--nubmer: there is no such flag; did you mean --number?\n"
			    "--colour=pink: want red, green or blue\n");
	assert_int_equal(t.r.mistakes.n, 3);
	/* What was wrong has its default. */
	assert_true(t.o.on);
	assert_int_equal(t.o.colour, GREEN);
}

static void long_and_odd_values_stay_on_one_short_line(void **state)
{
	char *value = xcalloc(1, 5001);
	memset(value, 'a', 5000);
	value[0] = 'x';
	CLEANUP(freep) char *arg = xasprintf("--some-text=%s", value);
	RUN(t, arg);
	assert_int_equal(t.r.mistakes.n, 1);
	assert_true(t.r.mistakes.text.len < 200);
	free(value);
	RUN(odd, "--some-text=x\x1b[31m\x7f\r\n\xff", "--b\nad");
	assert_string_equal(buf_str(&odd.r.mistakes.text),
			    "--some-text=\"x\\x1b[31m\\x7f\\x0d\\n\\xff\": want no x\n"
			    "\"--b\\nad\": there is no such flag\n");
}

static void help_wins_over_everything(void **state)
{
	RUN(t, "--nubmer", "--on=maybe", "-h", "extra");
	assert_true(t.r.help);
	RUN(after, "--number", "--help");
	assert_true(after.r.help);
	RUN(arg, "--", "--help");
	assert_false(arg.r.help);
}

static void the_environment_is_read(void **state)
{
	CLEANUP(done)
	struct run t = {
		.argv = { "--number=3" },
		.env = { "BERTH_NUMBER=4", "BERTH_SOME_TEXT=env", "BERTH_LIST=p q,r",
			 "BERTH_COLOUR=", "BERTH_DELAY=2s", "BERTH_PORT=tcp://10.0.0.1:80", "BERTH_ONE",
			 "NUMBER=5", "BERTH_MAYBE=true", "BERTH_OFF=1" },
	};
	char text[256];
	run(&t);
	GOOD(t);
	assert_int_equal(t.o.number, 3);
	assert_string_equal(t.o.text, "env");
	assert_string_equal(joined(&t.o.list, text), "p|q|r");
	assert_int_equal(t.o.colour, GREEN);
	assert_int_equal(t.o.delay, 2000);
	assert_true(t.o.maybe.on && !t.o.maybe.value && t.o.off);
}

static void a_mistake_in_the_environment_counts_though_it_is_overruled(void **state)
{
	CLEANUP(done)
	struct run t = { .argv = { "--number=3" }, .env = { "BERTH_NUMBER=four", "BERTH_WORDS=x" } };
	run(&t);
	assert_string_equal(buf_str(&t.r.mistakes.text), "BERTH_WORDS=x: want no x\n"
							 "BERTH_NUMBER=four: want a number from 1 to 1000\n");
	assert_int_equal(t.o.number, 3);
}

static void a_folder_holds_flags_as_files(void **state)
{
	CLEANUP(done)
	struct run t = {
		.argv = { "--colour=red" },
		.env = { "BERTH_NUMBER=4", "BERTH_DIR=/etc/try" },
		.n_files = 7,
	};
	static const struct file files[] = {
		{ "number", "5" },
		{ "colour", "blue" },
		{ "list", "10.0.0.0/8 fd00::/8" },
		{ "words", "from a file" },
		{ "help", "" },
		{ "dir", "/etc/try" },
		{ "some.thing_else", "\x01" },
	};
	char text[256];
	t.files = files;
	run(&t);
	GOOD(t);
	assert_int_equal(t.o.number, 4);
	assert_int_equal(t.o.colour, RED);
	assert_string_equal(t.o.text, "from a file");
	assert_string_equal(joined(&t.o.list, text), "10.0.0.0/8|fd00::/8");
	assert_string_equal(joined(&t.r.unknown_files, text), "help|dir|some.thing_else");
}

static void a_mistake_in_a_file_names_the_file(void **state)
{
	CLEANUP(done) struct run t = { .argv = { "--dir", "/etc/try", "--on" }, .n_files = 2 };
	static const struct file files[] = { { "on", "" }, { "words", "x" } };
	t.files = files;
	run(&t);
	assert_string_equal(buf_str(&t.r.mistakes.text), "/etc/try/on: \"\": want true or false\n"
							 "/etc/try/words: x: want no x\n");
}

static void arguments_are_taken_where_there_are_some(void **state)
{
	char text[256];
	CLEANUP(done) struct run t = { .set = set, .argv = { "one", "--on=0", "-", "--", "--off" } };
	t.set.max_args = 3;
	run(&t);
	GOOD(t);
	assert_string_equal(joined(&t.r.args, text), "one|-|--off");
	assert_false(t.o.on || t.o.off);
}

static void flags_are_found_by_each_of_their_names(void **state)
{
	assert_ptr_equal(flags_find(&set, SLICE_LIT("some-text")), &rows[2]);
	assert_ptr_equal(flags_find(&set, SLICE_LIT("words")), &rows[2]);
	assert_ptr_equal(flags_find(&set, SLICE_LIT("c")), flags_find(&set, SLICE_LIT("colour")));
	assert_null(flags_find(&set, SLICE_LIT("col")));
	assert_null(flags_find(&set, SLICE_LIT("")));
}

static void help_tells_all_that_there_is(void **state)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(65536);
	flags_help(&set, "berth", &text);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_done) struct buf usage = BUF_INIT(256);
		flag_usage(&rows[i], &usage);
		assert_non_null(strstr(buf_str(&text), buf_str(&usage)));
		assert_non_null(strstr(buf_str(&text), rows[i].help));
	}
	assert_non_null(
		strstr(buf_str(&text), "  -c, --colour=red|green|blue\n      colour (default green)\n"));
	assert_non_null(strstr(buf_str(&text), "--maybe[=FILE]"));
	assert_non_null(strstr(buf_str(&text), "(also --words)"));
	assert_non_null(strstr(buf_str(&text), "\nExamples\n  # how\n  berth try\n"));
	struct slice rest = buf_slice(&text), line;
	while (slice_cut(&rest, '\n', &line))
		assert_true(line.len <= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_flags_the_defaults_hold),
		cmocka_unit_test(values_come_with_equals_or_as_the_next_word),
		cmocka_unit_test(the_last_one_wins),
		cmocka_unit_test(each_mistake_is_one_clear_line),
		cmocka_unit_test(all_mistakes_come_at_once),
		cmocka_unit_test(long_and_odd_values_stay_on_one_short_line),
		cmocka_unit_test(help_wins_over_everything),
		cmocka_unit_test(the_environment_is_read),
		cmocka_unit_test(a_mistake_in_the_environment_counts_though_it_is_overruled),
		cmocka_unit_test(a_folder_holds_flags_as_files),
		cmocka_unit_test(a_mistake_in_a_file_names_the_file),
		cmocka_unit_test(arguments_are_taken_where_there_are_some),
		cmocka_unit_test(flags_are_found_by_each_of_their_names),
		cmocka_unit_test(help_tells_all_that_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
