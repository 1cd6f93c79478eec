#include "data/json_scan.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct js_scan js_scan(struct slice text)
{
	const char *at = text.ptr ? text.ptr : "";
	return (struct js_scan){ at, at + text.len };
}

/* Behind the closing quote of a string that began before `p`; NULL = it does not end. */
static const char *behind_string(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			return p + 1;
	}
	return NULL;
}

bool js_scan_string(struct js_scan *s, struct slice *ret)
{
	if (!js_scan_take(s, '"'))
		return false;
	const char *behind = behind_string(s->at, s->end);
	if (!behind)
		return false;
	*ret = (struct slice){ s->at, (size_t)(behind - 1 - s->at) };
	s->at = behind;
	return true;
}

static bool skip_nested(struct js_scan *s)
{
	size_t depth = 0;
	for (const char *p = s->at; p && p < s->end;) {
		char c = *p++;
		if (c == '"') {
			p = behind_string(p, s->end);
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			s->at = p;
			return true;
		}
	}
	return false;
}

/* A number, true, false or null: up to what cannot be part of it. */
static bool skip_word(struct js_scan *s)
{
	const char *from = s->at;
	while (s->at < s->end && !is_space(*s->at) && !strchr(",:\"[]{}", *s->at))
		s->at++;
	return s->at > from;
}

bool js_scan_skip(struct js_scan *s)
{
	struct slice text;
	switch (js_scan_next(s)) {
	case '"':
		return js_scan_string(s, &text);
	case '{':
	case '[':
		return skip_nested(s);
	default:
		return skip_word(s);
	}
}

bool js_scan_key(struct js_scan *s, struct slice *ret)
{
	if (js_scan_next(s) == '}')
		return false;
	(void)js_scan_take(s, ',');
	if (js_scan_string(s, ret) && js_scan_take(s, ':'))
		return true;
	s->at = s->end; /* no '}' will be found */
	return false;
}
