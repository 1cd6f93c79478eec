/* `berth history`: who held an address, or what a Service held, and when. */
#pragma once

#include "plan/print.h"
#include "plan/standing.h"

/* Either an address or a Service. */
struct past_question {
	bool by_address;
	struct ip ip;
	const char *service; /* "ns/name" */
};

/* {"holdings":[{"address","holder","pool","from","until","state","coolsUntil"}]}, the newest last: from the
 * records and from the histories of the pools among in->own. state: held, cooling, past. Owned by the caller.
 */
struct js *past_document(const struct standing_in *in, const struct past_question *q);
void past_print(const struct js *document, enum plan_form form, struct buf *out);
