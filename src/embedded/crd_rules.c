/* The rules of the CRDs in deploy/crds that a real server evaluates as CEL, said once more in C: there is no
 * CEL engine in here. One set of cases runs against both (tests/unit/embedded/cases), so that they stay in
 * step. */
#include "embedded/hooks.h"

#include <stdio.h>

enum { FIELD_MAX = 128 };

static bool text_is(const struct js *object, const char *key, const char *a, const char *b)
{
	struct slice s = js_text(js_get(object, key));
	return slice_is(s, a) || slice_is(s, b);
}

static void fail(struct problems *p, const char *field, const char *message)
{
	problem_add(p, PROBLEM_INVALID, field, NULL, "\"object\": %s", message);
}

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

static const struct {
	const char *group, *kind;
	void (*check)(const struct js *object, struct problems *p);
} rules[] = {
	{ "cilium.io", "CiliumLoadBalancerIPPool", check_pool },
};

void crd_rules_check(const struct kind *k, const struct js *object, struct problems *p)
{
	for (size_t i = 0; !k->builtin && i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].group, k->group) == 0 && strcmp(rules[i].kind, k->kind) == 0)
			rules[i].check(object, p);
}
