/* A file that was turned into a C array at build time by tools/embed.py. */
#pragma once

#include <stddef.h>

struct embedded_file {
	const char *name; /* file name without folder */
	const char *data; /* `size` bytes and a NUL behind them */
	size_t size;
};
