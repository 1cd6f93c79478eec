#include "io/http_place.h"

#include "base/mem.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

/* libcurl takes the name for TLS from the URL. So the URL gets that name, and where to connect is
 * said apart. */
static int use_server_name(struct http_place *p, const char *name, struct err *e)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *url = NULL;
	int r = err_set(e, EINVAL, "bad server URL \"%s\" or TLS server name \"%s\"", p->url, name);
	if (u && curl_url_set(u, CURLUPART_URL, p->url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_HOST, name, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK) {
		CLEANUP(freep) char *to = xasprintf("::%s:%s", host, port);
		p->connect_to = curl_slist_append(NULL, to);
		p->host_header = xasprintf("%s:%s", host, port);
		str_replace(&p->url, url);
		r = 0;
	}
	curl_free(host);
	curl_free(port);
	curl_free(url);
	curl_url_cleanup(u);
	return r;
}

int http_place_init(struct http_place *p, const char *base_url, const char *server_name, bool proxied,
		    struct err *e)
{
	const char *host = strstr(base_url, "://") + 3;
	size_t n = (size_t)(host - base_url) + strcspn(host, "/?#");
	*p = (struct http_place){ .whole_urls = proxied && strncmp(base_url, "http://", 7) == 0 };
	p->url = xasprintf("%.*s/", (int)n, base_url);
	p->prefix = xstrdup(p->whole_urls ? base_url : base_url + n);
	int r = server_name && !p->whole_urls ? use_server_name(p, server_name, e) : 0;
	if (r < 0)
		http_place_done(p);
	return r;
}

void http_place_done(struct http_place *p)
{
	free(p->url);
	free(p->prefix);
	free(p->host_header);
	curl_slist_free_all(p->connect_to);
	*p = (struct http_place){ 0 };
}
