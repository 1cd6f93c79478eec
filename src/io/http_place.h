/* Where the requests of a client go, in the words of libcurl. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct curl_slist;

struct http_place {
	char *url; /* of the server, without the path of any request: "https://10.0.0.1:6443/" */
	/* What stands before the path of each request: "", or the path of the base URL. */
	char *prefix;
	/* A forward proxy for plain HTTP is told whole URLs: then `prefix` is one, and a request is given to
	 * libcurl as its URL and not as its target. */
	bool whole_urls;
	char *host_header;             /* NULL = libcurl's own */
	struct curl_slist *connect_to; /* NULL = the host of `url` */
};

/* server_name: for TLS, NULL = the host of base_url. */
int http_place_init(struct http_place *p, const char *base_url, const char *server_name, bool proxied,
		    struct err *e);
void http_place_done(struct http_place *p);
