#include "data/pattern.h"

#include "base/mem.h"

#include <ctype.h>
#include <regex.h>

enum { PATTERN_MAX = 16 * 1024 };

struct pattern {
	regex_t re;
};

static const char *class_of(char c, bool in_brackets)
{
	switch (c) {
	case 'd':
		return in_brackets ? "0-9" : "[0-9]";
	case 'w':
		return in_brackets ? "A-Za-z0-9_" : "[A-Za-z0-9_]";
	case 's':
		return in_brackets ? " \t\n\f\r" : "[ \t\n\f\r]";
	case 'D':
		return in_brackets ? NULL : "[^0-9]";
	case 'W':
		return in_brackets ? NULL : "[^A-Za-z0-9_]";
	case 'S':
		return in_brackets ? NULL : "[^ \t\n\f\r]";
	default:
		return NULL;
	}
}

/* `at` stands behind '['. Inside brackets POSIX knows no backslash, and `]`, `^` and `-` are literal only in
 * certain places. Returns the place of the closing bracket, or NULL. */
static const char *brackets(const char *at, struct buf *out)
{
	struct buf body = BUF_INIT(PATTERN_MAX);
	bool negated = *at == '^', close = false, dash = false, caret = false, ok = true;
	if (negated)
		at++;
	for (bool first = true; *at && (*at != ']' || first); at++, first = false) {
		const char *class = NULL;
		if (*at == '[' && at[1] == ':') {
			const char *end = strstr(at, ":]");
			if (!end) {
				ok = false;
				break;
			}
			buf_add(&body, at, (size_t)(end + 2 - at));
			at = end + 1;
		} else if (*at == '\\') {
			at++;
			class = class_of(*at, true);
			if (class)
				buf_add_str(&body, class);
			else if (*at == ']')
				close = true;
			else if (*at == '-')
				dash = true;
			else if (*at == '^')
				caret = true;
			else if (isalnum((unsigned char)*at) || !*at)
				ok = false;
			else
				buf_add_char(&body, *at);
			if (!*at)
				break;
		} else if (*at == ']') {
			close = true;
		} else if (*at == '^') {
			caret = true;
		} else if (*at == '-' && (first || at[1] == ']')) {
			dash = true;
		} else {
			buf_add_char(&body, *at);
		}
	}
	ok = ok && *at == ']' && (body.len || close || dash || caret);
	if (ok && caret && !body.len && !close && !dash && !negated) {
		buf_add_str(out, "\\^");
	} else if (ok) {
		buf_add_str(out, negated ? "[^" : "[");
		buf_add_str(out, close ? "]" : "");
		buf_add_slice(out, buf_slice(&body));
		/* A caret right behind '[' would negate. */
		if (dash && caret) {
			buf_add_str(out, body.len || close || negated ? "^-" : "-^");
		} else if (dash || caret) {
			buf_add_char(out, dash ? '-' : '^');
		}
		buf_add_char(out, ']');
	}
	buf_done(&body);
	return ok ? at : NULL;
}

static bool translate(const char *at, struct buf *out)
{
	for (; *at; at++) {
		if (*at == '[') {
			at = brackets(at + 1, out);
			if (!at)
				return false;
		} else if (*at == '\\') {
			at++;
			const char *class = class_of(*at, false);
			if (class)
				buf_add_str(out, class);
			else if (*at == 'A' || *at == 'z')
				buf_add_char(out, *at == 'A' ? '^' : '$');
			else if (!*at || isalnum((unsigned char)*at))
				return false;
			else if (strchr(".[]()*+?{}|^$\\", *at))
				buf_addf(out, "\\%c", *at);
			else
				buf_add_char(out, *at);
		} else if (*at == '(' && at[1] == '?') {
			if (at[2] != ':')
				return false;
			buf_add_char(out, '(');
			at += 2;
		} else if (strchr("*+?}", *at)) {
			buf_add_char(out, *at);
			if (at[1] == '?')
				at++; /* lazy or greedy: the same texts match */
			/* RE2 takes no repetition of a repetition, and POSIX takes for ever over many. */
			if (at[1] && strchr("*+?{", at[1]))
				return false;
		} else {
			buf_add_char(out, *at);
		}
	}
	return !out->overflow;
}

struct pattern *pattern_new(const char *re2)
{
	CLEANUP(buf_done) struct buf posix = BUF_INIT(PATTERN_MAX);
	if (!translate(re2, &posix))
		return NULL;
	struct pattern *p = xcalloc(1, sizeof(*p));
	if (regcomp(&p->re, buf_str(&posix), REG_EXTENDED | REG_NOSUB) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	regfree(&p->re);
	free(p);
}

bool pattern_matches(const struct pattern *p, const char *text)
{
	return !p || regexec(&p->re, text, 0, NULL, 0) == 0;
}
