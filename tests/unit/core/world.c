#include "world.h"

#include "base/mem.h"

#include <stdio.h>

static const char *version(unsigned rv, char text[16])
{
	(void)snprintf(text, 16, "%u", rv);
	return text;
}

/* ---- what is told ------------------------------------------------------------------------------------- */

static void service_now(struct world *w, const struct wservice *s, enum told_by by)
{
	char rv[16], uid[64];
	struct ingress_in ingress[8] = { 0 };
	for (size_t i = 0; i < s->n_has; i++)
		ingress[i] = (struct ingress_in){ .has_ip = true, .ip = s->has[i] };
	struct port_in port = { s->port ? s->port : 80, 'T' };
	(void)snprintf(uid, sizeof(uid), "%s/%s", s->ns, s->name);
	struct service_in in = {
		.by = by,
		.namespace = s->ns,
		.name = s->name,
		.uid = uid,
		.resource_version = version(s->rv, rv),
		.created = 1000 + (s - w->services),
		.is_load_balancer = true,
		.opt_in = "true",
		.labels = s->labels,
		.n_labels = s->n_labels,
		.policy = s->policy,
		.families = { s->families[0], s->families[1] },
		.n_families = s->n_families,
		.requests = s->requests,
		.sharing_key = s->key,
		.pools = s->pools,
		.ports = &port,
		.n_ports = 1,
		.ingress = ingress,
		.n_ingress = s->n_has,
		.ingress_ours = s->ours,
		.condition_ours = s->condition != COND_ABSENT,
		.condition = s->condition,
		.reason = s->reason,
		.message = s->message,
	};
	ipam_service(w->m, &in, w->now);
}

static void conditions_now(const struct wcondition *list, size_t n, struct condition_in *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct condition_in){ list[i].type, list[i].reason, list[i].message,
						"t",          list[i].status, list[i].generation,
						"{}" };
}

static void pool_now(struct world *w, const struct wpool *p, enum told_by by)
{
	char rv[16];
	const char *finalizers[WORLD_TEXTS];
	for (size_t i = 0; i < p->n_finalizers; i++)
		finalizers[i] = p->finalizers[i];
	struct condition_in conditions[8];
	conditions_now(p->conditions, p->n_conditions, conditions);
	struct block_in block = { p->cidr, p->start, p->stop };
	const char *yes = "yes";
	struct match_in match = { p->select_label, NULL, &yes, 1 };
	struct pool_in in = {
		.by = by,
		.name = p->name,
		.uid = p->name,
		.resource_version = version(p->rv, rv),
		.created = 1000 + (p - w->pools),
		.generation = p->generation,
		.deleting = p->deleting,
		.disabled = p->disabled,
		.reserve_first_last = p->spare,
		.blocks = &block,
		.n_blocks = p->cidr || p->start,
		.matches = &match,
		.n_matches = p->select_label != NULL,
		.labels = p->labels,
		.n_labels = p->n_labels,
		.finalizers = finalizers,
		.n_finalizers = p->n_finalizers,
		.conditions = conditions,
		.n_conditions = p->n_conditions,
	};
	ipam_pool(w->m, &in, w->now);
}

static void policy_now(struct world *w, const struct wpolicy *x, enum told_by by)
{
	char rv[16];
	struct condition_in conditions[8];
	conditions_now(x->conditions, x->n_conditions, conditions);
	struct policy_in in = x->in;
	in.by = by;
	in.uid = x->in.name;
	in.resource_version = version(x->rv, rv);
	in.conditions = conditions;
	in.n_conditions = x->n_conditions;
	ipam_policy(w->m, &in, w->now);
}

static void record_now(struct world *w, const struct wrecord *r, enum told_by by)
{
	char rv[16], uid[32];
	(void)snprintf(uid, sizeof(uid), "r%zu", (size_t)(r - w->record));
	struct record_in in = {
		.by = by,
		.ip = r->ip,
		.uid = uid,
		.resource_version = version(r->rv, rv),
		.ours = true,
		.holders = r->holders,
		.pool = r->pool[0] ? r->pool : NULL,
		.phase = r->phase,
	};
	ipam_record(w->m, &in, w->now);
}

void tell_service(struct world *w, struct wservice *s)
{
	s->exists = true;
	s->rv = ++w->rv;
	service_now(w, s, TOLD_BY_WATCH);
}

void tell_pool(struct world *w, struct wpool *p)
{
	p->exists = true;
	p->generation++;
	p->rv = ++w->rv;
	pool_now(w, p, TOLD_BY_WATCH);
}

void tell_policy(struct world *w, struct wpolicy *x)
{
	x->exists = true;
	x->in.generation++;
	x->rv = ++w->rv;
	policy_now(w, x, TOLD_BY_WATCH);
}

void delete_service(struct world *w, struct wservice *s)
{
	s->exists = s->ours = false;
	s->n_has = 0;
	s->condition = COND_ABSENT;
	s->reason[0] = s->message[0] = 0;
	ipam_service_deleted(w->m, s->ns, s->name, NULL, w->now);
}

void delete_policy(struct world *w, struct wpolicy *x)
{
	x->exists = false;
	ipam_policy_deleted(w->m, x->in.name, w->now);
}

void world_start(struct world *w)
{
	static const char *const classes[] = { "berth.dev/lb", NULL };
	struct ipam_config c = {
		.classes = classes,
		.proxy_name = "",
		.family_on = { true, true },
		.records = w->records,
		.classless_are_ours = true,
		.max_in_flight = 4,
		.reuse_after = 0,
	};
	if (!w->now.mono)
		w->now = (struct moment){ 1000, 1767225600000 };
	w->m = ipam_new(&c);
	for (int k = 0; k < IPAM_KINDS; k++) {
		ipam_list_begin(w->m, (enum ipam_kind)k);
		for (size_t i = 0; k == KIND_SERVICE && i < w->n_services; i++)
			if (w->services[i].exists)
				service_now(w, &w->services[i], TOLD_BY_WATCH);
		for (size_t i = 0; k == KIND_POOL && i < w->n_pools; i++)
			if (w->pools[i].exists)
				pool_now(w, &w->pools[i], TOLD_BY_WATCH);
		for (size_t i = 0; k == KIND_POLICY && i < w->n_policies; i++)
			if (w->policies[i].exists)
				policy_now(w, &w->policies[i], TOLD_BY_WATCH);
		for (size_t i = 0; k == KIND_RECORD && i < w->n_records; i++)
			if (w->record[i].exists)
				record_now(w, &w->record[i], TOLD_BY_WATCH);
		for (size_t i = 0; k == KIND_NAMESPACE && i < w->n_namespaces; i++)
			ipam_namespace(w->m, w->namespaces[i].name, w->namespaces[i].labels,
				       w->namespaces[i].n, w->now);
		ipam_list_end(w->m, (enum ipam_kind)k, w->now);
	}
}

void world_end(struct world *w)
{
	ipam_free(w->m);
	w->m = NULL;
}

void world_restart(struct world *w)
{
	world_end(w);
	world_start(w);
}

/* ---- what is written ---------------------------------------------------------------------------------- */

static enum outcome write_service(struct world *w, const struct effect *e)
{
	struct wservice *s = world_service(w, e->namespace, e->name);
	if (!s->exists)
		return OUTCOME_GONE;
	if (e->status.write_ingress) {
		s->n_has = 0;
		for (size_t i = 0; i < e->status.n_ingress && i < 8; i++)
			s->has[s->n_has++] = e->status.ingress[i].ip;
		s->ours = true;
	}
	if (e->status.write_condition) {
		s->condition = e->status.condition.status;
		(void)snprintf(s->reason, sizeof(s->reason), "%s", e->status.condition.reason);
		(void)snprintf(s->message, sizeof(s->message), "%s", e->status.condition.message);
	}
	s->rv = ++w->rv;
	service_now(w, s, TOLD_BY_ANSWER);
	return OUTCOME_DONE;
}

static size_t take_conditions(const struct effect *e, struct wcondition *list)
{
	for (size_t i = 0; i < e->pool.n; i++) {
		const struct condition_out *c = &e->pool.conditions[i];
		struct wcondition *to = &list[i];
		(void)snprintf(to->type, sizeof(to->type), "%s", c->type);
		(void)snprintf(to->reason, sizeof(to->reason), "%s", c->reason);
		(void)snprintf(to->message, sizeof(to->message), "%s", c->message);
		to->status = c->status;
		to->generation = c->generation;
	}
	return e->pool.n;
}

static enum outcome write_pool(struct world *w, const struct effect *e)
{
	struct wpool *p = world_pool(w, e->name, NULL);
	if (!p->exists)
		return OUTCOME_GONE;
	if (e->kind == EFFECT_POOL_STATUS) {
		p->n_conditions = take_conditions(e, p->conditions);
	} else {
		p->n_finalizers = 0;
		for (size_t i = 0; i < e->finalizers.n && i < WORLD_TEXTS; i++)
			(void)snprintf(p->finalizers[p->n_finalizers++], sizeof(p->finalizers[0]), "%s",
				       e->finalizers.list[i]);
	}
	p->rv = ++w->rv;
	/* The last finalizer has gone from an object that is being deleted. */
	if (p->deleting && p->n_finalizers == 0) {
		p->exists = false;
		ipam_pool_deleted(w->m, p->name, NULL, w->now);
	} else {
		pool_now(w, p, TOLD_BY_ANSWER);
	}
	return OUTCOME_DONE;
}

static enum outcome write_policy(struct world *w, const struct effect *e)
{
	struct wpolicy *x = world_policy(w, e->name, NULL);
	if (!x->exists)
		return OUTCOME_GONE;
	x->n_conditions = take_conditions(e, x->conditions);
	x->rv = ++w->rv;
	policy_now(w, x, TOLD_BY_ANSWER);
	return OUTCOME_DONE;
}

static enum outcome write_record(struct world *w, const struct effect *e)
{
	struct wrecord *r = NULL, *vacant = NULL;
	for (size_t i = 0; i < w->n_records; i++) {
		if (w->record[i].exists && ip_eq(w->record[i].ip, e->record.ip))
			r = &w->record[i];
		if (!w->record[i].exists)
			vacant = &w->record[i];
	}
	if (e->kind == EFFECT_RECORD_DELETE) {
		if (!r)
			return OUTCOME_GONE;
		r->exists = false;
		if (w->deletion == WATCH_IS_FIRST)
			ipam_record_deleted(w->m, r->ip, w->now);
		return w->deletion == ANSWER_IS_LOST ? OUTCOME_UNKNOWN : OUTCOME_DONE;
	}
	if (e->kind == EFFECT_RECORD_CREATE && r)
		return OUTCOME_EXISTS;
	if (e->kind != EFFECT_RECORD_CREATE && !r)
		return OUTCOME_GONE;
	if (!r)
		r = vacant ? vacant : &w->record[w->n_records++];
	if (e->kind != EFFECT_RECORD_READ) {
		*r = (struct wrecord){ .ip = e->record.ip, .phase = e->record.phase, .rv = ++w->rv };
		r->exists = true;
		(void)snprintf(r->holders, sizeof(r->holders), "%s", e->record.holders);
		(void)snprintf(r->pool, sizeof(r->pool), "%s", e->record.pool ? e->record.pool : "");
	}
	record_now(w, r, TOLD_BY_ANSWER);
	return OUTCOME_DONE;
}

static void note_event(struct world *w, const struct effect *e)
{
	if (strcmp(e->event.about, "Service") != 0 && w->n_events < WORLD_EVENTS)
		(void)snprintf(w->events[w->n_events++], sizeof(w->events[0]), "%s %s", e->event.reason,
			       e->name);
}

static void note_history(struct world *w, const struct effect *e)
{
	char ip[IP_TEXT_MAX];
	for (size_t i = 0; i < e->history.n && w->n_history < WORLD_EVENTS; i++)
		(void)snprintf(w->history[w->n_history++], sizeof(w->history[0]), "%s %s",
			       ip_format(e->history.items[i].ip, ip), e->history.items[i].holding.holder);
}

static void carry_out(struct world *w, const struct effect *e)
{
	/* The effect is borrowed until the next call into the core. */
	const unsigned id = e->id;
	enum outcome o = OUTCOME_DONE;
	w->writes += e->kind != EFFECT_EVENT && e->kind != EFFECT_POOL_KIND_READ;
	switch (e->kind) {
	case EFFECT_SERVICE_STATUS:
		o = write_service(w, e);
		break;
	case EFFECT_POOL_STATUS:
	case EFFECT_POOL_FINALIZERS:
		o = write_pool(w, e);
		break;
	case EFFECT_POLICY_STATUS:
		o = write_policy(w, e);
		break;
	case EFFECT_RECORD_CREATE:
	case EFFECT_RECORD_PATCH:
	case EFFECT_RECORD_DELETE:
	case EFFECT_RECORD_READ:
		o = write_record(w, e);
		break;
	case EFFECT_POOL_KIND_READ:
		ipam_pool_kind(w->m, id, true, w->now);
		return;
	case EFFECT_EVENT:
		note_event(w, e);
		break;
	case EFFECT_HISTORY:
		note_history(w, e);
		break;
	case EFFECT_SERVICE_READ:
	case EFFECT_RESERVATION_STATUS:
	case EFFECT_NODE_PATCH:
	case EFFECT_NODE_READ:
	case EFFECT_CILIUM_NODE_PATCH:
	case EFFECT_CILIUM_NODE_ERROR:
	case EFFECT_CILIUM_NODE_READ:
	case EFFECT_CILIUM_NODE_DELETE:
	case EFFECT_KINDS:
		break;
	}
	ipam_result(w->m, id, o, 0, w->now);
}

void world_run(struct world *w)
{
	for (unsigned idle = 0; idle < 100;) {
		struct effect e;
		if (ipam_next(w->m, w->now, &e)) {
			carry_out(w, &e);
			idle = 0;
			continue;
		}
		msec at = ipam_wake_at(w->m);
		if (at < 0)
			return;
		if (at > w->now.mono) {
			w->now.wall += at - w->now.mono;
			w->now.mono = at;
		}
		idle++;
	}
}

/* ---- objects ------------------------------------------------------------------------------------------- */

struct wservice *world_service(struct world *w, const char *ns, const char *name)
{
	for (size_t i = 0; i < w->n_services; i++)
		if (strcmp(w->services[i].ns, ns) == 0 && strcmp(w->services[i].name, name) == 0)
			return &w->services[i];
	struct wservice *s = &w->services[w->n_services++];
	*s = (struct wservice){ .ns = ns, .name = name };
	return s;
}

struct wpool *world_pool(struct world *w, const char *name, const char *cidr)
{
	for (size_t i = 0; i < w->n_pools; i++)
		if (strcmp(w->pools[i].name, name) == 0)
			return &w->pools[i];
	struct wpool *p = &w->pools[w->n_pools++];
	*p = (struct wpool){ .name = name, .cidr = cidr };
	return p;
}

struct wpolicy *world_policy(struct world *w, const char *name, const char *pool)
{
	for (size_t i = 0; i < w->n_policies; i++)
		if (strcmp(w->policies[i].in.name, name) == 0)
			return &w->policies[i];
	struct wpolicy *x = &w->policies[w->n_policies++];
	*x = (struct wpolicy){
		.in = { .name = name, .pool_name = pool, .reuse_early = true, .auto_assign = true },
	};
	return x;
}

void world_namespace(struct world *w, const char *name, const char *key, const char *value)
{
	size_t i = 0;
	while (i < w->n_namespaces && strcmp(w->namespaces[i].name, name) != 0)
		i++;
	if (i == w->n_namespaces)
		w->n_namespaces++;
	w->namespaces[i].name = name;
	w->namespaces[i].n = key != NULL;
	w->namespaces[i].labels[0] = (struct label){ key, value };
	if (w->m)
		ipam_namespace(w->m, name, w->namespaces[i].labels, w->namespaces[i].n, w->now);
}

/* ---- looking ------------------------------------------------------------------------------------------- */

const char *addresses_of(const struct wservice *s)
{
	static char text[8 * IP_TEXT_MAX];
	char ip[IP_TEXT_MAX];
	text[0] = 0;
	for (size_t i = 0; i < s->n_has; i++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "," : "", ip_format(s->has[i], ip));
	}
	return text;
}

static const struct wcondition *find(const struct wcondition *list, size_t n, const char *type)
{
	static const struct wcondition none = { .status = COND_ABSENT };
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].type, type) == 0)
			return &list[i];
	return &none;
}

const struct wcondition *pool_condition(const struct wpool *p, const char *type)
{
	return find(p->conditions, p->n_conditions, type);
}

const struct wcondition *policy_condition(const struct wpolicy *x, const char *type)
{
	return find(x->conditions, x->n_conditions, type);
}

const char *events_since(struct world *w)
{
	static char text[WORLD_EVENTS * 20];
	text[0] = 0;
	for (size_t i = 0; i < w->n_events; i++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "," : "", w->events[i]);
	}
	w->n_events = 0;
	return text;
}
