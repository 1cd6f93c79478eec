#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

[[gnu::noreturn]] static void out_of_memory(void)
{
	static const char text[] = "berth: out of memory\n";
	ssize_t r = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)r;
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total))
		out_of_memory();
	p = realloc(p, total ? total : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *xasprintf(const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0 || !p)
		out_of_memory();
	return p;
}

void str_replace(char **owned, const char *s)
{
	char *fresh = s ? xstrdup(s) : NULL;
	free(*owned);
	*owned = fresh;
}

void freep(void *pp)
{
	void **p = pp;
	free(*p);
	*p = NULL;
}

void closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
