/* Flags that several verbs have: where the cluster is, and how addresses are given out. `berth plan` says
 * what the operator would do, so it must read the very same rows. */
#pragma once

#include "cmd/flags.h"
#include "core/ipam.h"

struct cluster_options {
	char *kubeconfig; /* NULL = not given */
	char *context;    /* the same */
};
enum { CLUSTER_FLAGS = 2 };
extern const struct flag cluster_flags[CLUSTER_FLAGS];

/* The forms of --output, in the order of enum plan_form; NULL-terminated. */
extern const char *const output_names[];

enum address_records { RECORDS_AUTO, RECORDS_ON, RECORDS_OFF };

struct allocation_options {
	bool enable_lb_ipam;
	bool enable_ipv4, enable_ipv6;
	enum opt_in service_opt_in;
	struct flag_list lb_class; /* all that are ours, with those that the next two add */
	bool enable_bgp_control_plane, enable_l2_announcements;
	char *default_lb_service_ipam;
	char *k8s_service_proxy_name; /* "" = Services without the label */
	bool accept_metallb_annotations;
	enum address_records address_records;
	struct flag_list field_manager; /* the first writes; all count as ours; never empty */
	char *config_dir;               /* NULL = not given; its files are read by then */
};
enum { ALLOCATION_FLAGS = 13 };
extern const struct flag allocation_flags[ALLOCATION_FLAGS];

/* For the check of a flag_set: mistakes of flags together, and what follows from them. */
void allocation_check(struct allocation_options *o, struct flag_mistakes *m);

/* What the core needs to know of it, but for `records` and `max_in_flight`. Borrows the texts. */
struct ipam_config allocation_config(const struct allocation_options *o);
