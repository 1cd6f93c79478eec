#include "observe/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The fewest digits that give the same number back. The program never leaves the C locale. */
static void add_number(struct buf *out, double v)
{
	char text[40];
	if (isnan(v)) {
		buf_add_str(out, "NaN");
		return;
	}
	if (isinf(v)) {
		buf_add_str(out, v < 0 ? "-Inf" : "+Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, v);
		if (!(strtod(text, NULL) < v) && !(strtod(text, NULL) > v))
			break;
	}
	buf_add_str(out, text);
}

static void add_escaped(struct buf *out, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			buf_add_str(out, "\\n");
		else if (*text == '\\')
			buf_add_str(out, "\\\\");
		else if (*text == '"' && quotes)
			buf_add_str(out, "\\\"");
		else
			buf_add_char(out, *text);
	}
}

void metrics_family(struct metrics *m, const char *name, enum metric_type type, const char *help)
{
	static const char *const types[] = { "gauge", "counter", "histogram" };
	size_t len = strlen(name);
	m->family = name;
	/* In OpenMetrics the family of a counter is called without what its samples end in. */
	if (m->openmetrics && type == METRIC_COUNTER)
		len -= strlen("_total");
	buf_addf(m->out, "# HELP %.*s ", (int)len, name);
	add_escaped(m->out, help, m->openmetrics);
	buf_addf(m->out, "\n# TYPE %.*s %s\n", (int)len, name, types[type]);
}

static void add_sample(struct metrics *m, const char *suffix, const struct metric_label *labels,
		       size_t n_labels, const char *le, double v)
{
	char sep = '{';
	buf_addf(m->out, "%s%s", m->family, suffix);
	for (size_t i = 0; i < n_labels; i++, sep = ',') {
		buf_addf(m->out, "%c%s=\"", sep, labels[i].name);
		add_escaped(m->out, labels[i].value, true);
		buf_add_char(m->out, '"');
	}
	if (le) {
		buf_addf(m->out, "%cle=\"%s\"", sep, le);
		sep = ',';
	}
	buf_add_str(m->out, sep == ',' ? "} " : " ");
	add_number(m->out, v);
	buf_add_char(m->out, '\n');
}

void metrics_value_of(struct metrics *m, double v, const struct metric_label *labels, size_t n_labels)
{
	add_sample(m, "", labels, n_labels, NULL, v);
}

void metrics_histogram_of(struct metrics *m, const struct metric_histogram *h,
			  const struct metric_label *labels, size_t n_labels)
{
	uint64_t below = 0;
	for (size_t i = 0; i < h->n_bounds; i++) {
		CLEANUP(buf_done) struct buf le = BUF_INIT(64);
		add_number(&le, h->bounds[i]);
		/* OpenMetrics wants to see that it is no integer. */
		if (m->openmetrics && !strpbrk(buf_str(&le), ".e"))
			buf_add_str(&le, ".0");
		below += h->buckets[i];
		add_sample(m, "_bucket", labels, n_labels, buf_str(&le), (double)below);
	}
	add_sample(m, "_bucket", labels, n_labels, "+Inf", (double)h->n);
	add_sample(m, "_sum", labels, n_labels, NULL, h->sum);
	add_sample(m, "_count", labels, n_labels, NULL, (double)h->n);
}

void metrics_end(struct metrics *m)
{
	if (m->openmetrics)
		buf_add_str(m->out, "# EOF\n");
}

const char *metrics_content_type(bool openmetrics)
{
	return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8";
}

static bool same_word(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

/* In thousandths, as RFC 9110, 12.4.2 has it; what is malformed counts as 1. */
static int quality(struct slice s)
{
	int q = 1000, digit = 100;
	if (s.len == 0 || (s.ptr[0] != '0' && s.ptr[0] != '1'))
		return q;
	q = (s.ptr[0] - '0') * 1000;
	for (size_t i = 2; i < s.len && s.ptr[1] == '.' && s.ptr[i] >= '0' && s.ptr[i] <= '9';
	     i++, digit /= 10)
		q += (s.ptr[i] - '0') * digit;
	return q > 1000 ? 1000 : q;
}

bool metrics_want_openmetrics(const char *accept)
{
	struct slice rest = slice_of(accept), range, part;
	int open = 0, text = 0;
	while (slice_cut(&rest, ',', &range)) {
		struct slice type;
		int q = 1000;
		slice_cut(&range, ';', &type);
		type = slice_trim(type);
		while (slice_cut(&range, ';', &part)) {
			part = slice_trim(part);
			if (part.len >= 2 && (part.ptr[0] | 0x20) == 'q' && part.ptr[1] == '=')
				q = quality((struct slice){ part.ptr + 2, part.len - 2 });
		}
		if (same_word(type, "application/openmetrics-text"))
			open = q > open ? q : open;
		else if (same_word(type, "text/plain") || same_word(type, "text/*"))
			text = q > text ? q : text;
	}
	return open > 0 && open >= text;
}
