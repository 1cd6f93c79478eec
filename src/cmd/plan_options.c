#include "cmd/plan_options.h"

#include "base/mem.h"
#include "cmd/args.h"

#define AT(field) .offset = offsetof(struct plan_options, field)

/* In the order of the bits. */
static const char *const allow_names[] = { "moves", "loses", "waits", NULL };

static const struct flag own_flags[] = {
	{ .name = "filename",
	  .letter = 'f',
	  .type = FLAG_PATHS,
	  AT(filename),
	  .placeholder = "PATH",
	  .help = "manifests in YAML or JSON: a file, a folder, or - for the standard input" },
	{ .name = "against",
	  .type = FLAG_STRING,
	  AT(against),
	  .placeholder = "cluster|FILE",
	  .needed = true,
	  .help = "what is there already: the cluster of the kubeconfig, or what kubectl get -o yaml has "
		  "written to a file or folder" },
	{ .name = "namespace",
	  .letter = 'n',
	  .type = FLAG_STRING,
	  AT(ns),
	  .placeholder = "NAME",
	  .needed = true,
	  .help = "namespace of manifests that name none; else that of the kubeconfig's context where "
		  "--against=cluster, else default" },
	{ .name = "allow",
	  .type = FLAG_CHOICES,
	  AT(allow),
	  .choices = allow_names,
	  .help = "what may happen to a Service without the exit code 1" },
	{ .name = "output",
	  .letter = 'o',
	  .type = FLAG_ENUM,
	  AT(output),
	  .standard = "table",
	  .choices = output_names,
	  .help = "form of the answer" },
};

static const struct flag_section sections[] = {
	{ "Plan", own_flags, ARRAY_LEN(own_flags), 0 },
	{ "Cluster", cluster_flags, CLUSTER_FLAGS, offsetof(struct plan_options, cluster) },
	{ "Addresses, as the operator has them", allocation_flags, ALLOCATION_FLAGS,
	  offsetof(struct plan_options, allocation) },
	{ "Cluster pool, as the operator has it", cluster_pool_flags, CLUSTER_POOL_FLAGS,
	  offsetof(struct plan_options, pool) },
};

static void check(void *options, struct flag_mistakes *m)
{
	struct plan_options *o = options;
	allocation_check(&o->allocation, m);
	cluster_pool_check(&o->pool, &o->allocation, m);
	if (o->filename.n == 0 && !o->against)
		flag_mistake(m, "nothing to plan: want --filename=PATH, --against=cluster or FILE, or both");
}

const struct flag_set plan_flags = {
	.verb = "plan",
	.arguments = "",
	.about =
		"Says what the operator would do with these manifests, alone or on top of what a cluster "
		"has: "
		"for each Service which addresses it keeps, gets, moves to, loses, or what it waits for and "
		"why. The same code decides as in the operator; nothing is written.\n"
		"Manifests count in the order in which they stand, as kubectl apply takes them, and the "
		"operator has done with one before the next comes. That an object is deleted no manifest can "
		"say.\n"
		"The exit code is 1 if a Service moves, loses an address or waits, or if a manifest has a "
		"problem, such as a pool with an invalid block: one line each on standard error.",
	.examples = "# what do these manifests come to?\n"
		    "berth plan -f pools.yaml -f services/\n"
		    "# would this change to the pools take anything away from a Service in the cluster?\n"
		    "berth plan -f pools.yaml --against=cluster --allow=waits\n"
		    "# the same, away from the cluster\n"
		    "kubectl get services,ippools,ipaddresses,servicecidrs,nodes -A -o yaml >now.yaml\n"
		    "berth plan -f pools.yaml --against=now.yaml\n",
	.sections = sections,
	.n_sections = ARRAY_LEN(sections),
	.check = check,
};

int plan_options_parse(int argc, char **argv, struct plan_options *ret)
{
	*ret = (struct plan_options){ 0 };
	return args_parse(&plan_flags, argc, argv, ret, NULL, NULL);
}

void plan_options_done(struct plan_options *o)
{
	flags_done(&plan_flags, o);
	cluster_pool_options_done(&o->pool);
	*o = (struct plan_options){ 0 };
}
