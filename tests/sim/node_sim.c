/* See README.md: nodes and Services that draw from one cluster pool. */
#include "node_check.h"
#include "seeds.h"

#include <stdio.h>

static const char *const classes[] = { "berth.dev/lb", NULL };
static const char *const managers[] = { "berth", NULL };
static const struct view_config view = { .managers = managers };

static int pick(struct node_sim *x, unsigned n)
{
	return (int)rng_below(&x->rng, n);
}

static bool chance(struct node_sim *x, int percent)
{
	return pick(x, 100) < percent;
}

static void put(struct node_sim *x, struct js *o)
{
	struct err e = { 0 };
	if (x->trace) {
		struct buf text = BUF_INIT(8192);
		js_write(o, &text);
		printf("%s\n", buf_str(&text));
		buf_done(&text);
	}
	if (cluster_put(x->cluster, o, &e) <= 0)
		broken(x, "cannot put: %s", e.msg);
	js_free(o);
}

static void drop(struct node_sim *x, const char *kind, const char *ns, const char *name)
{
	if (x->trace)
		printf("delete %s %s\n", kind, name);
	cluster_delete(x->cluster, kind, ns, name);
}

static struct js *texts(const char *one)
{
	struct js *list = js_new_array();
	if (one)
		js_push(list, js_new_str(one));
	return list;
}

/* It comes, perhaps with a CIDR that somebody else gave it, or with an address inside the space. */
static void make_node(struct node_sim *x, int i, enum node_side side)
{
	struct js *o = js_new_object(), *spec = js_need_object(o, "spec");
	char cidr[32], text[IP_TEXT_MAX];
	int prefix = chance(x, 60) ? 29 : 28 + pick(x, 3), size = 1 << (32 - prefix);
	js_set(o, "kind", js_new_str(side_kind(side)));
	js_set(js_need_object(o, "metadata"), "name", js_new_str(node_title(i)));
	(void)snprintf(cidr, sizeof(cidr), "10.0.0.%d/%d", pick(x, (unsigned)(SPACE / size)) * size, prefix);
	if (chance(x, 12)) {
		/* Somebody else says what it has now, and takes it from whoever waits. */
		x->nodes[i].had = 0;
		for (int j = 0; j < CLAIMANTS; j++)
			x->nodes[j].had = x->nodes[j].had & network(cidr) ? 0 : x->nodes[j].had;
		js_set(side == SIDE_NODE ? spec : js_need_object(spec, "ipam"), "podCIDRs", texts(cidr));
		if (side == SIDE_NODE)
			js_set(spec, "podCIDR", js_new_str(cidr));
	}
	if (side == SIDE_NODE && chance(x, 15)) {
		struct js *list = js_new_array(), *one = js_new_object();
		js_set(one, "address", js_new_str(text_of(pick(x, SPACE), text)));
		js_push(list, one);
		js_set(js_need_object(o, "status"), "addresses", list);
	}
	if (side == x->side)
		x->nodes[i].made_at = cluster_now(x->cluster).wall / 1000;
	put(x, o);
}

/* One of its objects is about to go or to come. What nobody had claimed for it is not kept for it. */
static void note_had(struct node_sim *x, int i, enum node_side side)
{
	char owner[32];
	(void)snprintf(owner, sizeof(owner), "node/%s", node_title(i));
	const addr_set has = pod_cidrs(x, i, SIDE_CILIUM);
	if (x->side != SIDE_CILIUM)
		return;
	if (side == SIDE_NODE || !node_object(x, i, SIDE_NODE))
		x->nodes[i].had = 0;
	else if (node_object(x, i, SIDE_CILIUM))
		x->nodes[i].had = has == claimed(x, owner) && !(has & all_pod_cidrs(x, i)) ? has : 0;
}

static void change_node(struct node_sim *x)
{
	int i = pick(x, CLAIMANTS);
	enum node_side side = chance(x, 60) ? x->side : chance(x, 50) ? SIDE_NODE : SIDE_CILIUM;
	note_had(x, i, side);
	if (side == x->side)
		x->nodes[i].waited = false;
	if (node_object(x, i, side))
		drop(x, side_kind(side), "", node_title(i));
	else
		make_node(x, i, side);
	if (chance(x, 10) && !node_object(x, i, side))
		make_node(x, i, side);
}

static void change_pool(struct node_sim *x)
{
	int p = pick(x, OWN_POOLS);
	struct own_pool *v = &x->pools[p];
	const char *name = p ? "q" : "p";
	char lo[IP_TEXT_MAX], hi[IP_TEXT_MAX];
	if (v->exists && chance(x, 50)) {
		v->exists = false;
		drop(x, "CiliumLoadBalancerIPPool", "", name);
		return;
	}
	if (!v->exists) {
		v->lo = pick(x, SPACE);
		v->hi = v->lo + pick(x, 4) < SPACE ? v->lo + pick(x, 4) : v->lo;
		v->hi = v->hi < SPACE ? v->hi : SPACE - 1;
		v->by_label = chance(x, 80);
	}
	v->disabled = chance(x, 20);
	v->exists = true;
	struct js *o = js_new_object(), *spec = js_need_object(o, "spec"), *list = js_new_array(),
		  *block = js_new_object();
	js_set(o, "kind", js_new_str("CiliumLoadBalancerIPPool"));
	js_set(js_need_object(o, "metadata"), "name", js_new_str(name));
	js_set(block, "start", js_new_str(text_of(v->lo, lo)));
	js_set(block, "stop", js_new_str(text_of(v->hi, hi)));
	js_push(list, block);
	js_set(spec, "blocks", list);
	js_set(spec, "disabled", js_new_bool(v->disabled));
	if (v->by_label)
		js_set(js_need_object(js_need_object(spec, "serviceSelector"), "matchLabels"), "t",
		       js_new_str("1"));
	const struct js *old = cluster_get(x->cluster, "CiliumLoadBalancerIPPool", "", name);
	if (old)
		js_set(o, "status", js_clone(js_get(old, "status")));
	put(x, o);
}

static void change_service_cidr(struct node_sim *x)
{
	int lo = pick(x, SPACE / 4) * 4;
	char text[32];
	(void)snprintf(text, sizeof(text), "10.0.0.%d/30", lo);
	const bool any = chance(x, 50);
	x->service_cidr = any ? bits(lo, lo + 3) : 0;
	struct js *o = js_new_object();
	js_set(o, "kind", js_new_str("ServiceCIDR"));
	js_set(js_need_object(o, "metadata"), "name", js_new_str("c"));
	js_set(js_need_object(o, "spec"), "cidrs", texts(any ? text : NULL));
	put(x, o);
}

static void change_service(struct node_sim *x)
{
	static const char *const names[] = { "", "cluster-pool", "p,cluster-pool" };
	int s = pick(x, TAKERS);
	struct taker *v = &x->services[s];
	char text[IP_TEXT_MAX];
	if (v->exists && chance(x, 60)) {
		v->exists = false;
		drop(x, "Service", "team", taker_title(s));
		return;
	}
	*v = (struct taker){
		.exists = true,
		.label = chance(x, 30),
		.request = chance(x, 80) ? -1 : pick(x, SPACE),
		.named = chance(x, 75) ? NAMED_NONE : (enum named)pick(x, 3),
	};
	const struct js *old = cluster_get(x->cluster, "Service", "team", taker_title(s));
	struct js *o = js_new_object(), *meta = js_need_object(o, "metadata"),
		  *notes = js_need_object(meta, "annotations");
	js_set(o, "kind", js_new_str("Service"));
	js_set(meta, "name", js_new_str(taker_title(s)));
	js_set(meta, "namespace", js_new_str("team"));
	if (v->label)
		js_set(js_need_object(meta, "labels"), "t", js_new_str("1"));
	js_set(notes, "io.cilium.operator.external-ips", js_new_str("true"));
	if (v->named)
		js_set(notes, "berth.dev/pool", js_new_str(names[v->named]));
	if (v->request >= 0)
		js_set(notes, "lbipam.cilium.io/ips", js_new_str(text_of(v->request, text)));
	js_set(js_need_object(o, "spec"), "type", js_new_str("LoadBalancer"));
	if (old) {
		js_set(o, "status", js_clone(js_get(old, "status")));
		js_set(meta, "managedFields", js_clone(js_path(old, "metadata", "managedFields")));
	}
	put(x, o);
}

static void change(struct node_sim *x)
{
	int r = pick(x, 100);
	for (int i = 0; i < CLAIMANTS; i++)
		x->nodes[i].passed_by = NULL;
	r < 45   ? change_service(x)
	: r < 85 ? change_node(x)
	: r < 94 ? change_pool(x)
		 : change_service_cidr(x);
}

static void one_step(struct node_sim *x)
{
	if (chance(x, 4)) {
		if (x->trace)
			printf("restart\n");
		cluster_restart(x->cluster, &x->config);
		for (int n = pick(x, 4); n; n--)
			change(x);
		cluster_sync(x->cluster);
	} else {
		change(x);
	}
	if (chance(x, 50))
		cluster_run(x->cluster, (size_t)pick(x, 8), 0);
	else if (cluster_run(x->cluster, EFFECTS_MAX, pick(x, 3000)) == EFFECTS_MAX)
		broken(x, "it works without end");
	cluster_advance(x->cluster, pick(x, 1500));
}

static struct range range_of(int lo, int hi)
{
	return (struct range){ ip_make(IPV4, 0x0a000000u + (unsigned)lo),
			       ip_make(IPV4, 0x0a000000u + (unsigned)hi) };
}

static void run(struct node_sim *x, unsigned steps)
{
	const bool split = chance(x, 50), confined = chance(x, 30);
	x->entries[0] = range_of(split ? SPACE / 2 : 0, SPACE - 1);
	x->entries[1] = range_of(0, SPACE / 2 - 1);
	x->pods = range_of(SPACE / 4, SPACE / 2 - 1);
	x->side = chance(x, 50) ? SIDE_NODE : SIDE_CILIUM;
	x->pool = (struct cluster_pool_config){
		.family[IPV4] = { .entries = x->entries,
				  .n_entries = split ? 2 : 1,
				  .mask = 29,
				  .pods = confined ? &x->pods : NULL,
				  .n_pods = confined },
		.external = true,
		.resource = x->side == SIDE_NODE ? NODE_RESOURCE_NODES : NODE_RESOURCE_CILIUM_NODES,
		.nodes_gc_interval = chance(x, 50) ? 30000 : 0,
	};
	x->config = (struct ipam_config){
		.opt_in = OPT_IN_ANNOTATION,
		.classes = classes,
		.proxy_name = "",
		.family_on = { true, false },
		.records = true,
		.classless_are_ours = true,
		.max_in_flight = 1 + (unsigned)pick(x, 8),
		.reuse_after = chance(x, 40)   ? 0
			       : chance(x, 50) ? 20000
					       : 1800000,
		.cluster_pool = &x->pool,
	};
	x->fault_percent = chance(x, 50) ? 0 : (unsigned)pick(x, 30);
	x->cluster = cluster_new(&x->config, &view, 1767225600000);
	cluster_on_effect(x->cluster, check_effect, x);
	if (chance(x, 50))
		cluster_answer_late(x->cluster, &x->rng);
	cluster_sync(x->cluster);
	for (unsigned i = 0; i < steps && !x->failed; i++) {
		one_step(x);
		if (!x->failed && chance(x, 10))
			check_quiet(x);
	}
	if (!x->failed)
		check_quiet(x);
	if (!x->failed)
		check_drained(x);
	cluster_free(x->cluster);
}

static struct seed_result run_seed(uint64_t seed, unsigned steps, bool trace)
{
	struct node_sim x = { .rng = { seed }, .trace = trace };
	run(&x, steps);
	return (struct seed_result){ x.n_writes, x.n_quiet, x.failed };
}

int main(int argc, char **argv)
{
	return run_seeds(argc, argv, 1000, run_seed);
}
