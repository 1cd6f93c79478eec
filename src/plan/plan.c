#include "plan/plan.h"

#include "base/map.h"
#include "data/merge_patch.h"
#include "plan/cluster.h"
#include "plan/defaults.h"
#include "plan/manifest.h"

#include <errno.h>

enum {
	ADDRESSES_MAX = 16 * 1024,
	LEAVES_MAX = 4 * 1024,
	/* More than any delay that the core imposes on itself. */
	PATIENCE = 24 * 60 * 60 * 1000,
};

/* What a Service had before the manifests, and why it had to leave it. */
struct before {
	char *key, *addresses;
	struct buf leaves;
};

struct plan {
	struct cluster *cluster;
	struct map before;              /* "ns/name" -> struct before */
	struct manifest_checks *checks; /* NULL until there is something to check */
	char *ns;
	msec wall;
	bool without_pools;
};

/* ---- why addresses are left -------------------------------------------------------------------------- */

static struct before *need_before(struct plan *p, const char *key)
{
	struct before *b = map_get(&p->before, key);
	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->key = xstrdup(key);
		b->addresses = xstrdup("");
		b->leaves = BUF_INIT(LEAVES_MAX);
		map_put(&p->before, b->key, b);
	}
	return b;
}

struct leaving {
	const struct effect *x;
	struct before *before;
};

static void note_why(void *arg, struct ip ip, const char *why)
{
	struct leaving *l = arg;
	for (size_t i = 0; i < l->x->status.n_ingress; i++)
		if (l->x->status.ingress[i].has_ip && ip_eq(l->x->status.ingress[i].ip, ip))
			return;
	char text[IP_TEXT_MAX];
	(void)ip_format(ip, text);
	if (why && !strstr(buf_str(&l->before->leaves), text))
		buf_addf(&l->before->leaves, "%s%s: %s", l->before->leaves.len ? "; " : "", text, why);
}

/* The reason is known in the moment of the write that takes the address out. */
static enum outcome before_effect(void *arg, const struct effect *x, bool *carry_out)
{
	struct plan *p = arg;
	(void)carry_out;
	if (x->kind != EFFECT_SERVICE_STATUS || !x->status.write_ingress)
		return OUTCOME_DONE;
	CLEANUP(freep) char *key = xasprintf("%s/%s", x->namespace, x->name);
	struct leaving l = { x, need_before(p, key) };
	ipam_explain_status(cluster_ipam(p->cluster), x->namespace, x->name, note_why, &l);
	return OUTCOME_DONE;
}

/* ---- making and freeing -------------------------------------------------------------------------------- */

struct plan *plan_new(const struct ipam_config *c, const struct view_config *v, msec wall)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	p->cluster = cluster_new(c, v, wall);
	p->ns = xstrdup("default");
	p->wall = wall;
	cluster_on_effect(p->cluster, before_effect, p);
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	size_t at = 0;
	for (struct before *b; (b = map_next(&p->before, &at));) {
		free(b->key);
		free(b->addresses);
		buf_done(&b->leaves);
		free(b);
	}
	map_done(&p->before);
	cluster_free(p->cluster);
	manifest_checks_free(p->checks);
	free(p->ns);
	free(p);
}

void plan_freep(struct plan **p)
{
	plan_free(*p);
	*p = NULL;
}

void plan_set_namespace(struct plan *p, const char *ns)
{
	str_replace(&p->ns, ns);
}

void plan_without_pools(struct plan *p)
{
	p->without_pools = true;
}

/* ---- what is there ----------------------------------------------------------------------------------------
 */

static bool is_list(const struct js *object)
{
	const char *kind = js_str(js_get(object, "kind"));
	size_t n = kind ? strlen(kind) : 0;
	return n >= 4 && strcmp(kind + n - 4, "List") == 0 && js_type(js_get(object, "items")) == JS_ARRAY;
}

static struct slice group_of(struct slice api_version)
{
	struct slice rest = api_version, group;
	bool some = slice_cut(&rest, '/', &group);
	return some && group.len < api_version.len ? group : (struct slice){ "", 0 };
}

/* 1: one of ours, which may lack nothing; 0: it does not matter; -EINVAL: nobody could apply it. */
static int look(const struct js *object, bool *ret_namespaced, struct err *e)
{
	struct slice kind = js_text(js_get(object, "kind"));
	struct slice version = js_text(js_get(object, "apiVersion"));
	if (js_type(object) != JS_OBJECT)
		return err_set(e, EINVAL, "it is no object: want apiVersion, kind and metadata");
	if (!kind.len || !version.len)
		return err_set(e, EINVAL, "it has no %s: want apiVersion, kind and metadata.name",
			       kind.len ? "apiVersion" : "kind");
	if (!cluster_knows(kind, group_of(version), ret_namespaced))
		return 0;
	if (!view_name(object))
		return err_set(e, EINVAL, "it has no metadata.name: want the name of the %.*s",
			       SLICE_ARG(kind));
	return 1;
}

/* What a list says of all its items ("ServiceList") may be left out in each. */
static struct js *item_of(const struct js *list, size_t i)
{
	struct js *item = js_clone(js_item(js_get(list, "items"), i));
	struct slice kind = js_text(js_get(list, "kind"));
	kind.len -= 4;
	if (js_type(item) == JS_OBJECT && !js_has(item, "kind") && kind.len) {
		js_set(item, "kind", js_new_text(kind));
		if (!js_has(item, "apiVersion"))
			js_set(item, "apiVersion", js_clone(js_get(list, "apiVersion")));
	}
	return item;
}

typedef int each_fn(struct plan *p, const struct js *object, bool namespaced, void *arg, struct err *e);

/* Calls fn for each object that matters. */
static int each_item(struct plan *p, const struct js *object, each_fn *fn, void *arg, struct err *e)
{
	if (!is_list(object)) {
		bool namespaced = false;
		int r = look(object, &namespaced, e);
		return r > 0 ? fn(p, object, namespaced, arg, e) : r;
	}
	for (size_t i = 0; i < js_len(js_get(object, "items")); i++) {
		CLEANUP(js_freep) struct js *item = item_of(object, i);
		int r = each_item(p, item, fn, arg, e);
		if (r < 0)
			return err_wrap(e, "items[%zu]", i);
	}
	return 0;
}

static int put(struct plan *p, const struct js *object, bool namespaced, void *arg, struct err *e)
{
	(void)namespaced;
	(void)arg;
	return cluster_put(p->cluster, object, e);
}

int plan_base(struct plan *p, const struct js *object, struct err *e)
{
	return each_item(p, object, put, NULL, e);
}

static char *addresses_of(const struct js *service)
{
	struct buf text = BUF_INIT(ADDRESSES_MAX);
	const struct js *list = js_path(service, "status", "loadBalancer", "ingress");
	for (size_t i = 0; i < js_len(list); i++) {
		struct slice ip = js_text(js_get(js_item(list, i), "ip"));
		struct slice host = js_text(js_get(js_item(list, i), "hostname"));
		buf_addf(&text, "%s%.*s", text.len ? "," : "", SLICE_ARG(ip.len ? ip : host));
	}
	return buf_take(&text);
}

static char *key_of(const struct js *object)
{
	return xasprintf("%s/%s", view_namespace(object), view_name(object));
}

static void remember(struct js *service, void *arg)
{
	struct plan *p = arg;
	CLEANUP(freep) char *key = key_of(service);
	struct before *b = need_before(p, key);
	free(b->addresses);
	b->addresses = addresses_of(service);
}

/* Until nothing is left to do. Time goes on only for what is waited for, and not until what was released has
 * cooled: a plan is about now. */
static void settle(struct plan *p)
{
	const struct ipam *m = cluster_ipam(p->cluster);
	msec until = cluster_now(p->cluster).mono + PATIENCE;
	for (;;) {
		(void)cluster_run(p->cluster, SIZE_MAX, 0);
		msec now = cluster_now(p->cluster).mono, at = ipam_wake_at(m);
		if (!ipam_busy(m) || at < 0 || at > until)
			return;
		cluster_advance(p->cluster, at > now ? at - now : 0);
	}
}

void plan_begin(struct plan *p)
{
	cluster_each(p->cluster, "Service", remember, p);
	cluster_set_lost(p->cluster, KIND_POOL, p->without_pools);
	cluster_sync(p->cluster);
	settle(p);
}

/* ---- what comes
 * -------------------------------------------------------------------------------------------- */

/* What was in the manifest when it was last applied and is not any more is taken away. */
static void drop_removed(struct js *target, const struct js *last, const struct js *fresh)
{
	for (struct js_iter it = js_iter(last); js_next(&it);) {
		if (!js_has(fresh, it.key))
			js_del(target, it.key);
		else if (js_type(it.value) == JS_OBJECT && js_type(js_get(target, it.key)) == JS_OBJECT)
			drop_removed(js_get(target, it.key), it.value, js_get(fresh, it.key));
	}
}

static void drop_what_apply_forgot(struct js *merged, const struct js *fresh)
{
	static const char key[] = "kubectl.kubernetes.io/last-applied-configuration";
	struct slice text = js_text(js_path(merged, "metadata", "annotations", key));
	CLEANUP(js_freep) struct js *last = NULL;
	if (text.len == 0 || js_parse(text, &last, NULL) < 0)
		return;
	/* Where the annotation itself stood in the manifest it came from kubectl get. */
	CLEANUP(js_freep) struct js *plain = js_clone(fresh);
	js_del(js_path(plain, "metadata", "annotations"), key);
	drop_removed(merged, last, plain);
}

/* What the API server takes from nobody who applies a manifest. */
static struct js *as_applied(const struct plan *p, const struct js *object, bool namespaced)
{
	static const char *const owned[] = { "uid",        "resourceVersion", "creationTimestamp",
					     "generation", "managedFields",   "deletionTimestamp" };
	struct js *fresh = js_clone(object);
	struct js *meta = js_need_object(fresh, "metadata");
	js_del(fresh, "status");
	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		js_del(meta, owned[i]);
	if (namespaced && !view_namespace(object)[0])
		js_set(meta, "namespace", js_new_str(p->ns));
	return fresh;
}

static bool is_load_balancer(const struct js *service)
{
	return slice_is(js_text(js_path(service, "spec", "type")), "LoadBalancer");
}

static int apply(struct plan *p, const struct js *object, bool namespaced, void *arg, struct err *e)
{
	(void)arg;
	CLEANUP(js_freep) struct js *fresh = as_applied(p, object, namespaced);
	const char *kind = js_str(js_get(fresh, "kind"));
	const struct js *there =
		cluster_get(p->cluster, kind, namespaced ? view_namespace(fresh) : "", view_name(fresh));
	CLEANUP(js_freep) struct js *merged = NULL;
	if (there) {
		merged = js_clone(there);
		drop_what_apply_forgot(merged, fresh);
		merge_patch(&merged, fresh);
		/* The API server does so itself. */
		if (is_load_balancer(there) && !is_load_balancer(merged))
			js_del(js_get(merged, "status"), "loadBalancer");
	} else {
		/* Applied in one go, objects are of one second, however long the core waits in between. */
		char now[RFC3339_MAX];
		merged = js_clone(fresh);
		js_set(js_get(merged, "metadata"), "creationTimestamp",
		       js_new_str(time_format(p->wall, now)));
	}
	if (strcmp(kind, "Service") == 0)
		default_families(merged, cluster_get(p->cluster, "ServiceCIDR", "", "kubernetes"));
	int r = cluster_put(p->cluster, merged, e);
	if (r < 0)
		return r;
	if (p->without_pools && strcmp(kind, "CiliumLoadBalancerIPPool") == 0) {
		p->without_pools = false;
		cluster_set_lost(p->cluster, KIND_POOL, false);
		cluster_sync(p->cluster);
	}
	settle(p);
	return 0;
}

int plan_apply(struct plan *p, const struct js *object, struct err *e)
{
	return each_item(p, object, apply, NULL, e);
}

/* ---- what came of it
 * ----------------------------------------------------------------------------------------- */

const char *plan_verdict_name(enum plan_verdict v)
{
	static const char *const names[VERDICTS] = {
		[VERDICT_KEEPS] = "keeps", [VERDICT_GETS] = "gets",   [VERDICT_MOVES] = "moves",
		[VERDICT_LOSES] = "loses", [VERDICT_WAITS] = "waits",
	};
	return names[v];
}

static bool has_item(const char *list, struct slice one)
{
	struct slice rest = slice_of(list), item;
	while (slice_cut(&rest, ',', &item))
		if (slice_eq(item, one))
			return true;
	return false;
}

/* Every address of `before` is still there. */
static bool kept_all(const char *before, const char *after)
{
	struct slice rest = slice_of(before), item;
	while (slice_cut(&rest, ',', &item))
		if (item.len && !has_item(after, item))
			return false;
	return true;
}

static enum plan_verdict judge(const char *before, const char *after, bool satisfied)
{
	if (!kept_all(before, after))
		return kept_all(after, before) ? VERDICT_LOSES : VERDICT_MOVES;
	if (!satisfied)
		return VERDICT_WAITS;
	return kept_all(after, before) ? VERDICT_KEEPS : VERDICT_GETS;
}

struct rows {
	struct plan *p;
	void (*fn)(const struct plan_row *row, void *arg);
	void *arg;
	bool all; /* also those that are not ours */
	unsigned n;
};

struct state {
	bool found, ours;
	const char *reason;
	char *message;
};

static void match(const struct service_row *row, void *arg)
{
	struct state *s = arg;
	s->found = true;
	s->ours = row->ours;
	s->reason = row->reason;
	str_replace(&s->message, row->message);
}

static void one_row(struct js *service, void *arg)
{
	struct rows *r = arg;
	CLEANUP(freep) char *key = key_of(service), *after = addresses_of(service);
	const struct before *b = map_get(&r->p->before, key);
	const char *before = b ? b->addresses : "", *ns = view_namespace(service), *name = view_name(service);
	struct state s = { 0 };
	struct ipam *m = cluster_ipam(r->p->cluster);
	ipam_service_row(m, ns, name, match, &s);
	/* Whoever is not ours matters only if something was taken from it. */
	if (s.found && (r->all || s.ours || !kept_all(before, after))) {
		bool satisfied = !s.ours || strcmp(s.reason, ipam_reason_name(REASON_SATISFIED)) == 0;
		CLEANUP(buf_done) struct buf leaves = BUF_INIT(LEAVES_MAX);
		if (!s.ours)
			(void)ipam_not_ours(m, ns, name, &leaves);
		else if (b && !kept_all(before, after))
			buf_add_slice(&leaves, buf_slice(&b->leaves));
		struct plan_row row = {
			.namespace = ns,
			.name = name,
			.verdict = judge(before, after, satisfied),
			.before = before,
			.after = after,
			.leaves = buf_str(&leaves),
			.reason = s.reason,
			.message = s.message ? s.message : "",
		};
		r->fn(&row, r->arg);
		r->n++;
	}
	free(s.message);
}

void plan_rows(struct plan *p, void (*fn)(const struct plan_row *row, void *arg), void *arg)
{
	struct rows r = { .p = p, .fn = fn, .arg = arg };
	cluster_each(p->cluster, "Service", one_row, &r);
}

bool plan_row(struct plan *p, const char *ns, const char *name,
	      void (*fn)(const struct plan_row *row, void *arg), void *arg)
{
	struct rows r = { .p = p, .fn = fn, .arg = arg, .all = true };
	struct js *service = cluster_get(p->cluster, "Service", ns, name);
	if (service)
		one_row(service, &r);
	return r.n > 0;
}

/* ---- problems
 * ---------------------------------------------------------------------------------------------- */

struct telling {
	void (*fn)(const char *line, void *arg);
	void *arg;
};

static int tell_problems(struct plan *p, const struct js *object, bool namespaced, void *arg, struct err *e)
{
	struct telling *t = arg;
	CLEANUP(js_freep) struct js *fresh = as_applied(p, object, namespaced);
	(void)e;
	manifest_problems(p->checks, cluster_ipam(p->cluster), fresh, t->fn, t->arg);
	return 0;
}

void plan_problems(struct plan *p, const struct js *object, void (*fn)(const char *line, void *arg),
		   void *arg)
{
	struct telling t = { fn, arg };
	if (!p->checks)
		p->checks = manifest_checks_new();
	(void)each_item(p, object, tell_problems, &t, NULL);
}

/* ---- questions
 * --------------------------------------------------------------------------------------------- */

struct ipam *plan_ipam(struct plan *p)
{
	return cluster_ipam(p->cluster);
}

const struct js *plan_get(const struct plan *p, const char *kind, const char *ns, const char *name)
{
	return cluster_get(p->cluster, kind, ns, name);
}

static void note_any(struct js *object, void *arg)
{
	(void)object;
	*(bool *)arg = true;
}

bool plan_has(const struct plan *p, const char *kind)
{
	bool any = false;
	cluster_each(p->cluster, kind, note_any, &any);
	return any;
}

struct moment plan_now(const struct plan *p)
{
	return cluster_now(p->cluster);
}
