/* What unit tests start from: cmocka with the headers it wants, seeds, and tables of cases in files. */
#pragma once

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* After the others: it needs types of theirs and does not include them. */
#include <cmocka.h>

/* A random test starts from SEED of the environment, or from the clock, and says which. */
[[maybe_unused]] static struct rng test_rng(const char *test)
{
	const char *given = getenv("SEED");
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) ^ (uint64_t)getpid();
	if (given && slice_to_u64(slice_of(given), &seed) < 0)
		fail_msg("SEED=%s is no number", given);
	print_message("%s: SEED=%llu\n", test, (unsigned long long)seed);
	return (struct rng){ seed };
}

/* A file of cases, one a line, fields between '|'. Blanks around a field do not count, unless it
 * is in double quotes. Empty lines and lines that start with '#' are skipped.
 *
 * for (struct table t = table_open(path); table_next(&t);) { t.field[0] ... t.field[t.n - 1], t.line } */
enum { TABLE_FIELDS = 8 };

struct table {
	FILE *file;
	const char *path;
	char *text;
	size_t cap;
	unsigned line, rows;
	struct slice field[TABLE_FIELDS]; /* each ends in a NUL */
	size_t n;
};

[[maybe_unused]] static struct table table_open(const char *path)
{
	struct table t = { .file = fopen(path, "re"), .path = path };
	if (!t.file)
		fail_msg("cannot open %s", path);
	return t;
}

[[maybe_unused]] static bool table_next(struct table *t)
{
	ssize_t len;
	while ((len = getline(&t->text, &t->cap, t->file)) >= 0) {
		t->line++;
		struct slice rest = slice_trim((struct slice){ t->text, (size_t)len }), f;
		if (rest.len == 0 || rest.ptr[0] == '#')
			continue;
		for (t->n = 0; slice_cut(&rest, '|', &f); t->n++) {
			if (t->n == TABLE_FIELDS)
				fail_msg("%s:%u: too many fields", t->path, t->line);
			f = slice_trim(f);
			if (f.len >= 2 && f.ptr[0] == '"' && f.ptr[f.len - 1] == '"')
				f = (struct slice){ f.ptr + 1, f.len - 2 };
			t->text[f.ptr - t->text + (ptrdiff_t)f.len] = '\0';
			t->field[t->n] = f;
		}
		t->rows++;
		return true;
	}
	/* An empty table would prove nothing. */
	if (t->rows == 0)
		fail_msg("%s has no cases", t->path);
	free(t->text);
	(void)fclose(t->file);
	return false;
}

/* Fails with the place of the case. */
#define table_check(t, condition, ...)                                                \
	do {                                                                          \
		if (!(condition)) {                                                   \
			print_error("%s:%u: %s: ", (t)->path, (t)->line, #condition); \
			print_error(__VA_ARGS__);                                     \
			fail();                                                       \
		}                                                                     \
	} while (0)
