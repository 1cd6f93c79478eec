/* The cells of `kubectl get` that are more than a field. */
#include "embedded/table.h"

enum { CELL_MAX = 16 * 1024, MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

/* As kubectl writes durations: two units while they are small, one when they are large. */
static void add_duration(struct buf *out, int64_t seconds)
{
	int64_t minutes = seconds / MINUTE, hours = seconds / HOUR, days = seconds / DAY;
	if (seconds < 0)
		buf_add_str(out, seconds < -1 ? "<invalid>" : "0s");
	else if (seconds < 2 * MINUTE)
		buf_addf(out, "%llds", (long long)seconds);
	else if (minutes < 10 && seconds % MINUTE)
		buf_addf(out, "%lldm%llds", (long long)minutes, (long long)(seconds % MINUTE));
	else if (hours < 3)
		buf_addf(out, "%lldm", (long long)minutes);
	else if (hours < 8 && minutes % 60)
		buf_addf(out, "%lldh%lldm", (long long)hours, (long long)(minutes % 60));
	else if (hours < 48)
		buf_addf(out, "%lldh", (long long)hours);
	else if (days < 8 && hours % 24)
		buf_addf(out, "%lldd%lldh", (long long)days, (long long)(hours % 24));
	else if (days < 2 * 365)
		buf_addf(out, "%lldd", (long long)days);
	else if (days < 8 * 365 && days % 365)
		buf_addf(out, "%lldy%lldd", (long long)(days / 365), (long long)(days % 365));
	else
		buf_addf(out, "%lldy", (long long)(days / 365));
}

void cell_age(struct buf *out, struct slice timestamp, msec now)
{
	msec then;
	if (time_parse(timestamp, &then) < 0)
		buf_add_str(out, "<unknown>");
	else
		add_duration(out, (now - then) / 1000);
}

static void age(const struct js *o, msec now, struct buf *out)
{
	cell_age(out, js_text(js_path(o, "metadata", "creationTimestamp")), now);
}

static void or_none(struct buf *out, const char *none)
{
	if (!out->len)
		buf_add_str(out, none);
}

static void add_item(struct buf *out, struct slice text)
{
	buf_add_str(out, out->len ? "," : "");
	buf_add_slice(out, text);
}

static void add_texts(struct buf *out, const struct js *list)
{
	for (size_t i = 0; i < js_len(list); i++)
		add_item(out, js_text(js_item(list, i)));
}

static void service_cluster_ip(const struct js *o, msec now, struct buf *out)
{
	buf_add_slice(out, js_text(js_path(o, "spec", "clusterIP")));
	or_none(out, "<none>");
}

static void service_external_ip(const struct js *o, msec now, struct buf *out)
{
	struct slice type = js_text(js_path(o, "spec", "type"));
	const struct js *ingress = js_path(o, "status", "loadBalancer", "ingress");
	bool balancer = slice_is(type, "LoadBalancer");
	if (slice_is(type, "ExternalName")) {
		buf_add_slice(out, js_text(js_path(o, "spec", "externalName")));
		return;
	}
	for (size_t i = 0; balancer && i < js_len(ingress); i++) {
		const struct js *entry = js_item(ingress, i);
		add_item(out, js_text(js_get(entry, js_has(entry, "ip") ? "ip" : "hostname")));
	}
	add_texts(out, js_path(o, "spec", "externalIPs"));
	or_none(out, balancer ? "<pending>" : "<none>");
}

static void service_ports(const struct js *o, msec now, struct buf *out)
{
	const struct js *ports = js_path(o, "spec", "ports");
	for (size_t i = 0; i < js_len(ports); i++) {
		const struct js *p = js_item(ports, i);
		buf_addf(out, "%s%lld", i ? "," : "", (long long)js_int(js_get(p, "port"), 0));
		if (js_int(js_get(p, "nodePort"), 0))
			buf_addf(out, ":%lld", (long long)js_int(js_get(p, "nodePort"), 0));
		buf_add_char(out, '/');
		buf_add_slice(out, js_text(js_get(p, "protocol")));
	}
	or_none(out, "<none>");
}

static void service_selector(const struct js *o, msec now, struct buf *out)
{
	for (struct js_iter it = js_iter(js_path(o, "spec", "selector")); js_next(&it);)
		buf_addf(out, "%s%s=%.*s", out->len ? "," : "", it.key, SLICE_ARG(js_text(it.value)));
	or_none(out, "<none>");
}

static void node_status(const struct js *o, msec now, struct buf *out)
{
	const struct js *conditions = js_path(o, "status", "conditions");
	for (size_t i = 0; i < js_len(conditions); i++) {
		const struct js *c = js_item(conditions, i);
		if (slice_is(js_text(js_get(c, "type")), "Ready"))
			buf_add_str(out,
				    slice_is(js_text(js_get(c, "status")), "True") ? "Ready" : "NotReady");
	}
	or_none(out, "Unknown");
	if (js_bool(js_path(o, "spec", "unschedulable"), false))
		buf_add_str(out, ",SchedulingDisabled");
}

static void node_roles(const struct js *o, msec now, struct buf *out)
{
	static const char prefix[] = "node-role.kubernetes.io/";
	for (struct js_iter it = js_iter(js_path(o, "metadata", "labels")); js_next(&it);)
		if (strncmp(it.key, prefix, sizeof(prefix) - 1) == 0)
			add_item(out, slice_of(it.key + sizeof(prefix) - 1));
	or_none(out, "<none>");
}

static void node_address(const struct js *o, const char *type, struct buf *out)
{
	const struct js *addresses = js_path(o, "status", "addresses");
	for (size_t i = 0; i < js_len(addresses) && !out->len; i++)
		if (slice_is(js_text(js_get(js_item(addresses, i), "type")), type))
			buf_add_slice(out, js_text(js_get(js_item(addresses, i), "address")));
	or_none(out, "<none>");
}

static void node_internal_ip(const struct js *o, msec now, struct buf *out)
{
	node_address(o, "InternalIP", out);
}

static void node_external_ip(const struct js *o, msec now, struct buf *out)
{
	node_address(o, "ExternalIP", out);
}

static void configmap_data(const struct js *o, msec now, struct buf *out)
{
	buf_addf(out, "%zu", js_len(js_get(o, "data")) + js_len(js_get(o, "binaryData")));
}

static struct slice first_text(const struct js *a, const struct js *b, const struct js *c)
{
	return js_text(a).len ? js_text(a) : js_text(b).len ? js_text(b) : js_text(c);
}

static void event_last_seen(const struct js *o, msec now, struct buf *out)
{
	const struct js *series = js_path(o, "series", "lastObservedTime");
	cell_age(out, first_text(series, js_get(o, "lastTimestamp"), js_get(o, "eventTime")), now);
}

static void event_first_seen(const struct js *o, msec now, struct buf *out)
{
	cell_age(out,
		 first_text(js_get(o, "firstTimestamp"), js_get(o, "eventTime"),
			    js_path(o, "metadata", "creationTimestamp")),
		 now);
}

static void event_object(const struct js *o, msec now, struct buf *out)
{
	const struct js *about = js_get(o, "involvedObject");
	struct slice kind = js_text(js_get(about, "kind"));
	for (size_t i = 0; i < kind.len; i++)
		buf_add_char(out, (char)(kind.ptr[i] >= 'A' && kind.ptr[i] <= 'Z' ? kind.ptr[i] + 32
										  : kind.ptr[i]));
	buf_add_char(out, '/');
	buf_add_slice(out, js_text(js_get(about, "name")));
}

static void event_source(const struct js *o, msec now, struct buf *out)
{
	buf_add_slice(out,
		      first_text(js_path(o, "source", "component"), js_get(o, "reportingComponent"), NULL));
	if (js_text(js_path(o, "source", "host")).len)
		add_item(out, js_text(js_path(o, "source", "host")));
}

static void event_count(const struct js *o, msec now, struct buf *out)
{
	buf_addf(out, "%lld",
		 (long long)js_int(js_path(o, "series", "count"), js_int(js_get(o, "count"), 1)));
}

static void slice_ports(const struct js *o, msec now, struct buf *out)
{
	const struct js *ports = js_get(o, "ports");
	for (size_t i = 0; i < js_len(ports); i++)
		buf_addf(out, "%s%lld", i ? "," : "",
			 (long long)js_int(js_get(js_item(ports, i), "port"), 0));
	or_none(out, "<unset>");
}

static void slice_endpoints(const struct js *o, msec now, struct buf *out)
{
	const struct js *endpoints = js_get(o, "endpoints");
	for (size_t i = 0; i < js_len(endpoints); i++)
		add_texts(out, js_get(js_item(endpoints, i), "addresses"));
	or_none(out, "<unset>");
}

static void ip_parent(const struct js *o, msec now, struct buf *out)
{
	static const char *const parts[] = { "group", "resource", "namespace", "name" };
	const struct js *ref = js_path(o, "spec", "parentRef");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct slice s = js_text(js_get(ref, parts[i]));
		if (!s.len)
			continue;
		buf_add_str(out, out->len ? "/" : "");
		buf_add_slice(out, s);
	}
}

static void cidrs(const struct js *o, msec now, struct buf *out)
{
	add_texts(out, js_path(o, "spec", "cidrs"));
}

static const struct {
	const char *name;
	void (*fn)(const struct js *o, msec now, struct buf *out);
} cells[] = {
	{ "age", age },
	{ "cidrs", cidrs },
	{ "configmap-data", configmap_data },
	{ "event-count", event_count },
	{ "event-first-seen", event_first_seen },
	{ "event-last-seen", event_last_seen },
	{ "event-object", event_object },
	{ "event-source", event_source },
	{ "ip-parent", ip_parent },
	{ "node-external-ip", node_external_ip },
	{ "node-internal-ip", node_internal_ip },
	{ "node-roles", node_roles },
	{ "node-status", node_status },
	{ "service-cluster-ip", service_cluster_ip },
	{ "service-external-ip", service_external_ip },
	{ "service-ports", service_ports },
	{ "service-selector", service_selector },
	{ "slice-endpoints", slice_endpoints },
	{ "slice-ports", slice_ports },
};

struct js *cell_compute(const char *name, const struct js *object, msec now)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(CELL_MAX);
	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		if (strcmp(cells[i].name, name) == 0) {
			cells[i].fn(object, now, &text);
			return js_new_text(buf_slice(&text));
		}
	}
	return NULL;
}
