#include "plan/status.h"

#include "core/forecast.h"

#include <math.h>
#include <stdio.h>

enum {
	TEXT_MAX = 4096,
	SLACK = 2000, /* ms: the server tells whole seconds */
};

static void set(struct js *j, const char *key, const char *text)
{
	js_set(j, key, js_new_str(text ? text : ""));
}

static void set_count(struct js *j, const char *key, struct count c)
{
	char text[COUNT_TEXT_MAX];
	/* Of any size, so a text. */
	set(j, key, count_format(c, text));
}

[[gnu::format(printf, 2, 3)]] static void problem(struct js *problems, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	js_push(problems, js_new_str(buf_str(&text)));
}

/* ---- who leads --------------------------------------------------------------------------------------- */

static bool is_kind(const struct js *object, const char *kind, const char *name)
{
	return slice_is(js_text(js_get(object, "kind")), kind) &&
	       slice_is(js_text(js_path(object, "metadata", "name")), name);
}

static bool leads(const struct js *lease, msec wall)
{
	const struct js *spec = js_get(lease, "spec");
	msec renewed;
	return js_text(js_get(spec, "holderIdentity")).len &&
	       time_parse(js_text(js_get(spec, "renewTime")), &renewed) == 0 &&
	       renewed + 1000 * js_int(js_get(spec, "leaseDurationSeconds"), 0) + SLACK >= wall;
}

/* One that is held; else any; NULL = there is none. */
static const struct js *find_lease(const struct standing_in *in)
{
	const struct js *found = NULL;
	for (size_t i = 0; i < js_len(in->own); i++) {
		const struct js *lease = js_item(in->own, i);
		if (is_kind(lease, "Lease", in->lease) && (!found || leads(lease, in->wall)))
			found = lease;
	}
	return found;
}

static struct js *leader_of(const struct standing_in *in)
{
	const struct js *lease = in->no_election ? NULL : find_lease(in), *spec = js_get(lease, "spec");
	struct js *j = js_new_object();
	const bool held = lease && leads(lease, in->wall),
		   alone = !lease && (in->no_election || in->embedded);
	const char *holder = js_str(js_get(spec, "holderIdentity"));
	js_set(j, "leads", js_new_bool(held || alone));
	set(j, "holder", holder);
	set(j, "since", held ? js_str(js_get(spec, "acquireTime")) : NULL);
	set(j, "namespace", lease ? view_namespace(lease) : NULL);
	set(j, "lease", in->lease);
	set(j, "message",
	    held                           ? ""
	    : lease && holder && holder[0] ? "the Lease was not renewed in time"
	    : lease                        ? "nobody has the Lease"
	    : in->no_election              ? "there is no election: --leader-elect=false"
	    : in->embedded                 ? "the embedded API has one operator and no Lease"
			   : "there is no such Lease; for an operator without an election say "
			     "--leader-elect=false here too");
	return j;
}

char *status_leader_text(const struct standing_in *in)
{
	CLEANUP(js_freep) struct js *leader = leader_of(in);
	struct buf text = BUF_INIT(TEXT_MAX);
	js_write(leader, &text);
	return buf_take(&text);
}

/* ---- pools ------------------------------------------------------------------------------------------- */

/* Of the namespace whose Lease counts, where there is one. */
static struct forecast *forecast_of(const struct standing_in *in)
{
	const struct js *lease = find_lease(in);
	struct forecast *f = forecast_new();
	for (size_t i = 0; i < js_len(in->own); i++) {
		const struct js *map = js_item(in->own, i);
		if (is_kind(map, "ConfigMap", FORECAST_CONFIG_MAP) &&
		    (!lease || strcmp(view_namespace(map), view_namespace(lease)) == 0))
			forecast_read(f, js_text(js_path(map, "data", FORECAST_KEY)));
	}
	return f;
}

static bool is_low(const struct cluster *c, const struct pool_row *row, enum family f)
{
	const struct js *pool = cluster_get(c, "CiliumLoadBalancerIPPool", "", row->name);
	const struct js *low = standing_condition(pool, "berth.dev/Low");
	const char *message = js_str(js_get(low, "message"));
	return slice_is(js_text(js_get(low, "status")), "True") && message && strstr(message, family_name(f));
}

/* Without those that nobody is to have. */
static struct count assignable(const struct pool_counts *n)
{
	return count_add(count_add(n->used, n->foreign), count_add(n->cooling, n->free));
}

static const char *state_of(const struct cluster *c, const struct pool_row *row, enum family f)
{
	const struct pool_counts *n = &row->family[f];
	return row->deleting                                             ? "deleting"
	       : !row->valid                                             ? "invalid"
	       : row->conflicting                                        ? "conflict"
	       : row->disabled                                           ? "disabled"
	       : count_is_zero(n->free) && !count_is_zero(assignable(n)) ? "exhausted"
	       : is_low(c, row, f)                                       ? "low"
									 : "ok";
}

static struct js *pool_document(const struct cluster *c, const struct pool_row *row, enum family f,
				const struct forecast *forecast)
{
	const struct pool_counts *n = &row->family[f];
	struct js *j = js_new_object();
	double seconds;
	set(j, "name", row->name);
	set(j, "family", family_name(f));
	set_count(j, "size", n->total);
	set_count(j, "used", n->used);
	set_count(j, "cooling", n->cooling);
	set_count(j, "reserved", n->reserved);
	set_count(j, "free", n->free);
	set_count(j, "foreign", n->foreign);
	set_count(j, "firstLast", n->first_last);
	set_count(j, "excluded", n->excluded);
	if (forecast_seconds(forecast, row->name, f, count_double(n->free), &seconds) && seconds < 1e15)
		js_set(j, "exhaustionSeconds", js_new_int(llround(seconds)));
	set(j, "policy", row->policy);
	js_set(j, "priority", js_new_int(row->priority));
	js_set(j, "reuseAfterSeconds", js_new_int(row->reuse_after / 1000));
	set(j, "state", state_of(c, row, f));
	return j;
}

/* A pool of one address for one Service is full by design. */
static bool is_problem(const struct pool_row *row, enum family f, const char *state)
{
	return strcmp(state, "invalid") == 0 || strcmp(state, "conflict") == 0 ||
	       (strcmp(state, "exhausted") == 0 && count_cmp(assignable(&row->family[f]), count_of(1)) > 0);
}

static struct js *pools_of(const struct standing_in *in, struct cluster *c, struct js *problems)
{
	struct js *pools = js_new_array();
	struct forecast *forecast = forecast_of(in);
	struct pool_row row;
	for (size_t i = 0; ipam_pool_row(cluster_ipam(c), i, &row); i++) {
		const bool none =
			count_is_zero(row.family[IPV4].total) && count_is_zero(row.family[IPV6].total);
		for (int f = 0; f < FAMILIES; f++) {
			/* A pool of which nothing can be read is shown all the same. */
			if (count_is_zero(row.family[f].total) && !(none && f == IPV4))
				continue;
			struct js *j = pool_document(c, &row, (enum family)f, forecast);
			const char *state = js_str(js_get(j, "state"));
			if (is_problem(&row, (enum family)f, state))
				problem(problems, "pool %s: %s%s%s", row.name, state, none ? "" : " for ",
					none ? "" : family_name((enum family)f));
			js_push(pools, j);
		}
	}
	forecast_free(forecast);
	return pools;
}

/* ---- Services and reservations ----------------------------------------------------------------------- */

struct listing {
	struct cluster *cluster;
	struct js *list;
};

static void if_ours(const struct service_row *row, void *arg)
{
	*(bool *)arg = row->ours;
}

static void on_service(struct js *object, void *arg)
{
	struct listing *l = arg;
	bool ours = false;
	const char *ns = view_namespace(object), *name = view_name(object);
	ipam_service_row(cluster_ipam(l->cluster), ns, name, if_ours, &ours);
	const struct js *condition = standing_condition(object, "cilium.io/IPAMRequestSatisfied");
	if (!ours || js_has(js_get(object, "metadata"), "deletionTimestamp") ||
	    slice_is(js_text(js_get(condition, "status")), "True"))
		return;
	struct js *j = js_new_object(), *addresses = js_new_array();
	const struct js *ingress = js_path(object, "status", "loadBalancer", "ingress");
	for (size_t i = 0; i < js_len(ingress); i++)
		if (js_str(js_get(js_item(ingress, i), "ip")))
			js_push(addresses, js_clone(js_get(js_item(ingress, i), "ip")));
	set(j, "namespace", ns);
	set(j, "name", name);
	js_set(j, "addresses", addresses);
	set(j, "reason", condition ? js_str(js_get(condition, "reason")) : "undecided");
	set(j, "message",
	    condition ? js_str(js_get(condition, "message")) : "no operator has decided about it yet");
	js_push(l->list, j);
}

static void on_reservation(struct js *object, void *arg)
{
	struct listing *l = arg;
	const struct js *status = js_get(object, "status");
	struct slice phase = js_text(js_get(status, "phase"));
	if (slice_is(phase, "Bound") || slice_is(phase, "Free"))
		return;
	struct js *j = js_new_object();
	const struct js *addresses = js_path(object, "spec", "addresses");
	set(j, "name", view_name(object));
	js_set(j, "addresses", addresses ? js_clone(addresses) : js_new_array());
	set(j, "phase", js_str(js_get(status, "phase")));
	set(j, "holder", js_str(js_get(status, "holder")));
	set(j, "message", phase.len ? js_str(js_get(status, "message")) : "no operator has looked at it yet");
	js_push(l->list, j);
}

static struct js *list_of(struct cluster *c, const char *kind, void (*fn)(struct js *object, void *arg))
{
	struct listing l = { c, js_new_array() };
	cluster_each(c, kind, fn, &l);
	return l.list;
}

/* ---- the cluster pool --------------------------------------------------------------------------------- */

static void on_block(struct range block, size_t n_held, void *arg)
{
	char text[RANGE_TEXT_MAX];
	struct js *j = js_new_object();
	set(j, "block", range_format(block, text));
	js_set(j, "used", js_new_int((int64_t)n_held));
	js_push(arg, j);
}

static struct js *blocks_of(struct cluster *c)
{
	struct js *list = js_new_array();
	ipam_each_block(cluster_ipam(c), on_block, list);
	return list;
}

static struct js *pod_cidrs_of(struct cluster *c)
{
	struct js *list = js_new_array();
	for (int f = 0; f < FAMILIES; f++) {
		uint64_t total, used;
		if (!ipam_pod_cidrs(cluster_ipam(c), (enum family)f, &total, &used))
			continue;
		struct js *j = js_new_object();
		set(j, "family", family_name((enum family)f));
		js_set(j, "total", js_new_int((int64_t)total));
		js_set(j, "used", js_new_int((int64_t)used));
		js_push(list, j);
	}
	return list;
}

/* One that has no PodCIDR, or of which an operator has said what is wrong. */
static void on_node(const struct node_row *row, void *arg)
{
	char text[RANGE_TEXT_MAX];
	if (row->n_cidrs && !row->shown)
		return;
	struct js *j = js_new_object(), *cidrs = js_new_array();
	for (size_t i = 0; i < row->n_cidrs; i++)
		js_push(cidrs, js_new_str(range_format(row->cidrs[i], text)));
	set(j, "name", row->name);
	js_set(j, "podCIDRs", cidrs);
	set(j, "message", row->shown ? row->shown : "has no PodCIDR");
	js_push(arg, j);
}

static struct js *nodes_of(struct cluster *c)
{
	struct js *list = js_new_array();
	ipam_each_node(cluster_ipam(c), on_node, list);
	return list;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

struct js *status_document(const struct standing_in *in)
{
	struct cluster *c = standing_cluster(in);
	struct js *j = js_new_object(), *problems = js_new_array(), *leader = leader_of(in);
	if (!in->pools_served)
		problem(problems, "the cluster does not serve the kind of pools");
	if (!js_bool(js_get(leader, "leads"), false))
		problem(problems, "%s: %s",
			js_text(js_get(leader, "namespace")).len ? "nobody leads" : "nobody is known to lead",
			js_str(js_get(leader, "message")));
	struct js *pools = pools_of(in, c, problems);
	struct js *services = list_of(c, "Service", on_service);
	if (js_len(services))
		problem(problems, "%zu Service%s without what %s", js_len(services),
			js_len(services) == 1 ? "" : "s", js_len(services) == 1 ? "it wants" : "they want");
	struct js *nodes = nodes_of(c);
	if (js_len(nodes))
		problem(problems, "%zu node%s without a good PodCIDR", js_len(nodes),
			js_len(nodes) == 1 ? "" : "s");
	js_set(j, "well", js_new_bool(js_len(problems) == 0));
	js_set(j, "problems", problems);
	js_set(j, "leader", leader);
	js_set(j, "pools", pools);
	js_set(j, "services", services);
	js_set(j, "reservations", list_of(c, "IPReservation", on_reservation));
	js_set(j, "blocks", blocks_of(c));
	js_set(j, "podCIDRs", pod_cidrs_of(c));
	js_set(j, "nodes", nodes);
	cluster_free(c);
	return j;
}

bool status_is_well(const struct js *document)
{
	return js_bool(js_get(document, "well"), false);
}
