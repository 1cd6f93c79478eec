#include "node_check.h"
#include "seeds.h"

#include <stdarg.h>
#include <stdio.h>

void broken(struct node_sim *x, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	print_broken(fmt, ap);
	va_end(ap);
	x->failed = true;
}

static addr_set range_set_of(struct range r)
{
	u128 lo = ip_bits(r.lo) - 0x0a000000u, hi = ip_bits(r.hi) - 0x0a000000u;
	return lo < SPACE ? bits((int)lo, (int)hi) : 0;
}

static int index_of(const char *name, const char *(*title)(int), int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(title(i), name) == 0)
			return i;
	return -1;
}

static const char *owner_of(int node, char text[32])
{
	(void)snprintf(text, 32, "node/%s", node_title(node));
	return text;
}

static bool starves(const struct node_sim *x, int i)
{
	return node_object(x, i, x->side) && !pod_cidrs(x, i, x->side);
}

/* ---- before each write -----------------------------------------------------------------------------------
 */

/* A PodCIDR that the node is about to get. */
static void check_pod_cidr(struct node_sim *x, const struct effect *e, enum node_side side)
{
	int i = index_of(e->name, node_title, CLAIMANTS);
	char owner[32];
	addr_set now = 0;
	for (size_t k = 0; k < e->node.n; k++)
		now |= range_set_of(e->node.cidrs[k]);
	addr_set fresh = i < 0 ? 0 : now & ~pod_cidrs(x, i, side);
	if (!fresh)
		return;
	if (fresh & all_pod_cidrs(x, i))
		broken(x, "node %s is given what another one has", e->name);
	if (x->config.records && fresh & ~claimed(x, owner_of(i, owner)))
		broken(x, "node %s is given what is not claimed for it", e->name);
	/* What it had while its CiliumNode was gone the Pods on it have still. */
	const bool had = side == SIDE_CILIUM && node_object(x, i, SIDE_NODE);
	if (fresh & claimed(x, "external") || (!had && fresh & all_statuses(x, -1)))
		broken(x, "node %s is given what Services have", e->name);
	if (x->nodes[i].had && !(x->nodes[i].had & all_pod_cidrs(x, i)) && fresh != x->nodes[i].had)
		broken(x, "node %s gets another PodCIDR than it had", e->name);
	if (!had && fresh & (own_pools(x) | x->service_cidr))
		broken(x, "node %s is given what is carved out", e->name);
	/* One that is made again may have what is still claimed for it. */
	if (!x->config.records && x->pool.family[IPV4].n_pods && fresh & ~range_set_of(x->pods))
		broken(x, "node %s is given what is not for PodCIDRs", e->name);
}

/* A node is about to get a new block. Whoever has waited longer is to have one too when all is at rest. */
static void check_turn(struct node_sim *x, int i, addr_set block)
{
	if (block & (pod_cidrs(x, i, SIDE_NODE) | pod_cidrs(x, i, SIDE_CILIUM)))
		return;
	for (int j = 0; j < CLAIMANTS; j++) {
		char text[32];
		if (j != i && x->nodes[j].waited && starves(x, j) && !claimed(x, owner_of(j, text)) &&
		    x->nodes[j].made_at < x->nodes[i].made_at)
			x->nodes[j].passed_by = node_title(i);
	}
}

/* A block is about to be claimed. */
static void check_claim(struct node_sim *x, const struct effect *e)
{
	addr_set block = network(e->record.block), others = 0;
	const char *owner = e->record.owner;
	int self = e->record.node ? index_of(e->record.node, node_title, CLAIMANTS) : -1;
	const addr_set had = self < 0 ? 0 : pod_cidrs(x, self, SIDE_NODE) | pod_cidrs(x, self, SIDE_CILIUM);
	for (int i = 0; i < CLAIMANTS; i++) {
		char text[32];
		const addr_set shown = pod_cidrs(x, i, SIDE_NODE) | pod_cidrs(x, i, SIDE_CILIUM);
		/* What stands there goes before what is claimed for a node that does not show it. */
		others |=
			i == self ? 0 : claimed(x, owner_of(i, text)) & (block & ~had ? ~(addr_set)0 : shown);
	}
	others |= self < 0 ? 0 : claimed(x, "external");
	if (self >= 0)
		check_turn(x, self, block);
	if (block & others)
		broken(x, "%s is claimed for %s, and for another", e->record.block, owner);
	/* A node that had it first, whoever wrote it there, keeps it; so do Services that have addresses. */
	if (block & (own_pools(x) | x->service_cidr) &&
	    (self < 0 ? !(block & all_statuses(x, -1)) : block & ~had))
		broken(x, "%s is claimed for %s, and carved out", e->record.block, owner);
	if (self < 0 && block & all_pod_cidrs(x, -1))
		broken(x, "%s is claimed for Services, and a node has it", e->record.block);
}

/* May the Service have the address of the cluster pool, as far as its request and the pools go? */
static bool fits(const struct node_sim *x, int s, int a)
{
	const struct taker *v = &x->services[s];
	bool some = false;
	if (!v->exists || (v->request >= 0 && v->request != a))
		return false;
	for (int p = 0; p < OWN_POOLS; p++)
		some = some ||
		       (pool_selects_it(x, p, s) && v->named != NAMED_CLUSTER &&
			(v->named != NAMED_BOTH || p == 0) && a >= x->pools[p].lo && a <= x->pools[p].hi);
	return some || claimed(x, "external") >> a & 1;
}

static void check_status(struct node_sim *x, const struct effect *e)
{
	int s = index_of(e->name, taker_title, TAKERS);
	char text[IP_TEXT_MAX];
	if (s < 0 || !e->status.write_ingress)
		return;
	addr_set old = status_of(x, s), now = 0;
	for (size_t i = 0; i < e->status.n_ingress; i++)
		if (e->status.ingress[i].has_ip)
			now |= range_set_of(
				(struct range){ e->status.ingress[i].ip, e->status.ingress[i].ip });
	x->n_writes++;
	for (int a = 0; a < SPACE; a++) {
		const addr_set bit = (addr_set)1 << a;
		text_of(a, text);
		if (old & bit & ~now && fits(x, s, a) && recorded(x) & bit)
			broken(x, "%s loses %s, which is valid", e->name, text);
		if (!(now & bit & ~old))
			continue;
		if (all_statuses(x, s) & bit)
			broken(x, "%s is given %s, which another one has", e->name, text);
		if (x->config.records && !(recorded(x) & bit))
			broken(x, "%s is given %s, which has no record", e->name, text);
	}
}

/* A Service is about to be given the address: the record comes first. */
static void check_grant(struct node_sim *x, const struct effect *e)
{
	addr_set bit = range_set_of((struct range){ e->record.ip, e->record.ip });
	const int a = bit ? __builtin_ctzll(bit) : -1;
	/* Who writes a node's CIDR over a block that is in use is told so; the block stays. */
	if (all_pod_cidrs(x, -1) & ~claimed(x, "external") & bit)
		broken(x, "%s is given, which is a node's", e->name);
	if (a < 0 || own_pools(x) & bit || all_statuses(x, -1) & bit)
		return;
	if (!(claimed(x, "external") & bit))
		broken(x, "%s is given, of a block that is not claimed", e->name);
	if (a % BLOCK == 0 || a % BLOCK == BLOCK - 1)
		broken(x, "%s is given, the first or last of a block", e->name);
	if (x->service_cidr & bit && x->fault_percent == 0)
		broken(x, "%s is given, a ClusterIP", e->name);
}

enum outcome check_effect(void *arg, const struct effect *e, bool *carry_out)
{
	struct node_sim *x = arg;
	enum outcome o = OUTCOME_DONE;
	if (x->fault_percent && rng_below(&x->rng, 100) < x->fault_percent && e->kind != EFFECT_EVENT) {
		static const enum outcome faults[] = { OUTCOME_CONFLICT, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN,
						       OUTCOME_REFUSED };
		o = faults[rng_below(&x->rng, 4)];
		*carry_out = o == OUTCOME_UNKNOWN && rng_below(&x->rng, 2);
	}
	if (x->trace) {
		printf("  effect %d %s", (int)e->kind, e->name ? e->name : "");
		if (e->kind <= EFFECT_RECORD_DELETE)
			printf(" [%s] %s %s phase %d", e->record.holders,
			       e->record.block ? e->record.block : "", e->record.owner ? e->record.owner : "",
			       (int)e->record.phase);
		if (e->kind == EFFECT_SERVICE_STATUS)
			printf(" %zu addresses, %s %s", e->status.write_ingress ? e->status.n_ingress : 99,
			       e->status.condition.reason, e->status.condition.message);
		if (e->kind == EFFECT_NODE_PATCH || e->kind == EFFECT_CILIUM_NODE_PATCH)
			for (size_t i = 0; i < e->node.n; i++) {
				char text[RANGE_TEXT_MAX];
				printf(" %s", range_format(e->node.cidrs[i], text));
			}
		if (e->kind == EFFECT_CILIUM_NODE_ERROR)
			printf(" %s", e->node.error);
		if (e->kind == EFFECT_EVENT)
			printf(" %s %s", e->event.reason, e->event.message);
		printf(" -> %d%s\n", (int)o, *carry_out ? " (done)" : "");
	}
	if (o != OUTCOME_DONE && !*carry_out)
		return o;
	if (e->kind == EFFECT_NODE_PATCH)
		check_pod_cidr(x, e, SIDE_NODE);
	else if (e->kind == EFFECT_CILIUM_NODE_PATCH)
		check_pod_cidr(x, e, SIDE_CILIUM);
	else if (e->kind == EFFECT_RECORD_CREATE && e->record.block)
		check_claim(x, e);
	else if (e->kind == EFFECT_RECORD_CREATE)
		check_grant(x, e);
	else if (e->kind == EFFECT_SERVICE_STATUS)
		check_status(x, e);
	return o;
}

/* ---- at rest ----------------------------------------------------------------------------------------------
 */

static bool may_be_a_pods(const struct node_sim *x, addr_set block)
{
	return !x->pool.family[IPV4].n_pods || !(block & ~range_set_of(x->pods));
}

static int free_blocks(const struct node_sim *x, bool for_pods)
{
	int n = 0;
	for (int a = 0; a < SPACE; a += BLOCK)
		n += block_is_free(x, block_at(a)) && (!for_pods || may_be_a_pods(x, block_at(a)));
	return n;
}

struct told {
	struct node_sim *x;
	bool error[CLAIMANTS];
};

static void take_error(const struct node_row *row, void *arg)
{
	struct told *t = arg;
	int i = index_of(row->name, node_title, CLAIMANTS);
	if (i >= 0)
		t->error[i] = row->error != NULL;
}

/* What lies between an address with a record that is no claim, and the next one. */
static addr_set blocks_of_records(const struct node_sim *x)
{
	addr_set set = 0;
	for (int a = 0; a < SPACE; a++)
		if (recorded(x) >> a & 1 && !(claimed(x, NULL) >> a & 1))
			set |= block_at(a) | bits(a, a + 2 * BLOCK - 1);
	return set;
}

static void check_nodes(struct node_sim *x)
{
	struct told told = { .x = x };
	ipam_each_node(cluster_ipam(x->cluster), take_error, &told);
	for (int i = 0; i < CLAIMANTS; i++) {
		char owner[32];
		addr_set has = pod_cidrs(x, i, x->side), claims = claimed(x, owner_of(i, owner));
		const struct js *o = node_object(x, i, x->side);
		x->nodes[i].waited = starves(x, i);
		if (starves(x, i) && free_blocks(x, true))
			broken(x, "node %s has no PodCIDR, and there are free ones", node_title(i));
		if (starves(x, i) && x->nodes[i].passed_by)
			broken(x, "node %s is served before %s", x->nodes[i].passed_by, node_title(i));
		if (starves(x, i) && !told.error[i])
			broken(x, "node %s has no PodCIDR and is not told why", node_title(i));
		for (int j = 0; j < i; j++)
			if (has & pod_cidrs(x, j, x->side) && !told.error[i] && !told.error[j])
				broken(x, "nodes %s and %s overlap", node_title(j), node_title(i));
		/* The block of a CiliumNode that goes stays its own while its Node is there. */
		const bool waits = x->side == SIDE_CILIUM && !o && node_object(x, i, SIDE_NODE);
		if (!waits && claims & ~(has | pod_cidrs(x, i, SIDE_NODE) | pod_cidrs(x, i, SIDE_CILIUM)))
			broken(x, "something is claimed for node %s that it has not", node_title(i));
		/* A Service may have the first address, and its record; or the node has claimed another
		 * network that begins with it, which its other object names. */
		const bool claimable = !(has & ~claims & blocks_of_records(x)) && !(claims & has & -has);
		if (x->config.records && !told.error[i] && has & ~claims && claimable)
			broken(x, "node %s has what is not claimed for it", node_title(i));
		const char *error = js_str(js_path(o, "status", "ipam", "operator-status", "error"));
		if (x->side == SIDE_CILIUM && o && told.error[i] != (error && error[0]))
			broken(x, "the error of node %s is not written", node_title(i));
	}
}

static bool some_starve(const struct node_sim *x)
{
	for (int i = 0; i < CLAIMANTS; i++)
		if (starves(x, i))
			return true;
	return false;
}

static void check_blocks(struct node_sim *x)
{
	addr_set external = claimed(x, "external");
	for (int a = 0; a < SPACE; a += BLOCK) {
		addr_set block = block_at(a);
		bool used = false, only_cools = true;
		char text[IP_TEXT_MAX];
		if (!(external & block))
			continue;
		for (int b = a; b < a + BLOCK; b++) {
			bool held = all_statuses(x, -1) >> b & 1, rec = b != a && recorded(x) >> b & 1;
			used = used || held || rec;
			only_cools = only_cools && !held && (!rec || cools(x, b));
		}
		if (!used)
			broken(x, "block %s is held, and nothing of it in use", text_of(a, text));
		if (only_cools && some_starve(x) && may_be_a_pods(x, block) &&
		    !(block & (own_pools(x) | x->service_cidr | node_addresses(x) | all_pod_cidrs(x, -1))))
			broken(x, "block %s only cools while a node waits", text_of(a, text));
		for (int i = 0; i < CLAIMANTS; i++) {
			char owner[32];
			if (claimed(x, owner_of(i, owner)) & block)
				broken(x, "block %s is claimed for Services and node %s", text_of(a, text),
				       node_title(i));
		}
	}
}

/* Addresses that nobody uses in any way. */
static addr_set unused(const struct node_sim *x)
{
	/* Of a node that waits for its CiliumNode only the claim tells. */
	const addr_set nodes = all_pod_cidrs(x, -1) | (claimed(x, NULL) & ~claimed(x, "external"));
	return ~(all_statuses(x, -1) | recorded(x) | node_addresses(x) | nodes | x->service_cidr);
}

static addr_set inner(void)
{
	addr_set set = 0;
	for (int a = 0; a < SPACE; a++)
		if (a % BLOCK != 0 && a % BLOCK != BLOCK - 1)
			set |= (addr_set)1 << a;
	return set;
}

/* What the Service could be given now, a free block set apart. */
static addr_set to_be_had(const struct node_sim *x, int s)
{
	const struct taker *v = &x->services[s];
	addr_set set = 0;
	for (int p = 0; p < OWN_POOLS; p++) {
		bool rival = p == 1 && x->pools[0].exists && !x->pools[0].disabled &&
			     bits(x->pools[0].lo, x->pools[0].hi) & bits(x->pools[1].lo, x->pools[1].hi);
		rival = rival ||
			(p == 0 && x->pools[1].exists && !x->pools[1].disabled &&
			 bits(x->pools[0].lo, x->pools[0].hi) & bits(x->pools[1].lo, x->pools[1].hi));
		if (pool_selects_it(x, p, s) && !x->pools[p].disabled && !rival &&
		    (v->named == NAMED_NONE || (v->named == NAMED_BOTH && p == 0)))
			set |= bits(x->pools[p].lo, x->pools[p].hi);
	}
	if (draws(x, s) || v->request >= 0)
		set |= v->named == NAMED_NONE && v->request >= 0 && !draws(x, s)
			       ? 0
			       : claimed(x, "external") & inner() & ~own_pools(x);
	return set & unused(x);
}

static void check_services(struct node_sim *x)
{
	for (int s = 0; s < TAKERS; s++) {
		const struct taker *v = &x->services[s];
		addr_set has = status_of(x, s), could = to_be_had(x, s);
		char text[IP_TEXT_MAX];
		if (!v->exists)
			continue;
		if (has & all_statuses(x, s))
			broken(x, "%s has what another one has", taker_title(s));
		for (int a = 0; a < SPACE; a++)
			if (has >> a & 1 && !fits(x, s, a))
				broken(x, "nothing explains %s of %s", text_of(a, text), taker_title(s));
		if (has)
			continue;
		if (v->request >= 0)
			could &= (addr_set)1 << v->request;
		else if (draws(x, s) && free_blocks(x, false))
			broken(x, "%s has no address, and there are free blocks", taker_title(s));
		if (could)
			broken(x, "%s has no address, and could have %s", taker_title(s),
			       text_of(__builtin_ctzll(could), text));
	}
}

static addr_set all_that_cools(const struct node_sim *x)
{
	addr_set set = 0;
	for (int a = 0; a < SPACE; a++)
		set |= cools(x, a) ? (addr_set)1 << a : 0;
	return set;
}

/* Without histories: one may follow what cooled until now. */
static size_t writes(const struct node_sim *x)
{
	size_t n = 0;
	for (int k = 0; k < EFFECT_KINDS; k++)
		if (k != EFFECT_EVENT && k != EFFECT_POOL_KIND_READ && k != EFFECT_HISTORY)
			n += cluster_writes(x->cluster, (enum effect_kind)k);
	return n;
}

void check_quiet(struct node_sim *x)
{
	unsigned faults = x->fault_percent;
	if (x->trace)
		printf("quiet\n");
	x->fault_percent = 0;
	x->n_quiet++;
	if (cluster_run(x->cluster, EFFECTS_MAX, 800000) == EFFECTS_MAX)
		broken(x, "it works without end");
	if (ipam_busy(cluster_ipam(x->cluster)))
		broken(x, "it does not come to rest");
	if (ipam_refusal(cluster_ipam(x->cluster)))
		broken(x, "it refuses to run: %s", ipam_refusal(cluster_ipam(x->cluster)));
	check_nodes(x);
	check_blocks(x);
	check_services(x);
	addr_set cooling = all_that_cools(x);
	cluster_reset_writes(x->cluster);
	cluster_run(x->cluster, EFFECTS_MAX, 5000);
	/* What cooled may do so no longer just now. */
	if (writes(x) && cooling == all_that_cools(x))
		broken(x, "a second pass writes");
	if (x->trace)
		printf("restart at rest\n");
	cooling = all_that_cools(x);
	cluster_reset_writes(x->cluster);
	cluster_restart(x->cluster, &x->config);
	cluster_sync(x->cluster);
	cluster_run(x->cluster, EFFECTS_MAX, 5000);
	if (writes(x) && cooling == all_that_cools(x))
		broken(x, "a restart writes %zu times", writes(x));
	cluster_reset_writes(x->cluster);
	x->fault_percent = faults;
}

void check_drained(struct node_sim *x)
{
	if (x->trace)
		printf("all is deleted\n");
	for (int s = 0; s < TAKERS; s++)
		cluster_delete(x->cluster, "Service", "team", taker_title(s));
	for (int i = 0; i < CLAIMANTS; i++) {
		cluster_delete(x->cluster, "Node", "", node_title(i));
		cluster_delete(x->cluster, "CiliumNode", "", node_title(i));
	}
	x->fault_percent = 0;
	cluster_run(x->cluster, EFFECTS_MAX, 7200000);
	if (recorded(x))
		broken(x, "%d records stay", __builtin_popcountll(recorded(x)));
}
