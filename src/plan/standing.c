#include "plan/standing.h"

struct cluster *standing_cluster(const struct standing_in *in)
{
	struct cluster *c = cluster_new(in->config, in->view, in->wall);
	for (size_t i = 0; i < js_len(in->objects); i++)
		(void)cluster_put(c, js_item(in->objects, i), NULL);
	cluster_set_lost(c, KIND_POOL, !in->pools_served);
	cluster_sync(c);
	return c;
}

const struct js *standing_condition(const struct js *object, const char *type)
{
	const struct js *list = js_path(object, "status", "conditions");
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_get(js_item(list, i), "type")), type))
			return js_item(list, i);
	return NULL;
}
