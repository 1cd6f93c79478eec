#include "view/parts.h"

#include "data/sha256.h"

#include <errno.h>

static const char key_opt_in[] = "io.cilium.operator.external-ips";
static const char our_condition[] = "cilium.io/IPAMRequestSatisfied";

/* The first key that exists wins, even if its value is empty. The MetalLB ones stand last. */
struct aliases {
	const char *keys[4];
	size_t n_plain; /* of those before the MetalLB ones */
};
static const struct aliases requests = {
	{ "lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips", "metallb.io/loadBalancerIPs",
	  "metallb.universe.tf/loadBalancerIPs" },
	2,
};
static const struct aliases sharing_key = {
	{ "lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key", "metallb.io/allow-shared-ip",
	  "metallb.universe.tf/allow-shared-ip" },
	2,
};
static const struct aliases sharing_namespaces = {
	{ "lbipam.cilium.io/sharing-cross-namespace", "io.cilium/lb-ipam-sharing-cross-namespace" },
	2,
};
static const struct aliases permit_different_pods = {
	{ "lbipam.cilium.io/sharing-permit-different-pods" },
	1,
};
static const struct aliases pools = {
	{ "berth.dev/pool", "metallb.io/address-pool", "metallb.universe.tf/address-pool" },
	1,
};

static const char *annotation(const struct js *annotations, const struct aliases *a, bool metallb)
{
	for (size_t i = 0; i < ARRAY_LEN(a->keys) && a->keys[i] && (i < a->n_plain || metallb); i++)
		if (js_has(annotations, a->keys[i]))
			return js_str(js_get(annotations, a->keys[i]));
	return NULL;
}

const char *view_name(const struct js *object)
{
	const char *name = js_str(js_path(object, "metadata", "name"));
	return name && name[0] ? name : NULL;
}

const char *view_namespace(const struct js *object)
{
	const char *ns = js_str(js_path(object, "metadata", "namespace"));
	return ns ? ns : "";
}

static void read_families(const struct js *spec, struct service_in *in)
{
	struct slice policy = js_text(js_get(spec, "ipFamilyPolicy"));
	in->policy = slice_is(policy, "PreferDualStack")    ? POLICY_PREFER_DUAL
		     : slice_is(policy, "RequireDualStack") ? POLICY_REQUIRE_DUAL
							    : POLICY_SINGLE;
	const struct js *list = js_get(spec, "ipFamilies");
	for (size_t i = 0; i < js_len(list) && in->n_families < SERVICE_FAMILIES_MAX; i++) {
		struct slice f = js_text(js_item(list, i));
		if (slice_is(f, "IPv4") || slice_is(f, "IPv6"))
			in->families[in->n_families++] = slice_is(f, "IPv4") ? IPV4 : IPV6;
	}
}

static void read_ports(const struct js *ports, struct service_view *v)
{
	v->ports = xcalloc(js_len(ports), sizeof(*v->ports));
	for (size_t i = 0; i < js_len(ports); i++) {
		int64_t port = js_int(js_get(js_item(ports, i), "port"), 0);
		const char *protocol = js_str(js_get(js_item(ports, i), "protocol"));
		if (port > 0 && port <= UINT16_MAX)
			v->ports[v->in.n_ports++] =
				(struct port_in){ (uint16_t)port,
						  (uint16_t)(protocol && protocol[0] ? protocol[0] : 'T') };
	}
	v->in.ports = v->ports;
}

/* An entry that says no more than its address needs no copy: the API fills in ipMode: VIP by itself. */
static bool is_plain(const struct js *entry)
{
	for (struct js_iter it = js_iter(entry); js_next(&it);) {
		if (strcmp(it.key, "ip") == 0 ||
		    (strcmp(it.key, "ipMode") == 0 && slice_is(js_text(it.value), "VIP")))
			continue;
		return false;
	}
	return true;
}

static void read_ingress(const struct js *list, struct service_view *v)
{
	size_t n = js_len(list);
	v->ingress = xcalloc(n, sizeof(*v->ingress));
	v->ingress_extra = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const struct js *entry = js_item(list, i);
		struct ingress_in *in = &v->ingress[i];
		in->has_ip = ip_parse(js_text(js_get(entry, "ip")), &in->ip, NULL) == 0;
		if (!in->has_ip || !is_plain(entry)) {
			struct buf text = BUF_INIT(64 * 1024);
			js_write(entry, &text);
			v->ingress_extra[i] = text.overflow ? NULL : buf_take(&text);
			buf_done(&text);
			in->extra = v->ingress_extra[i];
		}
	}
	v->in.ingress = v->ingress;
	v->in.n_ingress = n;
}

static void read_external_ips(const struct js *list, struct service_view *v)
{
	v->external_ips = xcalloc(js_len(list), sizeof(*v->external_ips));
	for (size_t i = 0; i < js_len(list); i++)
		if (ip_parse(js_text(js_item(list, i)), &v->external_ips[v->in.n_external_ips], NULL) == 0)
			v->in.n_external_ips++;
	v->in.external_ips = v->external_ips;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* It is kept as long as the Service is: of a long one the sum. */
enum { SELECTOR_KEPT_MAX = 1024 };

static char *in_short(struct buf *text)
{
	unsigned char sum[SHA256_BYTES];
	if (text->len <= SELECTOR_KEPT_MAX)
		return buf_take(text);
	sha256(buf_slice(text), sum);
	buf_clear(text);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		buf_addf(text, "%02x", sum[i]);
	char *sums = xstrdup(buf_str(text));
	buf_done(text);
	return sums;
}

/* "a=b,c=d" with sorted keys: two selectors are the same exactly if their texts are. */
static char *canonical_selector(const struct js *selector)
{
	size_t n = 0, len = js_len(selector);
	if (len == 0)
		return NULL;
	char **pairs = xcalloc(len, sizeof(char *));
	for (struct js_iter it = js_iter(selector); js_next(&it);) {
		const char *value = js_str(it.value);
		pairs[n++] = xasprintf("%s=%s", it.key, value ? value : "");
	}
	qsort(pairs, n, sizeof(char *), by_text);
	struct buf text = BUF_INIT(JS_SIZE_MAX);
	for (size_t i = 0; i < n; i++) {
		buf_addf(&text, "%s%s", i ? "," : "", pairs[i]);
		free(pairs[i]);
	}
	free(pairs);
	return in_short(&text);
}

static void read_condition(const struct js *list, struct service_in *in)
{
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *c = js_item(list, i);
		if (!slice_is(js_text(js_get(c, "type")), our_condition))
			continue;
		struct slice status = js_text(js_get(c, "status"));
		in->condition = slice_is(status, "True")    ? COND_TRUE
				: slice_is(status, "False") ? COND_FALSE
							    : COND_UNKNOWN;
		in->reason = js_str(js_get(c, "reason"));
		in->message = js_str(js_get(c, "message"));
	}
}

/* Who wrote f:ingress and any part of our condition. A merge patch on the status subresource leaves its
 * manager there just as an update does. */
static void read_managers(const struct js *list, const struct view_config *c, struct service_in *in)
{
	static const char key[] = "k:{\"type\":\"cilium.io/IPAMRequestSatisfied\"}";
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *entry = js_item(list, i), *status = js_path(entry, "fieldsV1", "f:status");
		const char *manager = js_str(js_get(entry, "manager"));
		bool ours = is_our_manager(c, manager);
		if (js_has(js_get(status, "f:loadBalancer"), "f:ingress")) {
			in->ingress_ours = in->ingress_ours || ours;
			if (!ours)
				in->ingress_manager = manager;
		}
		if (js_has(js_get(status, "f:conditions"), key)) {
			in->condition_ours = in->condition_ours || ours;
			if (!ours)
				in->condition_manager = manager;
		}
	}
}

static bool is_name(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.")] == '\0';
}

int view_service(const struct js *object, const struct view_config *c, struct service_view *ret,
		 struct err *e)
{
	const struct js *meta = js_get(object, "metadata"), *spec = js_get(object, "spec");
	const struct js *notes = js_get(meta, "annotations"), *status = js_get(object, "status");
	if (!view_name(object) || !view_namespace(object)[0])
		return err_set(e, EINVAL, "a Service without name or namespace");
	/* No API server lets such a name through; a manifest may have one, and lists of holders would break.
	 */
	if (!is_name(view_namespace(object)) || !is_name(view_name(object)))
		return err_set(e, EINVAL, "a Service whose name or namespace is no DNS name");
	*ret = (struct service_view){ 0 };
	struct service_in *in = &ret->in;
	in->namespace = view_namespace(object);
	in->name = view_name(object);
	in->uid = js_str(js_get(meta, "uid"));
	in->resource_version = js_str(js_get(meta, "resourceVersion"));
	(void)time_parse(js_text(js_get(meta, "creationTimestamp")), &in->created);
	in->deleting = js_has(meta, "deletionTimestamp");
	in->is_load_balancer = slice_is(js_text(js_get(spec, "type")), "LoadBalancer");
	in->class = js_str(js_get(spec, "loadBalancerClass"));
	in->opt_in = js_str(js_get(notes, key_opt_in));
	in->requests = annotation(notes, &requests, c->metallb);
	in->request_ip = js_str(js_get(spec, "loadBalancerIP"));
	in->sharing_key = annotation(notes, &sharing_key, c->metallb);
	in->sharing_namespaces = annotation(notes, &sharing_namespaces, c->metallb);
	const char *permit = annotation(notes, &permit_different_pods, c->metallb);
	if (permit)
		(void)slice_to_bool(slice_of(permit), &in->permit_different_pods);
	in->pools = annotation(notes, &pools, c->metallb);
	in->local = slice_is(js_text(js_get(spec, "externalTrafficPolicy")), "Local");
	read_families(spec, in);
	ret->in.n_labels = read_labels(js_get(meta, "labels"), &ret->labels);
	ret->in.labels = ret->labels;
	read_ingress(js_path(status, "loadBalancer", "ingress"), ret);
	read_external_ips(js_get(spec, "externalIPs"), ret);
	read_condition(js_get(status, "conditions"), in);
	read_managers(js_get(meta, "managedFields"), c, in);
	if (in->sharing_key) {
		read_ports(js_get(spec, "ports"), ret);
		in->pods = ret->pods = canonical_selector(js_get(spec, "selector"));
	}
	return 0;
}

void service_view_done(struct service_view *v)
{
	free(v->labels);
	free(v->ports);
	for (size_t i = 0; i < v->in.n_ingress && v->ingress_extra; i++)
		free(v->ingress_extra[i]);
	free(v->ingress_extra);
	free(v->ingress);
	free(v->external_ips);
	free(v->pods);
	*v = (struct service_view){ 0 };
}
