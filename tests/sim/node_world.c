#include "node_world.h"

#include <stdio.h>
#include <stdlib.h>

const char *text_of(int a, char text[IP_TEXT_MAX])
{
	return ip_format(ip_make(IPV4, 0x0a000000u + (unsigned)a), text);
}

addr_set bits(int lo, int hi)
{
	addr_set set = 0;
	for (int a = lo; a <= hi && a < SPACE; a++)
		set |= (addr_set)1 << a;
	return set;
}

addr_set block_at(int a)
{
	return bits(a / BLOCK * BLOCK, a / BLOCK * BLOCK + BLOCK - 1);
}

addr_set network(const char *cidr)
{
	int a = 0, prefix = 0;
	if (!cidr || sscanf(cidr, "10.0.0.%d/%d", &a, &prefix) != 2)
		return 0;
	return bits(a, a + (1 << (32 - prefix)) - 1);
}

const char *node_title(int i)
{
	static const char *const titles[CLAIMANTS] = { "n0", "n1", "n2", "n3", "n4", "n5", "n6" };
	return titles[i];
}

const char *taker_title(int s)
{
	static const char *const titles[TAKERS] = {
		"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"
	};
	return titles[s];
}

const char *side_kind(enum node_side side)
{
	return side == SIDE_NODE ? "Node" : "CiliumNode";
}

const struct js *node_object(const struct node_sim *x, int i, enum node_side side)
{
	return cluster_get(x->cluster, side_kind(side), "", node_title(i));
}

addr_set pod_cidrs(const struct node_sim *x, int i, enum node_side side)
{
	const struct js *spec = js_get(node_object(x, i, side), "spec");
	const struct js *list =
		side == SIDE_NODE ? js_get(spec, "podCIDRs") : js_path(spec, "ipam", "podCIDRs");
	addr_set set = 0;
	for (size_t k = 0; k < js_len(list); k++)
		set |= network(js_str(js_item(list, k)));
	return set;
}

addr_set all_pod_cidrs(const struct node_sim *x, int except)
{
	addr_set set = 0;
	for (int i = 0; i < CLAIMANTS; i++)
		if (i != except)
			set |= pod_cidrs(x, i, SIDE_NODE) | pod_cidrs(x, i, SIDE_CILIUM);
	return set;
}

static addr_set address_set(const char *text)
{
	int a;
	return text && sscanf(text, "10.0.0.%d", &a) == 1 && a < SPACE ? (addr_set)1 << a : 0;
}

addr_set node_addresses(const struct node_sim *x)
{
	addr_set set = 0;
	for (int i = 0; i < CLAIMANTS; i++) {
		const struct js *list = js_path(node_object(x, i, SIDE_NODE), "status", "addresses");
		for (size_t k = 0; k < js_len(list); k++)
			set |= address_set(js_str(js_get(js_item(list, k), "address")));
	}
	return set;
}

addr_set status_of(const struct node_sim *x, int s)
{
	const struct js *list = js_path(cluster_get(x->cluster, "Service", "team", taker_title(s)), "status",
					"loadBalancer", "ingress");
	addr_set set = 0;
	for (size_t i = 0; i < js_len(list); i++)
		set |= address_set(js_str(js_get(js_item(list, i), "ip")));
	return set;
}

addr_set all_statuses(const struct node_sim *x, int except)
{
	addr_set set = 0;
	for (int s = 0; s < TAKERS; s++)
		if (s != except)
			set |= status_of(x, s);
	return set;
}

static const char *note(const struct node_sim *x, int a, const char *key)
{
	char text[IP_TEXT_MAX];
	return js_str(js_path(cluster_get(x->cluster, "IPAddress", "", text_of(a, text)), "metadata",
			      "annotations", key));
}

addr_set claimed(const struct node_sim *x, const char *owner)
{
	addr_set set = 0;
	for (int a = 0; a < SPACE; a++) {
		const char *is = note(x, a, "berth.dev/owner");
		if (is && (!owner || strcmp(is, owner) == 0))
			set |= network(note(x, a, "berth.dev/block"));
	}
	return set;
}

addr_set recorded(const struct node_sim *x)
{
	addr_set set = 0;
	char text[IP_TEXT_MAX];
	for (int a = 0; a < SPACE; a++)
		if (cluster_get(x->cluster, "IPAddress", "", text_of(a, text)))
			set |= (addr_set)1 << a;
	return set;
}

bool cools(const struct node_sim *x, int a)
{
	const char *state = note(x, a, "berth.dev/state");
	return state && strcmp(state, "cooling") == 0;
}

addr_set own_pools(const struct node_sim *x)
{
	addr_set set = 0;
	for (int p = 0; p < OWN_POOLS; p++)
		set |= x->pools[p].exists ? bits(x->pools[p].lo, x->pools[p].hi) : 0;
	return set;
}

bool pool_selects_it(const struct node_sim *x, int p, int s)
{
	return x->pools[p].exists && (!x->pools[p].by_label || x->services[s].label);
}

bool draws(const struct node_sim *x, int s)
{
	bool selected = false;
	for (int p = 0; p < OWN_POOLS; p++)
		selected = selected || pool_selects_it(x, p, s);
	return !selected || x->services[s].named != NAMED_NONE;
}

bool block_is_free(const struct node_sim *x, addr_set block)
{
	return !(block & (all_pod_cidrs(x, -1) | claimed(x, NULL) | recorded(x) | all_statuses(x, -1) |
			  node_addresses(x) | own_pools(x) | x->service_cidr));
}
