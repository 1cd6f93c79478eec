/* The verbs of the command line. */
#pragma once

#include "cmd/args.h"

struct verb {
	const char *name;
	const char *help;                  /* one line */
	int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit code */
	const struct flag_set *flags;
	bool hidden; /* for the build and for shells */
};

struct verb_table {
	const struct verb *verbs;
	size_t n;
};
/* What this program has; in main.c. */
extern const struct verb_table berth_verbs;

const struct verb *verb_find(const struct verb_table *t, const char *name);
/* The name nearest to what was typed; NULL = none is near. */
const char *verb_nearest(const struct verb_table *t, const char *typed);
/* What `berth --help` prints. */
void verbs_help(const struct verb_table *t, const char *program, struct buf *out);

/* One file per verb. */
int cmd_cleanup(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_man(int argc, char **argv);
int cmd_operator(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_version(int argc, char **argv);
extern const struct flag_set completion_flags, help_flags, man_flags, version_flags;
