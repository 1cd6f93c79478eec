/* The rules of the CRDs in deploy/crds that a real server evaluates as CEL, said once more in C: there is no
 * CEL engine in here. One set of cases runs against both (tests/unit/embedded/cases), so that they stay in
 * step. */
#include "data/pattern.h"
#include "embedded/hooks.h"
#include "embedded/net.h"

#include <stdio.h>
#include <string.h>

enum { FIELD_MAX = 128 };

static bool text_is(const struct js *object, const char *key, const char *a, const char *b)
{
	struct slice s = js_text(js_get(object, key));
	return slice_is(s, a) || slice_is(s, b);
}

/* The API server shows the type that a rule is about, and not the value. */
static void fail_of(const char *type, struct problems *p, const char *field, const char *message)
{
	problem_add(p, PROBLEM_INVALID, field, NULL, "\"%s\": %s", type, message);
}

static void fail(struct problems *p, const char *field, const char *message)
{
	fail_of("object", p, field, message);
}

/* ---- texts --------------------------------------------------------------------------------------- */

/* An address without a dotted end behind colons; of either family (0), or of this one. Gives the family,
 * or 0 if it is none. */
static int family_of(struct slice text, int family)
{
	char copy[NET_TEXT_MAX];
	struct net_ip ip;
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len))
		return 0;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	if (!net_ip_parse(copy, &ip) || (ip.family == 6 && strchr(copy, '.')))
		return 0;
	return family == 0 || ip.family == family ? ip.family : 0;
}

static bool is_length(struct slice text, int family)
{
	uint64_t bits;
	if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0') || slice_to_u64(text, &bits) < 0)
		return false;
	return bits <= (family == 4 ? 32 : 128);
}

/* "10.0.0.1", "10.0.0.5-10.0.0.9", "10.0.0.0/24" */
static bool is_range(struct slice text)
{
	size_t at = 0;
	while (at < text.len && text.ptr[at] != '-' && text.ptr[at] != '/')
		at++;
	int family = family_of((struct slice){ text.ptr, at }, 0);
	if (!family || at == text.len)
		return family != 0;
	struct slice rest = { text.ptr + at + 1, text.len - at - 1 };
	return text.ptr[at] == '-' ? family_of(rest, family) != 0 : is_length(rest, family);
}

static bool matches(struct slice text, const char *expression)
{
	struct pattern *p = pattern_new(expression);
	bool good = text.ptr && pattern_matches(p, text.ptr);
	pattern_free(p);
	return good;
}

/* ---- rules --------------------------------------------------------------------------------------- */

/* As for any label selector of the API. */
static void check_selector(const struct js *selector, const char *at, struct problems *p)
{
	const struct js *list = js_get(selector, "matchExpressions");
	char field[FIELD_MAX];
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *e = js_item(list, i);
		size_t n = js_len(js_get(e, "values"));
		snprintf(field, sizeof(field), "%s.matchExpressions[%zu]", at, i);
		if (text_is(e, "operator", "In", "NotIn") && n == 0)
			fail(p, field, "values must not be empty for operator In or NotIn");
		if (text_is(e, "operator", "Exists", "DoesNotExist") && n > 0)
			fail(p, field, "values must be empty for operator Exists or DoesNotExist");
	}
}

static void check_pool(const struct js *pool, struct problems *p)
{
	const struct js *spec = js_get(pool, "spec"), *blocks = js_get(spec, "blocks");
	char field[FIELD_MAX];
	for (size_t i = 0; i < js_len(blocks); i++) {
		const struct js *b = js_item(blocks, i);
		bool cidr = js_has(b, "cidr"), start = js_has(b, "start"), stop = js_has(b, "stop");
		snprintf(field, sizeof(field), "spec.blocks[%zu]", i);
		if (!cidr && !start)
			fail(p, field, stop ? "stop needs start" : "a block needs cidr or start");
	}
	check_selector(js_get(spec, "serviceSelector"), "spec.serviceSelector", p);
}

static bool is_watermark(const struct js *v)
{
	return js_type(v) == JS_INT ? js_int(v, -1) >= 0 : matches(js_text(v), "^(100|[0-9]{1,2})%$");
}

static void check_quota(const struct js *quota, size_t i, struct problems *p)
{
	char field[FIELD_MAX];
	snprintf(field, sizeof(field), "spec.quotas[%zu]", i);
	if (js_has(quota, "namespaceSelector") == js_has(quota, "namespaces"))
		fail(p, field, "exactly one of namespaceSelector and namespaces must be given");
	snprintf(field, sizeof(field), "spec.quotas[%zu].namespaceSelector", i);
	check_selector(js_get(quota, "namespaceSelector"), field, p);
}

static void check_policy(const struct js *policy, struct problems *p)
{
	const struct js *spec = js_get(policy, "spec"), *exclude = js_get(spec, "exclude"),
			*quotas = js_get(spec, "quotas");
	char field[FIELD_MAX];
	if (js_has(spec, "poolName") == js_has(spec, "poolSelector"))
		fail(p, "spec", "exactly one of poolName and poolSelector must be given");
	check_selector(js_get(spec, "poolSelector"), "spec.poolSelector", p);
	for (size_t i = 0; i < js_len(exclude); i++) {
		snprintf(field, sizeof(field), "spec.exclude[%zu]", i);
		if (!is_range(js_text(js_item(exclude, i))))
			fail_of("string", p, field,
				"must be an address, a range as in 10.0.0.5-10.0.0.9, or a CIDR");
	}
	if (js_has(spec, "reuseAfter") && !matches(js_text(js_get(spec, "reuseAfter")),
						   "^(0|([0-9]{1,9}([.][0-9]{1,9})?(ns|us|ms|s|m|h))+)$"))
		fail_of("string", p, "spec.reuseAfter", "must be a duration as in 90s, 10m or 1h30m");
	if (js_has(spec, "lowWatermark") && !is_watermark(js_get(spec, "lowWatermark")))
		fail_of("", p, "spec.lowWatermark",
			"must be a percentage from 0% to 100%, or a count of addresses");
	for (size_t i = 0; i < js_len(quotas); i++)
		check_quota(js_item(quotas, i), i, p);
}

static void check_reservation(const struct js *reservation, struct problems *p)
{
	const struct js *list = js_path(reservation, "spec", "addresses");
	int families[2] = { 0, 0 };
	for (size_t i = 0; i < js_len(list); i++) {
		char field[FIELD_MAX];
		struct slice text = js_text(js_item(list, i));
		snprintf(field, sizeof(field), "spec.addresses[%zu]", i);
		if (!family_of(text, 0))
			fail_of("string", p, field, "must be an address as in 192.0.2.7 or 2001:db8::1");
		if (i < ARRAY_LEN(families))
			families[i] = text.len && memchr(text.ptr, ':', text.len) ? 6 : 4;
	}
	if (families[0] == families[1] && families[0])
		fail_of("array", p, "spec.addresses", "at most one address of each family may be given");
}

static const struct {
	const char *group, *kind;
	void (*check)(const struct js *object, struct problems *p);
} rules[] = {
	{ "cilium.io", "CiliumLoadBalancerIPPool", check_pool },
	{ "berth.dev", "IPPoolPolicy", check_policy },
	{ "berth.dev", "IPReservation", check_reservation },
};

void crd_rules_check(const struct kind *k, const struct js *object, struct problems *p)
{
	for (size_t i = 0; !k->builtin && i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].group, k->group) == 0 && strcmp(rules[i].kind, k->kind) == 0)
			rules[i].check(object, p);
}
