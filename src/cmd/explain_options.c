#include "cmd/explain_options.h"

#include "base/mem.h"
#include "cmd/args.h"

#define AT(field) .offset = offsetof(struct explain_options, field)

static const struct flag own_flags[] = {
	{ .name = "against",
	  .type = FLAG_STRING,
	  AT(against),
	  .standard = "cluster",
	  .placeholder = "cluster|FILE",
	  .needed = true,
	  .help = "where the Service is: the cluster of the kubeconfig, or what kubectl get -o yaml has "
		  "written to a file or folder" },
	{ .name = "namespace",
	  .letter = 'n',
	  .type = FLAG_STRING,
	  AT(ns),
	  .placeholder = "NAME",
	  .needed = true,
	  .help = "namespace of a Service that is named without one; else that of the kubeconfig's context, "
		  "else default" },
	{ .name = "output",
	  .letter = 'o',
	  .type = FLAG_ENUM,
	  AT(output),
	  .standard = "table",
	  .choices = output_names,
	  .help = "form of the answer" },
};

static const struct flag_section sections[] = {
	{ "Explain", own_flags, ARRAY_LEN(own_flags), 0 },
	{ "Cluster", cluster_flags, CLUSTER_FLAGS, offsetof(struct explain_options, cluster) },
	{ "Addresses, as the operator has them", allocation_flags, ALLOCATION_FLAGS,
	  offsetof(struct explain_options, allocation) },
	{ "Cluster pool, as the operator has it", cluster_pool_flags, CLUSTER_POOL_FLAGS,
	  offsetof(struct explain_options, pool) },
};

static void check(void *options, struct flag_mistakes *m)
{
	struct explain_options *o = options;
	allocation_check(&o->allocation, m);
	cluster_pool_check(&o->pool, &o->allocation, m);
}

const struct flag_set explain_flags = {
	.verb = "explain",
	.arguments = "NAMESPACE/NAME",
	.max_args = 1,
	.about = "Says why a Service has the addresses that it has, or none: whether it is ours to serve, "
		 "what "
		 "became of each address that it asks for, which address of its sharing group would do, and "
		 "what each pool said, in the order in which they are tried. The last line is what to do.\n"
		 "The operator's own code decides once more, on what was read; nothing is written. Give the "
		 "flags that the operator has.\n"
		 "The exit code is 0 if the Service has what it wants, 1 if it waits or is not ours.",
	.examples = "# why has it no address?\n"
		    "berth explain default/web\n"
		    "# the same, away from the cluster\n"
		    "kubectl get services,ippools,ipaddresses,servicecidrs,nodes -A -o yaml >now.yaml\n"
		    "berth explain default/web --against=now.yaml\n",
	.sections = sections,
	.n_sections = ARRAY_LEN(sections),
	.check = check,
};

int explain_options_parse(int argc, char **argv, struct explain_options *ret, struct flag_list *ret_args)
{
	*ret = (struct explain_options){ 0 };
	return args_parse(&explain_flags, argc, argv, ret, ret_args, NULL);
}

void explain_options_done(struct explain_options *o)
{
	flags_done(&explain_flags, o);
	cluster_pool_options_done(&o->pool);
	*o = (struct explain_options){ 0 };
}
