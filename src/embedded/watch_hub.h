/* Watches: each is a cursor over the changes of one kind. One that keeps up gets changes as they are
 * committed; one that does not falls back to the log, and is cut off with 410 when the log has moved on.
 * So the memory of a slow reader is bounded. */
#pragma once

#include "embedded/rest.h"
#include "embedded/select.h"

struct hub;

struct hub *hub_new(struct api *a);
void hub_free(struct hub *h); /* streams are closed by the server; NULL allowed */

struct watch_options {
	const char *ns;   /* NULL = all */
	int64_t from;     /* changes after this revision */
	bool initial;     /* the state as of `from` comes first, as ADDED events */
	bool initial_end; /* and a bookmark behind it says that it is complete */
	bool bookmarks;
	msec timeout; /* the stream ends after so long */
	bool cut;     /* a fault: it breaks off after cut_after instead */
	msec cut_after;
};

/* Answers the request with a stream. Takes the selection over. */
void hub_watch(struct hub *h, const struct request *r, const struct watch_options *o, struct select select);
void hub_publish(struct hub *h, const struct change *changes, size_t n);
/* Tells the revision to those who asked for bookmarks. */
void hub_bookmark(struct hub *h);
/* Ends the watches of a kind that changes or goes. */
void hub_close_kind(struct hub *h, const struct kind *k);
