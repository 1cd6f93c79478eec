/* Objects of the API, whatever their shape: read as berth reads them, and given to a core that decides
 * on them until it is quiet; told the same once more it writes nothing. Input: one JSON object, or an array
 * of them. */
#include "data/json_keep.h"
#include "plan/cluster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EFFECTS_MAX = 1000, PATIENCE = 3600 * 1000, WALL = 1700000000 };

static void tell_again(struct js *object, void *cluster)
{
	(void)cluster_put(cluster, object, NULL);
}

/* Each object as it stands, in a new version: there is nothing to write then. */
static void same_again(struct cluster *c)
{
	static const char *const kinds[] = { "Service",      "CiliumLoadBalancerIPPool",
					     "IPAddress",    "Node",
					     "CiliumNode",   "ServiceCIDR",
					     "Namespace",    "IPPoolPolicy",
					     "IPReservation" };
	cluster_reset_writes(c);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		cluster_each(c, kinds[i], tell_again, c);
	(void)cluster_run(c, EFFECTS_MAX, 0);
	static const enum effect_kind writes[] = { EFFECT_RECORD_CREATE,      EFFECT_RECORD_PATCH,
						   EFFECT_RECORD_DELETE,      EFFECT_SERVICE_STATUS,
						   EFFECT_POOL_STATUS,        EFFECT_POLICY_STATUS,
						   EFFECT_RESERVATION_STATUS, EFFECT_NODE_PATCH,
						   EFFECT_CILIUM_NODE_PATCH,  EFFECT_CILIUM_NODE_ERROR,
						   EFFECT_CILIUM_NODE_DELETE };
	for (size_t i = 0; i < ARRAY_LEN(writes); i++)
		if (cluster_writes(c, writes[i]))
			abort();
}

static void decide_on(const struct js *document)
{
	static const char *const classes[] = { "berth.dev/lb", NULL }, *const managers[] = { "berth", NULL };
	const struct ipam_config config = {
		.opt_in = OPT_IN_ALL,
		.classes = classes,
		.proxy_name = "",
		.family_on = { true, true },
		.records = true,
		.classless_are_ours = true,
	};
	const struct view_config view = { .managers = managers, .metallb = true };
	CLEANUP(cluster_freep) struct cluster *c = cluster_new(&config, &view, (msec)WALL * 1000);
	if (js_type(document) != JS_ARRAY)
		(void)cluster_put(c, document, NULL);
	for (size_t i = 0; i < js_len(document) && js_type(document) == JS_ARRAY; i++)
		(void)cluster_put(c, js_item(document, i), NULL);
	cluster_sync(c);
	if (cluster_run(c, EFFECTS_MAX, PATIENCE) < EFFECTS_MAX)
		same_again(c);
	else if (js_len(document) < 10)
		abort(); /* a few objects and no end of writes */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	CLEANUP(js_freep) struct js *whole = NULL;
	bool good = js_parse(text, &whole, NULL) == 0;
	for (int k = 0; k < IPAM_KINDS; k++) {
		CLEANUP(js_freep) struct js *kept = NULL;
		/* What is good as a whole is good in part. */
		if (js_parse_kept(text, view_fields((enum ipam_kind)k), &kept, NULL) < 0 && good)
			abort();
	}
	if (good)
		decide_on(whole);
	return 0;
}
