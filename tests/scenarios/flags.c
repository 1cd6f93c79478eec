#include "flags.h"

#include <errno.h>
#include <stdio.h>

static const char *const managers[] = { "berth", NULL };

static bool flag_is(const char *flag, const char *name, const char **ret_value)
{
	size_t n = strlen(name);
	if (strncmp(flag, name, n) != 0 || (flag[n] && flag[n] != '='))
		return false;
	*ret_value = flag[n] ? flag + n + 1 : "true";
	return true;
}

static void add_classes(struct scenario_flags *f, size_t *n, const char *list)
{
	(void)snprintf(f->text, sizeof(f->text), "%s", list);
	*n = 0;
	for (char *at = f->text; at && *n < CLASSES_MAX;) {
		char *comma = strchr(at, ',');
		if (comma)
			*comma = '\0';
		f->classes[(*n)++] = at;
		at = comma ? comma + 1 : NULL;
	}
}

/* Puts the networks of a list to those of their families. */
static int add_networks(const char *list, struct range (*to)[POOL_ENTRIES_MAX], size_t n[FAMILIES],
			struct err *e)
{
	struct slice rest = slice_of(list), one;
	n[IPV4] = n[IPV6] = 0;
	while (slice_cut(&rest, ',', &one)) {
		struct range r;
		bool host_bits;
		int err = range_parse_cidr(one, &r, &host_bits, e);
		if (err < 0)
			return err;
		enum family family = range_family(r);
		if (n[family] < POOL_ENTRIES_MAX)
			to[family][n[family]++] = r;
	}
	return 1;
}

/* One of the cluster pool's: 1, or 0 if it is none. What is wrong with them is not looked for here. */
static int add_pool_flag(struct scenario_flags *f, const char *flag, struct err *e)
{
	const char *value;
	struct cluster_pool_family *four = &f->pool.family[IPV4], *six = &f->pool.family[IPV6];
	size_t n[FAMILIES];
	int r = 1;
	if (flag_is(flag, "--cluster-pool-ipv4-cidr", &value)) {
		r = add_networks(value, f->entries, n, e);
		four->n_entries = n[IPV4];
	} else if (flag_is(flag, "--cluster-pool-ipv6-cidr", &value)) {
		r = add_networks(value, f->entries, n, e);
		six->n_entries = n[IPV6];
	} else if (flag_is(flag, "--operator-ipam-pod-cidr", &value)) {
		r = add_networks(value, f->pods, n, e);
		four->n_pods = n[IPV4];
		six->n_pods = n[IPV6];
	} else if (flag_is(flag, "--cluster-pool-ipv4-mask-size", &value)) {
		four->mask = atoi(value);
	} else if (flag_is(flag, "--cluster-pool-ipv6-mask-size", &value)) {
		six->mask = atoi(value);
	} else if (flag_is(flag, "--external-ips-from-cluster-pool", &value)) {
		f->pool.external = strcmp(value, "false") != 0;
	} else if (flag_is(flag, "--nodes-gc-interval", &value)) {
		return duration_parse(slice_of(value), &f->pool.nodes_gc_interval) < 0
			       ? err_set(e, EINVAL, "%s: no duration", flag)
			       : 1;
	} else if (flag_is(flag, "--node-resource", &value)) {
		f->pool.resource = strcmp(value, "ciliumnodes") == 0 ? NODE_RESOURCE_CILIUM_NODES
				   : strcmp(value, "nodes") == 0     ? NODE_RESOURCE_NODES
				   : strcmp(value, "none") == 0      ? NODE_RESOURCE_NONE
								     : NODE_RESOURCE_AUTO;
	} else {
		return 0;
	}
	return r;
}

static int add_flag(struct scenario_flags *f, size_t *n_classes, const char *flag, struct err *e)
{
	const char *value;
	bool on = false;
	if (flag_is(flag, "--service-opt-in", &value)) {
		f->ipam.opt_in = strcmp(value, "all") == 0     ? OPT_IN_ALL
				 : strcmp(value, "class") == 0 ? OPT_IN_CLASS
							       : OPT_IN_ANNOTATION;
		return 0;
	}
	if (flag_is(flag, "--lb-class", &value)) {
		add_classes(f, n_classes, value);
		return 0;
	}
	if (flag_is(flag, "--k8s-service-proxy-name", &value)) {
		f->ipam.proxy_name = value;
		return 0;
	}
	if (flag_is(flag, "--address-records", &value)) {
		f->ipam.records = strcmp(value, "off") != 0;
		return 0;
	}
	if (flag_is(flag, "--mass-release-delay", &value))
		return duration_parse(slice_of(value), &f->ipam.mass_release_delay) < 0
			       ? err_set(e, EINVAL, "%s: no duration", flag)
			       : 0;
	int pool = add_pool_flag(f, flag, e);
	if (pool != 0)
		return pool < 0 ? pool : 0;
	bool known = true;
	if (flag_is(flag, "--enable-ipv4", &value) && slice_to_bool(slice_of(value), &on) == 0)
		f->ipam.family_on[IPV4] = on;
	else if (flag_is(flag, "--enable-ipv6", &value) && slice_to_bool(slice_of(value), &on) == 0)
		f->ipam.family_on[IPV6] = on;
	else if (flag_is(flag, "--accept-metallb-annotations", &value) &&
		 slice_to_bool(slice_of(value), &on) == 0)
		f->view.metallb = on;
	else if (flag_is(flag, "--enable-lb-ipam", &value) && slice_to_bool(slice_of(value), &on) == 0)
		f->ipam.nodes_only = !on;
	else if (flag_is(flag, "--enable-bgp-control-plane", &value) && *n_classes < CLASSES_MAX)
		f->classes[(*n_classes)++] = "io.cilium/bgp-control-plane";
	else if (flag_is(flag, "--enable-l2-announcements", &value) && *n_classes < CLASSES_MAX)
		f->classes[(*n_classes)++] = "io.cilium/l2-announcer";
	else
		known = false;
	return known ? 0 : err_set(e, EINVAL, "%s: not known here", flag);
}

int flags_of(const struct js *list, struct scenario_flags *ret, struct err *e)
{
	size_t n_classes = 1;
	*ret = (struct scenario_flags){
		.ipam = { .opt_in = OPT_IN_ANNOTATION,
			  .proxy_name = "",
			  .family_on = { true, true },
			  .records = true,
			  .classless_are_ours = true,
			  .mass_release_delay = 60000,
			  .reuse_after = 600000,
			  .max_in_flight = 16 },
		.view = { .managers = managers },
		.classes = { "berth.dev/lb" },
		.pool = { .external = true, .nodes_gc_interval = 300000 },
	};
	ret->pool.family[IPV4].mask = 24;
	ret->pool.family[IPV6].mask = 112;
	for (int f = 0; f < FAMILIES; f++) {
		ret->pool.family[f].entries = ret->entries[f];
		ret->pool.family[f].pods = ret->pods[f];
	}
	ret->ipam.classes = ret->classes;
	for (size_t i = 0; i < js_len(list); i++) {
		int r = add_flag(ret, &n_classes, js_str(js_item(list, i)), e);
		if (r < 0)
			return r;
	}
	ret->classes[n_classes] = NULL;
	if (ret->pool.family[IPV4].n_entries || ret->pool.family[IPV6].n_entries)
		ret->ipam.cluster_pool = &ret->pool;
	return 0;
}
