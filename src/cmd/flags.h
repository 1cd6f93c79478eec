/* Flags of one verb, driven by tables: the command line, the environment and a folder of files are read
 * into a struct of options, and every mistake in them is found in one go.
 *
 *	command line  >  environment  >  --config-dir  >  default of the table
 *
 * Pure: what it reads comes in as values, so that it can be tested and fuzzed. args.h is the front that
 * reads the real ones. The same tables give the help, the man page and the completions. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/times.h"

enum flag_type {
	FLAG_BOOL,       /* bool; Go's syntax; --x and --x=false */
	FLAG_STRING,     /* char *; NULL = not given and no default */
	FLAG_INT,        /* int from min to max */
	FLAG_DURATION,   /* msec; Go's syntax */
	FLAG_ENUM,       /* an enum: the index into `choices` */
	FLAG_CHOICES,    /* unsigned: 1 << index for each of the choices that the list names */
	FLAG_LIST,       /* struct flag_list; at commas and white space, or repeated */
	FLAG_PATHS,      /* struct flag_list; repeated and never taken apart */
	FLAG_OPTIONAL,   /* struct flag_optional; --x, --x=VALUE and --x=false */
	FLAG_CONFIG_DIR, /* char *: the folder in which each file is a flag */
};

/* Texts that the options own. */
struct flag_list {
	char **items; /* n of them and a NULL; NULL while n == 0 */
	size_t n;
	size_t cap;
};

struct flag_optional {
	bool on;
	char *value; /* NULL = on without a value */
};

struct flag {
	const char *name;  /* "log-level" */
	const char *alias; /* a second name, or NULL */
	char letter;       /* 'f' for -f, or 0 */
	enum flag_type type;
	size_t offset;              /* of the value in the options of its section */
	const char *standard;       /* the default as one would write it; NULL = false, 0, empty, not given */
	const char *placeholder;    /* "FILE"; NULL for FLAG_BOOL and where there are choices */
	const char *help;           /* one sentence, without a full stop */
	const char *const *choices; /* NULL-terminated */
	int min, max;
	/* A further condition on a value that is not empty (lists: on each item), and in words what is right:
	 * "want " follows it in the message. */
	bool (*check)(const char *value);
	const char *want;
	bool needed; /* an empty value is a mistake */
};

/* Rows that belong together in the help, and where their options lie in those of the verb. */
struct flag_section {
	const char *title;
	const struct flag *flags;
	size_t n;
	size_t offset;
};

struct flag_mistakes;

struct flag_set {
	const char *verb;      /* "operator" */
	const char *arguments; /* in the usage line behind the flags; "" = there are none */
	const char *about;     /* a paragraph or more, for help and man page */
	const char *examples;  /* lines of "# what" and "berth verb --flags" */
	const struct flag_section *sections;
	size_t n_sections;
	size_t max_args; /* arguments beside the flags */
	/* What only all values together tell, or NULL. Called also when there are mistakes; what was wrong
	 * has its default then. */
	void (*check)(void *options, struct flag_mistakes *m);
};

/* One file of the folder. */
struct flag_file {
	char *name, *text; /* owned */
	size_t len;        /* of text, which ends in a NUL and may have others inside */
};

struct flag_input {
	int argc; /* argv[0] is the verb and not looked at */
	char *const *argv;
	char *const *env; /* "NAME=value", NULL-terminated; NULL = none */
	/* Reads the folder: *ret is an allocated array of *ret_n. 0 or negative errno. */
	int (*read_dir)(const char *path, struct flag_file **ret, size_t *ret_n, void *arg, struct err *e);
	void *arg;
};

struct flag_mistakes {
	struct buf text; /* one line each */
	size_t n;
};

struct flag_result {
	bool help; /* --help or -h: nothing else counts */
	struct flag_mistakes mistakes;
	struct flag_list args;
	struct flag_list unknown_files; /* names of files in the folder that are no flags */
};

/* Reads all into *options, which is all zero before. Names of services that Kubernetes puts into the
 * environment (BERTH_PORT) are why a variable that is no flag is nobody's mistake. A variable that is
 * empty counts as not there. */
void flags_parse(const struct flag_set *set, const struct flag_input *in, void *options,
		 struct flag_result *ret);
/* Frees the texts that the options own. */
void flags_done(const struct flag_set *set, void *options);
void flag_result_done(struct flag_result *r);

[[gnu::format(printf, 2, 3)]] void flag_mistake(struct flag_mistakes *m, const char *fmt, ...);

void flag_list_add(struct flag_list *l, struct slice item); /* a copy */
bool flag_list_has(const struct flag_list *l, const char *item);
void flag_list_done(struct flag_list *l);

/* The flag of this name, letter or alias; NULL = none. */
const struct flag *flags_find(const struct flag_set *set, struct slice name);
/* "BERTH_LOG_LEVEL" for "log-level". */
void flag_env_name(const char *name, struct buf *out);
/* "true or false", "text or json", "a number from 1 to 1000", … */
void flag_want(const struct flag *f, struct buf *out);
/* "FILE", "text|json", "" for a boolean. */
void flag_placeholder(const struct flag *f, struct buf *out);
