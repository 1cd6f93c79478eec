/* The rules are those of resolve() in go.yaml.in/yaml/v2, which sigs.k8s.io/yaml and so kubectl use. */
#include "data/yaml_scalar.h"

#include <errno.h>
#include <math.h>

enum { NUMBER_MAX = 128 };

enum word { WORD_NONE, WORD_TRUE, WORD_FALSE, WORD_NULL, WORD_NOT_JSON };

static enum word word_of(struct slice s)
{
	static const struct {
		enum word word;
		const char *texts[6];
	} words[] = {
		{ WORD_TRUE, { "y", "Y", "yes", "Yes", "YES" } },
		{ WORD_TRUE, { "true", "True", "TRUE", "on", "On", "ON" } },
		{ WORD_FALSE, { "n", "N", "no", "No", "NO" } },
		{ WORD_FALSE, { "false", "False", "FALSE", "off", "Off", "OFF" } },
		{ WORD_NULL, { "", "~", "null", "Null", "NULL" } },
		{ WORD_NOT_JSON, { ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF" } },
		{ WORD_NOT_JSON, { "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF" } },
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		for (size_t k = 0; k < ARRAY_LEN(words[i].texts) && words[i].texts[k]; k++)
			if (slice_is(s, words[i].texts[k]))
				return words[i].word;
	return WORD_NONE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool looks_like_float(const char *p)
{
	if (*p == '-' || *p == '+')
		p++;
	bool before = is_digit(*p), after = false;
	while (is_digit(*p))
		p++;
	if (*p == '.') {
		p++;
		after = is_digit(*p);
		while (is_digit(*p))
			p++;
	}
	if (!before && !after)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '-' || *p == '+')
			p++;
		if (!is_digit(*p))
			return false;
		while (is_digit(*p))
			p++;
	}
	return *p == '\0';
}

/* As Go's ParseInt with base 0: 0x, 0o, 0b, and a leading 0 for octal. */
static int parse_int(const char *p, bool *ret_negative, uint64_t *ret)
{
	unsigned base = 10;
	bool negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	if (*p == '0' && p[1]) {
		char kind = (char)(p[1] | 0x20);
		base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
		p += kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1;
	}
	uint64_t v = 0;
	if (!*p)
		return -EINVAL;
	for (; *p; p++) {
		char low = (char)(*p | 0x20);
		unsigned digit = is_digit(*p)               ? (unsigned)(*p - '0')
				 : low >= 'a' && low <= 'f' ? (unsigned)(low - 'a') + 10
							    : 99;
		if (digit >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit, &v))
			return -EINVAL;
	}
	*ret_negative = negative;
	*ret = v;
	return 0;
}

/* Go writes a whole float without a point, so for Kubernetes 1e3 is an integer. */
static struct js *number(double v)
{
	if (floor(v) == v && fabs(v) < 9007199254740992.0)
		return js_new_int((int64_t)v);
	return js_new_double(v);
}

/* True if `text` is a number; *ret_whole tells integers as Go sees them. */
static bool parse_number(struct slice text, struct js **ret, bool *ret_whole)
{
	char plain[NUMBER_MAX];
	size_t n = 0;
	bool point_first = text.len && text.ptr[0] == '.';
	if (text.len >= sizeof(plain))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0')
			return false;
		if (text.ptr[i] != '_' || point_first)
			plain[n++] = text.ptr[i];
	}
	plain[n] = '\0';
	bool negative;
	uint64_t v;
	if (!point_first && parse_int(plain, &negative, &v) == 0) {
		*ret_whole = true;
		if (v <= (uint64_t)INT64_MAX) {
			*ret = js_new_int(negative ? -(int64_t)v : (int64_t)v);
			return true;
		}
		if (negative && v == (uint64_t)INT64_MAX + 1) {
			*ret = js_new_int(INT64_MIN);
			return true;
		}
	}
	if (!looks_like_float(plain))
		return false;
	double d = strtod(plain, NULL);
	if (!isfinite(d))
		return false;
	*ret_whole = false;
	*ret = number(d);
	return true;
}

static bool may_be_number(char first)
{
	return is_digit(first) || first == '+' || first == '-' || first == '.';
}

static int misfit(struct slice text, const char *tag, struct js *made, struct err *e)
{
	js_free(made);
	return err_set(e, EINVAL, "\"%.*s\" is no %s", SLICE_ARG(text), tag);
}

int yaml_scalar(struct slice text, const char *tag, struct js **ret, struct err *e)
{
	enum word word = word_of(text);
	struct js *j = NULL;
	const char *is = "str";
	bool whole = false;
	if (word == WORD_NOT_JSON)
		return err_set(e, EINVAL, "%.*s has no counterpart in JSON", SLICE_ARG(text));
	if (word == WORD_TRUE || word == WORD_FALSE) {
		is = "bool";
		j = js_new_bool(word == WORD_TRUE);
	} else if (word == WORD_NULL) {
		is = "null";
	} else if (text.len && may_be_number(text.ptr[0]) && parse_number(text, &j, &whole)) {
		is = whole ? "int" : "float";
	} else {
		j = js_new_text(text);
	}
	/* Dates are text in JSON, so a timestamp is whatever looks like nothing else. */
	bool fits = !tag || strcmp(tag, is) == 0 || (strcmp(tag, "float") == 0 && whole) ||
		    (strcmp(tag, "timestamp") == 0 && strcmp(is, "str") == 0);
	if (!fits)
		return misfit(text, tag, j, e);
	*ret = j;
	return 0;
}
