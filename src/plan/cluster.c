#include "plan/cluster.h"

#include "base/map.h"
#include "data/merge_patch.h"
#include "view/body.h"
#include "view/history.h"
#include "view/tell.h"

#include <errno.h>
#include <stdio.h>

struct stored {
	char *key; /* "Kind ns/name" */
	enum ipam_kind kind;
	struct js *object;
};

struct answer {
	unsigned id;
	enum outcome outcome;
	bool no_record; /* there is none at `ip`, as the core has asked */
	struct ip ip;
};

enum { ANSWERS_MAX = 64 };

struct cluster {
	struct ipam *ipam;
	const struct view_config *view;
	struct map objects;
	uint64_t version, serial;
	msec mono, wall;
	cluster_fault_fn *fault;
	void *fault_arg;
	size_t writes[EFFECT_KINDS];
	struct buf events, history;
	bool pool_kind_stands;
	bool lost[IPAM_KINDS];
	struct rng *late;                   /* NULL = each answer comes at once */
	struct answer answers[ANSWERS_MAX]; /* on the way */
	size_t n_answers;
};

/* Kind and group of what matters: there are other Services and Nodes in the world. */
static const struct {
	const char *name, *group;
	enum ipam_kind kind;
	bool namespaced;
} kinds[] = {
	{ "Service", "", KIND_SERVICE, true },
	{ "CiliumLoadBalancerIPPool", "cilium.io", KIND_POOL, false },
	{ "IPAddress", "networking.k8s.io", KIND_RECORD, false },
	{ "Node", "", KIND_NODE, false },
	{ "ServiceCIDR", "networking.k8s.io", KIND_SERVICE_CIDR, false },
	{ "IPPoolPolicy", "berth.dev", KIND_POLICY, false },
	{ "IPReservation", "berth.dev", KIND_RESERVATION, false },
	{ "Namespace", "", KIND_NAMESPACE, false },
	{ "CiliumNode", "cilium.io", KIND_CILIUM_NODE, false },
};

bool cluster_knows(struct slice kind, struct slice group, bool *ret_namespaced)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!slice_is(kind, kinds[i].name) || !slice_is(group, kinds[i].group))
			continue;
		*ret_namespaced = kinds[i].namespaced;
		return true;
	}
	return false;
}

enum { EVENTS_MAX = 4 * 1024 * 1024, HISTORY_MAX = 16 * 1024 * 1024, BODY_MAX = JS_SIZE_MAX };

struct cluster *cluster_new(const struct ipam_config *config, const struct view_config *v, msec wall)
{
	struct cluster *c = xcalloc(1, sizeof(*c));
	c->ipam = ipam_new(config);
	c->view = v;
	c->wall = wall;
	c->pool_kind_stands = true;
	c->events = BUF_INIT(EVENTS_MAX);
	c->history = BUF_INIT(HISTORY_MAX);
	return c;
}

static void stored_free(struct stored *s)
{
	js_free(s->object);
	free(s->key);
	free(s);
}

void cluster_free(struct cluster *c)
{
	if (!c)
		return;
	size_t at = 0;
	for (struct stored *s; (s = map_next(&c->objects, &at));)
		stored_free(s);
	map_done(&c->objects);
	ipam_free(c->ipam);
	buf_done(&c->events);
	buf_done(&c->history);
	free(c);
}

void cluster_freep(struct cluster **c)
{
	cluster_free(*c);
	*c = NULL;
}

struct moment cluster_now(const struct cluster *c)
{
	return (struct moment){ c->mono, c->wall };
}

struct ipam *cluster_ipam(struct cluster *c)
{
	return c->ipam;
}

/* ---- objects ------------------------------------------------------------------------------------------- */

static struct stored *find(const struct cluster *c, const char *kind, const char *ns, const char *name)
{
	CLEANUP(freep) char *key = xasprintf("%s %s/%s", kind, ns, name);
	return map_get(&c->objects, key);
}

static void tell(struct cluster *c, const struct stored *s)
{
	if (s->kind != KIND_RECORD || ipam_records(c->ipam))
		(void)view_tell(c->ipam, s->kind, s->object, c->view, TOLD_BY_WATCH, cluster_now(c), NULL);
}

static void new_version(struct cluster *c, struct js *object)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)++c->version);
	js_set(js_need_object(object, "metadata"), "resourceVersion", js_new_str(text));
}

static void fill_in(struct cluster *c, struct js *object, const struct js *old)
{
	struct js *meta = js_need_object(object, "metadata");
	const struct js *before = js_get(old, "metadata");
	if (before) {
		js_set(meta, "uid", js_clone(js_get(before, "uid")));
		js_set(meta, "creationTimestamp", js_clone(js_get(before, "creationTimestamp")));
	}
	if (!js_str(js_get(meta, "uid"))) {
		char uid[40];
		(void)snprintf(uid, sizeof(uid), "00000000-0000-4000-8000-%012llx",
			       (unsigned long long)++c->serial);
		js_set(meta, "uid", js_new_str(uid));
	}
	if (!js_str(js_get(meta, "creationTimestamp"))) {
		char now[RFC3339_MAX];
		js_set(meta, "creationTimestamp", js_new_str(time_format(c->wall, now)));
	}
	int64_t generation = js_int(js_get(before, "generation"), 0);
	if (!old || !js_equal(js_get(old, "spec"), js_get(object, "spec")))
		generation++;
	js_set(meta, "generation", js_new_int(generation));
	new_version(c, object);
}

int cluster_put(struct cluster *c, const struct js *object, struct err *e)
{
	const char *kind = js_str(js_get(object, "kind")), *name = view_name(object);
	if (!kind || !name)
		return err_set(e, EINVAL, "an object without %s", kind ? "metadata.name" : "kind");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kind, kinds[i].name) != 0)
			continue;
		const char *ns = view_namespace(object);
		if (kinds[i].namespaced && !ns[0])
			ns = "default";
		struct stored *s = find(c, kind, ns, name);
		struct js *fresh = js_clone(object);
		if (kinds[i].namespaced)
			js_set(js_need_object(fresh, "metadata"), "namespace", js_new_str(ns));
		fill_in(c, fresh, s ? s->object : NULL);
		if (!s) {
			s = xcalloc(1, sizeof(*s));
			s->key = xasprintf("%s %s/%s", kind, ns, name);
			s->kind = kinds[i].kind;
			map_put(&c->objects, s->key, s);
		}
		js_free(s->object);
		s->object = fresh;
		tell(c, s);
		return 1;
	}
	return 0;
}

static void forget(struct cluster *c, struct stored *s)
{
	map_del(&c->objects, s->key);
	view_tell_deleted(c->ipam, s->kind, s->object, cluster_now(c));
	stored_free(s);
}

static bool is_held(const struct stored *s)
{
	return js_len(js_path(s->object, "metadata", "finalizers")) > 0;
}

static void mark_deleted(struct cluster *c, struct stored *s)
{
	struct js *meta = js_get(s->object, "metadata");
	char now[RFC3339_MAX];
	if (js_has(meta, "deletionTimestamp"))
		return;
	js_set(meta, "deletionTimestamp", js_new_str(time_format(c->wall, now)));
	js_set(meta, "generation", js_new_int(js_int(js_get(meta, "generation"), 0) + 1));
	new_version(c, s->object);
	tell(c, s);
}

bool cluster_delete(struct cluster *c, const char *kind, const char *ns, const char *name)
{
	struct stored *s = find(c, kind, ns, name);
	if (s && is_held(s))
		mark_deleted(c, s);
	else if (s)
		forget(c, s);
	return s != NULL;
}

struct js *cluster_get(const struct cluster *c, const char *kind, const char *ns, const char *name)
{
	const struct stored *s = find(c, kind, ns, name);
	return s ? s->object : NULL;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct stored *const *)a)->key, (*(struct stored *const *)b)->key);
}

void cluster_each(const struct cluster *c, const char *kind, void (*fn)(struct js *object, void *arg),
		  void *arg)
{
	CLEANUP(freep) struct stored **list = xmalloc(c->objects.n * sizeof(struct stored *));
	size_t n = 0, at = 0;
	for (struct stored *s; (s = map_next(&c->objects, &at));)
		if (slice_is(js_text(js_get(s->object, "kind")), kind))
			list[n++] = s;
	if (n)
		qsort(list, n, sizeof(struct stored *), by_key);
	for (size_t i = 0; i < n; i++)
		fn(list[i]->object, arg);
}

/* ---- effects ---------------------------------------------------------------------------------------------
 */

/* Conditions merge by their type, as a strategic merge patch has it. */
static void merge_conditions(struct js *status, const struct js *changes)
{
	struct js *list = js_get(status, "conditions");
	if (js_type(list) != JS_ARRAY) {
		list = js_new_array();
		js_set(status, "conditions", list);
	}
	for (size_t i = 0; i < js_len(changes); i++) {
		const struct js *change = js_item(changes, i);
		size_t at = 0;
		while (at < js_len(list) &&
		       !slice_eq(js_text(js_get(js_item(list, at), "type")), js_text(js_get(change, "type"))))
			at++;
		if (slice_is(js_text(js_get(change, "$patch")), "delete")) {
			js_del_item(list, at);
			continue;
		}
		struct js *merged = at < js_len(list) ? js_clone(js_item(list, at)) : js_new_object();
		merge_patch(&merged, change);
		js_put_item(list, at, merged);
	}
}

/* Who wrote which part of the status, as the API server notes it: whoever changes a part owns it alone. */
static void note_manager(const struct cluster *c, struct js *object, const struct js *change)
{
	static const char condition[] = "k:{\"type\":\"cilium.io/IPAMRequestSatisfied\"}";
	const bool ingress = js_has(js_get(change, "status"), "loadBalancer");
	const struct js *old = js_path(object, "metadata", "managedFields");
	struct js *list = js_new_array(), *fields = NULL;
	for (size_t i = 0; i < js_len(old); i++) {
		const struct js *entry = js_item(old, i);
		if (slice_is(js_text(js_get(entry, "manager")), c->view->managers[0])) {
			js_free(fields);
			fields = js_clone(js_get(entry, "fieldsV1"));
			continue;
		}
		struct js *other = js_clone(entry);
		if (ingress)
			js_del(js_path(other, "fieldsV1", "f:status", "f:loadBalancer"), "f:ingress");
		js_push(list, other);
	}
	if (!fields)
		fields = js_new_object();
	struct js *entry = js_new_object(), *status = js_need_object(fields, "f:status");
	js_set(entry, "manager", js_new_str(c->view->managers[0]));
	js_set(entry, "subresource", js_new_str("status"));
	if (ingress)
		(void)js_need_object(js_need_object(status, "f:loadBalancer"), "f:ingress");
	if (js_has(js_get(change, "status"), "conditions"))
		(void)js_need_object(js_need_object(status, "f:conditions"), condition);
	js_set(entry, "fieldsV1", fields);
	js_push(list, entry);
	js_set(js_get(object, "metadata"), "managedFields", list);
}

/* The same of a node's spec: the fields of the patch, with their names as managedFields has them. */
static struct js *field_names(const struct js *change)
{
	struct js *names = js_new_object();
	for (struct js_iter it = js_iter(change); js_next(&it);) {
		CLEANUP(freep) char *name = xasprintf("f:%s", it.key);
		js_set(names, name, field_names(it.value));
	}
	return names;
}

static void note_spec_manager(const struct cluster *c, struct js *object, const struct js *change)
{
	struct js *meta = js_get(object, "metadata"), *entry = js_new_object(), *fields = js_new_object();
	if (js_type(js_get(meta, "managedFields")) != JS_ARRAY)
		js_set(meta, "managedFields", js_new_array());
	js_set(fields, "f:spec", field_names(js_get(change, "spec")));
	js_set(entry, "manager", js_new_str(c->view->managers[0]));
	js_set(entry, "fieldsV1", fields);
	js_push(js_get(meta, "managedFields"), entry);
}

static enum outcome patch(struct cluster *c, struct stored *s, struct js *change, enum body_type type)
{
	struct slice expected = js_text(js_path(change, "metadata", "resourceVersion"));
	if (!slice_eq(expected, js_text(js_path(s->object, "metadata", "resourceVersion"))))
		return OUTCOME_CONFLICT;
	/* A Node's podCIDRs cannot be changed once they are there. */
	const struct js *before = js_path(s->object, "spec", "podCIDRs"),
			*after = js_path(change, "spec", "podCIDRs");
	if (s->kind == KIND_NODE && after && js_len(before) && !js_equal(before, after))
		return OUTCOME_REFUSED;
	struct js *conditions = js_ref(js_path(change, "status", "conditions"));
	if (s->kind == KIND_SERVICE)
		note_manager(c, s->object, change);
	else if (js_has(change, "spec") && (s->kind == KIND_NODE || s->kind == KIND_CILIUM_NODE))
		note_spec_manager(c, s->object, change);
	if (type == BODY_STRATEGIC_PATCH && conditions) {
		js_del(js_get(change, "status"), "conditions");
		merge_patch(&s->object, change);
		merge_conditions(js_need_object(s->object, "status"), conditions);
	} else {
		merge_patch(&s->object, change);
	}
	js_free(conditions);
	new_version(c, s->object);
	tell(c, s);
	if (js_has(js_get(s->object, "metadata"), "deletionTimestamp") &&
	    js_has(js_get(change, "metadata"), "finalizers") && !is_held(s))
		forget(c, s);
	return OUTCOME_DONE;
}

static enum outcome create(struct cluster *c, const char *kind, const struct effect *x, const struct js *body)
{
	if (find(c, kind, "", x->name))
		return OUTCOME_EXISTS;
	return cluster_put(c, body, NULL) > 0 ? OUTCOME_DONE : OUTCOME_REFUSED;
}

static enum outcome delete(struct cluster *c, struct stored *s, const struct js *body) {
	const struct js *want = js_get(body, "preconditions"), *meta = js_get(s->object, "metadata");
	if (!slice_eq(js_text(js_get(want, "uid")), js_text(js_get(meta, "uid"))) ||
	    !slice_eq(js_text(js_get(want, "resourceVersion")),
		      js_text(js_get(meta, "resourceVersion")))) return OUTCOME_CONFLICT;
	forget(c, s);
	return OUTCOME_DONE;
}

/* Lines "POOL {…}", with what the operator keeps in the ConfigMap of the pool. */
static void add_history(struct cluster *c, const struct effect *x)
{
	for (size_t i = 0; i < x->history.n; i++) {
		buf_addf(&c->history, "%s ", x->history.pool);
		history_line(&x->history.items[i], &c->history);
	}
}

static enum outcome carry_out(struct cluster *c, const struct effect *x)
{
	struct body_context context = { c->wall, c->view->managers[0], c->serial++ };
	CLEANUP(buf_done) struct buf body = BUF_INIT(BODY_MAX);
	CLEANUP(js_freep) struct js *doc = NULL;
	enum body_type type = body_of_effect(x, &context, &body);
	if (type != BODY_NONE && js_parse(buf_slice(&body), &doc, NULL) < 0)
		return OUTCOME_REFUSED;
	static const char *const objects[EFFECT_KINDS] = {
		[EFFECT_RECORD_CREATE] = "IPAddress",
		[EFFECT_RECORD_PATCH] = "IPAddress",
		[EFFECT_RECORD_DELETE] = "IPAddress",
		[EFFECT_RECORD_READ] = "IPAddress",
		[EFFECT_SERVICE_STATUS] = "Service",
		[EFFECT_SERVICE_READ] = "Service",
		[EFFECT_POOL_STATUS] = "CiliumLoadBalancerIPPool",
		[EFFECT_POOL_FINALIZERS] = "CiliumLoadBalancerIPPool",
		[EFFECT_POLICY_STATUS] = "IPPoolPolicy",
		[EFFECT_RESERVATION_STATUS] = "IPReservation",
		[EFFECT_NODE_PATCH] = "Node",
		[EFFECT_NODE_READ] = "Node",
		[EFFECT_CILIUM_NODE_PATCH] = "CiliumNode",
		[EFFECT_CILIUM_NODE_ERROR] = "CiliumNode",
		[EFFECT_CILIUM_NODE_READ] = "CiliumNode",
		[EFFECT_CILIUM_NODE_DELETE] = "CiliumNode",
	};
	const char *kind = objects[x->kind];
	struct stored *s = kind ? find(c, kind, x->namespace ? x->namespace : "", x->name) : NULL;
	c->writes[x->kind]++;
	switch (x->kind) {
	case EFFECT_RECORD_CREATE:
		return create(c, kind, x, doc);
	case EFFECT_EVENT:
		buf_addf(&c->events, "%s %s %s%s%s: %s\n", x->event.warning ? "Warning" : "Normal",
			 x->event.reason, x->namespace ? x->namespace : "", x->namespace ? "/" : "", x->name,
			 x->event.message);
		return OUTCOME_DONE;
	case EFFECT_RECORD_DELETE:
	case EFFECT_CILIUM_NODE_DELETE:
		return s ? delete (c, s, doc) : OUTCOME_GONE;
	case EFFECT_RECORD_READ:
	case EFFECT_SERVICE_READ:
	case EFFECT_NODE_READ:
	case EFFECT_CILIUM_NODE_READ:
		if (s)
			tell(c, s);
		return s ? OUTCOME_DONE : OUTCOME_GONE;
	case EFFECT_RECORD_PATCH:
	case EFFECT_SERVICE_STATUS:
	case EFFECT_POOL_STATUS:
	case EFFECT_NODE_PATCH:
	case EFFECT_CILIUM_NODE_PATCH:
	case EFFECT_CILIUM_NODE_ERROR:
	case EFFECT_POOL_FINALIZERS:
	case EFFECT_POLICY_STATUS:
	case EFFECT_RESERVATION_STATUS:
		return s ? patch(c, s, doc, type) : OUTCOME_GONE;
	case EFFECT_HISTORY:
		add_history(c, x);
		break;
	case EFFECT_POOL_KIND_READ:
	case EFFECT_KINDS:
		break;
	}
	return OUTCOME_DONE;
}

static void answer(struct cluster *c, struct answer x)
{
	if (x.no_record)
		ipam_record_deleted(c->ipam, x.ip, cluster_now(c));
	ipam_result(c->ipam, x.id, x.outcome, 0, cluster_now(c));
}

/* One of those that are on the way arrives. */
static void answer_any(struct cluster *c)
{
	size_t i = rng_below(c->late, c->n_answers);
	struct answer x = c->answers[i];
	c->answers[i] = c->answers[--c->n_answers];
	answer(c, x);
}

static void handle(struct cluster *c, const struct effect *x)
{
	bool happens = true;
	enum outcome o = c->fault ? c->fault(c->fault_arg, x, &happens) : OUTCOME_DONE;
	if (o == OUTCOME_DONE)
		o = x->kind == EFFECT_POOL_KIND_READ ? OUTCOME_DONE : carry_out(c, x);
	else if (happens)
		(void)carry_out(c, x);
	if (x->kind == EFFECT_POOL_KIND_READ && o == OUTCOME_DONE) {
		ipam_pool_kind(c->ipam, x->id, c->pool_kind_stands, cluster_now(c));
		return;
	}
	const struct answer a = { .id = x->id,
				  .outcome = o,
				  .no_record = o == OUTCOME_GONE && x->kind == EFFECT_RECORD_READ,
				  .ip = x->record.ip };
	if (c->late && c->n_answers < ANSWERS_MAX && rng_below(c->late, 2))
		c->answers[c->n_answers++] = a;
	else
		answer(c, a);
}

size_t cluster_run(struct cluster *c, size_t limit, msec patience)
{
	size_t n = 0;
	msec until = c->mono + patience;
	while (n < limit) {
		struct effect x;
		if (c->n_answers && rng_below(c->late, 4) == 0)
			answer_any(c);
		if (ipam_next(c->ipam, cluster_now(c), &x)) {
			/* The core may reuse its memory while it is told of the result. */
			handle(c, &x);
			n++;
			continue;
		}
		if (c->n_answers) {
			answer_any(c);
			continue;
		}
		msec at = ipam_wake_at(c->ipam);
		if (at < 0 || at > until)
			break;
		if (at > c->mono)
			cluster_advance(c, at - c->mono);
	}
	return n;
}

void cluster_advance(struct cluster *c, msec by)
{
	c->mono += by;
	c->wall += by;
}

void cluster_sync(struct cluster *c)
{
	for (int k = 0; k < IPAM_KINDS; k++)
		ipam_list_begin(c->ipam, (enum ipam_kind)k);
	size_t at = 0;
	bool cilium_nodes = false;
	for (const struct stored *s; (s = map_next(&c->objects, &at));) {
		cilium_nodes = cilium_nodes || s->kind == KIND_CILIUM_NODE;
		tell(c, s);
	}
	for (int k = 0; k < IPAM_KINDS; k++)
		if (c->lost[k] || (k == KIND_CILIUM_NODE && !cilium_nodes))
			ipam_kind_lost(c->ipam, (enum ipam_kind)k, cluster_now(c));
		else
			ipam_list_end(c->ipam, (enum ipam_kind)k, cluster_now(c));
}

void cluster_set_lost(struct cluster *c, enum ipam_kind k, bool lost)
{
	c->lost[k] = lost;
}

void cluster_restart(struct cluster *c, const struct ipam_config *config)
{
	ipam_free(c->ipam);
	c->ipam = ipam_new(config);
	c->n_answers = 0;
}

void cluster_answer_late(struct cluster *c, struct rng *rng)
{
	c->late = rng;
}

void cluster_on_effect(struct cluster *c, cluster_fault_fn *fn, void *arg)
{
	c->fault = fn;
	c->fault_arg = arg;
}

size_t cluster_writes(const struct cluster *c, enum effect_kind k)
{
	return c->writes[k];
}

void cluster_reset_writes(struct cluster *c)
{
	memset(c->writes, 0, sizeof(c->writes));
	buf_clear(&c->events);
}

const char *cluster_events(const struct cluster *c)
{
	return buf_str(&c->events);
}

const char *cluster_history(const struct cluster *c)
{
	return buf_str(&c->history);
}

void cluster_set_pool_kind(struct cluster *c, bool stands)
{
	c->pool_kind_stands = stands;
}
