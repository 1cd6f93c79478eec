/* The headers of a request as libcurl wants them, shared by calls that have the same. */
#pragma once

#include <stdbool.h>

struct http_headers; /* counted references */
struct curl_slist;

/* host and bearer may be NULL = no such header; accept NULL = libcurl's own; content_type NULL = the
 * request has no body. The texts are copied. */
struct http_headers *http_headers_new(const char *host, const char *accept, const char *bearer,
				      const char *content_type);
struct http_headers *http_headers_ref(struct http_headers *h);
void http_headers_unref(struct http_headers *h); /* NULL allowed */
/* Were they made of these texts? The host is not compared. */
bool http_headers_are(const struct http_headers *h, const char *accept, const char *bearer,
		      const char *content_type);
struct curl_slist *http_headers_list(const struct http_headers *h); /* borrowed */
/* None of their texts has a control character. */
bool http_headers_are_plain(const struct http_headers *h);

/* No control characters: a line break would let the text smuggle in headers of its own. NULL is plain. */
bool http_is_plain(const char *text);
