#include "cmd/cluster_pool_options.h"

#include "base/mem.h"
#include "cmd/checks.h"

#include <stdio.h>

#define AT(field) .offset = offsetof(struct cluster_pool_options, field)

enum {
	V6_BITS_MAX = 24, /* between an entry of IPv6 and its blocks */
	SPARE_BITS = 2,   /* of the mask, for a block of external addresses: first, last, and some to give */
};

static const char *const node_resources[] = {
	[NODE_RESOURCE_AUTO] = "auto",
	[NODE_RESOURCE_CILIUM_NODES] = "ciliumnodes",
	[NODE_RESOURCE_NODES] = "nodes",
	[NODE_RESOURCE_NONE] = "none",
	NULL,
};

const struct flag cluster_pool_flags[CLUSTER_POOL_FLAGS] = {
	{ .name = "ipam",
	  .type = FLAG_STRING,
	  AT(ipam),
	  .placeholder = "cluster-pool|none",
	  .check = check_ipam,
	  .want = "cluster-pool or none",
	  .help = "who gives nodes their PodCIDRs: cluster-pool, which is the default if there is one, or "
		  "none; Cilium's other modes, such as kubernetes, count as none" },
	{ .name = "cluster-pool-ipv4-cidr",
	  .type = FLAG_LIST,
	  AT(cidrs[IPV4]),
	  .placeholder = "CIDR",
	  .help = "networks of the cluster pool, in order of use: PodCIDRs and external addresses come from "
		  "them" },
	{ .name = "cluster-pool-ipv4-mask-size",
	  .type = FLAG_INT,
	  AT(mask[IPV4]),
	  .standard = "24",
	  .placeholder = "N",
	  .min = 0,
	  .max = 32,
	  .help = "prefix length of a node's PodCIDR" },
	{ .name = "cluster-pool-ipv6-cidr",
	  .type = FLAG_LIST,
	  AT(cidrs[IPV6]),
	  .placeholder = "CIDR",
	  .help = "the same for IPv6" },
	{ .name = "cluster-pool-ipv6-mask-size",
	  .type = FLAG_INT,
	  AT(mask[IPV6]),
	  .standard = "112",
	  .placeholder = "N",
	  .min = 0,
	  .max = 128,
	  .help = "prefix length of a node's PodCIDR of IPv6, at most 24 bits longer than that of a "
		  "network" },
	{ .name = "operator-ipam-pod-cidr",
	  .type = FLAG_LIST,
	  AT(pod_cidrs),
	  .placeholder = "CIDR",
	  .help = "parts of the cluster pool; PodCIDRs come only from these, and external addresses from the "
		  "rest first" },
	{ .name = "external-ips-from-cluster-pool",
	  .type = FLAG_BOOL,
	  AT(external),
	  .standard = "true",
	  .help = "Services that no pool selects get their addresses from the cluster pool" },
	{ .name = "node-resource",
	  .type = FLAG_ENUM,
	  AT(node_resource),
	  .standard = "auto",
	  .choices = node_resources,
	  .help = "the objects that PodCIDRs are written to; auto: ciliumnodes where the API server has "
		  "them, "
		  "else nodes, and none where somebody else writes them already" },
	{ .name = "service-cluster-ip-range",
	  .type = FLAG_LIST,
	  AT(service_ranges),
	  .placeholder = "CIDR",
	  .help = "networks of ClusterIPs, for API servers without ServiceCIDR objects: they are given to "
		  "nobody" },
	{ .name = "nodes-gc-interval",
	  .type = FLAG_DURATION,
	  AT(nodes_gc_interval),
	  .standard = "5m",
	  .placeholder = "DURATION",
	  .help = "CiliumNodes without a Node and without an owner are deleted when two rounds have found "
		  "them "
		  "so; 0 leaves them alone" },
};

static const char *cidr_flag(enum family f)
{
	return f == IPV4 ? "cluster-pool-ipv4-cidr" : "cluster-pool-ipv6-cidr";
}

static int prefix_of(struct range r)
{
	int prefix = 0;
	(void)range_is_cidr(r, &prefix);
	return prefix;
}

static const char *text_of(struct range r, char text[RANGE_TEXT_MAX])
{
	char ip[IP_TEXT_MAX];
	(void)snprintf(text, RANGE_TEXT_MAX, "%s/%d", ip_format(r.lo, ip), prefix_of(r));
	return text;
}

/* Reads the items of a list; those that are wrong are said and left out. */
static struct range *read_list(const char *flag, const struct flag_list *list, size_t *ret_n,
			       struct flag_mistakes *m)
{
	struct range *out = list->n ? xcalloc(list->n, sizeof(*out)) : NULL;
	*ret_n = 0;
	for (size_t i = 0; i < list->n; i++) {
		bool host_bits;
		struct err e = { 0 };
		if (range_parse_cidr(slice_of(list->items[i]), &out[*ret_n], &host_bits, &e) < 0)
			flag_mistake(m, "--%s=%s: %s", flag, list->items[i], e.msg);
		else
			(*ret_n)++;
	}
	return out;
}

static void refuse_overlaps(const char *flag, const struct range *list, size_t n, struct flag_mistakes *m)
{
	char a[RANGE_TEXT_MAX], b[RANGE_TEXT_MAX];
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (range_overlaps(list[i], list[j]))
				flag_mistake(m, "--%s=%s: overlaps %s, which is in the list too", flag,
					     text_of(list[i], a), text_of(list[j], b));
}

/* ---- one family -------------------------------------------------------------------------------------------
 */

static void check_mask(const struct cluster_pool_options *o, enum family f, struct flag_mistakes *m)
{
	const struct cluster_pool_family *x = &o->config.family[f];
	const char *flag = f == IPV4 ? "cluster-pool-ipv4-mask-size" : "cluster-pool-ipv6-mask-size";
	const int bits = f == IPV4 ? 32 : 128;
	char text[RANGE_TEXT_MAX];
	for (size_t i = 0; i < x->n_entries; i++) {
		int prefix = prefix_of(x->entries[i]);
		if (x->mask < prefix)
			flag_mistake(m, "--%s=%d: shorter than the prefix of %s: want %d or more", flag,
				     x->mask, text_of(x->entries[i], text), prefix);
		else if (f == IPV6 && x->mask - prefix > V6_BITS_MAX)
			flag_mistake(
				m, "--%s=%d: more than %d bits longer than the prefix of %s: want at most %d",
				flag, x->mask, V6_BITS_MAX, text_of(x->entries[i], text),
				prefix + V6_BITS_MAX);
	}
	if (x->n_entries && o->external && x->mask > bits - SPARE_BITS)
		flag_mistake(m,
			     "--%s=%d: too long for a block of external addresses: want at most %d, or "
			     "--external-ips-from-cluster-pool=false",
			     flag, x->mask, bits - SPARE_BITS);
}

static void check_family(struct cluster_pool_options *o, const struct allocation_options *a, enum family f,
			 struct flag_mistakes *m)
{
	struct cluster_pool_family *x = &o->config.family[f];
	size_t n = 0;
	struct range *list = read_list(cidr_flag(f), &o->cidrs[f], &n, m);
	char text[RANGE_TEXT_MAX];
	for (size_t i = 0; i < n;) {
		if (range_family(list[i]) == f) {
			i++;
			continue;
		}
		flag_mistake(m, "--%s=%s: want %s networks", cidr_flag(f), text_of(list[i], text),
			     family_name(f));
		memmove(list + i, list + i + 1, (--n - i) * sizeof(*list));
	}
	refuse_overlaps(cidr_flag(f), list, n, m);
	if (o->cidrs[f].n && !(f == IPV4 ? a->enable_ipv4 : a->enable_ipv6))
		flag_mistake(m, "--%s=%s: want none, since --enable-ipv%s=false", cidr_flag(f),
			     o->cidrs[f].items[0], f == IPV4 ? "4" : "6");
	o->entries[f] = list;
	*x = (struct cluster_pool_family){ .entries = list, .n_entries = n, .mask = o->mask[f] };
	check_mask(o, f, m);
}

/* ---- parts for PodCIDRs
 * ------------------------------------------------------------------------------------ */

static void check_pod_cidrs(struct cluster_pool_options *o, struct flag_mistakes *m)
{
	static const char flag[] = "operator-ipam-pod-cidr";
	size_t n = 0;
	CLEANUP(freep) struct range *list = read_list(flag, &o->pod_cidrs, &n, m);
	char text[RANGE_TEXT_MAX];
	for (int f = 0; f < FAMILIES; f++)
		o->pods[f] = n ? xcalloc(n, sizeof(*list)) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct cluster_pool_family *x = &o->config.family[range_family(list[i])];
		bool inside = false;
		for (size_t j = 0; j < x->n_entries; j++)
			inside = inside || range_contains(x->entries[j], list[i]);
		if (!inside)
			flag_mistake(m, "--%s=%s: not inside the cluster pool", flag, text_of(list[i], text));
		else if (prefix_of(list[i]) > x->mask)
			flag_mistake(m, "--%s=%s: smaller than one PodCIDR: want a prefix of at most %d",
				     flag, text_of(list[i], text), x->mask);
		else
			o->pods[range_family(list[i])][x->n_pods++] = list[i];
	}
	refuse_overlaps(flag, list, n, m);
	for (int f = 0; f < FAMILIES; f++)
		o->config.family[f].pods = o->pods[f];
}

/* ---- all together
 * ------------------------------------------------------------------------------------------ */

void cluster_pool_check(struct cluster_pool_options *o, const struct allocation_options *a,
			struct flag_mistakes *m)
{
	for (int f = 0; f < FAMILIES; f++)
		check_family(o, a, (enum family)f, m);
	check_pod_cidrs(o, m);
	o->services = read_list("service-cluster-ip-range", &o->service_ranges, &o->n_services, m);
	const bool given = o->cidrs[IPV4].n || o->cidrs[IPV6].n;
	if (o->ipam && o->ipam[0] && strcmp(o->ipam, "cluster-pool") != 0 && given)
		flag_mistake(m, "--ipam=%s: does not go with --%s", o->ipam,
			     cidr_flag(o->cidrs[IPV4].n ? IPV4 : IPV6));
	if (o->ipam && strcmp(o->ipam, "cluster-pool") == 0 && !given)
		flag_mistake(m, "--ipam=cluster-pool: wants a pool: --cluster-pool-ipv4-cidr or "
				"--cluster-pool-ipv6-cidr");
	o->config.external = o->external;
	o->config.resource = o->node_resource;
	o->config.nodes_gc_interval = o->nodes_gc_interval;
	o->on = given;
}

void cluster_pool_options_done(struct cluster_pool_options *o)
{
	for (int f = 0; f < FAMILIES; f++) {
		free(TAKE(o->entries[f]));
		free(TAKE(o->pods[f]));
	}
	free(TAKE(o->services));
}

const struct cluster_pool_config *cluster_pool_config(const struct cluster_pool_options *o)
{
	return o->on ? &o->config : NULL;
}
