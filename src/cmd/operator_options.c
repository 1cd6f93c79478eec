#include "cmd/operator_options.h"

#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/checks.h"

#define AT(field) .offset = offsetof(struct operator_options, field)

static const char *const log_levels[] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL
};
static const char *const log_formats[] = { [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL };

static const struct flag running_flags[] = {
	{ .name = "namespace",
	  .alias = "k8s-namespace",
	  .type = FLAG_STRING,
	  AT(namespace),
	  .placeholder = "NAME",
	  .check = check_namespace,
	  .want = "the name of a namespace",
	  .help = "namespace of the operator's own objects; without it the Pod's, else that of the "
		  "kubeconfig's context, else default" },
	{ .name = "http-address",
	  .type = FLAG_STRING,
	  AT(http_address),
	  .standard = ":9963",
	  .placeholder = "HOST:PORT",
	  .check = check_address,
	  .want = "HOST:PORT or :PORT",
	  .needed = true,
	  .help = "where /healthz, /readyz and /metrics are served" },
	{ .name = "max-in-flight",
	  .type = FLAG_INT,
	  AT(max_in_flight),
	  .standard = "64",
	  .placeholder = "N",
	  .min = 1,
	  .max = 1000,
	  .help = "how many writes may be under way at once" },
	{ .name = "mass-release-delay",
	  .type = FLAG_DURATION,
	  AT(mass_release_delay),
	  .standard = "1m",
	  .placeholder = "DURATION",
	  .help = "how long the deletion of pools is held back that would take the addresses of many "
		  "Services" },
	{ .name = "install-crds",
	  .type = FLAG_BOOL,
	  AT(install_crds),
	  .help = "apply the CustomResourceDefinitions at start, but never over those of a Cilium install" },
	{ .name = "log-level",
	  .type = FLAG_ENUM,
	  AT(log_level),
	  .standard = "info",
	  .choices = log_levels,
	  .help = "what is worth a line in the log" },
	{ .name = "log-format",
	  .type = FLAG_ENUM,
	  AT(log_format),
	  .standard = "text",
	  .choices = log_formats,
	  .help = "form of the log lines" },
};

static const struct flag embedded_flags[] = {
	{ .name = "embedded",
	  .type = FLAG_OPTIONAL,
	  AT(embedded),
	  .placeholder = "FILE",
	  .want = "true, false or the name of a file",
	  .help = "bring along a small API server, to work without a cluster; its state is in FILE, else in "
		  "memory" },
	{ .name = "embedded-address",
	  .type = FLAG_STRING,
	  AT(embedded_address),
	  .standard = "127.0.0.1:8901",
	  .placeholder = "HOST:PORT",
	  .check = check_loopback,
	  .want = "a loopback address such as 127.0.0.1:8901 (it asks nobody for a password)",
	  .needed = true,
	  .help = "where the embedded API server listens" },
};

static const struct flag_section sections[] = {
	{ "Cluster", cluster_flags, CLUSTER_FLAGS, offsetof(struct operator_options, cluster) },
	{ "Addresses", allocation_flags, ALLOCATION_FLAGS, offsetof(struct operator_options, allocation) },
	{ "Running", running_flags, ARRAY_LEN(running_flags), 0 },
	{ "Without a cluster", embedded_flags, ARRAY_LEN(embedded_flags), 0 },
};

static void check(void *options, struct flag_mistakes *m)
{
	struct operator_options *o = options;
	allocation_check(&o->allocation, m);
	if (o->embedded.on && (o->cluster.kubeconfig || o->cluster.context))
		flag_mistake(m, "--%s: does not go with --embedded, which brings its own API server",
			     o->cluster.kubeconfig ? "kubeconfig" : "context");
}

const struct flag_set operator_flags = {
	.verb = "operator",
	.arguments = "",
	.about = "Runs the controllers: watches Services and pools, and gives each Service of ours its "
		 "addresses.",
	.examples = "# in a Pod, or with the cluster of ~/.kube/config\n"
		    "berth operator\n"
		    "# without any cluster: kubectl --server=http://127.0.0.1:8901 works against it\n"
		    "berth operator --embedded\n"
		    "# in place of Cilium's operator, with its ConfigMap mounted\n"
		    "berth operator --config-dir=/etc/cilium --service-opt-in=all\n",
	.sections = sections,
	.n_sections = ARRAY_LEN(sections),
	.check = check,
};

int operator_options_parse(int argc, char **argv, struct operator_options *ret)
{
	*ret = (struct operator_options){ 0 };
	return args_parse(&operator_flags, argc, argv, ret, NULL, &ret->unknown_files);
}

void operator_options_done(struct operator_options *o)
{
	flags_done(&operator_flags, o);
	flag_list_done(&o->unknown_files);
	*o = (struct operator_options){ 0 };
}
