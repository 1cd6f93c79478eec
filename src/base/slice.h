/* A piece of text that somebody else owns: pointer and length, not terminated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

/* For printf: "%.*s", SLICE_ARG(s). */
#define SLICE_ARG(s) (int)((s).len > 4096 ? 4096 : (s).len), ((s).ptr ? (s).ptr : "")
#define SLICE_LIT(text) ((struct slice){ (text), sizeof(text) - 1 })

static inline struct slice slice_of(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

bool slice_eq(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *s);
bool slice_starts(struct slice s, const char *prefix);
/* Without white space at both ends. */
struct slice slice_trim(struct slice s);

/* Cuts the next piece off `*rest` at `sep`. False when nothing is left. Empty pieces count: "a,,b"
 * gives three and "" gives one; a slice whose ptr is NULL gives none. */
bool slice_cut(struct slice *rest, char sep, struct slice *ret_piece);

/* The whole slice as an unsigned decimal number; 0 on success, -EINVAL or -ERANGE. */
int slice_to_u64(struct slice s, uint64_t *ret);

/* Booleans as the Go standard library reads them: 1 t T TRUE true True, 0 f F FALSE false False.
 * -EINVAL for anything else. */
int slice_to_bool(struct slice s, bool *ret);
