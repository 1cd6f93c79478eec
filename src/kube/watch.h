/* The bytes of a watch, cut anywhere, as events: one JSON object for each line. What is left of an
 * unfinished line is kept and never looked at again until its end has come. */
#pragma once

#include "data/json_keep.h"

/* An object of etcd's 1.5 MB is six times as long where each of its characters is written as an escape, as
 * Go does with <, > and &; one that is refused would hold up all others of its kind. */
enum { WATCH_LINE_MAX = JS_SIZE_MAX };

/* `type` as sent ("ADDED", …); `object` is borrowed and gone after the call. A negative return stops
 * the feeding and is returned by watch_feed(). */
typedef int watch_event_fn(const char *type, struct js *object, void *arg, struct err *e);

/* Which version of which object an event is about; "" = the event does not say. */
struct object_id {
	char namespace[64], name[256], uid[64], resource_version[32];
};
/* True: nothing new in that, and the event is dropped without being parsed. */
typedef bool watch_known_fn(const struct object_id *id, void *arg);

struct watch {
	struct buf tail;
	watch_event_fn *fn;
	watch_known_fn *known; /* asked first of what exists (ADDED, MODIFIED); NULL = nothing is known */
	void *arg;
	/* What is read of an event; set by watch_keep(). */
	struct js_keep keep[3];
};

void watch_init(struct watch *w, watch_event_fn *fn, void *arg);
void watch_done(struct watch *w);
/* Of objects only this is read from now on; borrowed. An ERROR's is read whole. */
void watch_keep(struct watch *w, const struct js_keep *object);

/* 0, or the error of a line that is too long (-E2BIG) or no event (-EINVAL), or that of `fn`. After an
 * error the stream is of no more use. */
int watch_feed(struct watch *w, struct slice bytes, struct err *e);
/* The stream has ended: true if it did so between two lines. */
bool watch_is_between_lines(const struct watch *w);
