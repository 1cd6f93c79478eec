#include "expect_nodes.h"

#include <stdio.h>

enum { CIDRS_TEXT_MAX = 64 * 1024 };

size_t node_writes(const struct cluster *c)
{
	return cluster_writes(c, EFFECT_NODE_PATCH) + cluster_writes(c, EFFECT_CILIUM_NODE_PATCH) +
	       cluster_writes(c, EFFECT_CILIUM_NODE_ERROR) + cluster_writes(c, EFFECT_CILIUM_NODE_DELETE);
}

static const struct js *cidrs_of(const struct js *object)
{
	const struct js *list = js_path(object, "spec", "podCIDRs");
	return list ? list : js_path(object, "spec", "ipam", "podCIDRs");
}

static void check_cidrs(const char *name, const struct js *list, const struct js *want, struct buf *wrong)
{
	CLEANUP(buf_done) struct buf is = BUF_INIT(CIDRS_TEXT_MAX), should = BUF_INIT(CIDRS_TEXT_MAX);
	for (size_t i = 0; i < js_len(list); i++)
		buf_addf(&is, "%s%s", i ? " " : "", js_str(js_item(list, i)));
	for (size_t i = 0; i < js_len(want); i++)
		buf_addf(&should, "%s%s", i ? " " : "", js_str(js_item(want, i)));
	if (strcmp(buf_str(&is), buf_str(&should)) != 0)
		buf_addf(wrong, "# node %s has [%s], not [%s]\n", name, buf_str(&is), buf_str(&should));
}

static void check_node(const struct run *r, const char *kind, const char *name, const struct js *want,
		       struct buf *wrong)
{
	const struct js *o = cluster_get(r->cluster, kind, "", name);
	if (js_bool(js_get(want, "gone"), false)) {
		if (o)
			buf_addf(wrong, "# there is still a %s %s\n", kind, name);
		return;
	}
	if (!o) {
		buf_addf(wrong, "# there is no %s %s\n", kind, name);
		return;
	}
	if (js_has(want, "cidrs"))
		check_cidrs(name, cidrs_of(o), js_get(want, "cidrs"), wrong);
	if (js_has(want, "count") && js_len(cidrs_of(o)) != (size_t)js_int(js_get(want, "count"), 0))
		buf_addf(wrong, "# node %s has %zu CIDRs\n", name, js_len(cidrs_of(o)));
	const char *error = js_str(js_path(o, "status", "ipam", "operator-status", "error"));
	const char *part = js_str(js_get(want, "error"));
	if (part && (part[0] ? !error || !strstr(error, part) : error != NULL))
		buf_addf(wrong, "# node %s: error \"%s\" without \"%s\"\n", name, error ? error : "", part);
}

/* Block to owner, or null: nobody claims it. */
static void check_claim(const struct run *r, const char *block, const char *owner, struct buf *wrong)
{
	CLEANUP(freep) char *ip = xstrndup(block, strcspn(block, "/"));
	const struct js *notes =
		js_path(cluster_get(r->cluster, "IPAddress", "", ip), "metadata", "annotations");
	const char *is = js_str(js_get(notes, "berth.dev/owner")),
		   *of = js_str(js_get(notes, "berth.dev/block"));
	if (!owner && is)
		buf_addf(wrong, "# %s is claimed by %s\n", block, is);
	else if (owner && (!is || strcmp(is, owner) != 0 || !of || strcmp(of, block) != 0))
		buf_addf(wrong, "# %s is claimed by %s (%s), not by %s\n", block, is ? is : "nobody",
			 of ? of : "-", owner);
	else if (owner && js_has(notes, "berth.dev/state"))
		buf_addf(wrong, "# the claim of %s has a state\n", block);
}

static void check_counts(const struct run *r, const struct js *want, struct buf *wrong)
{
	for (struct js_iter it = js_iter(want); js_next(&it);) {
		uint64_t total = 0, used = 0;
		(void)ipam_pod_cidrs(cluster_ipam(r->cluster), strcmp(it.key, "ipv6") == 0 ? IPV6 : IPV4,
				     &total, &used);
		char text[64];
		(void)snprintf(text, sizeof(text), "%llu/%llu", (unsigned long long)used,
			       (unsigned long long)total);
		if (!slice_is(js_text(it.value), text))
			buf_addf(wrong, "# PodCIDRs of %s: %s, not %s\n", it.key, text, js_str(it.value));
	}
}

void check_nodes(const struct run *r, const struct js *want, struct buf *wrong)
{
	for (struct js_iter it = js_iter(js_get(want, "nodes")); js_next(&it);)
		check_node(r, "Node", it.key, it.value, wrong);
	for (struct js_iter it = js_iter(js_get(want, "ciliumNodes")); js_next(&it);)
		check_node(r, "CiliumNode", it.key, it.value, wrong);
	for (struct js_iter it = js_iter(js_get(want, "claims")); js_next(&it);)
		check_claim(r, it.key, js_str(it.value), wrong);
	check_counts(r, js_get(want, "podcidrs"), wrong);
	const char *part = js_str(js_get(want, "refused")), *refusal = ipam_refusal(cluster_ipam(r->cluster));
	if (part && (!refusal || !strstr(refusal, part)))
		buf_addf(wrong, "# refused: \"%s\", without \"%s\"\n", refusal ? refusal : "not at all",
			 part);
	int64_t n = js_int(js_path(want, "writes", "nodes"), -1);
	if (n >= 0 && node_writes(r->cluster) != (size_t)n)
		buf_addf(wrong, "# %zu writes to nodes, not %lld\n", node_writes(r->cluster), (long long)n);
}

/* ---- invariants ------------------------------------------------------------------------------------------
 */

struct had {
	struct range range;
	char *name;
};
struct all_had {
	struct had *items;
	size_t n, cap;
	struct buf *wrong;
};

static void note_node(const struct node_row *row, void *arg)
{
	struct all_had *all = arg;
	for (size_t i = 0; i < row->n_cidrs && !row->error; i++) {
		char a[RANGE_TEXT_MAX], b[RANGE_TEXT_MAX];
		for (size_t j = 0; j < all->n; j++)
			if (range_overlaps(all->items[j].range, row->cidrs[i]) &&
			    strcmp(all->items[j].name, row->name) != 0)
				buf_addf(all->wrong, "# %s of node %s overlaps %s of node %s\n",
					 range_format(row->cidrs[i], a), row->name,
					 range_format(all->items[j].range, b), all->items[j].name);
		vec_grow(&all->items, &all->cap, all->n + 1);
		all->items[all->n++] = (struct had){ row->cidrs[i], xstrdup(row->name) };
	}
}

static void note_service(const struct service_row *row, void *arg)
{
	struct all_had *all = arg;
	for (size_t i = 0; row->ours && i < row->n_addresses && i < ARRAY_LEN(row->addresses); i++)
		for (size_t j = 0; j < all->n; j++)
			if (range_has(all->items[j].range, row->addresses[i]))
				buf_addf(all->wrong, "# an address of %s lies in the PodCIDR of node %s\n",
					 row->name, all->items[j].name);
}

void check_blocks(struct cluster *c, struct buf *wrong)
{
	struct all_had all = { .wrong = wrong };
	ipam_each_node(cluster_ipam(c), note_node, &all);
	ipam_each_service(cluster_ipam(c), note_service, &all);
	for (size_t i = 0; i < all.n; i++)
		free(all.items[i].name);
	free(all.items);
}
