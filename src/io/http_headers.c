#include "io/http_headers.h"

#include "base/mem.h"

#include <curl/curl.h>
#include <string.h>

struct http_headers {
	unsigned refs;
	char *accept, *bearer;
	char *content_type; /* NULL = there is no body */
	struct curl_slist *list;
	bool plain;
};

static char *copy_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool http_is_plain(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static void add_header(struct http_headers *h, const char *name, const char *value)
{
	CLEANUP(freep) char *line = xasprintf("%s:%s%s", name, value ? " " : "", value ? value : "");
	struct curl_slist *longer = curl_slist_append(h->list, line);
	if (!longer)
		abort();
	h->list = longer;
}

void http_headers_unref(struct http_headers *h)
{
	if (!h || --h->refs > 0)
		return;
	curl_slist_free_all(h->list);
	free(h->accept);
	free(h->bearer);
	free(h->content_type);
	free(h);
}

struct http_headers *http_headers_new(const char *host, const char *accept, const char *bearer,
				      const char *content_type)
{
	struct http_headers *h = xcalloc(1, sizeof(*h));
	h->refs = 1;
	h->accept = copy_or_null(accept);
	h->bearer = copy_or_null(bearer);
	h->content_type = copy_or_null(content_type);
	h->plain = http_is_plain(accept) && http_is_plain(bearer) && http_is_plain(content_type);
	if (host)
		add_header(h, "Host", host);
	add_header(h, "User-Agent", "berth");
	if (accept)
		add_header(h, "Accept", accept);
	if (content_type) {
		add_header(h, "Content-Type", content_type);
		add_header(h, "Expect", NULL); /* no waiting for "100 Continue" */
	}
	if (bearer) {
		CLEANUP(freep) char *value = xasprintf("Bearer %s", bearer);
		add_header(h, "Authorization", value);
	}
	return h;
}

struct http_headers *http_headers_ref(struct http_headers *h)
{
	h->refs++;
	return h;
}

bool http_headers_are(const struct http_headers *h, const char *accept, const char *bearer,
		      const char *content_type)
{
	return is_same(h->accept, accept) && is_same(h->bearer, bearer) &&
	       is_same(h->content_type, content_type);
}

struct curl_slist *http_headers_list(const struct http_headers *h)
{
	return h->list;
}

bool http_headers_are_plain(const struct http_headers *h)
{
	return h->plain;
}
