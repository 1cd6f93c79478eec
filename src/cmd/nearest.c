#include "cmd/nearest.h"

#include "base/mem.h"

enum { NAME_MAX_LETTERS = 64 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The "optimal string alignment" form of Damerau and Levenshtein, three rows at a time. */
unsigned typing_distance(struct slice a, struct slice b, unsigned most)
{
	unsigned rows[3][NAME_MAX_LETTERS + 1];
	if (a.len > NAME_MAX_LETTERS || b.len > NAME_MAX_LETTERS)
		return most + 1;
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b.len; j++) {
		before[j] = 0;
		last[j] = (unsigned)j;
	}
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned change = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
			row[j] = least(change, least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return least(last[b.len], most + 1);
}

int nearness(struct slice typed, const char *name)
{
	struct slice whole = slice_of(name);
	/* One mistake in three letters, but never another word altogether. */
	unsigned most = least((unsigned)(whole.len + 2) / 3, 4);
	unsigned d = typing_distance(typed, whole, most);
	/* The beginning of a longer name, "--enable-lb", is as good as one mistake. */
	if (d > 1 && typed.len >= 3 && typed.len < whole.len && memcmp(typed.ptr, whole.ptr, typed.len) == 0)
		return 1;
	return d <= most && d < whole.len ? (int)d : -1;
}
