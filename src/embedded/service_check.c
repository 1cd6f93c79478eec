/* What the API server refuses in a Service. */
#include "embedded/meta.h"
#include "embedded/service.h"

#include <stdio.h>

enum { FIELD_MAX = 96 };

/* `names` in alphabetic order, as the message lists them. */
static void one_of(const struct js *object, const char *key, const char *field, const char *const *names,
		   struct problems *p)
{
	const struct js *v = js_get(object, key);
	CLEANUP(buf_done) struct buf list = BUF_INIT(512);
	if (!v)
		return;
	for (size_t i = 0; names[i]; i++) {
		if (slice_is(js_text(v), names[i]))
			return;
		buf_addf(&list, "%s\"%s\"", i ? ", " : "", names[i]);
	}
	problem_add(p, PROBLEM_NOT_SUPPORTED, field, v, "supported values: %s", buf_str(&list));
}
#define ONE_OF(object, key, field, p, ...) \
	one_of(object, key, field, (const char *const[]){ __VA_ARGS__, NULL }, p)

static void check_port_number(const struct js *v, const char *field, struct problems *p)
{
	int64_t n = js_int(v, 0);
	if (n < 1 || n > 65535)
		problem_add(p, PROBLEM_INVALID, field, v, "must be between 1 and 65535, inclusive");
}

static void check_port_name(const struct js *port, const char *at, size_t n_ports, struct problems *p)
{
	char field[FIELD_MAX + 16];
	const struct js *name = js_get(port, "name");
	snprintf(field, sizeof(field), "%s.name", at);
	if (!js_text(name).len) {
		if (n_ports > 1)
			problem_add(p, PROBLEM_REQUIRED, field, NULL, "%s", "");
		return;
	}
	const char *s = js_str(name);
	if (!s || !meta_is_label(s))
		problem_add(p, PROBLEM_INVALID, field, name,
			    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
			    "or '-', and "
			    "must start and end with an alphanumeric character (e.g. 'my-name',  or "
			    "'123-abc', regex "
			    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
}

static void check_port(const struct js *port, size_t i, size_t n_ports, struct problems *p)
{
	char at[FIELD_MAX], field[FIELD_MAX + 16];
	static const struct js *const zero = NULL;
	snprintf(at, sizeof(at), "spec.ports[%zu]", i);
	check_port_name(port, at, n_ports, p);
	snprintf(field, sizeof(field), "%s.port", at);
	if (js_has(port, "port"))
		check_port_number(js_get(port, "port"), field, p);
	else
		problem_add(p, PROBLEM_INVALID, field, zero, "0: must be between 1 and 65535, inclusive");
	snprintf(field, sizeof(field), "%s.protocol", at);
	ONE_OF(port, "protocol", field, p, "SCTP", "TCP", "UDP");
	snprintf(field, sizeof(field), "%s.targetPort", at);
	if (js_type(js_get(port, "targetPort")) == JS_INT)
		check_port_number(js_get(port, "targetPort"), field, p);
}

static void check_duplicates(const struct js *ports, struct problems *p)
{
	char field[FIELD_MAX];
	for (size_t i = 0; i < js_len(ports); i++) {
		const struct js *a = js_item(ports, i);
		for (size_t j = 0; j < i; j++) {
			const struct js *b = js_item(ports, j);
			bool same_protocol = js_equal(js_get(a, "protocol"), js_get(b, "protocol"));
			if (js_text(js_get(a, "name")).len &&
			    js_equal(js_get(a, "name"), js_get(b, "name"))) {
				snprintf(field, sizeof(field), "spec.ports[%zu].name", i);
				problem_add(p, PROBLEM_DUPLICATE, field, js_get(a, "name"), "%s", "");
			}
			if (same_protocol && js_equal(js_get(a, "port"), js_get(b, "port"))) {
				snprintf(field, sizeof(field), "spec.ports[%zu]", i);
				problem_add(p, PROBLEM_DUPLICATE, field, a, "%s", "");
			}
			if (same_protocol && js_int(js_get(a, "nodePort"), 0) &&
			    js_equal(js_get(a, "nodePort"), js_get(b, "nodePort"))) {
				snprintf(field, sizeof(field), "spec.ports[%zu].nodePort", i);
				problem_add(p, PROBLEM_DUPLICATE, field, js_get(a, "nodePort"), "%s", "");
			}
		}
	}
}

static void check_ports(const struct js *service, struct problems *p)
{
	const struct js *ports = js_path(service, "spec", "ports");
	if (!js_len(ports) && !service_is_headless(service) && !service_is(service, "ExternalName"))
		problem_add(p, PROBLEM_REQUIRED, "spec.ports", NULL, "%s", "");
	for (size_t i = 0; i < js_len(ports); i++)
		check_port(js_item(ports, i), i, js_len(ports), p);
	check_duplicates(ports, p);
}

static void check_ips(const struct js *list, const char *name, struct problems *p)
{
	char field[FIELD_MAX];
	struct net_ip ip;
	for (size_t i = 0; i < js_len(list); i++) {
		const char *s = js_str(js_item(list, i));
		snprintf(field, sizeof(field), "%s[%zu]", name, i);
		if (!s || !net_ip_parse(s, &ip))
			problem_add(p, PROBLEM_INVALID, field, js_item(list, i),
				    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	}
}

static void check_families(const struct js *spec, struct problems *p)
{
	const struct js *families = js_get(spec, "ipFamilies"), *ips = js_get(spec, "clusterIPs");
	char field[FIELD_MAX];
	ONE_OF(spec, "ipFamilyPolicy", "spec.ipFamilyPolicy", p, "PreferDualStack", "RequireDualStack",
	       "SingleStack");
	for (size_t i = 0; i < js_len(families); i++) {
		struct slice f = js_text(js_item(families, i));
		snprintf(field, sizeof(field), "spec.ipFamilies[%zu]", i);
		if (!slice_is(f, "IPv4") && !slice_is(f, "IPv6"))
			problem_add(p, PROBLEM_NOT_SUPPORTED, field, js_item(families, i),
				    "supported values: \"IPv4\", \"IPv6\"");
		if (i > 0 && js_equal(js_item(families, i), js_item(families, 0)))
			problem_add(p, PROBLEM_DUPLICATE, field, js_item(families, i), "%s", "");
	}
	if (js_len(families) > 2)
		problem_add(p, PROBLEM_INVALID, "spec.ipFamilies", families, "may only hold up to 2 values");
	if (slice_is(js_text(js_get(spec, "ipFamilyPolicy")), "SingleStack") && js_len(families) > 1)
		problem_add(
			p, PROBLEM_INVALID, "spec.ipFamilyPolicy", js_get(spec, "ipFamilyPolicy"),
			"must be RequireDualStack or PreferDualStack when multiple ipFamilies are specified");
	for (size_t i = 0; i < js_len(ips); i++) {
		const char *s = js_str(js_item(ips, i));
		struct net_ip ip;
		snprintf(field, sizeof(field), "spec.clusterIPs[%zu]", i);
		if (s && strcmp(s, "None") == 0 && js_len(ips) == 1)
			continue;
		if (!s || !net_ip_parse(s, &ip))
			problem_add(p, PROBLEM_INVALID, field, js_item(ips, i), "must be a valid IP address");
		else if (i < js_len(families) &&
			 !slice_is(js_text(js_item(families, i)), ip.family == 4 ? "IPv4" : "IPv6"))
			problem_add(p, PROBLEM_INVALID, field, js_item(ips, i),
				    "expected an %s value as indicated by `ipFamilies[%zu]`",
				    js_str(js_item(families, i)), i);
	}
	if (js_len(ips) > 2)
		problem_add(p, PROBLEM_INVALID, "spec.clusterIPs", ips, "may only hold up to 2 values");
}

static void check_balancer(const struct js *old, const struct js *service, struct problems *p)
{
	const struct js *spec = js_get(service, "spec"), *class = js_get(spec, "loadBalancerClass");
	bool balancer = service_is(service, "LoadBalancer");
	char field[FIELD_MAX];
	const struct js *ranges = js_get(spec, "loadBalancerSourceRanges");
	for (size_t i = 0; i < js_len(ranges); i++) {
		struct net_ip ip;
		int bits;
		const char *s = js_str(js_item(ranges, i));
		snprintf(field, sizeof(field), "spec.loadBalancerSourceRanges[%zu]", i);
		if (!s || !net_cidr_parse(s, &ip, &bits))
			problem_add(p, PROBLEM_INVALID, field, js_item(ranges, i),
				    "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
	}
	if (class && !balancer)
		problem_add(p, PROBLEM_FORBIDDEN, "spec.loadBalancerClass", NULL,
			    "may only be used when `type` is 'LoadBalancer'");
	if (js_str(class) && !meta_is_qualified(js_str(class)))
		problem_add(p, PROBLEM_INVALID, "spec.loadBalancerClass", class,
			    "name part must consist of alphanumeric characters, '-', '_' or '.', and must "
			    "start and "
			    "end with an alphanumeric character");
	if (old && balancer && service_is(old, "LoadBalancer") &&
	    !js_equal(class, js_path(old, "spec", "loadBalancerClass")))
		problem_add(p, PROBLEM_INVALID, "spec.loadBalancerClass", class, "may not change once set");
	if (js_has(spec, "allocateLoadBalancerNodePorts") && !balancer)
		problem_add(p, PROBLEM_FORBIDDEN, "spec.allocateLoadBalancerNodePorts", NULL,
			    "may only be used when `type` is 'LoadBalancer'");
}

static void check_status(const struct js *service, struct problems *p)
{
	const struct js *ingress = js_path(service, "status", "loadBalancer", "ingress");
	char field[FIELD_MAX];
	if (js_len(ingress) && !service_is(service, "LoadBalancer"))
		problem_add(p, PROBLEM_FORBIDDEN, "status.loadBalancer.ingress", NULL,
			    "may only be used when `spec.type` is \"LoadBalancer\"");
	for (size_t i = 0; i < js_len(ingress); i++) {
		const struct js *entry = js_item(ingress, i);
		const char *ip = js_str(js_get(entry, "ip")), *host = js_str(js_get(entry, "hostname"));
		struct net_ip parsed;
		snprintf(field, sizeof(field), "status.loadBalancer.ingress[%zu].ip", i);
		if (ip && *ip && !net_ip_parse(ip, &parsed))
			problem_add(p, PROBLEM_INVALID, field, js_get(entry, "ip"),
				    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
		snprintf(field, sizeof(field), "status.loadBalancer.ingress[%zu].ipMode", i);
		ONE_OF(entry, "ipMode", field, p, "Proxy", "VIP");
		if (js_has(entry, "ipMode") && (!ip || !*ip))
			problem_add(p, PROBLEM_FORBIDDEN, field, NULL,
				    "may not be specified when `ip` is not set");
		snprintf(field, sizeof(field), "status.loadBalancer.ingress[%zu].hostname", i);
		if (host && *host && (!meta_is_subdomain(host) || net_ip_parse(host, &parsed)))
			problem_add(p, PROBLEM_INVALID, field, js_get(entry, "hostname"),
				    "must be a DNS name, not an IP address");
	}
}

static void check_unchanged(const struct js *old, const struct js *service, struct problems *p)
{
	const struct js *was = js_path(old, "spec", "clusterIPs"),
			*is = js_path(service, "spec", "clusterIPs");
	if (service_is(service, "ExternalName") || service_is(old, "ExternalName"))
		return;
	for (size_t i = 0; i < js_len(was) && i < js_len(is); i++) {
		char field[FIELD_MAX];
		snprintf(field, sizeof(field), "spec.clusterIPs[%zu]", i);
		if (!js_equal(js_item(was, i), js_item(is, i)))
			problem_add(p, PROBLEM_INVALID, field, is, "may not change once set");
	}
}

void service_validate(const struct write *w, const struct js *old, const struct js *service,
		      struct problems *p)
{
	const struct js *spec = js_get(service, "spec");
	check_ports(service, p);
	ONE_OF(spec, "type", "spec.type", p, "ClusterIP", "ExternalName", "LoadBalancer", "NodePort");
	ONE_OF(spec, "sessionAffinity", "spec.sessionAffinity", p, "ClientIP", "None");
	ONE_OF(spec, "externalTrafficPolicy", "spec.externalTrafficPolicy", p, "Cluster", "Local");
	ONE_OF(spec, "internalTrafficPolicy", "spec.internalTrafficPolicy", p, "Cluster", "Local");
	if (service_is(service, "ExternalName")) {
		const char *name = js_str(js_get(spec, "externalName"));
		if (!name || !*name)
			problem_add(p, PROBLEM_REQUIRED, "spec.externalName", NULL, "%s", "");
		if (js_len(js_get(spec, "clusterIPs")) || js_has(spec, "clusterIP"))
			problem_add(p, PROBLEM_FORBIDDEN, "spec.clusterIPs", NULL,
				    "may not be set when `type` is 'ExternalName'");
	}
	if (service_is(service, "LoadBalancer") && service_is_headless(service))
		problem_add(p, PROBLEM_INVALID, "spec.clusterIPs[0]", js_get(spec, "clusterIP"),
			    "may not be set to 'None' for LoadBalancer services");
	check_ips(js_get(spec, "externalIPs"), "spec.externalIPs", p);
	check_families(spec, p);
	check_balancer(old, service, p);
	check_status(service, p);
	if (old)
		check_unchanged(old, service, p);
}
