/* A small cluster whose nodes and Services draw from one cluster pool, as the test made it: 64 addresses, one
 * bit each. */
#pragma once

#include "base/rand.h"
#include "plan/cluster.h"

enum { SPACE = 64, BLOCK = 8, CLAIMANTS = 7, TAKERS = 10, OWN_POOLS = 2 };

typedef uint64_t addr_set; /* bit i: 10.0.0.i */

struct claimant {
	msec made_at;          /* wall, in seconds: its object of the kind that gets PodCIDRs */
	bool waited;           /* it had none at the last quiet moment, and has been there since */
	const char *passed_by; /* a newer one that was given a block since the last change; NULL = none */
	addr_set had; /* of its CiliumNode, which is gone while its Node is there: it is to get that again */
};
struct own_pool {
	bool exists, disabled, by_label;
	int lo, hi;
};
enum named { NAMED_NONE, NAMED_CLUSTER, NAMED_BOTH };
struct taker {
	bool exists, label, overwritten;
	int request; /* -1 = none */
	enum named named;
};
struct node_sim {
	struct cluster *cluster;
	struct rng rng;
	struct ipam_config config;
	struct cluster_pool_config pool;
	struct range entries[2], pods;
	struct claimant nodes[CLAIMANTS];
	struct own_pool pools[OWN_POOLS];
	struct taker services[TAKERS];
	addr_set service_cidr;
	enum node_side side;
	unsigned fault_percent, n_writes, n_quiet;
	bool failed, trace;
};

[[gnu::format(printf, 2, 3)]] void broken(struct node_sim *x, const char *fmt, ...);

const char *text_of(int a, char text[IP_TEXT_MAX]);
addr_set bits(int lo, int hi);
addr_set block_at(int a); /* of the size of a PodCIDR */
addr_set network(const char *cidr);
const char *node_title(int i);
const char *taker_title(int s);
const char *side_kind(enum node_side side);
const struct js *node_object(const struct node_sim *x, int i, enum node_side side);

/* What stands in its spec. */
addr_set pod_cidrs(const struct node_sim *x, int i, enum node_side side);
addr_set all_pod_cidrs(const struct node_sim *x, int except);
addr_set node_addresses(const struct node_sim *x);
addr_set status_of(const struct node_sim *x, int s);
addr_set all_statuses(const struct node_sim *x, int except);
/* Blocks that records claim for the owner; NULL = for anybody. */
addr_set claimed(const struct node_sim *x, const char *owner);
addr_set recorded(const struct node_sim *x);
bool cools(const struct node_sim *x, int a);
/* Blocks of pools that people made. */
addr_set own_pools(const struct node_sim *x);
bool pool_selects_it(const struct node_sim *x, int p, int s);
/* Does the Service draw from the cluster pool? */
bool draws(const struct node_sim *x, int s);
/* Nothing at all lies in the block, so that anybody could take it. */
bool block_is_free(const struct node_sim *x, addr_set block);
