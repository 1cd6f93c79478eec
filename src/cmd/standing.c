#include "cmd/standing.h"

#include "base/mem.h"
#include "cmd/args.h"

void standing_begin(const struct standing_options *o, struct standing *ret)
{
	*ret = (struct standing){ .config = allocation_config(&o->allocation) };
	ret->config.records = o->allocation.address_records != RECORDS_OFF;
	ret->config.cluster_pool = cluster_pool_config(&o->pool);
	ret->view = (struct view_config){
		.managers = (const char *const *)o->allocation.field_manager.items,
		.metallb = o->allocation.accept_metallb_annotations,
	};
	ret->in = (struct standing_in){
		.config = &ret->config, .view = &ret->view, .no_election = !o->leader_elect, .lease = o->lease
	};
}

const char *standing_namespace(const struct standing_options *o)
{
	const char *pod = getenv("POD_NAMESPACE");
	return o->ns ? o->ns : pod && pod[0] ? pod : NULL;
}

bool standing_is_embedded(const char *version)
{
	return version && strstr(version, "+berth");
}

int standing_read(const char *verb, const struct standing_options *o, const struct snapshot_want *own,
		  size_t n_own, struct standing *ret)
{
	standing_begin(o, ret);
	const struct snapshot_options from = {
		.verb = verb,
		.cluster = &o->cluster,
		.decisions = true,
		.records = ret->config.records,
		.cilium_nodes = ret->config.cluster_pool != NULL,
		.own = own,
		.n_own = n_own,
	};
	struct standing *s = ret;
	if (snapshot_read(&from, &s->snapshot) < 0)
		return EXIT_WRONG_USE;
	s->in.objects = s->snapshot.objects;
	s->in.own = s->snapshot.own;
	s->in.pools_served = s->snapshot.served[KIND_POOL];
	s->in.embedded = standing_is_embedded(s->snapshot.version);
	s->in.wall = s->snapshot.wall;
	return 0;
}

void standing_done(struct standing *s)
{
	snapshot_done(&s->snapshot);
	*s = (struct standing){ 0 };
}
