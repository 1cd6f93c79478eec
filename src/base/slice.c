#include "base/slice.h"

#include "base/mem.h"

#include <errno.h>

bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_is(struct slice a, const char *s)
{
	return slice_eq(a, slice_of(s));
}

bool slice_starts(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.len >= n && (n == 0 || memcmp(s.ptr, prefix, n) == 0);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

struct slice slice_trim(struct slice s)
{
	while (s.len && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool slice_cut(struct slice *rest, char sep, struct slice *ret_piece)
{
	if (!rest->ptr)
		return false;
	const char *at = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
	if (!at) {
		*ret_piece = *rest;
		rest->ptr = NULL;
		rest->len = 0;
		return true;
	}
	*ret_piece = (struct slice){ rest->ptr, (size_t)(at - rest->ptr) };
	rest->len -= ret_piece->len + 1;
	rest->ptr = at + 1;
	return true;
}

int slice_to_u64(struct slice s, uint64_t *ret)
{
	uint64_t v = 0;
	if (s.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

int slice_to_bool(struct slice s, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (slice_is(s, yes[i])) {
			*ret = true;
			return 0;
		}
		if (slice_is(s, no[i])) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}
