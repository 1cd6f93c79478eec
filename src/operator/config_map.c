/* What berth keeps in ConfigMaps of its own: read, then created or patched with the version that was read, so
 * that nothing of somebody else's is lost. */
#include "operator/internal.h"

enum { TRIES = 5, BODY_MAX = 6 * 1024 * 1024 /* all of a full one may need escapes */ };

struct config_map_call {
	struct config_map_call *prev, *next;
	struct berth_operator *o;
	struct kube_call *kube;
	struct config_map_job job; /* its name is ours */
	char *name;
	unsigned tries;
};

static void read_it(struct config_map_call *c);

static void call_free(struct config_map_call *c)
{
	*(c->prev ? &c->prev->next : &c->o->config_maps) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->o->n_calls--;
	if (c->job.release)
		c->job.release(c->job.arg);
	free(c->name);
	free(c);
}

static void send(struct config_map_call *c, const char *verb, bool collection, struct slice body,
		 const char *type, kube_done_fn *done)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	resource_path(&path, resource(RES_CONFIGMAPS), NULL, c->o->config.ns, collection ? NULL : c->name,
		      NULL);
	if (body.len)
		path_add_query(&path, "fieldManager", c->o->config.managers[0]);
	c->kube = kube_send(c->o->kube,
			    &(struct kube_request){
				    .lane = KUBE_WRITE,
				    .verb = verb,
				    .resource = resource(RES_CONFIGMAPS),
				    .path = buf_str(&path),
				    .body = body,
				    .content_type = type,
			    },
			    done, c);
}

static void finish(struct config_map_call *c, enum outcome outcome, msec retry_after)
{
	struct berth_operator *o = c->o;
	c->job.done(outcome, retry_after, c->job.arg);
	call_free(c);
	operator_stopped_if_idle(o);
}

static void failed(struct config_map_call *c, const char *verb, const struct kube_result *r)
{
	const struct log *log = c->o->config.log;
	bool refused = r->status >= 400 && r->status < 500 && r->status != 429;
	char text[300];
	(void)kube_result_text(r, text, sizeof(text));
	if (r->status == 403)
		log_error(log, "not allowed: grant this verb on this resource", KV("verb", verb),
			  KV("resource", "configmaps"), KV("name", c->name), KV("why", text));
	else
		log_warn(log, c->job.complaint, KV("verb", verb), KV("name", c->name), KV("why", text));
	finish(c, refused ? OUTCOME_REFUSED : OUTCOME_UNKNOWN,
	       r->retry_after > 0 ? r->retry_after * 1000 : 0);
}

static void on_written(const struct kube_result *r, void *arg)
{
	struct config_map_call *c = arg;
	c->kube = NULL;
	/* Somebody was quicker: on what there is now. */
	if ((r->status == 409 || r->status == 404) && ++c->tries < TRIES)
		read_it(c);
	else if (kube_ok(r))
		finish(c, OUTCOME_DONE, 0);
	else
		failed(c, "create or patch", r);
}

static void on_read(const struct kube_result *r, void *arg)
{
	struct config_map_call *c = arg;
	c->kube = NULL;
	CLEANUP(js_freep) struct js *map = NULL;
	if (r->status != 404 && (!kube_ok(r) || js_parse(r->body, &map, NULL) < 0)) {
		failed(c, "get", r);
		return;
	}
	const char *version = js_str(js_path(map, "metadata", "resourceVersion"));
	CLEANUP(buf_done) struct buf body = BUF_INIT(BODY_MAX);
	c->job.body(map, version, &body, c->job.arg);
	if (body.len == 0)
		finish(c, OUTCOME_DONE, 0);
	else
		send(c, version ? "patch" : "create", !version, buf_slice(&body),
		     version ? KUBE_MERGE_PATCH : "application/json", on_written);
}

static void read_it(struct config_map_call *c)
{
	send(c, "get", false, (struct slice){ 0 }, NULL, on_read);
}

void config_map_start(struct berth_operator *o, const struct config_map_job *job)
{
	struct config_map_call *c = xcalloc(1, sizeof(*c));
	c->o = o;
	c->job = *job;
	c->job.name = c->name = xstrdup(job->name);
	c->next = o->config_maps;
	if (o->config_maps)
		o->config_maps->prev = c;
	o->config_maps = c;
	o->n_calls++;
	read_it(c);
}

void config_maps_cancel(struct berth_operator *o)
{
	while (o->config_maps) {
		kube_cancel(o->config_maps->kube);
		call_free(o->config_maps);
	}
}
