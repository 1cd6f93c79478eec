/* Owned memory. A variable that owns says so with CLEANUP(); handing over is visible as TAKE().
 * The x-functions never return NULL: when a small allocation fails the process ends with one line,
 * and whoever supervises it starts it again. What an outsider can make big has a ceiling elsewhere. */
#pragma once

#include <stddef.h>
#include <stdlib.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                         \
	({                              \
		typeof(p) taken_ = (p); \
		(p) = NULL;             \
		taken_;                 \
	})
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

[[nodiscard, gnu::malloc, gnu::returns_nonnull]] void *xmalloc(size_t size);
[[nodiscard, gnu::malloc, gnu::returns_nonnull]] void *xcalloc(size_t n, size_t size);
[[nodiscard, gnu::returns_nonnull]] void *xrealloc(void *p, size_t n, size_t size);
[[nodiscard, gnu::malloc, gnu::returns_nonnull]] char *xstrdup(const char *s);
[[nodiscard, gnu::malloc, gnu::returns_nonnull]] char *xstrndup(const char *s, size_t n);
[[nodiscard, gnu::returns_nonnull, gnu::format(printf, 1, 2)]] char *xasprintf(const char *fmt, ...);

/* Replaces an owned string by a copy of `s` (NULL allowed). `s` may point into the old one. */
void str_replace(char **owned, const char *s);

/* For CLEANUP(): frees what a `T *` variable points to. */
void freep(void *pp);
/* For CLEANUP(): closes a file descriptor that is >= 0. */
void closep(const int *fd);

/* Makes room for one more element in a growing array: vec_grow(&v->items, &v->cap, v->n + 1). */
#define vec_grow(items, cap, need)                                                  \
	do {                                                                        \
		if ((need) > *(cap)) {                                              \
			size_t new_cap_ = *(cap) ? *(cap) * 2 : 4;                  \
			if (new_cap_ < (need))                                      \
				new_cap_ = (need);                                  \
			*(items) = xrealloc(*(items), new_cap_, sizeof(**(items))); \
			*(cap) = new_cap_;                                          \
		}                                                                   \
	} while (0)
