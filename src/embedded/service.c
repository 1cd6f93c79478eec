/* Services: what the API server defaults and allocates. */
#include "embedded/service.h"
#include "embedded/addresses.h"
#include "embedded/hooks.h"

enum { AFFINITY_SECONDS = 10800 };

bool service_is(const struct js *service, const char *type)
{
	return slice_is(js_text(js_path(service, "spec", "type")), type);
}

bool service_is_headless(const struct js *service)
{
	const struct js *spec = js_get(service, "spec");
	return slice_is(js_text(js_get(spec, "clusterIP")), "None") ||
	       slice_is(js_text(js_item(js_get(spec, "clusterIPs"), 0)), "None");
}

static bool is_external(const struct js *s)
{
	return service_is(s, "LoadBalancer") || service_is(s, "NodePort");
}

static void set_text(struct js *object, const char *key, const char *value)
{
	if (!js_has(object, key))
		js_set(object, key, js_new_str(value));
}

static bool same_field(const struct js *a, const struct js *b, const char *key)
{
	return js_equal(js_get(a, key), js_get(b, key));
}

/* Fields that only make sense for a type that the Service no longer has go with it, unless the client
 * changed them in the same write: then validation tells. */
static void drop_fields_of_old_type(const struct js *old, struct js *service)
{
	struct js *spec = js_get(service, "spec");
	const struct js *was = js_get(old, "spec");
	static const char *const of_balancer[] = { "allocateLoadBalancerNodePorts", "loadBalancerClass",
						   "healthCheckNodePort" };
	bool left_balancer = service_is(old, "LoadBalancer") && !service_is(service, "LoadBalancer");
	for (size_t i = 0; left_balancer && i < ARRAY_LEN(of_balancer); i++)
		if (same_field(spec, was, of_balancer[i]))
			js_del(spec, of_balancer[i]);
	if (is_external(old) && !is_external(service)) {
		if (same_field(spec, was, "externalTrafficPolicy"))
			js_del(spec, "externalTrafficPolicy");
		const struct js *ports = js_get(spec, "ports");
		for (size_t i = 0; i < js_len(ports); i++)
			js_del(js_item(ports, i), "nodePort");
	}
	if (service_is(service, "ExternalName") && !service_is(old, "ExternalName")) {
		static const char *const of_cluster[] = { "clusterIP", "clusterIPs", "ipFamilies",
							  "ipFamilyPolicy" };
		for (size_t i = 0; i < ARRAY_LEN(of_cluster); i++)
			if (same_field(spec, was, of_cluster[i]))
				js_del(spec, of_cluster[i]);
	}
}

static const struct js *same_port(const struct js *ports, const struct js *port)
{
	for (size_t i = 0; i < js_len(ports); i++)
		if (same_field(js_item(ports, i), port, "port") &&
		    same_field(js_item(ports, i), port, "protocol"))
			return js_item(ports, i);
	return NULL;
}

/* A client that replaces a Service need not repeat what was allocated for it. */
static void keep_allocated(const struct js *old, struct js *service)
{
	struct js *spec = js_get(service, "spec");
	const struct js *was = js_get(old, "spec");
	if (!service_is(service, "ExternalName") && !service_is(old, "ExternalName") &&
	    !js_text(js_get(spec, "clusterIP")).len && !js_len(js_get(spec, "clusterIPs"))) {
		js_set(spec, "clusterIP", js_clone(js_get(was, "clusterIP")));
		js_set(spec, "clusterIPs", js_clone(js_get(was, "clusterIPs")));
	}
	if (!is_external(old) || !is_external(service))
		return;
	const struct js *ports = js_get(spec, "ports");
	for (size_t i = 0; i < js_len(ports); i++) {
		struct js *port = js_item(ports, i);
		const struct js *before = same_port(js_get(was, "ports"), port);
		if (!js_int(js_get(port, "nodePort"), 0) && js_int(js_get(before, "nodePort"), 0))
			js_set(port, "nodePort", js_clone(js_get(before, "nodePort")));
	}
	if (!js_int(js_get(spec, "healthCheckNodePort"), 0) && js_has(was, "healthCheckNodePort"))
		js_set(spec, "healthCheckNodePort", js_clone(js_get(was, "healthCheckNodePort")));
}

/* clusterIP is the first of clusterIPs, whichever of the two the client gave. */
static void mirror_cluster_ip(const struct js *old, struct js *spec)
{
	struct js *one = js_get(spec, "clusterIP"), *all = js_get(spec, "clusterIPs");
	const struct js *was = js_get(old, "spec");
	bool one_changed = was && !js_equal(one, js_get(was, "clusterIP"));
	bool all_changed = was && !js_equal(all, js_get(was, "clusterIPs"));
	if (js_text(one).len && (!js_len(all) || (one_changed && !all_changed))) {
		struct js *list = js_new_array();
		js_push(list, js_clone(one));
		js_set(spec, "clusterIPs", list);
	} else if (js_len(all) && (!js_text(one).len || (all_changed && !one_changed))) {
		js_set(spec, "clusterIP", js_clone(js_item(all, 0)));
	}
	if (!js_text(js_get(spec, "clusterIP")).len)
		js_del(spec, "clusterIP");
}

static const char *family_of(const char *ip)
{
	struct net_ip parsed;
	if (!net_ip_parse(ip, &parsed))
		return NULL;
	return parsed.family == 4 ? "IPv4" : "IPv6";
}

static void default_families(struct js *service)
{
	struct js *spec = js_get(service, "spec");
	const struct js *ips = js_get(spec, "clusterIPs");
	struct js *families = js_get(spec, "ipFamilies");
	if (service_is(service, "ExternalName"))
		return;
	if (!js_has(spec, "ipFamilyPolicy"))
		set_text(spec, "ipFamilyPolicy",
			 js_len(families) > 1 || js_len(ips) > 1 ? "RequireDualStack" : "SingleStack");
	if (js_type(families) != JS_ARRAY) {
		families = js_new_array();
		js_set(spec, "ipFamilies", families);
	}
	bool single = slice_is(js_text(js_get(spec, "ipFamilyPolicy")), "SingleStack");
	for (size_t i = js_len(families); i < js_len(ips) && i < 2; i++) {
		const char *family = js_str(js_item(ips, i)) ? family_of(js_str(js_item(ips, i))) : NULL;
		if (family)
			js_push(families, js_new_str(family));
	}
	if (!js_len(families))
		js_push(families, js_new_str("IPv4"));
	if (!single && js_len(families) == 1)
		js_push(families,
			js_new_str(slice_is(js_text(js_item(families, 0)), "IPv4") ? "IPv6" : "IPv4"));
	/* Going back to one family gives the second address up. */
	if (single && js_len(families) == 2 && js_len(ips) == 2) {
		js_del_item(families, 1);
		js_del_item(js_get(spec, "clusterIPs"), 1);
	}
}

static void default_ports(const struct js *spec)
{
	const struct js *ports = js_get(spec, "ports");
	for (size_t i = 0; i < js_len(ports); i++) {
		struct js *port = js_item(ports, i);
		const struct js *target = js_get(port, "targetPort");
		if (js_type(port) != JS_OBJECT)
			continue;
		if (!target || (js_type(target) == JS_INT && js_int(target, 0) == 0) ||
		    (js_type(target) == JS_STRING && !js_text(target).len))
			js_set(port, "targetPort", js_new_int(js_int(js_get(port, "port"), 0)));
		if (js_has(port, "nodePort") && js_int(js_get(port, "nodePort"), 0) == 0)
			js_del(port, "nodePort");
	}
}

static void default_status(const struct js *old, struct js *service)
{
	struct js *status = js_need_object(service, "status");
	struct js *lb = js_need_object(status, "loadBalancer");
	if (old && service_is(old, "LoadBalancer") && !service_is(service, "LoadBalancer")) {
		js_set(status, "loadBalancer", js_new_object());
		return;
	}
	const struct js *ingress = js_get(lb, "ingress");
	for (size_t i = 0; i < js_len(ingress); i++) {
		struct js *entry = js_item(ingress, i);
		if (js_text(js_get(entry, "ip")).len && !js_has(entry, "ipMode"))
			js_set(entry, "ipMode", js_new_str("VIP"));
	}
	if (js_has(lb, "ingress") && !js_len(ingress))
		js_del(lb, "ingress");
}

static void defaults(const struct write *w, const struct js *old, struct js *service)
{
	struct js *spec = js_need_object(service, "spec");
	set_text(spec, "type", "ClusterIP");
	set_text(spec, "sessionAffinity", "None");
	if (slice_is(js_text(js_get(spec, "sessionAffinity")), "ClientIP")) {
		struct js *client = js_need_object(js_need_object(spec, "sessionAffinityConfig"), "clientIP");
		if (!js_has(client, "timeoutSeconds"))
			js_set(client, "timeoutSeconds", js_new_int(AFFINITY_SECONDS));
	} else {
		js_del(spec, "sessionAffinityConfig");
	}
	if (old) {
		drop_fields_of_old_type(old, service);
		keep_allocated(old, service);
	}
	if (is_external(service))
		set_text(spec, "externalTrafficPolicy", "Cluster");
	if (!service_is(service, "ExternalName"))
		set_text(spec, "internalTrafficPolicy", "Cluster");
	if (service_is(service, "LoadBalancer") && !js_has(spec, "allocateLoadBalancerNodePorts"))
		js_set(spec, "allocateLoadBalancerNodePorts", js_new_bool(true));
	/* False is the same as nothing, and is not kept. */
	if (!js_bool(js_get(spec, "publishNotReadyAddresses"), true))
		js_del(spec, "publishNotReadyAddresses");
	default_ports(spec);
	mirror_cluster_ip(old, spec);
	default_families(service);
	default_status(old, service);
}

/* Allocation */

static bool holds_ip(const struct js *service, const char *ip)
{
	const struct js *ips = js_path(service, "spec", "clusterIPs");
	for (size_t i = 0; i < js_len(ips); i++)
		if (slice_is(js_text(js_item(ips, i)), ip))
			return true;
	return false;
}

static void check_wanted_ips(const struct write *w, const struct js *old, const struct js *ips,
			     struct problems *p)
{
	for (size_t i = 0; i < js_len(ips); i++) {
		const char *ip = js_str(js_item(ips, i));
		if (!ip || strcmp(ip, "None") == 0 || holds_ip(old, ip))
			continue;
		if (!addresses_ip_valid(w->api->addresses, ip))
			problem_add(p, PROBLEM_INVALID, "spec.clusterIPs", ips,
				    "failed to allocate IP %s: the provided network does not match the "
				    "current range",
				    ip);
		else if (addresses_ip_used(w->api->addresses, ip))
			problem_add(p, PROBLEM_INVALID, "spec.clusterIPs", ips,
				    "failed to allocate IP %s: provided IP is already allocated", ip);
	}
}

static void allocate_ips(const struct write *w, const struct js *old, struct js *spec, struct problems *p)
{
	const struct js *families = js_get(spec, "ipFamilies");
	struct js *ips = js_get(spec, "clusterIPs");
	if (js_type(ips) != JS_ARRAY) {
		ips = js_new_array();
		js_set(spec, "clusterIPs", ips);
	}
	check_wanted_ips(w, old, ips, p);
	for (size_t i = js_len(ips); i < js_len(families); i++) {
		char text[NET_TEXT_MAX];
		int family = slice_is(js_text(js_item(families, i)), "IPv6") ? 6 : 4;
		if (!addresses_free_ip(w->api->addresses, family, text)) {
			problem_add(p, PROBLEM_INVALID, "spec.clusterIPs", ips, "range is full");
			return;
		}
		js_push(ips, js_new_str(text));
	}
	js_set(spec, "clusterIP", js_clone(js_item(ips, 0)));
}

static bool holds_port(const struct js *service, int64_t number)
{
	const struct js *ports = js_path(service, "spec", "ports");
	for (size_t i = 0; i < js_len(ports); i++)
		if (js_int(js_get(js_item(ports, i), "nodePort"), 0) == number)
			return true;
	return js_int(js_path(service, "spec", "healthCheckNodePort"), 0) == number;
}

/* Ports of one number but different protocols share a node port. */
static int64_t shared_node_port(const struct js *ports, size_t upto)
{
	int64_t port = js_int(js_get(js_item(ports, upto), "port"), 0);
	for (size_t i = 0; i < upto; i++)
		if (js_int(js_get(js_item(ports, i), "port"), 0) == port)
			return js_int(js_get(js_item(ports, i), "nodePort"), 0);
	return 0;
}

static void allocate_port(const struct write *w, const struct js *old, struct js *object, const char *key,
			  const char *field, int64_t shared, struct problems *p)
{
	int64_t wanted = js_int(js_get(object, key), 0);
	if (wanted) {
		if (!holds_port(old, wanted) && wanted != shared &&
		    addresses_port_used(w->api->addresses, wanted))
			problem_add(p, PROBLEM_INVALID, field, js_get(object, key),
				    "provided port is already allocated");
		else if (wanted < NODE_PORT_FIRST || wanted > NODE_PORT_LAST)
			problem_add(
				p, PROBLEM_INVALID, field, js_get(object, key),
				"provided port is not in the valid range. The range of valid ports is %d-%d",
				NODE_PORT_FIRST, NODE_PORT_LAST);
		return;
	}
	int64_t port = shared ? shared : addresses_free_port(w->api->addresses);
	if (port)
		js_set(object, key, js_new_int(port));
	else
		problem_add(p, PROBLEM_INVALID, field, NULL, "no free node port is left");
}

static void allocate(const struct write *w, const struct js *old, struct js *service, struct problems *p)
{
	struct js *spec = js_get(service, "spec");
	if (!service_is(service, "ExternalName") && !service_is_headless(service))
		allocate_ips(w, old, spec, p);
	bool balancer = service_is(service, "LoadBalancer");
	bool wants_ports = service_is(service, "NodePort") ||
			   (balancer && js_bool(js_get(spec, "allocateLoadBalancerNodePorts"), true));
	const struct js *ports = js_get(spec, "ports");
	for (size_t i = 0; i < js_len(ports); i++) {
		struct js *port = js_item(ports, i);
		CLEANUP(freep) char *field = xasprintf("spec.ports[%zu].nodePort", i);
		if (wants_ports || (balancer && js_has(port, "nodePort")))
			allocate_port(w, old, port, "nodePort", field, shared_node_port(ports, i), p);
	}
	if (balancer && slice_is(js_text(js_get(spec, "externalTrafficPolicy")), "Local"))
		allocate_port(w, old, spec, "healthCheckNodePort", "spec.healthCheckNodePort", 0, p);
}

static void stored(struct api *a, const struct js *old, const struct js *service)
{
	addresses_update(a->addresses, old, service);
}

const struct hooks service_hooks = {
	.resource = "services",
	.defaults = defaults,
	.validate = service_validate,
	.allocate = allocate,
	.stored = stored,
};
