#include "plan/defaults.h"

enum { FAMILIES_MAX = 2 };

static bool has_text(const struct js *list, const char *text)
{
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_item(list, i)), text))
			return true;
	return false;
}

void default_families(struct js *service, const struct js *service_cidr)
{
	const struct js *cidrs = js_path(service_cidr, "spec", "cidrs");
	struct js *spec = js_get(service, "spec");
	struct slice type = js_text(js_get(spec, "type")), policy = js_text(js_get(spec, "ipFamilyPolicy"));
	if (js_len(cidrs) == 0 || js_type(spec) != JS_OBJECT || slice_is(type, "ExternalName"))
		return;
	/* Two of them without a policy mean that both are needed. */
	if (!policy.len && js_len(js_get(spec, "ipFamilies")) == FAMILIES_MAX) {
		js_set(spec, "ipFamilyPolicy", js_new_str("RequireDualStack"));
		return;
	}
	const bool dual = slice_is(policy, "PreferDualStack") || slice_is(policy, "RequireDualStack");
	const size_t want = dual ? FAMILIES_MAX : 1;
	struct js *families = js_new_array();
	/* Those that are given come first, then the cluster's in its order. */
	const struct js *given = js_get(spec, "ipFamilies");
	for (size_t i = 0; i < js_len(given) && js_len(families) < want; i++)
		js_push(families, js_clone(js_item(given, i)));
	for (size_t i = 0; i < js_len(cidrs) && js_len(families) < want; i++) {
		struct slice cidr = js_text(js_item(cidrs, i));
		const char *family = cidr.len && memchr(cidr.ptr, ':', cidr.len) ? "IPv6" : "IPv4";
		if (!has_text(families, family))
			js_push(families, js_new_str(family));
	}
	js_set(spec, "ipFamilies", families);
}
