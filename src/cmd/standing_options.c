#include "cmd/standing_options.h"

#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/checks.h"

#define AT(field) .offset = offsetof(struct standing_options, field)

#define NAMESPACE_FLAG                                                   \
	{ .name = "namespace",                                           \
	  .letter = 'n',                                                 \
	  .type = FLAG_STRING,                                           \
	  AT(ns),                                                        \
	  .placeholder = "NAME",                                         \
	  .check = check_namespace,                                      \
	  .want = "a namespace: up to 63 small letters, digits and '-'", \
	  .needed = true,                                                \
	  .help = "namespace of the operator; without it that of the Pod, else all are looked through" }
#define OUTPUT_FLAG                \
	{ .name = "output",        \
	  .letter = 'o',           \
	  .type = FLAG_ENUM,       \
	  AT(output),              \
	  .standard = "table",     \
	  .choices = output_names, \
	  .help = "form of the answer" }

static const struct flag own_status_flags[] = {
	{ .name = "watch",
	  .letter = 'w',
	  .type = FLAG_BOOL,
	  AT(watch),
	  .help = "go on, and tell it anew whenever something changes" },
	NAMESPACE_FLAG,
	OUTPUT_FLAG,
	{ .name = "leader-elect",
	  .type = FLAG_BOOL,
	  AT(leader_elect),
	  .standard = "true",
	  .help = "who leads stands in a Lease; false: there is no election, and one operator" },
	{ .name = "leader-election-resource-name",
	  .type = FLAG_STRING,
	  AT(lease),
	  .standard = "berth-operator",
	  .placeholder = "NAME",
	  .check = check_object_name,
	  .want = "the name of an object: up to 253 small letters, digits, '-' and '.'",
	  .needed = true,
	  .help = "name of the operator's Lease" },
};

static const struct flag own_history_flags[] = { NAMESPACE_FLAG, OUTPUT_FLAG };

#define FLAGS_OF_THE_OPERATOR                                                                    \
	{ "Cluster", cluster_flags, CLUSTER_FLAGS, offsetof(struct standing_options, cluster) }, \
		{ "Addresses, as the operator has them", allocation_flags, ALLOCATION_FLAGS,     \
		  offsetof(struct standing_options, allocation) },                               \
	{                                                                                        \
		"Cluster pool, as the operator has it", cluster_pool_flags, CLUSTER_POOL_FLAGS,  \
			offsetof(struct standing_options, pool)                                  \
	}

static const struct flag_section status_sections[] = {
	{ "Status", own_status_flags, ARRAY_LEN(own_status_flags), 0 },
	FLAGS_OF_THE_OPERATOR,
};
static const struct flag_section history_sections[] = {
	{ "History", own_history_flags, ARRAY_LEN(own_history_flags), 0 },
	FLAGS_OF_THE_OPERATOR,
};
static const struct flag_section cleanup_sections[] = {
	{ "Cluster", cluster_flags, CLUSTER_FLAGS, offsetof(struct standing_options, cluster) },
};

static void check(void *options, struct flag_mistakes *m)
{
	struct standing_options *o = options;
	allocation_check(&o->allocation, m);
	cluster_pool_check(&o->pool, &o->allocation, m);
}

const struct flag_set status_flags = {
	.verb = "status",
	.arguments = "",
	.about = "Tells how the pools stand, which Services and reservations have a problem, and who leads.\n"
		 "It reads the cluster and decides nothing: what it shows is what is there. Give the flags "
		 "that "
		 "the operator has.\n"
		 "The exit code is 0 if all is well, 1 if a Service waits, a pool is exhausted, in conflict "
		 "or "
		 "invalid, or nobody leads.",
	.examples = "# is all well?\n"
		    "berth status\n"
		    "# with all columns, again whenever something changes\n"
		    "berth status -o wide --watch\n"
		    "# for a script: Services without an address\n"
		    "berth status -o json | jq -r '.services[].name'\n",
	.sections = status_sections,
	.n_sections = ARRAY_LEN(status_sections),
	.check = check,
};

const struct flag_set history_flags = {
	.verb = "history",
	.arguments = "ADDRESS|NAMESPACE/NAME",
	.max_args = 1,
	.about = "Tells who held an address, or which addresses a Service held, and when; the newest last. "
		 "It is "
		 "read from the records of the addresses and from the histories of the pools, which keep the "
		 "last "
		 "1,000 changes each.",
	.examples = "# whose was it?\n"
		    "berth history 192.0.2.7\n"
		    "# what did this Service have?\n"
		    "berth history default/web\n",
	.sections = history_sections,
	.n_sections = ARRAY_LEN(history_sections),
	.check = check,
};

const struct flag_set cleanup_flags = {
	.verb = "cleanup",
	.arguments = "",
	.about =
		"Takes berth's finalizer (berth.dev/protect) off all pools, so that they can be deleted when "
		"berth is no longer there. It can be called again at any time. An operator that still runs "
		"puts "
		"the finalizer back where a policy protects a pool: stop it first.",
	.examples = "# berth is gone; its pools shall go as well\n"
		    "berth cleanup\n"
		    "kubectl delete ippools --all\n",
	.sections = cleanup_sections,
	.n_sections = ARRAY_LEN(cleanup_sections),
};

int standing_options_parse(const struct flag_set *set, int argc, char **argv, struct standing_options *ret,
			   struct flag_list *ret_args)
{
	*ret = (struct standing_options){ 0 };
	return args_parse(set, argc, argv, ret, ret_args, NULL);
}

void standing_options_done(const struct flag_set *set, struct standing_options *o)
{
	flags_done(set, o);
	cluster_pool_options_done(&o->pool);
	*o = (struct standing_options){ 0 };
}
