/* Several replicas, one of which writes: follows until the Lease is ours, then leads until it is lost. */
#include "kube/lease_io.h"
#include "operator/internal.h"

#include <stdio.h>

enum {
	/* A replica that starts alone leads before its lists begin, and reads once instead of twice. */
	FIRST_WORD = 1000,       /* ms to wait for it */
	RELEASE_PATIENCE = 2000, /* ms */
	EVENT_MAX = 4096,
};

struct election {
	struct berth_operator *o;
	struct elector *elector;
	struct loop_timer *first_word;
	loop_fn *on_left;
	void *on_left_arg;
	char last_trouble[300];
	char problem[400];
};

static bool may_write(void *arg)
{
	const struct election *x = arg;
	return elector_leads(x->elector);
}

static void ignore(const struct kube_result *r, void *arg)
{
	(void)r;
	(void)arg;
}

/* An Event about the Lease, as the Go client library writes one. */
static void tell_event(struct election *x)
{
	struct berth_operator *o = x->o;
	const struct election_config *c = o->config.election;
	CLEANUP(buf_done) struct buf body = BUF_INIT(EVENT_MAX);
	CLEANUP(buf_done) struct buf path = BUF_INIT(EVENT_MAX);
	CLEANUP(js_freep) struct js *e = js_new_object();
	CLEANUP(freep) char *message = xasprintf("%s became leader", c->identity);
	char now[RFC3339_MAX];
	msec wall = operator_now(o).wall;
	CLEANUP(freep)
	char *name = xasprintf("%.220s.%llx", c->name, (unsigned long long)wall);
	(void)time_format(wall, now);
	js_set(e, "apiVersion", js_new_str("v1"));
	js_set(e, "kind", js_new_str("Event"));
	js_set(js_need_object(e, "metadata"), "namespace", js_new_str(c->ns));
	js_set(js_need_object(e, "metadata"), "name", js_new_str(name));
	struct js *about = js_need_object(e, "involvedObject");
	js_set(about, "apiVersion", js_new_str("coordination.k8s.io/v1"));
	js_set(about, "kind", js_new_str("Lease"));
	js_set(about, "namespace", js_new_str(c->ns));
	js_set(about, "name", js_new_str(c->name));
	js_set(e, "type", js_new_str("Normal"));
	js_set(e, "reason", js_new_str("LeaderElection"));
	js_set(e, "message", js_new_str(message));
	js_set(js_need_object(e, "source"), "component", js_new_str(o->config.managers[0]));
	js_set(e, "firstTimestamp", js_new_str(now));
	js_set(e, "lastTimestamp", js_new_str(now));
	js_set(e, "count", js_new_int(1));
	js_write(e, &body);
	resource_path(&path, resource(RES_EVENTS), NULL, c->ns, NULL, NULL);
	(void)kube_send(o->kube,
			&(struct kube_request){ .lane = KUBE_WRITE,
						.verb = "create",
						.resource = resource(RES_EVENTS),
						.path = buf_str(&path),
						.body = buf_slice(&body) },
			ignore, NULL);
}

/* ---- what the elector says ---- */

static void on_leads(void *arg)
{
	struct election *x = arg;
	const struct election_config *c = x->o->config.election;
	log_info(x->o->config.log, "this replica leads now", KV("identity", c->identity),
		 KV("lease", c->name), KV("namespace", c->ns));
	loop_timer_clear(x->first_word);
	operator_lead(x->o);
	tell_event(x);
}

static void on_first_word(void *arg)
{
	struct election *x = arg;
	operator_follow(x->o);
}

static void on_follows(const char *holder, const char *since, void *arg)
{
	struct election *x = arg;
	log_info(x->o->config.log, "another replica leads; following", KV("holder", holder),
		 KV("since", since));
	loop_timer_set(x->first_word, 0);
}

static void on_lost(const char *why, void *arg)
{
	struct election *x = arg;
	log_error(x->o->config.log, "leadership is lost; nothing is written any more", KV("why", why));
	operator_lost(x->o);
}

static void on_trouble(const char *verb, int status, const char *why, void *arg)
{
	struct election *x = arg;
	if (strcmp(x->last_trouble, why) == 0)
		return;
	(void)snprintf(x->last_trouble, sizeof(x->last_trouble), "%s", why);
	if (status == 403)
		log_error(x->o->config.log, "not allowed: grant this verb on this resource", KV("verb", verb),
			  KV("resource", "leases"), KV("namespace", x->o->config.election->ns),
			  KV("why", why));
	else
		log_warn(x->o->config.log, "the Lease could not be read or written; trying again",
			 KV("verb", verb), KV("why", why));
}

static const struct elector_ops ops = {
	.leads = on_leads,
	.follows = on_follows,
	.lost = on_lost,
	.trouble = on_trouble,
};

/* ---- */

struct election *election_start(struct berth_operator *o)
{
	struct election *x = xcalloc(1, sizeof(*x));
	const struct election_config *c = o->config.election;
	x->o = o;
	x->first_word = loop_timer_new(o->loop, on_first_word, x);
	loop_timer_set(x->first_word, FIRST_WORD);
	x->elector = elector_new(&(struct elector_options){
		.kube = o->kube,
		.ns = c->ns,
		.name = c->name,
		.manager = o->config.managers[0],
		.lease = { .identity = c->identity,
			   .duration = c->lease_duration,
			   .renew_deadline = c->renew_deadline,
			   .retry_period = c->retry_period,
			   .seed = o->config.seed },
		.ops = &ops,
		.arg = x,
	});
	kube_gate_writes(o->kube, may_write, x);
	return x;
}

void election_free(struct election *x)
{
	if (!x)
		return;
	kube_gate_writes(x->o->kube, NULL, NULL);
	elector_free(x->elector);
	loop_timer_free(x->first_word);
	free(x);
}

void election_leave(struct election *x, loop_fn *fn, void *arg)
{
	elector_release(x->elector, RELEASE_PATIENCE, fn, arg);
}

const char *election_problem(struct election *x)
{
	const char *why = elector_problem(x->elector);
	if (!why)
		return NULL;
	const struct election_config *c = x->o->config.election;
	(void)snprintf(x->problem, sizeof(x->problem), "Lease %s/%s: %s", c->ns, c->name, why);
	return x->problem;
}
