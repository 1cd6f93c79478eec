/* berth cleanup: takes our finalizers off, so that nothing waits for a berth that is gone. */
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/snapshot.h"
#include "cmd/standing_options.h"
#include "cmd/verbs.h"
#include "kube/kube.h"

#include <stdio.h>

static const char FINALIZER[] = "berth.dev/protect";

enum {
	ROUNDS = 5, /* of reading and writing, while somebody else writes too */
	BODY_MAX = 256 * 1024,
};

struct cleaning {
	struct loop *loop;
	struct kube *kube;
	struct loop_timer *again;
	const struct js *pools; /* borrowed */
	size_t at, n_done;
	int code;
};

static struct js *without_ours(const struct js *finalizers)
{
	struct js *rest = js_new_array();
	for (size_t i = 0; i < js_len(finalizers); i++)
		if (!slice_is(js_text(js_item(finalizers, i)), FINALIZER))
			js_push(rest, js_clone(js_item(finalizers, i)));
	return rest;
}

/* NULL: it has none of ours. */
static struct js *change_of(const struct js *pool)
{
	const struct js *meta = js_get(pool, "metadata"), *old = js_get(meta, "finalizers");
	struct js *rest = without_ours(old);
	if (js_len(rest) == js_len(old)) {
		js_free(rest);
		return NULL;
	}
	struct js *change = js_new_object(), *m = js_need_object(change, "metadata");
	js_set(m, "resourceVersion", js_clone(js_get(meta, "resourceVersion")));
	js_set(m, "finalizers", rest);
	return change;
}

static void next(void *arg);

static void on_patched(const struct kube_result *r, void *arg)
{
	struct cleaning *c = arg;
	const char *name = js_str(js_path(js_item(c->pools, c->at), "metadata", "name"));
	char text[400];
	(void)kube_result_text(r, text, sizeof(text));
	if (kube_ok(r)) {
		c->n_done++;
		(void)printf("pool %s: %s is taken off\n", name, FINALIZER);
	} else if (r->status != 404 && r->status != 409) {
		(void)fprintf(stderr, "%s cleanup: pool %s: %s%s\n", program_name(), name,
			      r->status == 403 ? "not allowed: grant the verb patch on the resource "
						 "ciliumloadbalancerippools.cilium.io: "
					       : "",
			      text);
		c->code = EXIT_WRONG_USE;
	}
	/* One that is gone, or that somebody changed meanwhile: the next round sees what there is. */
	c->at++;
	loop_timer_set(c->again, 0);
}

static void next(void *arg)
{
	struct cleaning *c = arg;
	for (; c->at < js_len(c->pools); c->at++) {
		const struct js *pool = js_item(c->pools, c->at);
		CLEANUP(js_freep) struct js *change = change_of(pool);
		if (!change)
			continue;
		CLEANUP(buf_done) struct buf body = BUF_INIT(BODY_MAX);
		CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
		const char *version = js_str(js_get(pool, "apiVersion"));
		const char *slash = version ? strchr(version, '/') : NULL;
		js_write(change, &body);
		resource_path(&path, resource(RES_CILIUM_POOLS), slash ? slash + 1 : NULL, NULL,
			      js_str(js_path(pool, "metadata", "name")), NULL);
		(void)kube_send(c->kube,
				&(struct kube_request){ .lane = KUBE_WRITE,
							.verb = "patch",
							.resource = resource(RES_CILIUM_POOLS),
							.path = buf_str(&path),
							.body = buf_slice(&body),
							.content_type = KUBE_MERGE_PATCH },
				on_patched, c);
		return;
	}
	loop_stop(c->loop);
}

static int patch_all(struct cleaning *c, const struct cluster_options *o, struct err *e)
{
	struct kube_config *config = NULL;
	struct kube_config_source from = { .kubeconfig = o->kubeconfig, .context = o->context };
	int r = loop_new(&c->loop, e);
	if (r == 0)
		r = kube_config_load(&from, &config, e);
	if (r == 0)
		r = kube_new(c->loop, config, 1, &c->kube, e);
	if (r == 0) {
		c->again = loop_timer_new(c->loop, next, c);
		loop_timer_set(c->again, 0);
		r = loop_run(c->loop, e);
	}
	loop_timer_free(c->again);
	kube_free(c->kube);
	loop_free(c->loop);
	return r;
}

static bool any_left(const struct js *pools)
{
	for (size_t i = 0; i < js_len(pools); i++) {
		CLEANUP(js_freep) struct js *change = change_of(js_item(pools, i));
		if (change)
			return true;
	}
	return false;
}

/* One round: 0 = none is left, 1 = look again, else the exit code. */
static int clean(const struct cluster_options *o, size_t *n_done)
{
	static const struct snapshot_want pools[] = { { .resource = RES_CILIUM_POOLS } };
	const struct snapshot_options from = { .verb = "cleanup", .cluster = o, .own = pools, .n_own = 1 };
	CLEANUP(snapshot_done) struct snapshot s = { 0 };
	struct err e = { 0 };
	if (snapshot_read(&from, &s) < 0)
		return EXIT_WRONG_USE;
	if (!any_left(s.own))
		return 0;
	struct cleaning c = { .pools = s.own };
	if (patch_all(&c, o, &e) < 0) {
		(void)fprintf(stderr, "%s cleanup: cluster: %s\n", program_name(), e.msg);
		return EXIT_WRONG_USE;
	}
	*n_done += c.n_done;
	return c.code ? c.code : 1;
}

int cmd_cleanup(int argc, char **argv)
{
	struct standing_options o = { 0 };
	int code = standing_options_parse(&cleanup_flags, argc, argv, &o, NULL);
	if (code < 0) {
		size_t n_done = 0;
		code = 1;
		for (int round = 0; code == 1 && round < ROUNDS; round++)
			code = clean(&o.cluster, &n_done);
		if (code == 0 && n_done == 0)
			(void)printf("no pool has the finalizer %s\n", FINALIZER);
		if (code == 1) {
			(void)fprintf(stderr, "%s cleanup: an operator that still runs puts %s back\n",
				      program_name(), FINALIZER);
			code = 0;
		}
	}
	standing_options_done(&cleanup_flags, &o);
	return code;
}
