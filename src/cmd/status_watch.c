#include "cmd/status_watch.h"

#include "base/map.h"
#include "cmd/args.h"
#include "kube/reflector.h"
#include "plan/status.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
	GATHER = 300, /* ms: what changes together is told together */
	LOOK = 2000,  /* a leader that falls silent changes nothing */
	OWN_MAX = 4,
	SOURCES = IPAM_KINDS + OWN_MAX,
};

struct kept {
	char *key; /* "ns/name" */
	struct js *object;
	unsigned list; /* in which it was last told */
};

/* One kind. */
struct source {
	struct watching *w;
	const struct resource *resource;
	struct reflector *reflector; /* NULL = is not read */
	struct map objects;
	unsigned list;
	bool told, served, is_lease;
	const char *spared; /* see struct snapshot_want */
};

struct watching {
	const struct standing_options *o;
	struct loop *loop;
	struct kube *kube;
	struct standing standing;
	struct source sources[SOURCES];
	struct loop_timer *draw, *look;
	char *version, *leader, *last; /* the last one: the document that was told */
	bool version_told;
	int code;
};

/* ---- objects ----------------------------------------------------------------------------------------- */

static void kept_free(struct kept *k)
{
	js_free(k->object);
	free(k->key);
	free(k);
}

/* Those that are not of this list; 0 = all. */
static void drop_others(struct source *s, unsigned list)
{
	for (bool found = true; found;) {
		size_t at = 0;
		struct kept *k;
		while ((k = map_next(&s->objects, &at)) && list && k->list == list)
			;
		found = k != NULL;
		if (found) {
			(void)map_del(&s->objects, k->key);
			kept_free(k);
		}
	}
}

static char *key_of(const struct js *object)
{
	return xasprintf("%s/%s", view_namespace(object), view_name(object));
}

static struct js *all_of(struct watching *w, bool own)
{
	struct js *list = js_new_array();
	for (size_t i = own ? IPAM_KINDS : 0; i < (own ? SOURCES : IPAM_KINDS); i++) {
		size_t at = 0;
		for (const struct kept *k; (k = map_next(&w->sources[i].objects, &at));)
			js_push(list, js_ref(k->object));
	}
	return list;
}

/* ---- telling ----------------------------------------------------------------------------------------- */

static void fill_in(struct watching *w, struct js *objects, struct js *own)
{
	struct standing_in *in = &w->standing.in;
	in->objects = objects;
	in->own = own;
	in->pools_served = w->sources[KIND_POOL].served;
	in->embedded = standing_is_embedded(w->version);
	in->wall = kube_server_wall(w->kube);
}

static bool is_complete(const struct watching *w)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (w->sources[i].reflector && !w->sources[i].told)
			return false;
	return w->version_told;
}

static void draw(void *arg)
{
	struct watching *w = arg;
	if (!is_complete(w))
		return;
	CLEANUP(js_freep) struct js *objects = all_of(w, false);
	CLEANUP(js_freep) struct js *own = all_of(w, true);
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	fill_in(w, objects, own);
	CLEANUP(js_freep) struct js *document = status_document(&w->standing.in);
	js_write(document, &text);
	if (w->last && strcmp(w->last, buf_str(&text)) == 0)
		return;
	const bool terminal = isatty(STDOUT_FILENO) && w->o->output <= PLAN_AS_WIDE;
	const char *before = terminal                                  ? "\033[H\033[2J"
			     : w->o->output == PLAN_AS_YAML            ? "---\n"
			     : w->last && w->o->output <= PLAN_AS_WIDE ? "\n"
								       : "";
	str_replace(&w->last, buf_str(&text));
	w->code = status_tell(&w->standing.in, w->o->output, status_terminal(), before);
	if (w->code == EXIT_WRONG_USE)
		loop_stop(w->loop);
}

static void changed(struct watching *w)
{
	if (!loop_timer_is_set(w->draw))
		loop_timer_set(w->draw, GATHER);
}

/* A Lease changes every two seconds, who leads does not. */
static void look_at_leader(void *arg)
{
	struct watching *w = arg;
	CLEANUP(js_freep) struct js *own = all_of(w, true);
	fill_in(w, NULL, own);
	CLEANUP(freep) char *leader = status_leader_text(&w->standing.in);
	if (!w->leader || strcmp(leader, w->leader) != 0)
		changed(w);
	str_replace(&w->leader, leader);
	loop_timer_set(w->look, LOOK);
}

/* ---- what the reflectors tell ------------------------------------------------------------------------- */

static void on_list_begin(void *arg)
{
	struct source *s = arg;
	s->list++;
}

static void news(struct source *s)
{
	if (s->is_lease)
		loop_timer_set(s->w->look, 0);
	else
		changed(s->w);
}

static void on_upsert(struct js *object, void *arg)
{
	struct source *s = arg;
	CLEANUP(freep) char *key = key_of(object);
	struct kept *k = map_get(&s->objects, key);
	if (!k) {
		k = xcalloc(1, sizeof(*k));
		k->key = TAKE(key);
		map_put(&s->objects, k->key, k);
	}
	/* What is told cannot be changed. */
	js_free(k->object);
	k->object = js_clone(object);
	js_set(k->object, "kind", js_new_str(s->resource->kind));
	k->list = s->list;
	news(s);
}

static void on_deleted(struct js *object, void *arg)
{
	struct source *s = arg;
	CLEANUP(freep) char *key = key_of(object);
	struct kept *k = map_del(&s->objects, key);
	if (k)
		kept_free(k);
	news(s);
}

static void on_list_end(void *arg)
{
	struct source *s = arg;
	drop_others(s, s->list);
	s->told = s->served = true;
	news(s);
	changed(s->w);
}

static void on_state(enum reflector_state state, const char *why, void *arg)
{
	struct source *s = arg;
	const struct resource *what = s->resource;
	if (state == REFLECTOR_FORBIDDEN) {
		(void)fprintf(stderr,
			      "%s status: cluster: %s%s%snot allowed: grant the verbs list and watch on the "
			      "resource "
			      "%s%s%s: %s\n",
			      program_name(), s->spared ? "no " : "", s->spared ? s->spared : "",
			      s->spared ? ": " : "", what->plural, what->group[0] ? "." : "", what->group,
			      why);
		if (s->spared) {
			s->told = true;
			changed(s->w);
			return;
		}
		s->w->code = EXIT_WRONG_USE;
		loop_stop(s->w->loop);
	} else if (state == REFLECTOR_RETRYING) {
		(void)fprintf(stderr, "%s status: cluster: %s: %s; trying again\n", program_name(),
			      what->plural, why);
	} else if (state == REFLECTOR_NOT_SERVED) {
		drop_others(s, 0);
		s->told = true;
		s->served = false;
		changed(s->w);
	}
}

static const struct reflector_ops ops = {
	.list_begin = on_list_begin,
	.upsert = on_upsert,
	.deleted = on_deleted,
	.list_end = on_list_end,
	.state = on_state,
};

static void read_source(struct watching *w, size_t i, const struct snapshot_want *want, const char *labels)
{
	struct source *s = &w->sources[i];
	CLEANUP(freep) char *field = want->name ? xasprintf("metadata.name=%s", want->name) : NULL;
	*s = (struct source){ .w = w,
			      .resource = resource(want->resource),
			      .spared = want->spared,
			      .is_lease = want->resource == RES_LEASES };
	s->reflector = reflector_new(&(struct reflector_options){
		.kube = w->kube,
		.resource = s->resource,
		.ns = want->ns,
		.field_selector = field,
		.label_selector = labels,
		.lane = KUBE_WATCH,
		.seed = (uint64_t)loop_wall() + i,
		.ops = &ops,
		.arg = s,
	});
}

/* ---- beginning and end -------------------------------------------------------------------------------- */

static void on_version(const struct kube_result *r, void *arg)
{
	struct watching *w = arg;
	CLEANUP(js_freep) struct js *version = NULL;
	if (kube_ok(r) && js_parse(r->body, &version, NULL) == 0)
		str_replace(&w->version, js_str(js_get(version, "gitVersion")));
	w->version_told = true;
	changed(w);
}

static void on_signal(void *arg)
{
	struct watching *w = arg;
	loop_stop(w->loop);
}

static int begin(struct watching *w, const struct snapshot_want *own, size_t n_own, struct err *e)
{
	struct kube_config *config = NULL;
	struct kube_config_source from = { .kubeconfig = w->o->cluster.kubeconfig,
					   .context = w->o->cluster.context };
	(void)signal(SIGPIPE, SIG_IGN);
	int r = loop_new(&w->loop, e);
	if (r == 0)
		r = loop_signal(w->loop, SIGINT, on_signal, w, e);
	if (r == 0)
		r = loop_signal(w->loop, SIGTERM, on_signal, w, e);
	if (r == 0)
		r = kube_config_load(&from, &config, e);
	if (r == 0)
		r = kube_new(w->loop, config, 1, &w->kube, e);
	if (r < 0)
		return r;
	w->draw = loop_timer_new(w->loop, draw, w);
	w->look = loop_timer_new(w->loop, look_at_leader, w);
	const struct ipam_config *c = &w->standing.config;
	for (size_t k = 0; k < IPAM_KINDS; k++) {
		if ((k == KIND_RECORD && !c->records) || (k == KIND_CILIUM_NODE && !c->cluster_pool))
			continue;
		const struct snapshot_want want = { .resource = snapshot_resource((enum ipam_kind)k) };
		read_source(w, k, &want, k == KIND_RECORD ? snapshot_record_selector : NULL);
	}
	for (size_t i = 0; i < n_own && i < OWN_MAX; i++)
		read_source(w, IPAM_KINDS + i, &own[i], own[i].labels);
	(void)kube_send(w->kube,
			&(struct kube_request){ .lane = KUBE_WATCH, .verb = "get", .path = "/version" },
			on_version, w);
	return 0;
}

static void watching_done(struct watching *w)
{
	for (size_t i = 0; i < SOURCES; i++) {
		reflector_free(w->sources[i].reflector);
		drop_others(&w->sources[i], 0);
		map_done(&w->sources[i].objects);
	}
	loop_timer_free(w->draw);
	loop_timer_free(w->look);
	kube_free(w->kube);
	loop_free(w->loop);
	free(w->version);
	free(w->leader);
	free(w->last);
}

int status_watch(const struct standing_options *o, const struct snapshot_want *own, size_t n_own)
{
	CLEANUP(watching_done) struct watching w = { .o = o };
	struct err e = { 0 };
	standing_begin(o, &w.standing);
	if (begin(&w, own, n_own, &e) < 0 || loop_run(w.loop, &e) < 0) {
		(void)fprintf(stderr, "%s status: cluster: %s\n", program_name(), e.msg);
		return EXIT_WRONG_USE;
	}
	return w.code;
}
