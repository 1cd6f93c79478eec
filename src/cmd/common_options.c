#include "cmd/common_options.h"

#include "base/mem.h"
#include "cmd/checks.h"

#define AT(field) .offset = offsetof(struct cluster_options, field)

const char *const output_names[] = { "table", "wide", "json", "yaml", NULL };

const struct flag cluster_flags[CLUSTER_FLAGS] = {
	{ .name = "kubeconfig",
	  .type = FLAG_STRING,
	  AT(kubeconfig),
	  .placeholder = "FILE",
	  .help = "kubeconfig file; without it the Pod's service account, else the files in KUBECONFIG, else "
		  "~/.kube/config" },
	{ .name = "context",
	  .type = FLAG_STRING,
	  AT(context),
	  .placeholder = "NAME",
	  .help = "context of the kubeconfig instead of its current one" },
};

#undef AT
#define AT(field) .offset = offsetof(struct allocation_options, field)

static const char *const opt_in_names[] = {
	[OPT_IN_ANNOTATION] = "annotation", [OPT_IN_CLASS] = "class", [OPT_IN_ALL] = "all", NULL
};
static const char *const records_names[] = {
	[RECORDS_AUTO] = "auto", [RECORDS_ON] = "on", [RECORDS_OFF] = "off", NULL
};

const struct flag allocation_flags[ALLOCATION_FLAGS] = {
	{ .name = "enable-lb-ipam",
	  .type = FLAG_BOOL,
	  AT(enable_lb_ipam),
	  .standard = "true",
	  .help = "give addresses to Services of type LoadBalancer; without it PodCIDRs of the cluster pool "
		  "go on, and what Services have stays" },
	{ .name = "enable-ipv4", .type = FLAG_BOOL, AT(enable_ipv4), .standard = "true", .help = "IPv4" },
	{ .name = "enable-ipv6", .type = FLAG_BOOL, AT(enable_ipv6), .standard = "true", .help = "IPv6" },
	{ .name = "service-opt-in",
	  .type = FLAG_ENUM,
	  AT(service_opt_in),
	  .standard = "annotation",
	  .choices = opt_in_names,
	  .help = "which Services are ours: those with the annotation io.cilium.operator.external-ips or a "
		  "class of ours; by class only; or all without a class of somebody else" },
	{ .name = "lb-class",
	  .type = FLAG_LIST,
	  AT(lb_class),
	  .standard = "berth.dev/lb",
	  .placeholder = "CLASS",
	  .check = check_class,
	  .want = "class names such as berth.dev/lb",
	  .help = "values of spec.loadBalancerClass that are ours" },
	{ .name = "enable-bgp-control-plane",
	  .type = FLAG_BOOL,
	  AT(enable_bgp_control_plane),
	  .help = "the class io.cilium/bgp-control-plane is ours too" },
	{ .name = "enable-l2-announcements",
	  .type = FLAG_BOOL,
	  AT(enable_l2_announcements),
	  .help = "the class io.cilium/l2-announcer is ours too" },
	{ .name = "default-lb-service-ipam",
	  .type = FLAG_STRING,
	  AT(default_lb_service_ipam),
	  .standard = "lbipam",
	  .placeholder = "NAME",
	  .help = "who serves Services without a class; with anything but lbipam they are not ours" },
	{ .name = "k8s-service-proxy-name",
	  .type = FLAG_STRING,
	  AT(k8s_service_proxy_name),
	  .standard = "",
	  .placeholder = "NAME",
	  .check = check_label_value,
	  .want = "the value of a label: up to 63 letters, digits, '-', '_' and '.'",
	  .help = "only Services whose label service.kubernetes.io/service-proxy-name is NAME; without it "
		  "only "
		  "Services that do not have the label" },
	{ .name = "accept-metallb-annotations",
	  .type = FLAG_BOOL,
	  AT(accept_metallb_annotations),
	  .help = "read MetalLB's annotations for addresses, sharing and pools as if they were ours" },
	{ .name = "address-records",
	  .type = FLAG_ENUM,
	  AT(address_records),
	  .standard = "auto",
	  .choices = records_names,
	  .help = "keep an IPAddress object for each address given out; auto: where the API server has "
		  "them" },
	{ .name = "field-manager",
	  .type = FLAG_LIST,
	  AT(field_manager),
	  .standard = "berth",
	  .placeholder = "NAME",
	  .check = check_field_manager,
	  .want = "names of up to 128 printable characters",
	  .needed = true,
	  .help = "name under which objects are written; what was written under the further ones is ours as "
		  "well" },
	{ .name = "config-dir",
	  .type = FLAG_CONFIG_DIR,
	  AT(config_dir),
	  .placeholder = "DIR",
	  .help = "folder in which each file is a flag, such as a mounted ConfigMap, also Cilium's own" },
};

static void add_class(struct allocation_options *o, const char *name)
{
	if (!flag_list_has(&o->lb_class, name))
		flag_list_add(&o->lb_class, slice_of(name));
}

void allocation_check(struct allocation_options *o, struct flag_mistakes *m)
{
	if (!o->enable_ipv4 && !o->enable_ipv6)
		flag_mistake(m,
			     "--enable-ipv4=false: want one of --enable-ipv4 and --enable-ipv6 to be true");
	if (o->enable_bgp_control_plane)
		add_class(o, "io.cilium/bgp-control-plane");
	if (o->enable_l2_announcements)
		add_class(o, "io.cilium/l2-announcer");
}

/* How long a released address is kept for whoever had it, where no policy says otherwise. */
enum { REUSE_AFTER = 10 * 60 * 1000 };

struct ipam_config allocation_config(const struct allocation_options *o)
{
	static const char *const none[] = { NULL };
	return (struct ipam_config){
		.opt_in = o->service_opt_in,
		.classes = o->lb_class.n ? (const char *const *)o->lb_class.items : none,
		.proxy_name = o->k8s_service_proxy_name,
		.family_on = { [IPV4] = o->enable_ipv4, [IPV6] = o->enable_ipv6 },
		.classless_are_ours = strcmp(o->default_lb_service_ipam, "lbipam") == 0,
		.reuse_after = REUSE_AFTER,
	};
}
