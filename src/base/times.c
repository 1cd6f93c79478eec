#include "base/times.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static void split(msec wall, struct tm *tm, int *ms)
{
	time_t secs = (time_t)(wall / 1000);
	int rest = (int)(wall % 1000);
	if (rest < 0) {
		rest += 1000;
		secs--;
	}
	(void)gmtime_r(&secs, tm);
	*ms = rest;
}

const char *time_format(msec wall, char text[RFC3339_MAX])
{
	struct tm tm;
	int ms;
	split(wall, &tm, &ms);
	(void)strftime(text, RFC3339_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

const char *time_format_micro(msec wall, char text[RFC3339_MAX])
{
	struct tm tm;
	int ms;
	split(wall, &tm, &ms);
	size_t n = strftime(text, RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + n, RFC3339_MAX - n, ".%03d000Z", ms);
	return text;
}

/* Exactly n digits at *p; moves *p on. */
static int digits(const char **p, const char *end, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (*p == end || **p < '0' || **p > '9')
			return -EINVAL;
		v = v * 10 + (*(*p)++ - '0');
	}
	*ret = v;
	return 0;
}

static int expect(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return -EINVAL;
	(*p)++;
	return 0;
}

static int days_in(int month, int year)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month] + (month == 1 && leap ? 1 : 0);
}

static bool plausible(const struct tm *tm)
{
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= days_in(tm->tm_mon, tm->tm_year + 1900) && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec <= 60;
}

static int parse_fraction(const char **p, const char *end, int *ret_ms)
{
	int scale = 100, ms = 0, n = 0;
	if (*p == end || **p != '.') {
		*ret_ms = 0;
		return 0;
	}
	for ((*p)++; *p < end && **p >= '0' && **p <= '9'; (*p)++, n++) {
		ms += (**p - '0') * scale;
		scale /= 10;
	}
	*ret_ms = ms;
	return n > 0 ? 0 : -EINVAL;
}

static int parse_offset(const char **p, const char *end, int *ret_minutes)
{
	if (*p == end)
		return -EINVAL;
	char sign = *(*p)++;
	if (sign == 'Z' || sign == 'z') {
		*ret_minutes = 0;
		return 0;
	}
	int h, m;
	if ((sign != '+' && sign != '-') || digits(p, end, 2, &h) < 0 || expect(p, end, ':') < 0 ||
	    digits(p, end, 2, &m) < 0 || h > 23 || m > 59)
		return -EINVAL;
	*ret_minutes = (sign == '-' ? -1 : 1) * (h * 60 + m);
	return 0;
}

int time_parse(struct slice text, msec *ret_wall)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	struct tm tm = { 0 };
	int year, month, ms, offset;
	if (digits(&p, end, 4, &year) < 0 || expect(&p, end, '-') < 0 || digits(&p, end, 2, &month) < 0 ||
	    expect(&p, end, '-') < 0 || digits(&p, end, 2, &tm.tm_mday) < 0 || p == end ||
	    (*p != 'T' && *p != 't'))
		return -EINVAL;
	p++;
	if (digits(&p, end, 2, &tm.tm_hour) < 0 || expect(&p, end, ':') < 0 ||
	    digits(&p, end, 2, &tm.tm_min) < 0 || expect(&p, end, ':') < 0 ||
	    digits(&p, end, 2, &tm.tm_sec) < 0 || parse_fraction(&p, end, &ms) < 0 ||
	    parse_offset(&p, end, &offset) < 0 || p != end)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	if (!plausible(&tm))
		return -EINVAL;
	*ret_wall = ((msec)timegm(&tm) - (msec)offset * 60) * 1000 + ms;
	return 0;
}

int time_parse_http(struct slice text, msec *ret_wall)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { 0 };
	int year, month = -1;
	/* "Sun, 06 Nov 1994 08:49:37 GMT" */
	if (text.len != 29 || memcmp(text.ptr + 26, "GMT", 3) != 0)
		return -EINVAL;
	const char *p = text.ptr + 5, *end = text.ptr + text.len;
	if (digits(&p, end, 2, &tm.tm_mday) < 0 || expect(&p, end, ' ') < 0)
		return -EINVAL;
	for (int i = 0; i < 12; i++)
		if (memcmp(p, months + i * 3, 3) == 0)
			month = i;
	p += 3;
	if (expect(&p, end, ' ') < 0 || digits(&p, end, 4, &year) < 0 || expect(&p, end, ' ') < 0 ||
	    digits(&p, end, 2, &tm.tm_hour) < 0 || expect(&p, end, ':') < 0 ||
	    digits(&p, end, 2, &tm.tm_min) < 0 || expect(&p, end, ':') < 0 ||
	    digits(&p, end, 2, &tm.tm_sec) < 0)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month;
	if (!plausible(&tm))
		return -EINVAL;
	*ret_wall = (msec)timegm(&tm) * 1000;
	return 0;
}

/* The unit at *p in nanoseconds, 0 if there is none; moves *p on. */
static int64_t unit(const char **p, const char *end)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "ns", 1 },         { "us", 1000 },       { "\xc2\xb5s", 1000 }, { "ms", 1000000 },
		      { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 } };
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t n = strlen(units[i].name);
		if ((size_t)(end - *p) >= n && memcmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].ns;
		}
	}
	return 0;
}

int duration_parse(struct slice text, msec *ret)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	if (slice_is(text, "0")) {
		*ret = 0;
		return 0;
	}
	if (p == end)
		return -EINVAL;
	int64_t total = 0;
	while (p < end) {
		int64_t whole = 0, part = 0, scale = 1;
		const char *from = p;
		for (; p < end && *p >= '0' && *p <= '9'; p++)
			if (__builtin_mul_overflow(whole, 10, &whole) ||
			    __builtin_add_overflow(whole, *p - '0', &whole))
				return -ERANGE;
		size_t n_digits = (size_t)(p - from);
		if (p < end && *p == '.') {
			for (p++; p < end && *p >= '0' && *p <= '9'; p++, n_digits++) {
				if (scale < 1000000000) {
					part = part * 10 + (*p - '0');
					scale *= 10;
				}
			}
		}
		int64_t ns = n_digits ? unit(&p, end) : 0;
		if (ns == 0)
			return -EINVAL;
		int64_t fraction = (int64_t)((__int128)part * ns / scale);
		if (__builtin_mul_overflow(whole, ns, &whole) ||
		    __builtin_add_overflow(total, whole, &total) ||
		    __builtin_add_overflow(total, fraction, &total))
			return -ERANGE;
	}
	*ret = total / 1000000;
	return 0;
}
