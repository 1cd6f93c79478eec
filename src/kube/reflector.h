/* All objects of one kind, told as they are and as they change: list, then watch, then list again when
 * the server has forgotten where we were. Keeps no objects itself.
 *
 * Lists come as a stream of events where the server can do that (sendInitialEvents, Kubernetes 1.32 and
 * later by default), else in pages of 500. Whatever goes wrong is tried again, with backoff. */
#pragma once

#include "base/rand.h"
#include "data/json_keep.h"
#include "kube/kube.h"
#include "kube/watch.h"

struct reflector;

enum reflector_state {
	REFLECTOR_LISTING,
	REFLECTOR_WATCHING,   /* the consumer is up to date but for the delay of the watch */
	REFLECTOR_RETRYING,   /* something failed; `why` says what */
	REFLECTOR_NOT_SERVED, /* the server knows no version of this kind; looked for every 30 s */
	REFLECTOR_FORBIDDEN,  /* we may not list or watch it; tried again with backoff */
};
const char *reflector_state_name(enum reflector_state s);

struct reflector_ops {
	/* A full list begins. May come again before list_end: the first one was cut, forget it. */
	void (*list_begin)(void *arg);
	/* It exists and looks so. Always has metadata.name. Borrowed: js_ref() or copy what is kept. */
	void (*upsert)(struct js *object, void *arg);
	/* Asked before anything is read of a change: true = that very version of it, or a later one, was told
	 * already, and it is not told again. Never asked while a list is told. May be NULL. */
	bool (*known)(const struct object_id *id, void *arg);
	/* It is gone; its last state. May name an object that was never told. */
	void (*deleted)(struct js *object, void *arg);
	/* The list is complete: whatever was not told since list_begin is gone. */
	void (*list_end)(void *arg);
	/* Called when the state or its reason changes; `why` is "" if there is nothing to say. */
	void (*state)(enum reflector_state s, const char *why, void *arg);
	/* An object was skipped, because it is no such thing; may be NULL. */
	void (*bad)(const char *why, void *arg);
};

struct reflector_options {
	struct kube *kube;
	const struct resource *resource;
	const char *ns;             /* NULL = all */
	const char *field_selector; /* NULL = none */
	const char *label_selector;
	/* Of each object only this is read; metadata's name, resourceVersion and annotations must be part
	 * of it. Kept by pointer; NULL = all. */
	const struct js_keep *keep;
	/* A 404 alone is no proof that the kind is not served: the API's list of kinds must lack it too. */
	bool doubts_404;
	enum kube_lane lane;
	uint64_t seed; /* of the jitter */
	const struct reflector_ops *ops;
	void *arg;
	/* For tests; 0 = the usual. */
	msec stall;         /* 150 s */
	msec backoff_min;   /* 100 ms */
	msec backoff_max;   /* 30 s */
	msec look_again;    /* 30 s, of what is not served */
	msec list_patience; /* 20 s without a byte in a streaming list: the server ignores the wish */
};

/* Starts in the next turn of the loop. The options' texts are copied. */
struct reflector *reflector_new(const struct reflector_options *o);
void reflector_free(struct reflector *r); /* allowed in its own callbacks; NULL allowed */

/* Tries at once where it waits (backoff, not served), and starts anew where it settled for a version
 * that is not the best. For when a CRD has changed. */
void reflector_kick(struct reflector *r);

/* Forgets where it was and lists most-recent state anew, at once; reflector_synced() is false until that list
 * is complete, and the state is told again also if it stays the same. Not from its own callbacks. */
void reflector_relist(struct reflector *r);

enum reflector_state reflector_state(const struct reflector *r);
/* A list was told to its end at least once, since the last reflector_relist() if there was one. */
bool reflector_synced(const struct reflector *r);
/* The API version in use ("v2"): of the objects told last, and for paths of writes. Borrowed. */
const char *reflector_version(const struct reflector *r);
const struct resource *reflector_resource(const struct reflector *r);
/* Watches that ended other than by the server's ordinary timeout, and lists begun after the first. */
uint64_t reflector_restarts(const struct reflector *r);
/* When the state last changed, by loop_now(). */
msec reflector_since(const struct reflector *r);
