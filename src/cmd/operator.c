/* berth operator: watches a cluster, or the embedded API, and gives out addresses. */
#include "operator/operator.h"

#include "base/map.h"
#include "cmd/operator_options.h"
#include "cmd/verbs.h"
#include "deploy/crds.h"
#include "embedded/embedded.h"
#include "observe/health.h"
#include "observe/ipam_metrics.h"

#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	STOP_PATIENCE = 5000, /* ms for writes on their way when told to stop */
	HEALTH_CONNECTIONS = 256,
	EXIT_LOST = 1, /* leadership was lost: whoever supervises us starts us again */
};

/* Everything that runs, in the order in which it is made. */
struct run {
	struct operator_options options;
	struct log log;
	struct loop *loop;
	struct embedded *embedded; /* NULL without --embedded */
	struct kube *kube;
	struct berth_operator *operator_;
	struct health *health;
	struct event_times times;
	struct election_config election;
	char *identity; /* of the election; owned */
	bool told_to_stop;
	int code; /* to exit with */
};

static void run_done(struct run *r)
{
	health_free(r->health);
	operator_free(r->operator_);
	kube_free(r->kube);
	embedded_free(r->embedded);
	loop_free(r->loop);
	free(r->identity);
	operator_options_done(&r->options);
}

static void leave_loop(void *arg)
{
	struct run *r = arg;
	loop_stop(r->loop);
}

static void on_signal(void *arg)
{
	struct run *r = arg;
	/* Told twice: somebody is in a hurry. */
	if (r->told_to_stop || !r->operator_) {
		loop_stop(r->loop);
		return;
	}
	r->told_to_stop = true;
	log_info(&r->log, "stopping");
	operator_stop(r->operator_, STOP_PATIENCE, leave_loop, r);
}

static int start_embedded(struct run *r, struct kube_config **ret, struct err *e)
{
	struct embedded_options o = {
		.address = r->options.embedded_address,
		.file = r->options.embedded.value,
		.crds = berth_crds,
		.n_crds = berth_crds_n,
		.faults = r->options.embedded_fault,
		.log = &r->log,
	};
	int err = embedded_new(r->loop, &o, &r->embedded, e);
	if (err < 0)
		return err;
	struct kube_config *c = xcalloc(1, sizeof(*c));
	c->source = xstrdup("embedded");
	c->server = xasprintf("http://%s", embedded_address(r->embedded));
	*ret = c;
	log_info(&r->log, "the embedded API listens", KV("address", embedded_address(r->embedded)),
		 KV("file", r->options.embedded.value ? r->options.embedded.value : "in memory"));
	return 0;
}

static int connect_kube(struct run *r, struct err *e)
{
	struct kube_config *config = NULL;
	struct kube_config_source from = {
		.kubeconfig = r->options.cluster.kubeconfig,
		.context = r->options.cluster.context,
	};
	int err =
		r->options.embedded.on ? start_embedded(r, &config, e) : kube_config_load(&from, &config, e);
	if (err < 0)
		return err;
	log_info(&r->log, "talking to the API server", KV("server", config->server),
		 KV("config", config->source));
	return kube_new(r->loop, config, r->options.max_in_flight, &r->kube, e);
}

/* What others may not foresee. */
static void fill_random(void *bytes, size_t n)
{
	if (getrandom(bytes, n, 0) != (ssize_t)n)
		abort();
}

/* The host name tells people who it is, the random part that it is this process and no later one. */
static char *new_identity(void)
{
	char host[HOST_NAME_MAX + 1] = "";
	unsigned char b[8];
	if (gethostname(host, sizeof(host)) < 0 || !host[0])
		(void)snprintf(host, sizeof(host), "unknown");
	host[sizeof(host) - 1] = '\0';
	fill_random(b, sizeof(b));
	return xasprintf("%s_%02x%02x%02x%02x%02x%02x%02x%02x", host, b[0], b[1], b[2], b[3], b[4], b[5],
			 b[6], b[7]);
}

static const char *own_namespace(const struct run *r)
{
	const char *pod = getenv("POD_NAMESPACE"), *config = kube_config(r->kube)->ns;
	return r->options.namespace ? r->options.namespace
	       : pod && pod[0]      ? pod
	       : config             ? config
				    : "default";
}

/* NULL: there is nobody to be elected against. The embedded API ends with this process, so a second one that
 * waits to take over would have nothing to take over. */
static const struct election_config *election(struct run *r)
{
	const struct operator_options *o = &r->options;
	if (!o->leader_elect || o->embedded.on)
		return NULL;
	r->identity = new_identity();
	r->election = (struct election_config){
		.ns = own_namespace(r),
		.name = o->lease_name,
		.identity = r->identity,
		.lease_duration = o->lease_duration,
		.renew_deadline = o->renew_deadline,
		.retry_period = o->retry_period,
	};
	return &r->election;
}

static void on_lost(void *arg)
{
	struct run *r = arg;
	r->code = EXIT_LOST;
	loop_stop(r->loop);
}

/* One line for each mistake, as for those that can be seen in the flags alone. */
static void on_refused(void *arg)
{
	struct run *r = arg;
	struct slice rest = slice_of(ipam_refusal(operator_ipam(r->operator_))), line;
	while (slice_cut(&rest, '\n', &line))
		(void)fprintf(stderr, "berth operator: %.*s\n", SLICE_ARG(line));
	r->code = EXIT_WRONG_USE;
	/* In order, so that a replica that has other flags can lead at once. */
	operator_stop(r->operator_, STOP_PATIENCE, leave_loop, r);
}

static void start_operator(struct run *r)
{
	const struct operator_options *o = &r->options;
	struct operator_config c = {
		.ipam = allocation_config(&o->allocation),
		.records = o->allocation.address_records == RECORDS_ON    ? RECORDS_ALWAYS
			   : o->allocation.address_records == RECORDS_OFF ? RECORDS_NEVER
									  : RECORDS_IF_SERVED,
		.managers = (const char *const *)o->allocation.field_manager.items,
		.metallb = o->allocation.accept_metallb_annotations,
		.install_crds = o->install_crds,
		.election = election(r),
		.on_lost = on_lost,
		.on_lost_arg = r,
		.on_refused = on_refused,
		.on_refused_arg = r,
		.service_ranges = o->pool.services,
		.n_service_ranges = o->pool.n_services,
		.ns = own_namespace(r),
		.seed = (uint64_t)loop_wall() ^ ((uint64_t)getpid() << 32),
		.times = &r->times,
		.log = &r->log,
	};
	c.ipam.cluster_pool = cluster_pool_config(&o->pool);
	c.ipam.nodes_only = !o->allocation.enable_lb_ipam;
	c.ipam.max_in_flight = (unsigned)o->max_in_flight;
	c.ipam.mass_release_delay = o->mass_release_delay;
	r->operator_ = operator_new(r->loop, r->kube, &c);
}

static const char *not_ready(void *arg)
{
	struct run *r = arg;
	return r->operator_ ? operator_not_ready(r->operator_) : NULL;
}

static void metrics(struct metrics *out, void *arg)
{
	struct run *r = arg;
	kube_metrics(out, r->kube);
	if (!r->operator_)
		return;
	leader_metrics(out, operator_leads(r->operator_));
	/* A follower has no picture: its zeros would be added to the numbers of the leader. */
	if (operator_leads(r->operator_)) {
		ipam_metrics(out, operator_ipam(r->operator_));
		if (operator_forecast(r->operator_))
			forecast_metrics(out, operator_ipam(r->operator_), operator_forecast(r->operator_));
	}
	event_times_metrics(out, &r->times);
	const char *resource;
	uint64_t restarts;
	for (size_t i = 0; operator_watch(r->operator_, i, &resource, &restarts); i++)
		if (resource)
			watch_metrics(out, i, resource, restarts);
}

static int start_health(struct run *r, struct err *e)
{
	struct health_options o = {
		.address = r->options.http_address,
		.max_connections = HEALTH_CONNECTIONS,
		.not_ready = not_ready,
		.metrics = metrics,
		.arg = r,
	};
	int err = health_new(r->loop, &o, &r->health, e);
	if (err == 0)
		log_info(&r->log, "metrics and health listen", KV("address", health_address(r->health)));
	return err;
}

static int start(struct run *r, struct err *e)
{
	int err = loop_new(&r->loop, e);
	if (err < 0)
		return err;
	(void)signal(SIGPIPE, SIG_IGN);
	err = loop_signal(r->loop, SIGTERM, on_signal, r, e);
	if (err == 0)
		err = loop_signal(r->loop, SIGINT, on_signal, r, e);
	if (err == 0)
		err = connect_kube(r, e);
	if (err < 0)
		return err;
	const bool lb_ipam = r->options.allocation.enable_lb_ipam;
	if (!lb_ipam)
		log_info(&r->log, "--enable-lb-ipam=false: no Service is served",
			 KV("podcidrs", r->options.pool.on ? "go on" : "none: there is no cluster pool"));
	if (lb_ipam || r->options.pool.on)
		start_operator(r);
	return start_health(r, e);
}

int cmd_operator(int argc, char **argv)
{
	struct run r = { 0 };
	struct err e = { 0 };
	uint64_t seed[2];
	fill_random(seed, sizeof(seed));
	map_seed(seed[0], seed[1]);
	int code = operator_options_parse(argc, argv, &r.options);
	if (code < 0) {
		/* One thread allocates; the resolver's must not get an arena of its own. */
		(void)mallopt(M_ARENA_MAX, 1);
		r.log = (struct log){
			.out = stderr,
			.level = r.options.log_level,
			.json = r.options.log_format == LOG_FORMAT_JSON,
			.wall = loop_wall,
		};
		for (size_t i = 0; i < r.options.unknown_files.n; i++)
			log_info(&r.log, "not a flag of berth", KV("file", r.options.unknown_files.items[i]));
		code = 0;
		if (start(&r, &e) < 0 || loop_run(r.loop, &e) < 0) {
			(void)fprintf(stderr, "berth operator: %s\n", e.msg);
			code = EXIT_WRONG_USE;
		}
		if (code == 0)
			code = r.code;
	}
	run_done(&r);
	return code;
}
