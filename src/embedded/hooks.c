#include "embedded/hooks.h"

#include "embedded/meta.h"

static void address_validate(const struct write *w, const struct js *old, const struct js *object,
			     struct problems *p)
{
	const struct js *name = js_path(object, "metadata", "name"),
			*ref = js_path(object, "spec", "parentRef");
	struct net_ip ip;
	char text[NET_TEXT_MAX];
	if (!net_ip_parse(meta_name(object), &ip) || strcmp(net_ip_format(&ip, text), meta_name(object)) != 0)
		problem_add(p, PROBLEM_INVALID, "metadata.name", name,
			    "must be a valid IP address in canonical form");
	if (js_type(ref) != JS_OBJECT) {
		problem_add(p, PROBLEM_REQUIRED, "spec.parentRef", NULL, "%s", "");
		return;
	}
	if (!js_text(js_get(ref, "resource")).len)
		problem_add(p, PROBLEM_REQUIRED, "spec.parentRef.resource", NULL, "%s", "");
	if (!js_text(js_get(ref, "name")).len)
		problem_add(p, PROBLEM_REQUIRED, "spec.parentRef.name", NULL, "%s", "");
	if (old && !js_equal(ref, js_path(old, "spec", "parentRef")))
		problem_add(p, PROBLEM_INVALID, "spec.parentRef", ref, "field is immutable");
}

const struct hooks address_hooks = { .resource = "ipaddresses.networking.k8s.io",
				     .validate = address_validate };

/* What a controller of the control plane says about a ServiceCIDR. */
static void cidr_defaults(const struct write *w, const struct js *old, struct js *object)
{
	struct js *status = js_need_object(object, "status");
	char now[RFC3339_MAX];
	if (js_len(js_get(status, "conditions")))
		return;
	struct js *list = js_new_array(), *c = js_new_object();
	js_set(c, "lastTransitionTime", js_new_str(meta_now(now)));
	js_set(c, "message", js_new_str("Kubernetes Service CIDR is ready"));
	js_set(c, "reason", js_new_str("Ready"));
	js_set(c, "status", js_new_str("True"));
	js_set(c, "type", js_new_str("Ready"));
	js_push(list, c);
	js_set(status, "conditions", list);
}

static void cidr_validate(const struct write *w, const struct js *old, const struct js *object,
			  struct problems *p)
{
	const struct js *cidrs = js_path(object, "spec", "cidrs");
	if (js_len(cidrs) == 0)
		problem_add(p, PROBLEM_REQUIRED, "spec.cidrs", NULL, "at least one CIDR required");
	if (js_len(cidrs) > 2)
		problem_add(p, PROBLEM_INVALID, "spec.cidrs", cidrs, "may only hold up to 2 values");
	/* A second family may be added, what is there stays. */
	const struct js *was = js_path(old, "spec", "cidrs");
	for (size_t i = 0; i < js_len(was); i++)
		if (!js_equal(js_item(was, i), js_item(cidrs, i)))
			problem_add(p, PROBLEM_INVALID, "spec.cidrs", cidrs, "field is immutable");
}

const struct hooks cidr_hooks = { .resource = "servicecidrs.networking.k8s.io",
				  .defaults = cidr_defaults,
				  .validate = cidr_validate };

const struct hooks *hooks_of(const struct kind *k)
{
	static const struct hooks *const all[] = { &service_hooks, &namespace_hooks, &address_hooks,
						   &cidr_hooks,    &crd_hooks,       &event_hooks };
	for (size_t i = 0; k->builtin && i < ARRAY_LEN(all); i++)
		if (strcmp(all[i]->resource, k->stored_as) == 0)
			return all[i];
	return NULL;
}
