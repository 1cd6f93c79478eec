/* EFFECT_HISTORY: lines behind those in the ConfigMap of a pool. Read, then created or patched with the
 * version that was read, so that nothing of somebody else's is lost. */
#include "view/history.h"

#include "operator/internal.h"

enum { TRIES = 5, BODY_MAX = 6 * HISTORY_BYTES_MAX /* all of it may need escapes */ };

struct history_call {
	struct history_call *prev, *next;
	struct berth_operator *o;
	struct kube_call *kube;
	unsigned id;
	char *pool;
	struct buf lines;
	size_t n_lines;
	unsigned tries;
	char name[HISTORY_NAME_MAX];
};

static void read_it(struct history_call *h);

static void call_free(struct history_call *h)
{
	*(h->prev ? &h->prev->next : &h->o->histories) = h->next;
	if (h->next)
		h->next->prev = h->prev;
	h->o->n_calls--;
	buf_done(&h->lines);
	free(h->pool);
	free(h);
}

static void send(struct history_call *h, const char *verb, bool collection, struct slice body,
		 const char *type, kube_done_fn *done)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	resource_path(&path, resource(RES_CONFIGMAPS), NULL, h->o->config.ns, collection ? NULL : h->name,
		      NULL);
	if (body.len)
		path_add_query(&path, "fieldManager", h->o->config.managers[0]);
	h->kube = kube_send(h->o->kube,
			    &(struct kube_request){
				    .lane = KUBE_WRITE,
				    .verb = verb,
				    .resource = resource(RES_CONFIGMAPS),
				    .path = buf_str(&path),
				    .body = body,
				    .content_type = type,
			    },
			    done, h);
}

static void finish(struct history_call *h, enum outcome o, msec retry_after)
{
	struct berth_operator *op = h->o;
	ipam_result(op->ipam, h->id, o, retry_after, operator_now(op));
	call_free(h);
	operator_kick(op);
	operator_stopped_if_idle(op);
}

static void failed(struct history_call *h, const char *verb, const struct kube_result *r)
{
	const struct log *log = h->o->config.log;
	bool refused = r->status >= 400 && r->status < 500 && r->status != 429;
	char text[300];
	(void)kube_result_text(r, text, sizeof(text));
	if (r->status == 403)
		log_error(log, "not allowed: grant this verb on this resource", KV("verb", verb),
			  KV("resource", "configmaps"), KV("name", h->name), KV("why", text));
	else
		log_warn(log, "a pool's history was not written", KV("verb", verb), KV("name", h->name),
			 KV("why", text));
	finish(h, refused ? OUTCOME_REFUSED : OUTCOME_UNKNOWN,
	       r->retry_after > 0 ? r->retry_after * 1000 : 0);
}

static void on_written(const struct kube_result *r, void *arg)
{
	struct history_call *h = arg;
	h->kube = NULL;
	/* Somebody was quicker: on what there is now. */
	if ((r->status == 409 || r->status == 404) && ++h->tries < TRIES)
		read_it(h);
	else if (kube_ok(r))
		finish(h, OUTCOME_DONE, 0);
	else
		failed(h, "create or patch", r);
}

static void on_read(const struct kube_result *r, void *arg)
{
	struct history_call *h = arg;
	h->kube = NULL;
	CLEANUP(js_freep) struct js *map = NULL;
	if (r->status != 404 && (!kube_ok(r) || js_parse(r->body, &map, NULL) < 0)) {
		failed(h, "get", r);
		return;
	}
	const char *version = js_str(js_path(map, "metadata", "resourceVersion"));
	CLEANUP(buf_done) struct buf text = BUF_INIT(2 * HISTORY_BYTES_MAX);
	CLEANUP(buf_done) struct buf body = BUF_INIT(BODY_MAX);
	history_append(js_str(js_path(map, "data", "history")), buf_slice(&h->lines), h->n_lines, &text);
	history_body(h->pool, version, buf_str(&text), &body);
	send(h, version ? "patch" : "create", !version, buf_slice(&body),
	     version ? KUBE_MERGE_PATCH : "application/json", on_written);
}

static void read_it(struct history_call *h)
{
	send(h, "get", false, (struct slice){ 0 }, NULL, on_read);
}

void history_write(struct berth_operator *o, const struct effect *x)
{
	struct history_call *h = xcalloc(1, sizeof(*h));
	h->o = o;
	h->id = x->id;
	h->pool = xstrdup(x->history.pool);
	h->lines = BUF_INIT(2 * HISTORY_BYTES_MAX);
	h->n_lines = history_lines(x->history.items, x->history.n, &h->lines);
	(void)history_name(h->pool, h->name);
	h->next = o->histories;
	if (o->histories)
		o->histories->prev = h;
	o->histories = h;
	o->n_calls++;
	read_it(h);
}

void histories_cancel(struct berth_operator *o)
{
	while (o->histories) {
		kube_cancel(o->histories->kube);
		call_free(o->histories);
	}
}
