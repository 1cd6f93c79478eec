#include "cmd/operator_options.h"

#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/checks.h"
#include "embedded/fault.h"

enum { LEASE_DURATION_MAX = 24 * 60 * 60 * 1000 /* ms */ };

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
	  .help = "namespace of the operator's own objects, such as its Lease; without it the Pod's, else "
		  "that of the kubeconfig's context, else default" },
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

static const struct flag election_flags[] = {
	{ .name = "leader-elect",
	  .type = FLAG_BOOL,
	  AT(leader_elect),
	  .standard = "true",
	  .help = "of several replicas only one decides and writes, the one that holds the Lease; without it "
		  "there must be only one. Not with --embedded, where there is only one" },
	{ .name = "leader-election-lease-duration",
	  .type = FLAG_DURATION,
	  AT(lease_duration),
	  .standard = "15s",
	  .placeholder = "DURATION",
	  .help = "how long the others wait after the last renewal that they saw" },
	{ .name = "leader-election-renew-deadline",
	  .type = FLAG_DURATION,
	  AT(renew_deadline),
	  .standard = "10s",
	  .placeholder = "DURATION",
	  .help = "how long after its last renewal a leader may write; then it exits" },
	{ .name = "leader-election-retry-period",
	  .type = FLAG_DURATION,
	  AT(retry_period),
	  .standard = "2s",
	  .placeholder = "DURATION",
	  .help = "how often a leader renews, and at least how long a failed request waits" },
	{ .name = "leader-election-resource-name",
	  .type = FLAG_STRING,
	  AT(lease_name),
	  .standard = "berth-operator",
	  .placeholder = "NAME",
	  .check = check_object_name,
	  .want = "the name of an object: up to 253 small letters, digits, '-' and '.'",
	  .needed = true,
	  .help = "name of the Lease" },
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
	{ .name = "embedded-fault",
	  .type = FLAG_STRING,
	  AT(embedded_fault),
	  .placeholder = "SPEC",
	  .help = "for tests: faults that the embedded API server plays on its clients, such as "
		  "\"seed=7;500:0.05,verb=patch;cut\"; see docs/faults.md" },
};

static const struct flag_section sections[] = {
	{ "Cluster", cluster_flags, CLUSTER_FLAGS, offsetof(struct operator_options, cluster) },
	{ "Addresses", allocation_flags, ALLOCATION_FLAGS, offsetof(struct operator_options, allocation) },
	{ "Cluster pool", cluster_pool_flags, CLUSTER_POOL_FLAGS, offsetof(struct operator_options, pool) },
	{ "Running", running_flags, ARRAY_LEN(running_flags), 0 },
	{ "Several replicas", election_flags, ARRAY_LEN(election_flags), 0 },
	{ "Without a cluster", embedded_flags, ARRAY_LEN(embedded_flags), 0 },
};

/* The rules of the Go client library: a renewal that fails must leave time for another, and whoever cannot
 * renew must be silent before the others may begin. */
static void check_election(const struct operator_options *o, struct flag_mistakes *m)
{
	static const char *const names[] = { "lease-duration", "renew-deadline", "retry-period" };
	const msec values[] = { o->lease_duration, o->renew_deadline, o->retry_period };
	if (!o->leader_elect)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (values[i] <= 0)
			flag_mistake(m, "--leader-election-%s: want more than 0", names[i]);
	if (o->lease_duration > LEASE_DURATION_MAX)
		flag_mistake(m, "--leader-election-lease-duration: want at most 24h");
	if (o->lease_duration <= o->renew_deadline)
		flag_mistake(m,
			     "--leader-election-lease-duration: want more than the renew deadline, %lld ms",
			     (long long)o->renew_deadline);
	if (o->renew_deadline * 5 <= o->retry_period * 6)
		flag_mistake(m,
			     "--leader-election-renew-deadline: want more than 1.2 times the retry period, "
			     "%lld ms",
			     (long long)(o->retry_period * 6 / 5));
}

static void check_faults(const char *spec, struct flag_mistakes *m)
{
	struct fault_plan plan = { 0 };
	struct err e = { 0 };
	if (spec && fault_parse(spec, &plan, &e) < 0)
		flag_mistake(m, "--embedded-fault: %s", e.msg);
	fault_plan_done(&plan);
}

static void check(void *options, struct flag_mistakes *m)
{
	struct operator_options *o = options;
	check_election(o, m);
	allocation_check(&o->allocation, m);
	cluster_pool_check(&o->pool, &o->allocation, m);
	if (o->embedded.on && (o->cluster.kubeconfig || o->cluster.context))
		flag_mistake(m, "--%s: does not go with --embedded, which brings its own API server",
			     o->cluster.kubeconfig ? "kubeconfig" : "context");
	if (o->embedded_fault && !o->embedded.on)
		flag_mistake(m, "--embedded-fault: wants --embedded, whose faults they are");
	check_faults(o->embedded_fault, m);
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
	cluster_pool_options_done(&o->pool);
	flag_list_done(&o->unknown_files);
	*o = (struct operator_options){ 0 };
}
