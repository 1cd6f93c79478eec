#include "plan/plan.h"

#include "base/map.h"
#include "data/merge_patch.h"
#include "plan/cluster.h"

enum {
	ADDRESSES_MAX = 16 * 1024,
	/* More than any delay that the core imposes on itself. */
	PATIENCE = 24 * 60 * 60 * 1000,
};

/* What a Service had before the manifests. */
struct before {
	char *key, *addresses;
};

struct plan {
	struct cluster *cluster;
	struct map before; /* "ns/name" -> struct before */
};

struct plan *plan_new(const struct ipam_config *c, const struct view_config *v, msec wall)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	p->cluster = cluster_new(c, v, wall);
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
		free(b);
	}
	map_done(&p->before);
	cluster_free(p->cluster);
	free(p);
}

void plan_freep(struct plan **p)
{
	plan_free(*p);
	*p = NULL;
}

static bool is_list(const struct js *object)
{
	const char *kind = js_str(js_get(object, "kind"));
	size_t n = kind ? strlen(kind) : 0;
	return n >= 4 && strcmp(kind + n - 4, "List") == 0 && js_type(js_get(object, "items")) == JS_ARRAY;
}

static int each_item(struct plan *p, const struct js *object, struct err *e,
		     int (*fn)(struct plan *p, const struct js *object, struct err *e))
{
	if (!is_list(object))
		return fn(p, object, e);
	const struct js *items = js_get(object, "items");
	for (size_t i = 0; i < js_len(items); i++) {
		int r = each_item(p, js_item(items, i), e, fn);
		if (r < 0)
			return err_wrap(e, "items[%zu]", i);
	}
	return 0;
}

static int put(struct plan *p, const struct js *object, struct err *e)
{
	return cluster_put(p->cluster, object, e);
}

int plan_base(struct plan *p, const struct js *object, struct err *e)
{
	return each_item(p, object, e, put);
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
	struct before *b = xcalloc(1, sizeof(*b));
	b->key = key_of(service);
	b->addresses = addresses_of(service);
	map_put(&p->before, b->key, b);
}

void plan_begin(struct plan *p)
{
	cluster_each(p->cluster, "Service", remember, p);
	cluster_sync(p->cluster);
	(void)cluster_run(p->cluster, SIZE_MAX, PATIENCE);
}

static int apply(struct plan *p, const struct js *object, struct err *e)
{
	const char *kind = js_str(js_get(object, "kind")), *name = view_name(object),
		   *ns = view_namespace(object);
	if (!kind || !name)
		return cluster_put(p->cluster, object, e);
	struct js *there = cluster_get(p->cluster, kind, ns[0] ? ns : "default", name);
	if (!there)
		there = cluster_get(p->cluster, kind, ns, name);
	if (!there)
		return cluster_put(p->cluster, object, e);
	CLEANUP(js_freep) struct js *merged = js_clone(there);
	merge_patch(&merged, object);
	return cluster_put(p->cluster, merged, e);
}

int plan_apply(struct plan *p, const struct js *object, struct err *e)
{
	return each_item(p, object, e, apply);
}

void plan_finish(struct plan *p)
{
	(void)cluster_run(p->cluster, SIZE_MAX, PATIENCE);
}

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
		return after[0] ? VERDICT_MOVES : VERDICT_LOSES;
	if (!satisfied)
		return VERDICT_WAITS;
	return strcmp(before, after) == 0 ? VERDICT_KEEPS : VERDICT_GETS;
}

struct rows {
	struct plan *p;
	void (*fn)(const struct plan_row *row, void *arg);
	void *arg;
};

struct state {
	const char *namespace, *name;
	bool found, ours;
	const char *reason;
	char *message;
};

static void match(const struct service_row *row, void *arg)
{
	struct state *s = arg;
	if (strcmp(row->namespace, s->namespace) != 0 || strcmp(row->name, s->name) != 0)
		return;
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
	const char *before = b ? b->addresses : "";
	struct state s = { .namespace = view_namespace(service), .name = view_name(service) };
	ipam_service_row(cluster_ipam(r->p->cluster), s.namespace, s.name, match, &s);
	/* Whoever is not ours matters only if something was taken from it. */
	if (s.found && (s.ours || !kept_all(before, after))) {
		bool satisfied = !s.ours || strcmp(s.reason, ipam_reason_name(REASON_SATISFIED)) == 0;
		struct plan_row row = {
			.namespace = s.namespace,
			.name = s.name,
			.verdict = judge(before, after, satisfied),
			.before = before,
			.after = after,
			.reason = s.reason,
			.message = s.message ? s.message : "",
		};
		r->fn(&row, r->arg);
	}
	free(s.message);
}

void plan_rows(struct plan *p, void (*fn)(const struct plan_row *row, void *arg), void *arg)
{
	struct rows r = { p, fn, arg };
	cluster_each(p->cluster, "Service", one_row, &r);
}

const struct ipam *plan_ipam(const struct plan *p)
{
	return cluster_ipam(p->cluster);
}
