/* From the watches to the core. */
#include "operator/internal.h"
#include "view/tell.h"

#include <stdio.h>

static const enum resource_id resources[IPAM_KINDS] = {
	[KIND_SERVICE] = RES_SERVICES,          [KIND_POOL] = RES_CILIUM_POOLS,
	[KIND_RECORD] = RES_IPADDRESSES,        [KIND_NODE] = RES_NODES,
	[KIND_SERVICE_CIDR] = RES_SERVICECIDRS, [KIND_POLICY] = RES_POOL_POLICIES,
	[KIND_RESERVATION] = RES_RESERVATIONS,  [KIND_NAMESPACE] = RES_NAMESPACES,
	[KIND_CILIUM_NODE] = RES_CILIUM_NODES,
};

/* kube-apiserver keeps one IPAddress for each ClusterIP. Those lie inside a ServiceCIDR, which is
 * carved out of every pool, so they need not be read at all. */
static const char not_cluster_ips[] = "ipaddress.kubernetes.io/managed-by!=ipallocator.k8s.io";

static void malformed(struct berth_operator *o, enum ipam_kind kind, const char *what)
{
	log_warn(o->config.log, "an object is skipped: it cannot be read",
		 KV("resource", resource(resources[kind])->plural), KV("why", what));
}

void feed_object(struct berth_operator *o, enum ipam_kind kind, const struct js *object, enum told_by by)
{
	struct err e = { 0 };
	int r = view_tell(o->ipam, kind, object, &o->view, by, operator_now(o), &e);
	if (r < 0)
		malformed(o, kind, e.msg);
	operator_kick(o);
}

/* A follower lists and watches, so that it knows that it may and can; what it hears it lets go. A leader
 * reads all of it anew in any case, and so begins with the same empty picture as one that starts alone. */
static bool is_deaf(const struct feed *f)
{
	return !f->o->leads || !f->o->installed;
}

static void on_begin(void *arg)
{
	struct feed *f = arg;
	if (!is_deaf(f))
		ipam_list_begin(f->o->ipam, f->kind);
}

static void measure(const struct feed *f, enum event_kind kind, int64_t since)
{
	if (f->o->config.times && (f->kind == KIND_SERVICE || f->kind == KIND_POOL))
		event_times_add(f->o->config.times, f->kind == KIND_SERVICE ? EVENT_SERVICE : EVENT_POOL,
				kind, (double)(loop_nanos() - since) / 1e9);
}

static void on_upsert(struct js *object, void *arg)
{
	struct feed *f = arg;
	int64_t since = loop_nanos();
	if (is_deaf(f))
		return;
	feed_object(f->o, f->kind, object, TOLD_BY_WATCH);
	measure(f, EVENT_UPSERT, since);
}

/* Most of what the watches tell are our own writes, whose answers came before. */
static bool is_known(const struct object_id *id, void *arg)
{
	struct feed *f = arg;
	int64_t since = loop_nanos();
	if (!view_known(f->o->ipam, f->kind, id->namespace, id->name, id->uid, id->resource_version))
		return false;
	measure(f, EVENT_UPSERT, since);
	return true;
}

static void on_deleted(struct js *object, void *arg)
{
	struct feed *f = arg;
	int64_t since = loop_nanos();
	if (is_deaf(f))
		return;
	view_tell_deleted(f->o->ipam, f->kind, object, operator_now(f->o));
	measure(f, EVENT_DELETE, since);
	operator_kick(f->o);
}

static void on_end(void *arg)
{
	struct feed *f = arg;
	bool was = ipam_ready(f->o->ipam), recorded = ipam_records(f->o->ipam);
	f->told = true;
	if (is_deaf(f))
		return;
	ipam_list_end(f->o->ipam, f->kind, operator_now(f->o));
	if (!was && ipam_ready(f->o->ipam)) {
		struct ipam_stats s;
		ipam_stats(f->o->ipam, &s);
		log_info(f->o->config.log, "all lists are complete", KVN("services", s.services),
			 KVN("ours", s.services_ours),
			 KV("records", ipam_records(f->o->ipam) ? "on" : "off"));
	} else if (!recorded && ipam_records(f->o->ipam)) {
		log_info(f->o->config.log, "records are served now, and are on");
	}
	operator_kick(f->o);
}

/* A kind that is not served counts as empty, but what pools, policies and reservations said is kept, and
 * records that were wanted by name are waited for. */
static void kind_is_missing(struct feed *f)
{
	struct berth_operator *o = f->o;
	if (f->kind == KIND_RECORD && (o->config.records == RECORDS_ALWAYS || ipam_ready(o->ipam)))
		return;
	f->told = true;
	if (is_deaf(f))
		return;
	if (f->kind == KIND_POOL || f->kind == KIND_RECORD || f->kind == KIND_POLICY ||
	    f->kind == KIND_RESERVATION || f->kind == KIND_CILIUM_NODE) {
		ipam_kind_lost(o->ipam, f->kind, operator_now(o));
	} else {
		ipam_list_begin(o->ipam, f->kind);
		if (f->kind == KIND_SERVICE_CIDR)
			ipam_service_cidr(o->ipam, "--service-cluster-ip-range", o->config.service_ranges,
					  o->config.n_service_ranges, operator_now(o));
		ipam_list_end(o->ipam, f->kind, operator_now(o));
	}
}

static void on_state(enum reflector_state s, const char *why, void *arg)
{
	struct feed *f = arg;
	const struct log *log = f->o->config.log;
	const char *plural = resource(resources[f->kind])->plural;
	bool changed = s != f->state || strcmp(why, f->why) != 0;
	f->state = s;
	(void)snprintf(f->why, sizeof(f->why), "%s", why);
	if (!changed)
		return;
	switch (s) {
	case REFLECTOR_FORBIDDEN:
		log_error(log, "not allowed: grant the verbs list and watch on this resource",
			  KV("resource", plural), KV("why", why));
		/* Pools that were read once and may not be read any more are kept as they were. */
		if (is_deaf(f))
			f->told = false;
		else if (f->kind == KIND_POOL && reflector_synced(f->reflector))
			ipam_kind_lost(f->o->ipam, f->kind, operator_now(f->o));
		break;
	case REFLECTOR_NOT_SERVED:
		log_warn(log, "the API does not serve this resource; looking again", KV("resource", plural));
		kind_is_missing(f);
		break;
	case REFLECTOR_RETRYING:
		log_warn(log, "a watch broke; trying again", KV("resource", plural), KV("why", why));
		break;
	case REFLECTOR_LISTING:
	case REFLECTOR_WATCHING:
		log_debug(log, reflector_state_name(s), KV("resource", plural));
		break;
	}
	operator_kick(f->o);
}

static void on_bad(const char *why, void *arg)
{
	struct feed *f = arg;
	malformed(f->o, f->kind, why);
}

static const struct reflector_ops ops = {
	.list_begin = on_begin,
	.upsert = on_upsert,
	.known = is_known,
	.deleted = on_deleted,
	.list_end = on_end,
	.state = on_state,
	.bad = on_bad,
};

void feeds_start(struct berth_operator *o)
{
	for (int k = 0; k < IPAM_KINDS; k++) {
		struct feed *f = &o->feeds[k];
		*f = (struct feed){ .o = o, .kind = (enum ipam_kind)k };
		if (k == KIND_RECORD && o->config.records == RECORDS_NEVER)
			continue;
		/* Without a cluster pool they are nobody's business, and nobody need allow us to read them.
		 */
		if (k == KIND_CILIUM_NODE && !o->config.ipam.cluster_pool)
			continue;
		f->reflector = reflector_new(&(struct reflector_options){
			.kube = o->kube,
			.resource = resource(resources[k]),
			.label_selector = k == KIND_RECORD ? not_cluster_ips : NULL,
			.keep = view_fields((enum ipam_kind)k),
			/* A CRD may come at any time, and somebody waits for what it brings; and no address
			 * is fenced while records are not served. */
			.look_again = k == KIND_POOL || k == KIND_POLICY || k == KIND_RESERVATION ||
						      k == KIND_RECORD ||
						      (k == KIND_CILIUM_NODE &&
						       o->config.ipam.cluster_pool->resource ==
							       NODE_RESOURCE_CILIUM_NODES)
					      ? 5000
					      : 0,
			/* These would count as empty, and much would be given that is not free. Of pools
			 * the core has a care of its own. */
			.doubts_404 = k != KIND_POOL,
			.seed = o->config.seed + (uint64_t)k,
			.ops = &ops,
			.arg = f,
		});
	}
}

void feeds_relist(struct berth_operator *o)
{
	for (int k = 0; k < IPAM_KINDS; k++) {
		struct feed *f = &o->feeds[k];
		f->told = false;
		/* Whatever its state will be is news to whom it leads. */
		f->state = REFLECTOR_LISTING;
		f->why[0] = '\0';
		if (f->reflector)
			reflector_relist(f->reflector);
	}
}

void feeds_free(struct berth_operator *o)
{
	for (int k = 0; k < IPAM_KINDS; k++) {
		reflector_free(o->feeds[k].reflector);
		o->feeds[k].reflector = NULL;
	}
}
