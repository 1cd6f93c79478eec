/* From the effects of the core to requests, and back from the answers to results. */
#include "operator/internal.h"
#include "view/body.h"

#include <stdio.h>

/* Conditions that others wrote go back as they were, and an object may have 1.5 MB of them. */
enum { BODY_MAX = JS_SIZE_MAX };

struct call {
	struct call *prev, *next;
	struct berth_operator *o;
	struct kube_call *kube;
	enum effect_kind kind;
	unsigned id;
	struct ip ip;
	char *name;               /* "ns/name" or name, for the log */
	char *addresses, *reason; /* that a status was given, for the log */
};

/* How each effect goes over the wire. */
static const struct verb {
	const char *verb;
	enum resource_id resource;
	const char *sub;
	bool collection;     /* the request goes to the collection, not to the object */
	enum ipam_kind told; /* the kind of the object in the answer; IPAM_KINDS = none */
} verbs[EFFECT_KINDS] = {
	[EFFECT_RECORD_CREATE] = { "create", RES_IPADDRESSES, NULL, true, KIND_RECORD },
	[EFFECT_RECORD_PATCH] = { "patch", RES_IPADDRESSES, NULL, false, KIND_RECORD },
	[EFFECT_RECORD_DELETE] = { "delete", RES_IPADDRESSES, NULL, false, IPAM_KINDS },
	[EFFECT_RECORD_READ] = { "get", RES_IPADDRESSES, NULL, false, KIND_RECORD },
	[EFFECT_SERVICE_STATUS] = { "patch", RES_SERVICES, "status", false, KIND_SERVICE },
	[EFFECT_SERVICE_READ] = { "get", RES_SERVICES, NULL, false, KIND_SERVICE },
	[EFFECT_POOL_STATUS] = { "patch", RES_CILIUM_POOLS, "status", false, KIND_POOL },
	[EFFECT_POOL_KIND_READ] = { "get", RES_CRDS, NULL, false, IPAM_KINDS },
	[EFFECT_POOL_FINALIZERS] = { "patch", RES_CILIUM_POOLS, NULL, false, KIND_POOL },
	[EFFECT_POLICY_STATUS] = { "patch", RES_POOL_POLICIES, "status", false, KIND_POLICY },
	[EFFECT_RESERVATION_STATUS] = { "patch", RES_RESERVATIONS, "status", false, KIND_RESERVATION },
	[EFFECT_NODE_PATCH] = { "patch", RES_NODES, NULL, false, KIND_NODE },
	[EFFECT_NODE_READ] = { "get", RES_NODES, NULL, false, KIND_NODE },
	[EFFECT_CILIUM_NODE_PATCH] = { "patch", RES_CILIUM_NODES, NULL, false, KIND_CILIUM_NODE },
	[EFFECT_CILIUM_NODE_ERROR] = { "patch", RES_CILIUM_NODES, "status", false, KIND_CILIUM_NODE },
	[EFFECT_CILIUM_NODE_READ] = { "get", RES_CILIUM_NODES, NULL, false, KIND_CILIUM_NODE },
	[EFFECT_CILIUM_NODE_DELETE] = { "delete", RES_CILIUM_NODES, NULL, false, IPAM_KINDS },
	[EFFECT_EVENT] = { "create", RES_EVENTS, NULL, true, IPAM_KINDS },
};

static void call_free(struct call *c)
{
	*(c->prev ? &c->prev->next : &c->o->calls) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->o->n_calls--;
	free(c->name);
	free(c->addresses);
	free(c->reason);
	free(c);
}

static enum outcome outcome_of(const struct kube_result *r)
{
	if (kube_ok(r))
		return OUTCOME_DONE;
	/* One that names no object speaks of the whole kind, and says nothing about any object. */
	if (r->status == 404)
		return js_has(r->details, "name") ? OUTCOME_GONE : OUTCOME_REFUSED;
	if (r->status == 409)
		return strcmp(r->reason, "AlreadyExists") == 0 ? OUTCOME_EXISTS : OUTCOME_CONFLICT;
	if (r->status == 0 || r->status == 429 || r->status >= 500 || r->status < 300)
		return OUTCOME_UNKNOWN;
	return OUTCOME_REFUSED;
}

static void tell_object(struct call *c, const struct kube_result *r)
{
	CLEANUP(js_freep) struct js *object = NULL;
	if (js_parse_kept(r->body, view_fields(verbs[c->kind].told), &object, NULL) == 0)
		feed_object(c->o, verbs[c->kind].told, object, TOLD_BY_ANSWER);
}

/* A CRD that is about to go takes its objects with it: then a pool that vanished says nothing. */
static bool crd_stands(const struct kube_result *r)
{
	CLEANUP(js_freep) struct js *crd = NULL;
	if (js_parse(r->body, &crd, NULL) < 0)
		return false;
	if (js_has(js_get(crd, "metadata"), "deletionTimestamp"))
		return false;
	const struct js *list = js_path(crd, "status", "conditions");
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_get(js_item(list, i), "type")), "Terminating") &&
		    slice_is(js_text(js_get(js_item(list, i), "status")), "True"))
			return false;
	return true;
}

static void log_failure(const struct call *c, enum outcome o, const struct kube_result *r)
{
	const struct log *log = c->o->config.log;
	const struct verb *v = &verbs[c->kind];
	char text[300];
	(void)kube_result_text(r, text, sizeof(text));
	if (r->status == 403)
		log_error(log, "not allowed: grant this verb on this resource", KV("verb", v->verb),
			  KV("resource", resource(v->resource)->plural), KV("subresource", v->sub),
			  KV("name", c->name), KV("why", text));
	else if (o == OUTCOME_UNKNOWN || o == OUTCOME_REFUSED)
		log_warn(log, "a write failed; trying again", KV("verb", v->verb),
			 KV("resource", resource(v->resource)->plural), KV("name", c->name), KV("why", text));
	else
		log_debug(log, "overtaken; deciding again", KV("verb", v->verb),
			  KV("resource", resource(v->resource)->plural), KV("name", c->name),
			  KV("why", text));
}

static void on_done(const struct kube_result *r, void *arg)
{
	struct call *c = arg;
	struct berth_operator *o = c->o;
	enum outcome out = outcome_of(r);
	struct moment now = operator_now(o);
	if (out == OUTCOME_DONE && verbs[c->kind].told != IPAM_KINDS)
		tell_object(c, r);
	if (out == OUTCOME_DONE && c->kind == EFFECT_SERVICE_STATUS)
		log_info(o->config.log, "status written", KV("svc", c->name), KV("addresses", c->addresses),
			 KV("reason", c->reason));
	else if (out == OUTCOME_DONE && (c->kind == EFFECT_NODE_PATCH || c->kind == EFFECT_CILIUM_NODE_PATCH))
		log_info(o->config.log, "PodCIDRs written", KV("node", c->name), KV("cidrs", c->addresses));
	else if (out != OUTCOME_DONE)
		log_failure(c, out, r);
	if (c->kind == EFFECT_RECORD_READ && out == OUTCOME_GONE)
		ipam_record_deleted(o->ipam, c->ip, now);
	if (c->kind == EFFECT_POOL_KIND_READ && out == OUTCOME_DONE)
		ipam_pool_kind(o->ipam, c->id, crd_stands(r), now);
	else if (c->kind == EFFECT_POOL_KIND_READ && out == OUTCOME_GONE)
		ipam_pool_kind(o->ipam, c->id, false, now);
	else
		ipam_result(o->ipam, c->id, out, r->retry_after > 0 ? r->retry_after * 1000 : 0, now);
	call_free(c);
	operator_kick(o);
	operator_stopped_if_idle(o);
}

/* The same of PodCIDRs. */
static void describe_cidrs(struct call *c, const struct effect *x)
{
	struct buf text = BUF_INIT(1024);
	char range[RANGE_TEXT_MAX];
	for (size_t i = 0; i < x->node.n; i++)
		buf_addf(&text, "%s%s", text.len ? "," : "", range_format(x->node.cidrs[i], range));
	c->addresses = buf_take(&text);
}

/* What the log will say of a status that was written. */
static void describe(struct call *c, const struct effect *x)
{
	struct buf text = BUF_INIT(1024);
	for (size_t i = 0; i < x->status.n_ingress; i++) {
		char ip[IP_TEXT_MAX];
		if (x->status.ingress[i].has_ip)
			buf_addf(&text, "%s%s", text.len ? "," : "", ip_format(x->status.ingress[i].ip, ip));
	}
	c->addresses = buf_take(&text);
	if (x->status.condition.status != COND_ABSENT)
		c->reason = xstrdup(x->status.condition.reason);
}

static void request_path(const struct berth_operator *o, const struct effect *x, struct buf *path)
{
	const struct verb *v = &verbs[x->kind];
	const char *version =
		v->resource == RES_CILIUM_POOLS ? reflector_version(o->feeds[KIND_POOL].reflector) : NULL;
	const char *name = v->collection ? NULL : x->name, *ns = x->namespace;
	if (x->kind == EFFECT_POOL_KIND_READ)
		name = "ciliumloadbalancerippools.cilium.io";
	if (x->kind == EFFECT_EVENT && !ns)
		ns = "default";
	resource_path(path, resource(v->resource), version, resource(v->resource)->namespaced ? ns : NULL,
		      name, v->sub);
	if (strcmp(v->verb, "get") != 0 && strcmp(v->verb, "delete") != 0)
		path_add_query(path, "fieldManager", o->config.managers[0]);
}

void act(struct berth_operator *o, const struct effect *x)
{
	static const char *const types[] = {
		[BODY_NONE] = NULL,
		[BODY_JSON] = "application/json",
		[BODY_MERGE_PATCH] = KUBE_MERGE_PATCH,
		[BODY_STRATEGIC_PATCH] = KUBE_STRATEGIC_PATCH,
	};
	if (x->kind == EFFECT_HISTORY) {
		history_write(o, x);
		return;
	}
	CLEANUP(buf_done) struct buf body = BUF_INIT(BODY_MAX);
	CLEANUP(buf_done) struct buf path = BUF_INIT(8 * 1024);
	struct body_context context = { operator_now(o).wall, o->config.managers[0], o->serial++ };
	enum body_type type = body_of_effect(x, &context, &body);
	request_path(o, x, &path);

	struct call *c = xcalloc(1, sizeof(*c));
	c->o = o;
	c->kind = x->kind;
	c->id = x->id;
	if (x->kind <= EFFECT_RECORD_READ)
		c->ip = x->record.ip;
	c->name = x->namespace ? xasprintf("%s/%s", x->namespace, x->name) : xstrdup(x->name ? x->name : "");
	if (x->kind == EFFECT_SERVICE_STATUS)
		describe(c, x);
	if (x->kind == EFFECT_NODE_PATCH || x->kind == EFFECT_CILIUM_NODE_PATCH)
		describe_cidrs(c, x);
	if (x->kind == EFFECT_EVENT && strstr(x->event.about, "Node"))
		log_warn(o->config.log, x->event.reason, KV("node", x->name), KV("why", x->event.message));
	else if (x->kind == EFFECT_EVENT && strcmp(x->event.reason, "Contended") == 0)
		log_warn(o->config.log, x->event.reason, KV("name", c->name), KV("why", x->event.message));
	c->next = o->calls;
	if (o->calls)
		o->calls->prev = c;
	o->calls = c;
	o->n_calls++;
	struct kube_request r = {
		.lane = KUBE_WRITE,
		.verb = verbs[x->kind].verb,
		.resource = resource(verbs[x->kind].resource),
		.path = buf_str(&path),
		.body = buf_slice(&body),
		.content_type = types[type],
	};
	c->kube = kube_send(o->kube, &r, on_done, c);
}

void act_cancel_all(struct berth_operator *o)
{
	while (o->calls) {
		kube_cancel(o->calls->kube);
		call_free(o->calls);
	}
	config_maps_cancel(o);
}
