#include "base/pages.h"
#include "operator/internal.h"

#include <stdio.h>

struct moment operator_now(const struct berth_operator *o)
{
	return (struct moment){ loop_now(o->loop), kube_server_wall(o->kube) };
}

void operator_kick(struct berth_operator *o)
{
	loop_timer_set(o->pump, 0);
}

static void tell_node_side(const struct berth_operator *o)
{
	const char *why;
	enum node_side side = ipam_node_side(o->ipam, &why);
	if (why)
		log_warn(o->config.log, "no PodCIDRs are given out", KV("why", why));
	else if (o->config.ipam.cluster_pool)
		log_info(o->config.log, "PodCIDRs are written to",
			 KV("resource", side == SIDE_CILIUM ? "ciliumnodes"
					: side == SIDE_NODE ? "nodes"
							    : "none"));
}

/* What the first lists say of the configuration. False: it does not go with the cluster. */
static bool begin(struct berth_operator *o)
{
	if (o->began || !ipam_ready(o->ipam))
		return true;
	o->began = true;
	pages_give_back(); /* what certificates and handshakes needed */
	if (!ipam_refusal(o->ipam)) {
		tell_node_side(o);
		return true;
	}
	/* The core decides nothing from here on. */
	if (o->config.on_refused)
		o->config.on_refused(o->config.on_refused_arg);
	return false;
}

static void pump(void *arg)
{
	struct berth_operator *o = arg;
	if (o->stopping || !o->leads || !begin(o))
		return;
	struct effect x;
	while (ipam_next(o->ipam, operator_now(o), &x))
		act(o, &x);
	msec at = ipam_wake_at(o->ipam);
	if (at >= 0) {
		msec delay = at - loop_now(o->loop);
		loop_timer_set(o->pump, delay > 0 ? delay : 0);
	}
}

void operator_installed(struct berth_operator *o)
{
	o->installed = true;
	/* What was listed while following may be old: a leader reads each kind once more. */
	if (o->following)
		feeds_relist(o);
	else
		feeds_start(o);
}

void operator_follow(struct berth_operator *o)
{
	if (o->stopping || o->leads || o->following)
		return;
	o->following = true;
	feeds_start(o);
}

void operator_lead(struct berth_operator *o)
{
	if (o->stopping)
		return;
	o->leads = true;
	if (!o->config.ipam.nodes_only)
		o->forecasting = forecasting_start(o);
	if (o->config.install_crds)
		o->install = install_start(o);
	else
		operator_installed(o);
}

static void end_work(struct berth_operator *o)
{
	o->stopping = true;
	install_free(TAKE(o->install));
	feeds_free(o);
}

void operator_lost(struct berth_operator *o)
{
	kube_abort(o->kube);
	o->leads = false;
	end_work(o);
	act_cancel_all(o);
	if (o->config.on_lost)
		o->config.on_lost(o->config.on_lost_arg);
}

struct berth_operator *operator_new(struct loop *l, struct kube *k, const struct operator_config *c)
{
	struct berth_operator *o = xcalloc(1, sizeof(*o));
	o->loop = l;
	o->kube = k;
	o->config = *c;
	o->config.ipam.records = c->records != RECORDS_NEVER;
	pages_give_back(); /* what the dynamic linker read */
	o->view = (struct view_config){ .managers = c->managers, .metallb = c->metallb };
	o->ipam = ipam_new(&o->config.ipam);
	o->pump = loop_timer_new(l, pump, o);
	if (c->election)
		o->election = election_start(o);
	else
		operator_lead(o);
	return o;
}

void operator_free(struct berth_operator *o)
{
	if (!o)
		return;
	install_free(o->install);
	election_free(o->election);
	act_cancel_all(o);
	forecasting_free(o->forecasting);
	feeds_free(o);
	loop_timer_free(o->pump);
	loop_timer_free(o->patience);
	ipam_free(o->ipam);
	free(o);
}

static void left(void *arg)
{
	struct berth_operator *o = arg;
	loop_fn *fn = o->on_stopped;
	o->on_stopped = NULL;
	if (fn)
		fn(o->on_stopped_arg);
}

/* Nothing is on its way any more, or patience is at its end: the Lease goes last. */
static void stopped(void *arg)
{
	struct berth_operator *o = arg;
	if (o->n_calls > 0)
		kube_abort_writes(o->kube);
	act_cancel_all(o);
	if (o->election)
		election_leave(o->election, left, o);
	else
		left(o);
}

void operator_stopped_if_idle(struct berth_operator *o)
{
	if (o->stopping && o->n_calls == 0)
		loop_timer_set(o->patience, 0);
}

void operator_stop(struct berth_operator *o, msec patience, loop_fn *fn, void *arg)
{
	if (o->stopping)
		return;
	end_work(o);
	o->on_stopped = fn;
	o->on_stopped_arg = arg;
	o->patience = loop_timer_new(o->loop, stopped, o);
	loop_timer_set(o->patience, patience);
	operator_stopped_if_idle(o);
}

const char *operator_not_ready(struct berth_operator *o)
{
	if (o->stopping)
		return "stopping";
	if (o->election && election_problem(o->election))
		return election_problem(o->election);
	if (o->leads && !o->installed)
		return "the CRDs are being applied";
	if (ipam_ready(o->ipam))
		return ipam_pools_lost(o->ipam) && !o->config.ipam.nodes_only
			       ? "the pools cannot be read; everything is kept, nothing new is given out"
			       : NULL;
	for (int k = 0; k < IPAM_KINDS; k++) {
		const struct feed *f = &o->feeds[k];
		if (!f->reflector || f->told)
			continue;
		(void)snprintf(o->not_ready, sizeof(o->not_ready), "%s: %s%s%s",
			       reflector_resource(f->reflector)->plural, reflector_state_name(f->state),
			       f->why[0] ? ": " : "", f->why);
		return o->not_ready;
	}
	return o->leads || !o->following ? "the lists are not complete" : NULL;
}

bool operator_leads(const struct berth_operator *o)
{
	return o->leads && !o->stopping;
}

const struct ipam *operator_ipam(const struct berth_operator *o)
{
	return o->ipam;
}

bool operator_watch(const struct berth_operator *o, size_t i, const char **ret_resource,
		    uint64_t *ret_restarts)
{
	if (i >= IPAM_KINDS)
		return false;
	const struct reflector *r = o->feeds[i].reflector;
	*ret_resource = r ? reflector_resource(r)->plural : NULL;
	*ret_restarts = r ? reflector_restarts(r) : 0;
	return true;
}
