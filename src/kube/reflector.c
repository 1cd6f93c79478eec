/*
 *            ┌──────────────── 410, Expired, trouble while listing ──────────────┐
 *            ▼                                                                   │
 *   PAUSE ─► STREAM (list and watch in one) ── initial-events-end ─► WATCH ── cut ─► PAUSE ─► WATCH
 *     │        │ refused, or silent
 *     │        ▼
 *     └────► PAGES ── last page ─► WATCH
 *
 * PAUSE is a timer: backoff, Retry-After, or 30 s where no version of the kind is served. Where it matters, a
 * 404 is believed only when the API's own list of kinds (ASK) does not have the kind either: a server that
 * just starts, or a proxy in front of it, says 404 too.
 */
#include "kube/reflector.h"

#include "base/mem.h"
#include "kube/listing.h"

#include <errno.h>
#include <stdio.h>

enum {
	STALL_MS = 150 * 1000, /* an idle server sends a bookmark every minute */
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 30 * 1000,
	LOOK_AGAIN_MS = 30 * 1000,
	LIST_PATIENCE_MS = 20 * 1000,
	HEALTHY_MS = 60 * 1000,
	RETRY_AFTER_MAX_MS = 5 * 60 * 1000,
	WATCH_MIN_S = 300, /* asked of the server; evenly spread up to twice that */
	PAGE = 500,
	PAGE_TIMEOUT_MS = 60 * 1000,
	BAD_LINES_MAX = 3, /* or errors, in a row; then a list may work better than the watch */
	SILENT_LISTS_MAX = 2,
	WHY_MAX = 320,
	CONTINUE_MAX = 16 * 1024,
	PATH_MAX_BYTES = 64 * 1024, /* a continue token grows threefold when it is escaped */
};

enum phase { PAUSE, STREAM, PAGES, WATCH, ASK };

struct reflector {
	struct kube *kube;
	enum kube_lane lane;
	const struct resource *resource;
	char *ns;
	char *field_selector;
	char *label_selector;
	const struct js_keep *keep;
	const struct reflector_ops *ops;
	void *arg;
	msec stall, backoff_min, backoff_max, look_again, list_patience;
	struct rng rng;

	struct loop_timer *timer; /* of the pause; while streaming a list, of its patience */
	struct kube_call *call;
	enum phase phase;
	enum phase next_phase; /* after the pause */
	struct watch watch;
	struct listing listing;
	struct err trouble; /* what on_data found; the call is ended with it */
	bool ignored_wish;  /* it does not list as a stream, though it took the request */
	bool expired;       /* the server has forgotten our resourceVersion */

	char *resource_version; /* to go on watching from; NULL = list first */
	char *next_page;
	size_t version; /* index into resource->versions */
	bool synced;
	bool doubts;        /* ask before a kind counts as not served */
	bool no_stream;     /* the server cannot list as a stream */
	bool list_to_begin; /* when the server takes the request */
	int silent_lists;
	int bad_lines;
	msec backoff; /* the last one; 0 = none since it was healthy */
	msec phase_began;
	msec last_byte;
	uint64_t restarts;

	enum reflector_state state;
	char why[WHY_MAX];
	msec since;

	int depth; /* > 0: a callback of ours is running */
	bool dead;
};

const char *reflector_state_name(enum reflector_state s)
{
	static const char *const names[] = {
		[REFLECTOR_LISTING] = "listing",     [REFLECTOR_WATCHING] = "watching",
		[REFLECTOR_RETRYING] = "retrying",   [REFLECTOR_NOT_SERVED] = "not served",
		[REFLECTOR_FORBIDDEN] = "forbidden",
	};
	return names[s];
}

/* ---- telling ---- */

static void enter(struct reflector *r)
{
	r->depth++;
}

static void destroy(struct reflector *r);

/* True if the reflector is gone: nothing of it may be touched. */
static bool leave(struct reflector *r)
{
	if (--r->depth > 0 || !r->dead)
		return false;
	destroy(r);
	return true;
}

static void tell_state(struct reflector *r, enum reflector_state s, const char *why)
{
	char text[WHY_MAX];
	(void)snprintf(text, sizeof(text), "%s", why);
	if (r->dead || (r->state == s && r->since && strcmp(r->why, text) == 0))
		return;
	if (r->state != s || !r->since)
		r->since = loop_now(kube_loop(r->kube));
	r->state = s;
	memcpy(r->why, text, sizeof(text));
	r->ops->state(s, r->why, r->arg);
}

static void keep_version(struct reflector *r, const char *v)
{
	if (v && v[0])
		str_replace(&r->resource_version, v);
}

static const char *version_of(const struct js *object)
{
	return js_str(js_path(object, "metadata", "resourceVersion"));
}

/* An object without a name is none that anybody could act on. */
static bool has_name(struct reflector *r, const struct js *object)
{
	const char *name = js_str(js_path(object, "metadata", "name"));
	if (name && name[0])
		return true;
	if (r->ops->bad)
		r->ops->bad("an object without metadata.name", r->arg);
	return false;
}

/* ---- pauses ---- */

/* Somewhere in the upper half of [0, ms], so that many clients do not come back at once. */
static msec jittered(struct reflector *r, msec ms)
{
	return ms / 2 + (msec)rng_below(&r->rng, (uint64_t)(ms / 2 + 1));
}

static void pause(struct reflector *r, msec delay, enum phase then)
{
	r->phase = PAUSE;
	r->next_phase = then;
	loop_timer_set(r->timer, delay);
}

static msec next_backoff(struct reflector *r)
{
	if (r->backoff == 0)
		r->backoff = r->backoff_min;
	else
		r->backoff = r->backoff * 2 < r->backoff_max ? r->backoff * 2 : r->backoff_max;
	return jittered(r, r->backoff);
}

/* Where to go on: the watch where we know from where, else a list. */
static enum phase where_to_go_on(const struct reflector *r)
{
	return r->resource_version ? WATCH : STREAM;
}

static void retry(struct reflector *r, enum reflector_state s, const char *why, int64_t retry_after)
{
	msec delay = next_backoff(r);
	msec asked = retry_after > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : retry_after * 1000;
	if (retry_after > 0 && asked > delay)
		delay = asked + jittered(r, r->backoff_min);
	r->restarts++;
	pause(r, delay, where_to_go_on(r));
	tell_state(r, s, why);
}

/* The watch that ends now was good for a while: what comes next begins with small pauses again. */
static void note_health(struct reflector *r)
{
	if (loop_now(kube_loop(r->kube)) - r->phase_began >= HEALTHY_MS)
		r->backoff = 0;
}

static void list_again(struct reflector *r)
{
	free(TAKE(r->resource_version));
	free(TAKE(r->next_page));
	r->restarts++;
	pause(r, next_backoff(r), STREAM);
}

static void forget_position(struct reflector *r)
{
	free(TAKE(r->resource_version));
	free(TAKE(r->next_page));
}

/* ---- requests ---- */

static void add_selectors(const struct reflector *r, struct buf *path)
{
	if (r->field_selector)
		path_add_query(path, "fieldSelector", r->field_selector);
	if (r->label_selector)
		path_add_query(path, "labelSelector", r->label_selector);
}

static void add_watch_query(struct reflector *r, struct buf *path)
{
	char seconds[24];
	(void)snprintf(seconds, sizeof(seconds), "%llu",
		       (unsigned long long)(WATCH_MIN_S + rng_below(&r->rng, WATCH_MIN_S + 1)));
	path_add_query(path, "watch", "true");
	path_add_query(path, "allowWatchBookmarks", "true");
	path_add_query(path, "timeoutSeconds", seconds);
}

static void on_bytes(struct slice piece, void *arg);
static void on_end(const struct kube_result *result, void *arg);

static void send_request(struct reflector *r)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX_BYTES);
	char page[16];
	resource_path(&path, r->resource, r->resource->versions[r->version], r->ns, NULL, NULL);
	if (r->phase == STREAM) {
		add_watch_query(r, &path);
		path_add_query(&path, "sendInitialEvents", "true");
		path_add_query(&path, "resourceVersionMatch", "NotOlderThan");
	} else if (r->phase == WATCH) {
		add_watch_query(r, &path);
		path_add_query(&path, "resourceVersion", r->resource_version);
	} else {
		(void)snprintf(page, sizeof(page), "%d", PAGE);
		path_add_query(&path, "limit", page);
		if (r->next_page)
			path_add_query(&path, "continue", r->next_page);
	}
	add_selectors(r, &path);
	bool list = r->phase == PAGES;
	struct kube_request request = {
		.lane = r->lane,
		.verb = list ? "list" : "watch",
		.resource = r->resource,
		.path = buf_str(&path),
		.timeout = list ? PAGE_TIMEOUT_MS : -1,
		.stall = list ? 0 : r->stall,
		.on_data = on_bytes,
	};
	r->call = kube_send(r->kube, &request, on_end, r);
}

static int on_event(const char *type, struct js *object, void *arg, struct err *e);
static int on_item(struct js *object, void *arg, struct err *e);
static bool is_known(const struct object_id *id, void *arg);

static void reset_readers(struct reflector *r)
{
	watch_done(&r->watch);
	watch_init(&r->watch, on_event, r);
	watch_keep(&r->watch, r->keep);
	r->watch.known = r->ops->known ? is_known : NULL;
	listing_done(&r->listing);
	listing_init(&r->listing, on_item, r);
	r->listing.keep = r->keep;
	r->trouble = (struct err){ 0 };
	r->expired = r->ignored_wish = false;
}

static void begin(struct reflector *r, enum phase phase)
{
	bool new_list = phase != WATCH && !(phase == PAGES && r->next_page);
	if (phase == STREAM && r->no_stream)
		phase = PAGES;
	r->phase = phase;
	r->phase_began = r->last_byte = loop_now(kube_loop(r->kube));
	reset_readers(r);
	loop_timer_clear(r->timer);
	if (phase == STREAM)
		loop_timer_set(r->timer, r->list_patience);
	r->list_to_begin = new_list;
	send_request(r);
}

static void end_of_list(struct reflector *r)
{
	r->synced = true;
	r->silent_lists = 0;
	r->ops->list_end(r->arg);
	tell_state(r, REFLECTOR_WATCHING, "");
}

/* ---- what comes ---- */

static int on_error_event(struct reflector *r, const struct js *status, struct err *e)
{
	int64_t code = js_int(js_get(status, "code"), 0);
	struct slice reason = js_text(js_get(status, "reason"));
	struct slice message = js_text(js_get(status, "message"));
	r->expired = code == 410 || slice_is(reason, "Expired") || slice_is(reason, "Gone");
	return err_set(e, EIO, "the watch ended with %lld %.*s: %.*s", (long long)code, SLICE_ARG(reason),
		       SLICE_ARG(message));
}

static int on_bookmark(struct reflector *r, const struct js *object, struct err *e)
{
	const struct js *notes = js_path(object, "metadata", "annotations");
	if (r->phase == STREAM) {
		/* A server that lists sends no other bookmark before this one. */
		if (!slice_is(js_text(js_get(notes, "k8s.io/initial-events-end")), "true")) {
			r->ignored_wish = true;
			return err_set(e, EIO, "the server took a streaming list for a watch");
		}
		r->phase = WATCH;
		loop_timer_clear(r->timer);
		keep_version(r, version_of(object));
		end_of_list(r);
		return 0;
	}
	keep_version(r, version_of(object));
	return 0;
}

static int on_event(const char *type, struct js *object, void *arg, struct err *e)
{
	struct reflector *r = arg;
	if (strcmp(type, "ERROR") == 0)
		return on_error_event(r, object, e);
	r->bad_lines = 0;
	if (strcmp(type, "BOOKMARK") == 0) {
		int bad = on_bookmark(r, object, e);
		if (bad < 0)
			return bad;
	} else if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0 ||
		   strcmp(type, "DELETED") == 0) {
		/* While a list streams in, its objects' versions are in no order: only its end counts. */
		if (r->phase == WATCH)
			keep_version(r, version_of(object));
		if (has_name(r, object) && !r->dead) {
			if (type[0] == 'D')
				r->ops->deleted(object, r->arg);
			else
				r->ops->upsert(object, r->arg);
		}
	} else if (r->ops->bad) {
		r->ops->bad("a watch event of an unknown type", r->arg);
	}
	return r->dead ? err_set(e, ECANCELED, "nobody listens any more") : 0;
}

static bool is_known(const struct object_id *id, void *arg)
{
	struct reflector *r = arg;
	if (r->phase != WATCH || r->dead || !r->ops->known(id, r->arg))
		return false;
	r->bad_lines = 0;
	keep_version(r, id->resource_version);
	return true;
}

static int on_item(struct js *object, void *arg, struct err *e)
{
	struct reflector *r = arg;
	if (has_name(r, object) && !r->dead)
		r->ops->upsert(object, r->arg);
	return r->dead ? err_set(e, ECANCELED, "nobody listens any more") : 0;
}

static void on_trouble(struct reflector *r);

static void begin_list(struct reflector *r)
{
	r->list_to_begin = false;
	tell_state(r, REFLECTOR_LISTING, "");
	if (!r->dead)
		r->ops->list_begin(r->arg);
}

static void on_bytes(struct slice piece, void *arg)
{
	struct reflector *r = arg;
	r->last_byte = loop_now(kube_loop(r->kube));
	enter(r);
	/* The server has taken the request, also if there is nothing to tell yet. */
	if (r->phase == WATCH)
		tell_state(r, REFLECTOR_WATCHING, "");
	else if (r->list_to_begin)
		begin_list(r);
	int bad = 0;
	if (!r->dead)
		bad = r->phase == PAGES ? listing_feed(&r->listing, piece, &r->trouble)
					: watch_feed(&r->watch, piece, &r->trouble);
	if (leave(r))
		return;
	if (bad < 0) {
		kube_cancel(TAKE(r->call));
		on_trouble(r);
	}
}

/* The server said something that ends the stream: an ERROR event, or what we cannot read. */
static void on_trouble(struct reflector *r)
{
	loop_timer_clear(r->timer);
	note_health(r);
	if (r->ignored_wish) {
		r->no_stream = true;
		pause(r, 0, PAGES);
		return;
	}
	if (r->expired) {
		list_again(r);
		return;
	}
	if (r->phase != WATCH || ++r->bad_lines >= BAD_LINES_MAX) {
		r->bad_lines = 0;
		forget_position(r);
	}
	enter(r);
	retry(r, REFLECTOR_RETRYING, r->trouble.msg, -1);
	(void)leave(r);
}

/* ---- how it ended ---- */

static void not_served(struct reflector *r, const char *why)
{
	pause(r, jittered(r, r->look_again), STREAM);
	tell_state(r, REFLECTOR_NOT_SERVED, why);
}

/* The list of kinds of our best version. */
static void ask(struct reflector *r, const char *why)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX_BYTES);
	buf_add_str(&path, r->resource->group[0] ? "/apis/" : "/api/");
	resource_api_version(&path, r->resource, NULL);
	struct kube_request request = {
		.lane = r->lane,
		.verb = "get",
		.resource = r->resource,
		.path = buf_str(&path),
		.timeout = PAGE_TIMEOUT_MS,
	};
	(void)err_set(&r->trouble, ENOENT, "%s", why);
	r->phase = ASK;
	r->call = kube_send(r->kube, &request, on_end, r);
}

static void on_not_found(struct reflector *r, const char *why)
{
	forget_position(r);
	r->no_stream = false;
	if (r->resource->versions[r->version + 1]) {
		r->version++;
		pause(r, 0, STREAM);
		return;
	}
	r->version = 0;
	if (r->doubts)
		ask(r, why);
	else
		not_served(r, why);
}

static bool lists_kind(struct slice body, const char *plural)
{
	CLEANUP(js_freep) struct js *list = NULL;
	if (js_parse(body, &list, NULL) < 0)
		return false;
	const struct js *kinds = js_get(list, "resources");
	for (size_t i = 0; i < js_len(kinds); i++)
		if (slice_is(js_text(js_get(js_item(kinds, i), "name")), plural))
			return true;
	return false;
}

static void on_kinds(struct reflector *r, const struct kube_result *result)
{
	char text[WHY_MAX];
	CLEANUP(freep) char *why = xstrdup(r->trouble.msg);
	/* Who may not see the list of kinds has nothing but the 404 to go by. */
	if (result->status == 404 || result->status == 403 ||
	    (kube_ok(result) && !lists_kind(result->body, r->resource->plural))) {
		not_served(r, why);
		return;
	}
	(void)kube_result_text(result, text, sizeof(text));
	retry(r, REFLECTOR_RETRYING, kube_ok(result) ? why : text, result->retry_after);
}

static void on_page(struct reflector *r)
{
	struct err e = { 0 };
	int bad = listing_end(&r->listing, &e);
	const char *next = r->listing.next;
	if (bad == 0 && next && strlen(next) > CONTINUE_MAX)
		bad = err_set(&e, E2BIG, "the list's continue token is larger than %d bytes", CONTINUE_MAX);
	else if (bad == 0 && next && r->next_page && strcmp(next, r->next_page) == 0)
		bad = err_set(&e, ELOOP, "the list continues where it was");
	if (bad < 0) {
		forget_position(r);
		retry(r, REFLECTOR_RETRYING, e.msg, -1);
		return;
	}
	if (next) {
		str_replace(&r->next_page, next);
		pause(r, 0, PAGES);
		return;
	}
	free(TAKE(r->next_page));
	str_replace(&r->resource_version, r->listing.resource_version);
	pause(r, 0, WATCH);
	end_of_list(r);
}

/* A stream that was answered with 200 is over. */
static void on_stream_end(struct reflector *r, const char *error)
{
	if (r->phase == STREAM) {
		retry(r, REFLECTOR_RETRYING, error ? error : "the list was cut", -1);
		return;
	}
	msec lasted = loop_now(kube_loop(r->kube)) - r->phase_began;
	note_health(r);
	/* The server's own timeout, between two events: nothing is wrong. */
	if (!error && lasted >= HEALTHY_MS && watch_is_between_lines(&r->watch)) {
		pause(r, jittered(r, r->backoff_min), WATCH);
		return;
	}
	retry(r, REFLECTOR_RETRYING, error ? error : "the watch was cut", -1);
}

static void on_refusal(struct reflector *r, const struct kube_result *result)
{
	char text[WHY_MAX];
	(void)kube_result_text(result, text, sizeof(text));
	switch (result->status) {
	case 404:
		on_not_found(r, text);
		return;
	case 403:
		retry(r, REFLECTOR_FORBIDDEN, text, -1);
		return;
	case 410:
		list_again(r);
		return;
	case 400:
	case 422:
		if (r->phase == STREAM) {
			r->no_stream = true;
			pause(r, 0, PAGES);
			return;
		}
		/* It does not like our resourceVersion or continue token: what helps is a new list. */
		forget_position(r);
		break;
	default:
		break;
	}
	if (r->phase == PAGES)
		free(TAKE(r->next_page));
	retry(r, REFLECTOR_RETRYING, text, result->retry_after);
}

static void on_end(const struct kube_result *result, void *arg)
{
	struct reflector *r = arg;
	r->call = NULL;
	loop_timer_clear(r->timer);
	enter(r);
	if (r->phase == ASK)
		on_kinds(r, result);
	else if (result->status < 200 || result->status >= 300)
		on_refusal(r, result);
	else if (r->phase != PAGES)
		on_stream_end(r, result->error);
	else if (result->error)
		on_refusal(r, result);
	else
		on_page(r);
	(void)leave(r);
}

/* The pause is over, or a list that should stream in says nothing. */
static void on_timer(void *arg)
{
	struct reflector *r = arg;
	if (r->phase == PAUSE) {
		begin(r, r->next_phase);
		return;
	}
	if (r->phase != STREAM)
		return;
	msec left = r->last_byte + r->list_patience - loop_now(kube_loop(r->kube));
	if (left > 0) {
		loop_timer_set(r->timer, left);
		return;
	}
	/* It may have taken the request for an ordinary watch, which never ends a list. */
	kube_cancel(TAKE(r->call));
	if (++r->silent_lists >= SILENT_LISTS_MAX)
		r->no_stream = true;
	begin(r, PAGES);
}

/* ---- */

static char *copy_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static msec or_usual(msec value, msec usual)
{
	return value ? value : usual;
}

struct reflector *reflector_new(const struct reflector_options *o)
{
	struct reflector *r = xcalloc(1, sizeof(*r));
	r->kube = o->kube;
	r->lane = o->lane;
	r->resource = o->resource;
	r->ns = copy_or_null(o->ns);
	r->field_selector = copy_or_null(o->field_selector);
	r->label_selector = copy_or_null(o->label_selector);
	r->keep = o->keep;
	r->doubts = o->doubts_404;
	r->ops = o->ops;
	r->arg = o->arg;
	r->rng.state = o->seed;
	r->stall = or_usual(o->stall, STALL_MS);
	r->backoff_min = or_usual(o->backoff_min, BACKOFF_MIN_MS);
	r->backoff_max = or_usual(o->backoff_max, BACKOFF_MAX_MS);
	r->look_again = or_usual(o->look_again, LOOK_AGAIN_MS);
	r->list_patience = or_usual(o->list_patience, LIST_PATIENCE_MS);
	r->timer = loop_timer_new(kube_loop(o->kube), on_timer, r);
	pause(r, 0, STREAM);
	return r;
}

static void destroy(struct reflector *r)
{
	kube_cancel(r->call);
	loop_timer_free(r->timer);
	watch_done(&r->watch);
	listing_done(&r->listing);
	free(r->resource_version);
	free(r->next_page);
	free(r->ns);
	free(r->field_selector);
	free(r->label_selector);
	free(r);
}

void reflector_free(struct reflector *r)
{
	if (!r)
		return;
	if (r->depth > 0) {
		r->dead = true;
		return;
	}
	destroy(r);
}

void reflector_kick(struct reflector *r)
{
	if (r->version > 0) {
		r->version = 0;
		kube_cancel(TAKE(r->call));
		forget_position(r);
		pause(r, 0, STREAM);
	} else if (r->phase == PAUSE) {
		loop_timer_set(r->timer, 0);
	}
}

void reflector_relist(struct reflector *r)
{
	kube_cancel(TAKE(r->call));
	forget_position(r);
	r->synced = false;
	r->backoff = 0;
	r->since = 0;
	pause(r, 0, STREAM);
}

enum reflector_state reflector_state(const struct reflector *r)
{
	return r->state;
}

bool reflector_synced(const struct reflector *r)
{
	return r->synced;
}

const char *reflector_version(const struct reflector *r)
{
	return r->resource->versions[r->version];
}

const struct resource *reflector_resource(const struct reflector *r)
{
	return r->resource;
}

uint64_t reflector_restarts(const struct reflector *r)
{
	return r->restarts;
}

msec reflector_since(const struct reflector *r)
{
	return r->since;
}
