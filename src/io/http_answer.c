#include "io/http_answer.h"

bool http_surely_unsent(CURL *h, CURLcode code)
{
	long bytes = 0;
	(void)curl_easy_getinfo(h, CURLINFO_REQUEST_SIZE, &bytes);
	if (bytes > 0)
		return false;
	switch (code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_PROXY:
		return true;
	default:
		return false;
	}
}

msec http_date_of(CURL *h)
{
	struct curl_header *header = NULL;
	msec date = 0;
	if (curl_easy_header(h, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
		(void)time_parse_http(slice_of(header->value), &date);
	return date;
}

int64_t http_retry_after_of(CURL *h)
{
	struct curl_header *header = NULL;
	curl_off_t seconds = 0; /* 0 also stands for "no such header" */
	if (curl_easy_header(h, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
	    curl_easy_getinfo(h, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
		return -1;
	return seconds;
}
