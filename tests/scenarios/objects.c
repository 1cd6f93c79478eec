#include "objects.h"

#include "base/times.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *form, *kind;
} kinds[] = {
	{ "service", "Service" },           { "pool", "CiliumLoadBalancerIPPool" },
	{ "record", "IPAddress" },          { "node", "Node" },
	{ "serviceCIDR", "ServiceCIDR" },   { "policy", "IPPoolPolicy" },
	{ "reservation", "IPReservation" }, { "namespace", "Namespace" },
	{ "ciliumNode", "CiliumNode" },
};
enum {
	FORM_SERVICE,
	FORM_POOL,
	FORM_RECORD,
	FORM_NODE,
	FORM_CIDR,
	FORM_POLICY,
	FORM_RESERVATION,
	FORM_NAMESPACE,
	FORM_CILIUM_NODE
};

struct object_name service_name_of(const char *text)
{
	struct object_name n = { .kind = "Service", .name = text, .ns = "default" };
	const char *slash = strchr(text, '/');
	if (slash) {
		(void)snprintf(n.ns, sizeof(n.ns), "%.*s", (int)(slash - text), text);
		n.name = slash + 1;
	}
	return n;
}

int name_of(const struct js *form, struct object_name *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct js *body = js_get(form, kinds[i].form);
		const char *name = js_str(js_get(body, i == FORM_RECORD ? "address" : "name"));
		if (!body)
			continue;
		if (!name)
			return err_set(e, EINVAL, "a %s without a name", kinds[i].form);
		*ret = i == FORM_SERVICE ? service_name_of(name) : (struct object_name){ .name = name };
		ret->kind = kinds[i].kind;
		return 0;
	}
	if (!js_str(js_get(form, "kind")) || !view_name(form))
		return err_set(e, EINVAL, "neither a short form nor an object");
	*ret = (struct object_name){ .kind = js_str(js_get(form, "kind")), .name = view_name(form) };
	(void)snprintf(ret->ns, sizeof(ret->ns), "%s", view_namespace(form));
	return 0;
}

/* ---- parts ------------------------------------------------------------------------------------ */

static void put_text(struct js *object, const char *key, const char *text)
{
	js_set(object, key, js_new_str(text));
}

static void copy_members(struct js *to, const struct js *from)
{
	for (struct js_iter it = js_iter(from); js_next(&it);)
		js_set(to, it.key, js_clone(it.value));
}

/* A form has only what is known of it. */
static int check_known(const struct js *body, const char *what, const char *const *known, struct err *e)
{
	for (struct js_iter it = js_iter(body); js_next(&it);) {
		size_t i = 0;
		while (known[i] && strcmp(known[i], it.key) != 0)
			i++;
		if (!known[i])
			return err_set(e, EINVAL, "a %s form has no \"%s\"", what, it.key);
	}
	return 0;
}

/* "-1h", "+30s" from now on, or a time as it is to stand there. */
static int put_time(struct js *to, const char *key, const struct js *value, msec wall, struct err *e)
{
	const char *text = js_str(value);
	char stamp[RFC3339_MAX];
	msec by;
	if (!value)
		return 0;
	if (!text)
		return err_set(e, EINVAL, "%s: wants a text", key);
	if (text[0] != '+' && text[0] != '-') {
		put_text(to, key, text);
		return 0;
	}
	if (duration_parse(slice_of(text + 1), &by) < 0)
		return err_set(e, EINVAL, "%s: %s is neither +DURATION nor -DURATION", key, text);
	put_text(to, key, time_format(text[0] == '+' ? wall + by : wall - by, stamp));
	return 0;
}

/* "80", "53/UDP" */
static struct js *ports_of(const struct js *list)
{
	struct js *ports = js_new_array();
	for (size_t i = 0; i < js_len(list) || (!list && i == 0); i++) {
		const struct js *item = js_item(list, i);
		const char *text = js_str(item);
		char protocol[8] = "TCP", name[16];
		int64_t number = js_int(item, 80);
		if (text) {
			number = strtol(text, NULL, 10);
			const char *slash = strchr(text, '/');
			if (slash)
				(void)snprintf(protocol, sizeof(protocol), "%s", slash + 1);
		}
		struct js *port = js_new_object();
		(void)snprintf(name, sizeof(name), "p%zu", i);
		put_text(port, "name", name);
		js_set(port, "port", js_new_int(number));
		put_text(port, "protocol", protocol);
		js_push(ports, port);
	}
	return ports;
}

void write_ingress(struct js *service, const struct js *ingress, const char *manager)
{
	struct js *list = js_new_array();
	for (size_t i = 0; i < js_len(ingress); i++) {
		const struct js *item = js_item(ingress, i);
		struct js *entry = js_str(item) ? js_new_object() : js_clone(item);
		if (js_str(item))
			put_text(entry, "ip", js_str(item));
		js_push(list, entry);
	}
	struct js *status = js_need_object(service, "status");
	js_set(js_need_object(status, "loadBalancer"), "ingress", list);

	/* As the API server notes it: whoever changes the list owns it from then on. */
	struct js *meta = js_need_object(service, "metadata"), *fresh = js_new_array();
	const struct js *managers = js_get(meta, "managedFields");
	for (size_t i = 0; i < js_len(managers); i++) {
		struct js *entry = js_clone(js_item(managers, i));
		js_del(js_path(entry, "fieldsV1", "f:status", "f:loadBalancer"), "f:ingress");
		js_push(fresh, entry);
	}
	struct js *entry = js_new_object();
	put_text(entry, "manager", manager);
	put_text(entry, "subresource", "status");
	struct js *fields = js_need_object(js_need_object(entry, "fieldsV1"), "f:status");
	(void)js_need_object(js_need_object(fields, "f:loadBalancer"), "f:ingress");
	js_push(fresh, entry);
	js_set(meta, "managedFields", fresh);
}

static void put_note(struct js *notes, const struct js *body, const char *member, const char *key)
{
	struct js *v = js_get(body, member);
	if (v)
		js_set(notes, key, js_clone(v));
}

static void put_condition(struct js *object, const struct js *condition)
{
	if (!condition)
		return;
	struct js *list = js_new_array(), *c = js_clone(condition);
	put_text(c, "type", "cilium.io/IPAMRequestSatisfied");
	if (!js_has(c, "message"))
		put_text(c, "message", "");
	put_text(c, "lastTransitionTime", "2026-01-01T00:00:00Z");
	js_push(list, c);
	js_set(js_need_object(object, "status"), "conditions", list);
}

static int make_service(struct js *o, const struct js *body, const struct js *old, struct err *e)
{
	static const char *const known[] = { "name",       "optIn",         "ips",     "key",
					     "namespaces", "differentPods", "pools",   "annotations",
					     "labels",     "class",         "type",    "ports",
					     "spec",       "status",        "manager", "condition",
					     "created",    "deleting",      NULL };
	int r = check_known(body, "service", known, e);
	if (r < 0)
		return r;
	struct js *meta = js_get(o, "metadata"), *notes = js_need_object(meta, "annotations");
	const struct js *opt_in = js_get(body, "optIn");
	if (js_str(opt_in))
		put_text(notes, "io.cilium.operator.external-ips", js_str(opt_in));
	else if (js_bool(opt_in, true) && !js_has(body, "class"))
		put_text(notes, "io.cilium.operator.external-ips", "true");
	put_note(notes, body, "ips", "lbipam.cilium.io/ips");
	put_note(notes, body, "key", "lbipam.cilium.io/sharing-key");
	put_note(notes, body, "namespaces", "lbipam.cilium.io/sharing-cross-namespace");
	put_note(notes, body, "differentPods", "lbipam.cilium.io/sharing-permit-different-pods");
	put_note(notes, body, "pools", "berth.dev/pool");
	copy_members(notes, js_get(body, "annotations"));
	copy_members(js_need_object(meta, "labels"), js_get(body, "labels"));
	if (js_bool(js_get(body, "deleting"), false))
		put_text(meta, "deletionTimestamp", "2026-01-01T00:00:00Z");

	struct js *spec = js_need_object(o, "spec");
	const char *type = js_str(js_get(body, "type"));
	put_text(spec, "type", type ? type : "LoadBalancer");
	if (js_has(body, "class"))
		put_note(spec, body, "class", "loadBalancerClass");
	js_set(spec, "ports", ports_of(js_get(body, "ports")));
	copy_members(spec, js_get(body, "spec"));
	if (old) {
		js_set(o, "status", js_clone(js_get(old, "status")));
		js_set(meta, "managedFields", js_clone(js_get(js_get(old, "metadata"), "managedFields")));
	}
	/* What the API server itself does on a type change. */
	if (old && !slice_is(js_text(js_get(spec, "type")), "LoadBalancer"))
		js_del(js_get(o, "status"), "loadBalancer");
	if (js_has(body, "status")) {
		const char *manager = js_str(js_get(body, "manager"));
		write_ingress(o, js_get(body, "status"), manager ? manager : "somebody");
	}
	put_condition(o, js_get(body, "condition"));
	return 0;
}

static int make_pool(struct js *o, const struct js *body, const struct js *old, struct err *e)
{
	static const char *const known[] = { "name",      "blocks",     "selector", "disabled",
					     "firstLast", "created",    "deleting", "conditions",
					     "labels",    "finalizers", NULL };
	int r = check_known(body, "pool", known, e);
	if (r < 0)
		return r;
	struct js *spec = js_need_object(o, "spec"), *blocks = js_new_array();
	const struct js *list = js_get(body, "blocks");
	for (size_t i = 0; i < js_len(list); i++) {
		const char *text = js_str(js_item(list, i)), *dash = text ? strchr(text, '-') : NULL;
		struct js *b = text ? js_new_object() : js_clone(js_item(list, i));
		if (text && strchr(text, '/')) {
			put_text(b, "cidr", text);
		} else if (text) {
			js_set(b, "start",
			       js_new_text(dash ? (struct slice){ text, (size_t)(dash - text) }
						: slice_of(text)));
			if (dash)
				put_text(b, "stop", dash + 1);
		}
		js_push(blocks, b);
	}
	js_set(spec, "blocks", blocks);
	if (js_has(body, "selector"))
		js_set(spec, "serviceSelector", js_clone(js_get(body, "selector")));
	if (js_has(body, "disabled"))
		js_set(spec, "disabled", js_clone(js_get(body, "disabled")));
	if (js_has(body, "firstLast"))
		js_set(spec, "allowFirstLastIPs", js_clone(js_get(body, "firstLast")));
	if (js_bool(js_get(body, "deleting"), false))
		put_text(js_get(o, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
	struct js *meta = js_get(o, "metadata");
	copy_members(js_need_object(meta, "labels"), js_get(body, "labels"));
	/* Whoever applies a manifest leaves the finalizers of others alone. */
	const struct js *finalizers = js_get(body, "finalizers");
	js_set(meta, "finalizers",
	       js_clone(finalizers ? finalizers : js_path(old, "metadata", "finalizers")));
	if (old && js_has(js_get(old, "metadata"), "deletionTimestamp"))
		js_set(meta, "deletionTimestamp", js_clone(js_path(old, "metadata", "deletionTimestamp")));
	if (old)
		js_set(o, "status", js_clone(js_get(old, "status")));
	if (js_has(body, "conditions"))
		js_set(js_need_object(o, "status"), "conditions", js_clone(js_get(body, "conditions")));
	return 0;
}

/* The history annotation, which is a document inside a text. */
static int put_history(struct js *notes, const struct js *list, msec wall, struct err *e)
{
	enum { TEXT_MAX = 64 * 1024 };
	CLEANUP(js_freep) struct js *history = js_new_array();
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *from = js_item(list, i);
		struct js *h = js_new_object();
		js_push(history, h);
		js_set(h, "holder", js_clone(js_get(from, "holder")));
		if (put_time(h, "from", js_get(from, "from"), wall, e) < 0 ||
		    put_time(h, "until", js_get(from, "until"), wall, e) < 0)
			return -e->code;
	}
	js_write(history, &text);
	if (list)
		put_text(notes, "berth.dev/history", buf_str(&text));
	return 0;
}

static int make_record(struct js *o, const struct js *body, msec wall, struct err *e)
{
	static const char *const known[] = { "address", "holders",   "manager",  "releasing",
					     "state",   "allocated", "released", "pool",
					     "history", "block",     "owner",    NULL };
	int r = check_known(body, "record", known, e);
	if (r < 0)
		return r;
	struct js *meta = js_get(o, "metadata"), *labels = js_need_object(meta, "labels");
	const char *manager = js_str(js_get(body, "manager"));
	put_text(meta, "name", js_str(js_get(body, "address")));
	put_text(labels, "ipaddress.kubernetes.io/managed-by", manager ? manager : "berth");
	struct js *notes = js_need_object(meta, "annotations");
	put_note(notes, body, "holders", "berth.dev/holder");
	put_note(notes, body, "state", "berth.dev/state");
	put_note(notes, body, "pool", "berth.dev/pool");
	put_note(labels, body, "pool", "berth.dev/pool");
	put_note(notes, body, "block", "berth.dev/block");
	put_note(notes, body, "owner", "berth.dev/owner");
	if (js_bool(js_get(body, "releasing"), false))
		put_text(notes, "berth.dev/state", "releasing");
	r = put_time(notes, "berth.dev/allocated-at", js_get(body, "allocated"), wall, e);
	if (r == 0)
		r = put_time(notes, "berth.dev/released-at", js_get(body, "released"), wall, e);
	return r == 0 ? put_history(notes, js_get(body, "history"), wall, e) : r;
}

static void keep_status(struct js *o, const struct js *old)
{
	if (old)
		js_set(o, "status", js_clone(js_get(old, "status")));
}

static int make_policy(struct js *o, const struct js *body, const struct js *old, struct err *e)
{
	static const char *const known[] = { "name",    "pool",         "selector",   "priority",
					     "exclude", "reuseAfter",   "reuseEarly", "onShrink",
					     "protect", "lowWatermark", "quotas",     "autoAssign",
					     NULL };
	int r = check_known(body, "policy", known, e);
	if (r < 0)
		return r;
	struct js *spec = js_need_object(o, "spec");
	for (struct js_iter it = js_iter(body); js_next(&it);) {
		const char *field = strcmp(it.key, "pool") == 0       ? "poolName"
				    : strcmp(it.key, "selector") == 0 ? "poolSelector"
				    : strcmp(it.key, "name") == 0     ? NULL
								      : it.key;
		if (field)
			js_set(spec, field, js_clone(it.value));
	}
	keep_status(o, old);
	return 0;
}

static int make_reservation(struct js *o, const struct js *body, const struct js *old, msec wall,
			    struct err *e)
{
	static const char *const known[] = { "name", "addresses", "for", "expires", NULL };
	int r = check_known(body, "reservation", known, e);
	if (r < 0)
		return r;
	struct js *spec = js_need_object(o, "spec");
	js_set(spec, "addresses", js_clone(js_get(body, "addresses")));
	if (js_str(js_get(body, "for"))) {
		struct object_name n = service_name_of(js_str(js_get(body, "for")));
		struct js *ref = js_need_object(spec, "serviceRef");
		put_text(ref, "namespace", n.ns);
		put_text(ref, "name", n.name);
	}
	keep_status(o, old);
	return put_time(spec, "expiresAt", js_get(body, "expires"), wall, e);
}

static int make_node(struct js *o, const struct js *body, const struct js *old)
{
	struct js *list = js_new_array(), *spec = js_need_object(o, "spec");
	const struct js *addresses = js_get(body, "addresses"), *cidrs = js_get(body, "cidrs");
	for (size_t i = 0; i < js_len(addresses); i++) {
		struct js *a = js_new_object();
		put_text(a, "type", "InternalIP");
		js_set(a, "address", js_clone(js_item(addresses, i)));
		js_push(list, a);
	}
	js_set(js_need_object(o, "status"), "addresses", list);
	if (old)
		js_set(o, "spec", js_clone(js_get(old, "spec")));
	if (cidrs) {
		js_set(spec, "podCIDR", js_clone(js_item(cidrs, 0)));
		js_set(spec, "podCIDRs", js_clone(cidrs));
	}
	return 0;
}

static int make_cilium_node(struct js *o, const struct js *body, const struct js *old)
{
	struct js *ipam = js_need_object(js_need_object(o, "spec"), "ipam");
	const struct js *cidrs = js_get(body, "cidrs");
	if (!cidrs)
		cidrs = js_path(old, "spec", "ipam", "podCIDRs");
	if (cidrs)
		js_set(ipam, "podCIDRs", js_clone(cidrs));
	if (js_bool(js_get(body, "owned"), false)) {
		struct js *list = js_new_array(), *owner = js_new_object();
		put_text(owner, "apiVersion", "v1");
		put_text(owner, "kind", "Node");
		put_text(owner, "name", js_str(js_get(body, "name")));
		put_text(owner, "uid", "00000000-0000-4000-8000-00000000000f");
		js_push(list, owner);
		js_set(js_get(o, "metadata"), "ownerReferences", list);
	}
	if (js_has(body, "error"))
		js_set(js_need_object(js_need_object(js_need_object(o, "status"), "ipam"), "operator-status"),
		       "error", js_clone(js_get(body, "error")));
	else if (old)
		js_set(o, "status", js_clone(js_get(old, "status")));
	return 0;
}

struct js *object_of(const struct js *form, const struct js *old, msec wall, struct err *e)
{
	struct object_name n;
	if (name_of(form, &n, e) < 0)
		return NULL;
	if (js_has(form, "kind"))
		return js_clone(form);
	size_t i = 0;
	while (strcmp(kinds[i].kind, n.kind) != 0)
		i++;
	const struct js *body = js_get(form, kinds[i].form);
	CLEANUP(js_freep) struct js *o = js_new_object();
	put_text(o, "kind", n.kind);
	struct js *meta = js_need_object(o, "metadata");
	put_text(meta, "name", n.name);
	if (i == FORM_SERVICE)
		put_text(meta, "namespace", n.ns);
	int r = put_time(meta, "creationTimestamp", js_get(body, "created"), wall, e);
	switch (r < 0 ? ARRAY_LEN(kinds) : i) {
	case FORM_SERVICE:
		r = make_service(o, body, old, e);
		break;
	case FORM_POOL:
		r = make_pool(o, body, old, e);
		break;
	case FORM_RECORD:
		r = make_record(o, body, wall, e);
		break;
	case FORM_NODE:
		r = make_node(o, body, old);
		break;
	case FORM_CIDR:
		js_set(js_need_object(o, "spec"), "cidrs", js_clone(js_get(body, "cidrs")));
		break;
	case FORM_POLICY:
		r = make_policy(o, body, old, e);
		break;
	case FORM_RESERVATION:
		r = make_reservation(o, body, old, wall, e);
		break;
	case FORM_CILIUM_NODE:
		r = make_cilium_node(o, body, old);
		break;
	case FORM_NAMESPACE:
		copy_members(js_need_object(meta, "labels"), js_get(body, "labels"));
		break;
	default:
		break;
	}
	return r < 0 ? NULL : TAKE(o);
}
