#include "kube/lease_io.h"

#include "kube/reflector.h"

#include <stdio.h>

enum { LEASE_BODY_MAX = 1024 * 1024, PATH_BYTES = 2048, TROUBLE_MAX = 300 };

struct elector {
	struct kube *kube;
	char *ns, *name, *manager, *identity;
	struct lease *lease;
	const struct elector_ops *ops;
	void *arg;
	struct loop_timer *wake;
	struct reflector *watch;
	bool listed; /* the list under way has told of the Lease */
	struct kube_call *call;
	enum lease_action action; /* of the call */
	struct js *object;        /* owned: the Lease as last seen, so that what others keep in it stays */
	bool told_leads, told_lost;
	char *told_holder; /* owned */
	char trouble[TROUBLE_MAX];
	loop_fn *on_released;
	void *on_released_arg;
	struct loop_timer *patience;
};

/* ---- the object ---- */

static const char *text_or_empty(const struct js *j)
{
	const char *s = js_str(j);
	return s ? s : "";
}

/* int32 in the API. */
static int64_t small_number(const struct js *j)
{
	int64_t n = js_int(j, 0);
	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : n;
}

/* Borrows from the object and from `text`. False: without a version it could only be written blindly. */
static bool read_record(const struct js *object, struct buf *text, struct lease_record *ret)
{
	const struct js *spec = js_get(object, "spec");
	if (spec)
		js_write(spec, text);
	*ret = (struct lease_record){
		.version = text_or_empty(js_path(object, "metadata", "resourceVersion")),
		.text = buf_str(text),
		.holder = text_or_empty(js_get(spec, "holderIdentity")),
		.acquired = text_or_empty(js_get(spec, "acquireTime")),
		.duration = small_number(js_get(spec, "leaseDurationSeconds")),
		.transitions = small_number(js_get(spec, "leaseTransitions")),
	};
	return ret->version[0] != '\0';
}

static struct js *new_object(const struct elector *x)
{
	struct js *o = js_new_object();
	js_set(o, "apiVersion", js_new_str("coordination.k8s.io/v1"));
	js_set(o, "kind", js_new_str("Lease"));
	struct js *meta = js_need_object(o, "metadata");
	js_set(meta, "namespace", js_new_str(x->ns));
	js_set(meta, "name", js_new_str(x->name));
	return o;
}

static void write_body(const struct elector *x, const struct lease_step *s, struct buf *out)
{
	char now[RFC3339_MAX];
	(void)time_format_micro(loop_wall(), now);
	CLEANUP(js_freep)
	struct js *o = s->version && x->object ? js_clone(x->object) : new_object(x);
	if (s->version)
		js_set(js_need_object(o, "metadata"), "resourceVersion", js_new_str(s->version));
	struct js *spec = js_need_object(o, "spec");
	js_set(spec, "holderIdentity", js_new_str(s->holder));
	js_set(spec, "leaseDurationSeconds", js_new_int(s->duration));
	js_set(spec, "acquireTime", js_new_str(s->acquired ? s->acquired : now));
	js_set(spec, "renewTime", js_new_str(now));
	js_set(spec, "leaseTransitions", js_new_int(s->transitions));
	js_write(o, out);
}

static void keep_object(struct elector *x, struct js *object)
{
	js_free(x->object);
	x->object = js_ref(object);
}

/* ---- telling ---- */

static void run(struct elector *x);

static void tell(struct elector *x)
{
	enum lease_state s = lease_state(x->lease);
	const char *holder = lease_holder(x->lease);
	if (s == LEASE_LEADING && !x->told_leads) {
		x->told_leads = true;
		x->ops->leads(x->arg);
	} else if (s == LEASE_LOST && !x->told_lost) {
		x->told_lost = true;
		x->ops->lost(lease_why(x->lease), x->arg);
	} else if (s == LEASE_FOLLOWING && holder[0] && strcmp(holder, x->identity) != 0 &&
		   strcmp(holder, x->told_holder) != 0) {
		str_replace(&x->told_holder, holder);
		x->ops->follows(holder, lease_acquired(x->lease), x->arg);
	} else if (s == LEASE_RELEASED && x->on_released) {
		loop_fn *fn = x->on_released;
		x->on_released = NULL;
		fn(x->on_released_arg);
	}
}

static void tell_trouble(struct elector *x, const char *verb, const struct kube_result *r)
{
	(void)kube_result_text(r, x->trouble, sizeof(x->trouble));
	x->ops->trouble(verb, r->status, x->trouble, x->arg);
}

/* ---- requests ---- */

static const char *verb_of(enum lease_action a)
{
	return a == LEASE_CREATE ? "create" : a == LEASE_UPDATE ? "update" : "get";
}

static void on_done(const struct kube_result *r, void *arg)
{
	struct elector *x = arg;
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT(LEASE_BODY_MAX);
	enum lease_outcome o = LEASE_FAILED;
	struct lease_record record = { 0 };
	x->call = NULL;
	if (kube_ok(r) && js_parse(r->body, &object, NULL) == 0 && read_record(object, &text, &record)) {
		o = LEASE_DONE;
		keep_object(x, object);
	} else if (r->status == 404) {
		o = LEASE_GONE;
	} else if (r->status == 409) {
		o = LEASE_CONFLICT;
	}
	lease_answer(x->lease, o, o == LEASE_DONE ? &record : NULL, loop_boot());
	if (o == LEASE_FAILED || (o == LEASE_GONE && x->action == LEASE_CREATE))
		tell_trouble(x, verb_of(x->action), r);
	else
		x->trouble[0] = '\0';
	run(x);
}

static void send(struct elector *x, const struct lease_step *s)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
	CLEANUP(buf_done) struct buf body = BUF_INIT(LEASE_BODY_MAX);
	resource_path(&path, resource(RES_LEASES), NULL, x->ns, s->what == LEASE_CREATE ? NULL : x->name,
		      NULL);
	if (s->what != LEASE_READ) {
		path_add_query(&path, "fieldManager", x->manager);
		write_body(x, s, &body);
	}
	x->action = s->what;
	x->call = kube_send(x->kube,
			    &(struct kube_request){
				    .lane = KUBE_LEASE,
				    .verb = verb_of(s->what),
				    .resource = resource(RES_LEASES),
				    .path = buf_str(&path),
				    .body = s->what == LEASE_READ ? (struct slice){ 0 } : buf_slice(&body),
				    .timeout = lease_timeout(x->lease),
			    },
			    on_done, x);
}

static void run(struct elector *x)
{
	struct lease_step s = lease_next(x->lease, loop_boot());
	if (s.what == LEASE_READ || s.what == LEASE_CREATE || s.what == LEASE_UPDATE)
		send(x, &s);
	/* A request that waits for credentials has no deadline of its own: the lease does not wait for it. */
	if (s.wake_at >= 0) {
		msec delay = s.wake_at - loop_boot();
		loop_timer_set(x->wake, delay > 0 ? delay : 0);
	} else {
		loop_timer_clear(x->wake);
	}
	tell(x);
}

static void on_wake(void *arg)
{
	run(arg);
}

/* ---- the watch ---- */

static void seen(struct elector *x, struct js *object)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(LEASE_BODY_MAX);
	struct lease_record record = { 0 };
	if (object && !read_record(object, &text, &record))
		return;
	if (object && lease_state(x->lease) == LEASE_FOLLOWING)
		keep_object(x, object);
	lease_seen(x->lease, object ? &record : NULL, loop_boot());
	/* Not from inside the reflector's callback: whoever is told may do as he likes. */
	loop_timer_set(x->wake, 0);
}

static void on_list_begin(void *arg)
{
	struct elector *x = arg;
	x->listed = false;
}

static bool is_it(const struct elector *x, const struct js *object)
{
	return slice_is(js_text(js_path(object, "metadata", "name")), x->name);
}

static void on_upsert(struct js *object, void *arg)
{
	struct elector *x = arg;
	if (!is_it(x, object))
		return;
	x->listed = true;
	seen(x, object);
}

static void on_deleted(struct js *object, void *arg)
{
	struct elector *x = arg;
	if (is_it(x, object))
		seen(x, NULL);
}

static void on_list_end(void *arg)
{
	struct elector *x = arg;
	if (!x->listed)
		seen(x, NULL);
}

static void on_state(enum reflector_state s, const char *why, void *arg)
{
	struct elector *x = arg;
	lease_watched(x->lease, s == REFLECTOR_WATCHING);
	if (s == REFLECTOR_FORBIDDEN)
		x->ops->trouble("watch", 403, why, x->arg);
	loop_timer_set(x->wake, 0);
}

static const struct reflector_ops watch_ops = {
	.list_begin = on_list_begin,
	.upsert = on_upsert,
	.deleted = on_deleted,
	.list_end = on_list_end,
	.state = on_state,
};

static void watch_start(struct elector *x, uint64_t seed)
{
	CLEANUP(freep) char *selector = xasprintf("metadata.name=%s", x->name);
	x->watch = reflector_new(&(struct reflector_options){
		.kube = x->kube,
		.lane = KUBE_LEASE,
		.resource = resource(RES_LEASES),
		.ns = x->ns,
		.field_selector = selector,
		.seed = seed,
		.ops = &watch_ops,
		.arg = x,
	});
}

/* ---- */

struct elector *elector_new(const struct elector_options *o)
{
	struct elector *x = xcalloc(1, sizeof(*x));
	x->kube = o->kube;
	x->ns = xstrdup(o->ns);
	x->name = xstrdup(o->name);
	x->manager = xstrdup(o->manager);
	x->identity = xstrdup(o->lease.identity);
	x->told_holder = xstrdup("");
	x->lease = lease_new(&o->lease);
	x->ops = o->ops;
	x->arg = o->arg;
	x->wake = loop_timer_new(kube_loop(o->kube), on_wake, x);
	loop_timer_set(x->wake, 0);
	watch_start(x, ~o->lease.seed);
	return x;
}

void elector_free(struct elector *x)
{
	if (!x)
		return;
	kube_cancel(x->call);
	reflector_free(x->watch);
	loop_timer_free(x->wake);
	loop_timer_free(x->patience);
	lease_free(x->lease);
	js_free(x->object);
	free(x->ns);
	free(x->name);
	free(x->manager);
	free(x->identity);
	free(x->told_holder);
	free(x);
}

bool elector_leads(void *arg)
{
	struct elector *x = arg;
	if (lease_leads(x->lease, loop_boot()))
		return true;
	/* The process may have stood still: what is late is noticed before anything else happens. */
	if (lease_state(x->lease) == LEASE_LEADING)
		loop_timer_set(x->wake, 0);
	return false;
}

static void on_patience(void *arg)
{
	struct elector *x = arg;
	loop_fn *fn = x->on_released;
	x->on_released = NULL;
	if (fn)
		fn(x->on_released_arg);
}

void elector_release(struct elector *x, msec patience, loop_fn *fn, void *arg)
{
	x->on_released = fn;
	x->on_released_arg = arg;
	x->patience = loop_timer_new(kube_loop(x->kube), on_patience, x);
	loop_timer_set(x->patience, patience);
	lease_release(x->lease);
	loop_timer_set(x->wake, 0);
}

const char *elector_problem(struct elector *x)
{
	if (lease_known(x->lease))
		return NULL;
	return x->trouble[0] ? x->trouble : "not read yet";
}
