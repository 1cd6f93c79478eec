#include "io/http_memory.h"

#include "base/mem.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* More than so many at once are on the heap. */
enum { BUFFERS = 64 };

static struct {
	char *region; /* NULL = none could be had */
	size_t n_free;
	unsigned char free[BUFFERS]; /* the one that was given back last is given out first */
} buffers;

static bool is_buffer(const void *p)
{
	return buffers.region &&
	       (uintptr_t)p - (uintptr_t)buffers.region < (size_t)BUFFERS * HTTP_SEND_BUFFER;
}

static void *get(size_t size)
{
	if (size != HTTP_SEND_BUFFER || buffers.n_free == 0)
		return malloc(size);
	return buffers.region + (size_t)buffers.free[--buffers.n_free] * HTTP_SEND_BUFFER;
}

static void put(void *p)
{
	if (is_buffer(p))
		buffers.free[buffers.n_free++] =
			(unsigned char)(((uintptr_t)p - (uintptr_t)buffers.region) / HTTP_SEND_BUFFER);
	else
		free(p);
}

static void *resize(void *p, size_t size)
{
	if (!is_buffer(p))
		return realloc(p, size);
	void *moved = malloc(size);
	if (!moved)
		return NULL;
	memcpy(moved, p, size < HTTP_SEND_BUFFER ? size : HTTP_SEND_BUFFER);
	put(p);
	return moved;
}

static void map_buffers(void)
{
	void *region = mmap(NULL, (size_t)BUFFERS * HTTP_SEND_BUFFER, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (region == MAP_FAILED)
		return;
	buffers.region = region;
	while (buffers.n_free < BUFFERS) {
		buffers.free[buffers.n_free] = (unsigned char)(BUFFERS - 1 - buffers.n_free);
		buffers.n_free++;
	}
}

int http_memory_init(void)
{
	if (!buffers.region)
		map_buffers();
	return (int)curl_global_init_mem(CURL_GLOBAL_DEFAULT, get, put, resize, strdup, calloc);
}
