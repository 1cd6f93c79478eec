/* Reads metrics as a strict scraper does, and fails the test at the first thing that is not as the format
 * wants it: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics 1.0. */
#pragma once

#include "lib/test.h"

#include <ctype.h>

struct exposition {
	bool openmetrics;
	char family[128], type[16]; /* begun last */
	char seen[16384];           /* " name name …" of all families */
	char last_labels[1024];     /* of the histogram's bucket before, without le */
	double last_bound, last_count;
	size_t families, samples;
};

static void expo_name(const char *s, size_t n, bool colon)
{
	assert_true(n > 0 && !isdigit((unsigned char)s[0]));
	for (size_t i = 0; i < n; i++)
		assert_true(isalnum((unsigned char)s[i]) || s[i] == '_' || (colon && s[i] == ':'));
}

static void expo_text(const char *s, size_t n, bool quotes)
{
	for (size_t i = 0; i < n; i++) {
		assert_true(s[i] != '\n' && (s[i] != '"' || !quotes));
		if (s[i] == '\\') {
			i++;
			assert_true(i < n && (s[i] == '\\' || s[i] == 'n' || (s[i] == '"' && quotes)));
		}
	}
}

/* "# HELP name text" and, right behind it, "# TYPE name type"; each family once. */
static void expo_comment(struct exposition *x, const char *line)
{
	char name[128];
	int n = 0;
	bool help = sscanf(line, "# HELP %127s %n", name, &n) == 1 && n > 0;
	if (help) {
		CLEANUP(freep) char *word = xasprintf(" %s ", name);
		expo_name(name, strlen(name), true);
		assert_true(line[n] != '\0');
		expo_text(line + n, strlen(line + n), x->openmetrics);
		if (strstr(x->seen, word))
			fail_msg("%s comes twice", name);
		(void)snprintf(x->seen + strlen(x->seen), sizeof(x->seen) - strlen(x->seen), "%s", word);
		(void)snprintf(x->family, sizeof(x->family), "%s", name);
		x->type[0] = '\0';
		x->families++;
		return;
	}
	if (sscanf(line, "# TYPE %127s %15s", name, x->type) != 2)
		fail_msg("what is this: %s", line);
	assert_string_equal(name, x->family);
	assert_true(!strcmp(x->type, "gauge") || !strcmp(x->type, "counter") ||
		    !strcmp(x->type, "histogram"));
	bool total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
	assert_true(total == (strcmp(x->type, "counter") == 0 && !x->openmetrics));
	x->last_labels[0] = '\0';
	x->last_bound = x->last_count = -1;
}

/* {a="b",c="d"}; puts all but le into `others`, le into *le. Returns what follows. */
static const char *expo_labels(const char *at, char others[1024], double *le)
{
	others[0] = '\0';
	if (*at != '{')
		return at;
	do {
		const char *name = ++at;
		at += strcspn(at, "=");
		size_t n = (size_t)(at - name);
		expo_name(name, n, false);
		assert_true(at[0] == '=' && at[1] == '"');
		const char *value = at += 2;
		while (*at && *at != '"')
			at += *at == '\\' ? 2 : 1;
		assert_true(*at == '"');
		expo_text(value, (size_t)(at - value), true);
		if (n == 2 && memcmp(name, "le", 2) == 0)
			*le = strtod(value, NULL);
		else
			(void)snprintf(others + strlen(others), 1024 - strlen(others), "%.*s;",
				       (int)(at - name), name);
		at++;
	} while (*at == ',');
	assert_true(*at == '}');
	return at + 1;
}

static void expo_bucket(struct exposition *x, const char *labels, double le, double v)
{
	if (strcmp(labels, x->last_labels) != 0)
		x->last_bound = x->last_count = -1;
	(void)snprintf(x->last_labels, sizeof(x->last_labels), "%s", labels);
	assert_true(le > x->last_bound && v >= x->last_count);
	x->last_bound = le;
	x->last_count = v;
}

static void expo_sample(struct exposition *x, const char *line)
{
	char labels[1024];
	double le = -1;
	size_t n = strcspn(line, "{ "), family = strlen(x->family);
	expo_name(line, n, true);
	if (n < family || memcmp(line, x->family, family) != 0)
		fail_msg("not of the family %s: %s", x->family, line);
	struct slice suffix = { line + family, n - family };
	const char *at = expo_labels(line + n, labels, &le);
	char *end = NULL;
	assert_true(*at == ' ');
	double v = strtod(at + 1, &end);
	assert_true(end > at + 1 && *end == '\0');
	x->samples++;
	if (strcmp(x->type, "histogram") == 0) {
		assert_true(slice_is(suffix, "_bucket") || slice_is(suffix, "_sum") ||
			    slice_is(suffix, "_count"));
		if (slice_is(suffix, "_bucket")) {
			expo_bucket(x, labels, le, v);
			return;
		}
		/* The buckets came first, and the last one was +Inf. */
		assert_string_equal(labels, x->last_labels);
		assert_true(x->last_bound > 1e300);
		if (slice_is(suffix, "_count"))
			assert_true(!(v < x->last_count) && !(v > x->last_count));
	} else {
		assert_true(slice_is(suffix, x->openmetrics && !strcmp(x->type, "counter") ? "_total" : ""));
	}
	if (strcmp(x->type, "counter") == 0)
		assert_true(v >= 0);
}

/* Reads it all; fails where it is wrong. */
[[maybe_unused]] static struct exposition exposition_check(const char *text, bool openmetrics)
{
	struct exposition x = { .openmetrics = openmetrics };
	struct slice rest = slice_of(text), line;
	bool ended = false;
	assert_true(rest.len > 0 && rest.ptr[rest.len - 1] == '\n');
	rest.len--;
	while (slice_cut(&rest, '\n', &line)) {
		CLEANUP(freep) char *s = xstrndup(line.ptr, line.len);
		assert_false(ended);
		if (openmetrics && strcmp(s, "# EOF") == 0)
			ended = true;
		else if (*s == '#')
			expo_comment(&x, s);
		else
			expo_sample(&x, s);
	}
	assert_true(ended == openmetrics);
	return x;
}
