#include "embedded/api.h"

#include "embedded/addresses.h"
#include "embedded/crd.h"
#include "embedded/embedded.h"
#include "embedded/fault_gate.h"
#include "embedded/meta.h"
#include "embedded/object.h"
#include "embedded/rest.h"
#include "embedded/seed.h"
#include "embedded/watch_hub.h"

#include <errno.h>
#include <sys/random.h>

enum {
	KEEP_CHANGES = 10'000,
	BODY_MAX = 4 * 1024 * 1024,
	HEADERS_MAX = 64 * 1024,
	CONNECTIONS_MAX = 4096,
	IDLE = 120'000,
	MINUTE = 60'000,
};

struct embedded {
	struct api api;
};

static void change_done(struct change *c)
{
	free(c->stored_as);
	free(c->ns);
	free(c->name);
	free(c->body);
	js_free(c->object);
	js_free(c->before);
}

static void drop_changes(struct api *a)
{
	for (size_t i = 0; i < a->n_changes; i++)
		change_done(&a->changes[i]);
	a->n_changes = 0;
}

void api_retire(struct api *a, struct kind *k)
{
	vec_grow(&a->retired, &a->cap_retired, a->n_retired + 1);
	a->retired[a->n_retired++] = k;
}

static void free_retired(struct api *a)
{
	for (size_t i = 0; i < a->n_retired; i++) {
		hub_close_kind(a->hub, a->retired[i]);
		kind_free(a->retired[i]);
	}
	a->n_retired = 0;
}

int api_begin(struct api *a, struct status *st)
{
	struct err e = { 0 };
	if (store_in_transaction(a->store))
		return 0;
	if (store_begin(a->store, &e) < 0)
		return status_internal(st, &e);
	loop_timer_set(a->commit, 0);
	return 0;
}

static void send_replies(struct api *a)
{
	/* An answer may bring the next request in at once, so the list is taken away first. */
	struct reply *replies = TAKE(a->replies);
	size_t n = a->n_replies;
	a->n_replies = a->cap_replies = 0;
	for (size_t i = 0; i < n; i++) {
		struct reply *r = &replies[i];
		http_reply(r->x, r->code, r->content_type, (struct slice){ r->body, r->len });
		free(r->content_type);
		free(r->body);
	}
	free(replies);
}

void api_abort(struct api *a, const struct err *e)
{
	struct err reload = { 0 };
	store_rollback(a->store);
	loop_timer_clear(a->commit);
	drop_changes(a);
	if (a->log)
		log_error(a->log, "write failed, nothing of it was kept", KV("error", e->msg));
	for (size_t i = 0; i < a->n_replies; i++) {
		struct reply *r = &a->replies[i];
		struct status st = { 0 };
		status_internal(&st, e);
		CLEANUP(js_freep) struct js *doc = status_object(&st);
		free(r->body);
		r->body = object_text(doc, &r->len);
		r->code = st.code;
		str_replace(&r->content_type, "application/json");
		status_done(&st);
	}
	send_replies(a);
	if (api_reload(a, &reload) < 0 && a->log)
		log_error(a->log, "the store cannot be read", KV("error", reload.msg));
	free_retired(a);
}

void api_flush(struct api *a)
{
	struct err e = { 0 };
	if (!store_in_transaction(a->store))
		return;
	loop_timer_clear(a->commit);
	if (store_commit(a->store, &e) < 0) {
		api_abort(a, &e);
		return;
	}
	send_replies(a);
	struct change *changes = TAKE(a->changes);
	size_t n = a->n_changes;
	a->n_changes = a->cap_changes = 0;
	hub_publish(a->hub, changes, n);
	for (size_t i = 0; i < n; i++)
		change_done(&changes[i]);
	free(changes);
	free_retired(a);
	if (store_compact(a->store, &e) < 0 && a->log)
		log_warn(a->log, "compaction failed", KV("error", e.msg));
}

void api_add_change(struct api *a, struct change c)
{
	vec_grow(&a->changes, &a->cap_changes, a->n_changes + 1);
	a->changes[a->n_changes++] = c;
}

void api_reply(struct api *a, struct http_exchange *x, int code, const char *content_type, char *body,
	       size_t len)
{
	if (!store_in_transaction(a->store)) {
		http_reply(x, code, content_type, (struct slice){ body, len });
		free(body);
		return;
	}
	vec_grow(&a->replies, &a->cap_replies, a->n_replies + 1);
	a->replies[a->n_replies++] = (struct reply){ x, code, xstrdup(content_type), body, len };
}

int api_reload(struct api *a, struct err *e)
{
	int r = crd_reload(a, e);
	return r < 0 ? r : addresses_reload(a->addresses, a->store, e);
}

static void on_commit(void *arg)
{
	api_flush(arg);
}

static void on_minute(void *arg)
{
	struct api *a = arg;
	api_flush(a);
	seed_expire_events(a);
	api_flush(a);
	hub_bookmark(a->hub);
	loop_timer_set(a->minute, MINUTE);
}

static void api_done(struct api *a)
{
	if (a->store && store_in_transaction(a->store))
		api_flush(a);
	http_server_free(a->http);
	fault_gate_free(a->faults);
	for (size_t i = 0; i < a->n_replies; i++) {
		free(a->replies[i].content_type);
		free(a->replies[i].body);
	}
	free(a->replies);
	drop_changes(a);
	free(a->changes);
	for (size_t i = 0; i < a->n_retired; i++)
		kind_free(a->retired[i]);
	free(a->retired);
	hub_free(a->hub);
	loop_timer_free(a->commit);
	loop_timer_free(a->minute);
	addresses_free(a->addresses);
	registry_done(&a->kinds);
	store_close(a->store);
}

static int api_start(struct api *a, struct loop *l, const struct embedded_options *o, struct err *e)
{
	a->loop = l;
	a->log = o->log;
	struct fault_plan plan = { 0 };
	if (o->faults && fault_parse(o->faults, &plan, e) < 0)
		return err_wrap(e, "faults");
	if (o->faults)
		a->faults = fault_gate_new(a, o->faults, &plan);
	if (getrandom(&a->rng, sizeof(a->rng), 0) != (ssize_t)sizeof(a->rng))
		return err_set(e, EIO, "no random numbers");
	a->commit = loop_timer_new(l, on_commit, a);
	a->minute = loop_timer_new(l, on_minute, a);
	int r = registry_init(&a->kinds, e);
	if (r < 0)
		return r;
	r = store_open(o->file, o->keep_changes ? o->keep_changes : KEEP_CHANGES, &a->store, e);
	if (r < 0)
		return r;
	a->addresses = addresses_new();
	a->hub = hub_new(a);
	r = api_reload(a, e);
	if (r == 0)
		r = seed_store(a, o->crds, o->n_crds, e);
	if (r < 0)
		return r;
	struct http_limits limits = { .max_body = BODY_MAX,
				      .max_headers = HEADERS_MAX,
				      .max_connections = CONNECTIONS_MAX,
				      .idle = IDLE };
	r = http_server_new(l, o->address, limits, rest_handle, a, &a->http, e);
	loop_timer_set(a->minute, MINUTE);
	return r;
}

int embedded_new(struct loop *l, const struct embedded_options *o, struct embedded **ret, struct err *e)
{
	struct embedded *s = xcalloc(1, sizeof(*s));
	int r = api_start(&s->api, l, o, e);
	if (r < 0) {
		embedded_free(s);
		return err_wrap(e, "embedded API");
	}
	*ret = s;
	return 0;
}

void embedded_free(struct embedded *s)
{
	if (!s)
		return;
	api_done(&s->api);
	free(s);
}

const char *embedded_address(const struct embedded *s)
{
	return http_server_address(s->api.http);
}
