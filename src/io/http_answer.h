/* What libcurl knows of how a call ended. */
#pragma once

#include "base/times.h"

#include <curl/curl.h>

/* Whether the failure came surely before the first byte of the request left. libcurl itself tries
 * again on a kept connection that turns out to be dead, but counts the bytes of all tries. */
bool http_surely_unsent(CURL *h, CURLcode code);
msec http_date_of(CURL *h);           /* of the header Date; 0 = there is none */
int64_t http_retry_after_of(CURL *h); /* seconds; -1 = there is no such header */
