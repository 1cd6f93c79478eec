#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	if (code <= 0)
		code = EINVAL;
	if (!e)
		return -code;
	e->code = code;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -code;
}

/* As much of the text as there is room for. */
static size_t append(char msg[ERR_TEXT_MAX], size_t at, const char *text)
{
	size_t n = strnlen(text, ERR_TEXT_MAX - 1 - at);
	memcpy(msg + at, text, n);
	msg[at + n] = '\0';
	return at + n;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	if (!e)
		return -EINVAL;
	char before[ERR_TEXT_MAX];
	memcpy(before, e->msg, sizeof(before));

	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	size_t at = n < 0 ? 0 : (size_t)n < sizeof(e->msg) ? (size_t)n : sizeof(e->msg) - 1;
	(void)append(e->msg, append(e->msg, at, ": "), before);
	return e->code > 0 ? -e->code : -EINVAL;
}
