#include "view/parts.h"

#include <errno.h>
#include <stdio.h>

static void read_quotas(const struct js *list, struct policy_view *v)
{
	size_t n = js_type(list) == JS_ARRAY ? js_len(list) : 0;
	v->quotas = xcalloc(n, sizeof(*v->quotas));
	v->quota_parts = xcalloc(n, sizeof(*v->quota_parts));
	for (size_t i = 0; i < n; i++) {
		const struct js *q = js_item(list, i);
		struct quota_view *part = &v->quota_parts[i];
		int64_t max = js_int(js_get(q, "maxAddresses"), INT64_MAX);
		read_selector(js_get(q, "namespaceSelector"), &part->selector);
		size_t n_namespaces = read_texts(js_get(q, "namespaces"), &part->namespaces);
		v->quotas[i] = (struct quota_in){
			.has_selector = js_type(js_get(q, "namespaceSelector")) == JS_OBJECT,
			.matches = part->selector.matches,
			.n_matches = part->selector.n,
			.namespaces = part->namespaces,
			.n_namespaces = n_namespaces,
			.max_addresses = max < 0 ? 0 : (uint64_t)max,
		};
	}
	v->in.quotas = v->quotas;
	v->in.n_quotas = n;
}

/* A percentage is a text, a count a number. */
static const char *read_watermark(const struct js *value, char number[WATERMARK_MAX])
{
	if (js_type(value) != JS_INT)
		return js_str(value);
	(void)snprintf(number, WATERMARK_MAX, "%lld", (long long)js_int(value, 0));
	return number;
}

static int32_t clamp(int64_t v)
{
	return (int32_t)(v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : v);
}

int view_policy(const struct js *object, struct policy_view *ret, struct err *e)
{
	const struct js *meta = js_get(object, "metadata"), *spec = js_get(object, "spec");
	if (!view_name(object))
		return err_set(e, EINVAL, "a policy without name");
	*ret = (struct policy_view){ 0 };
	struct policy_in *in = &ret->in;
	in->name = view_name(object);
	in->uid = js_str(js_get(meta, "uid"));
	in->resource_version = js_str(js_get(meta, "resourceVersion"));
	in->generation = js_int(js_get(meta, "generation"), 0);
	in->pool_name = js_str(js_get(spec, "poolName"));
	in->has_selector = js_type(js_get(spec, "poolSelector")) == JS_OBJECT;
	read_selector(js_get(spec, "poolSelector"), &ret->selector);
	in->matches = ret->selector.matches;
	in->n_matches = ret->selector.n;
	in->priority = clamp(js_int(js_get(spec, "priority"), 0));
	in->n_exclude = read_texts(js_get(spec, "exclude"), &ret->exclude);
	in->exclude = ret->exclude;
	in->reuse_after = js_str(js_get(spec, "reuseAfter"));
	in->reuse_early = js_bool(js_get(spec, "reuseEarly"), true);
	in->auto_assign = js_bool(js_get(spec, "autoAssign"), true);
	in->protect = js_bool(js_get(spec, "protect"), false);
	in->keep = slice_is(js_text(js_get(spec, "onShrink")), "Keep");
	in->low_watermark = read_watermark(js_get(spec, "lowWatermark"), ret->watermark);
	read_quotas(js_get(spec, "quotas"), ret);
	read_conditions(js_path(object, "status", "conditions"), &ret->conditions);
	in->conditions = ret->conditions.items;
	in->n_conditions = ret->conditions.n;
	return 0;
}

void policy_view_done(struct policy_view *v)
{
	for (size_t i = 0; i < v->in.n_quotas; i++) {
		selector_view_done(&v->quota_parts[i].selector);
		free(v->quota_parts[i].namespaces);
	}
	free(v->quotas);
	free(v->quota_parts);
	free(v->exclude);
	selector_view_done(&v->selector);
	conditions_view_done(&v->conditions);
	*v = (struct policy_view){ 0 };
}
