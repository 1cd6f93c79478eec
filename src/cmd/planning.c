#include "cmd/planning.h"

#include "cmd/args.h"
#include "cmd/manifests.h"
#include "cmd/snapshot.h"
#include "io/loop.h"

#include <stdio.h>

static int on_document(struct js *document, const char *path, int line, void *arg, struct err *e)
{
	(void)path;
	(void)line;
	return plan_base(arg, document, e);
}

static unsigned read_file(const struct planning_options *o, struct plan *p)
{
	struct manifest_reader r = { .verb = o->verb, .fn = on_document, .arg = p };
	manifests_read(&r, o->against);
	return r.mistakes;
}

static unsigned put_snapshot(const struct planning_options *o, const struct snapshot *s, struct plan *p)
{
	unsigned mistakes = 0;
	for (size_t i = 0; i < js_len(s->objects); i++) {
		struct err e = { 0 };
		if (plan_base(p, js_item(s->objects, i), &e) < 0) {
			manifest_complain(o->verb, "cluster", 0, e.msg);
			mistakes++;
		}
	}
	if (!s->served[KIND_POOL])
		plan_without_pools(p);
	return mistakes;
}

static void tell_lines(const char *verb, const char *text)
{
	struct slice rest = slice_of(text), line;
	while (slice_cut(&rest, '\n', &line)) {
		CLEANUP(buf_done) struct buf shown = BUF_INIT(SIZE_MAX / 2);
		buf_add_shown(&shown, line);
		(void)fprintf(stderr, "%s %s: %s\n", program_name(), verb, buf_str(&shown));
	}
}

int planning_begin(const struct planning_options *o, struct planning *ret)
{
	const bool cluster = o->against && strcmp(o->against, "cluster") == 0;
	CLEANUP(snapshot_done) struct snapshot s = { 0 };
	struct ipam_config config = allocation_config(o->allocation);
	config.records = o->allocation->address_records != RECORDS_OFF;
	config.max_in_flight = 64;
	config.cluster_pool = cluster_pool_config(o->pool);
	if (cluster) {
		const struct snapshot_options from = {
			.verb = o->verb,
			.cluster = o->cluster,
			.decisions = true,
			.records = config.records,
			.cilium_nodes = config.cluster_pool != NULL,
		};
		if (snapshot_read(&from, &s) < 0)
			return EXIT_WRONG_USE;
		/* As the operator does where there is no such kind. */
		if (o->allocation->address_records == RECORDS_AUTO && !s.served[KIND_RECORD])
			config.records = false;
	}
	ret->view = (struct view_config){
		.managers = (const char *const *)o->allocation->field_manager.items,
		.metallb = o->allocation->accept_metallb_annotations,
	};
	ret->ns = xstrdup(o->ns ? o->ns : s.ns ? s.ns : "default");
	ret->plan = plan_new(&config, &ret->view, loop_wall());
	plan_set_namespace(ret->plan, ret->ns);
	unsigned mistakes = 0;
	if (cluster)
		mistakes = put_snapshot(o, &s, ret->plan);
	else if (o->against)
		mistakes = read_file(o, ret->plan);
	if (cluster ? !s.served[KIND_SERVICE_CIDR] : !plan_has(ret->plan, "ServiceCIDR"))
		ipam_service_cidr(plan_ipam(ret->plan), "--service-cluster-ip-range", o->pool->services,
				  o->pool->n_services, plan_now(ret->plan));
	plan_begin(ret->plan);
	const char *refusal = ipam_refusal(plan_ipam(ret->plan));
	if (refusal) {
		tell_lines(o->verb, refusal);
		tell_lines(o->verb, "give the flags that the operator has, or its --config-dir");
		return EXIT_WRONG_USE;
	}
	return mistakes ? EXIT_WRONG_USE : 0;
}

void planning_done(struct planning *p)
{
	plan_free(p->plan);
	free(p->ns);
	*p = (struct planning){ 0 };
}
