/* Runs scenario files on the core alone, in a cluster in memory, and prints TAP: one line a scenario.
 * run_core FILE...; with ONLY=part of a name in the environment just those. See README.md. */
#include "flags.h"
#include "objects.h"

#include "data/yaml.h"
#include "expect_nodes.h"

#include <errno.h>
#include <stdio.h>

enum { EFFECTS_MAX = 5000, MESSAGES_MAX = 64 * 1024 };

/* ---- faults and the order of effects ----------------------------------------------------------- */

static const char *const effect_names[EFFECT_KINDS] = {
	[EFFECT_RECORD_CREATE] = "record-create",
	[EFFECT_RECORD_PATCH] = "record-patch",
	[EFFECT_RECORD_DELETE] = "record-delete",
	[EFFECT_RECORD_READ] = "record-read",
	[EFFECT_SERVICE_STATUS] = "service-status",
	[EFFECT_SERVICE_READ] = "service-read",
	[EFFECT_POOL_STATUS] = "pool-status",
	[EFFECT_POOL_KIND_READ] = "pool-kind-read",
	[EFFECT_POOL_FINALIZERS] = "pool-finalizers",
	[EFFECT_POLICY_STATUS] = "policy-status",
	[EFFECT_RESERVATION_STATUS] = "reservation-status",
	[EFFECT_HISTORY] = "history",
	[EFFECT_NODE_PATCH] = "node-patch",
	[EFFECT_NODE_READ] = "node-read",
	[EFFECT_CILIUM_NODE_PATCH] = "cilium-node-patch",
	[EFFECT_CILIUM_NODE_ERROR] = "cilium-node-error",
	[EFFECT_CILIUM_NODE_READ] = "cilium-node-read",
	[EFFECT_CILIUM_NODE_DELETE] = "cilium-node-delete",
	[EFFECT_EVENT] = "event",
};
static const char *const outcome_names[] = {
	[OUTCOME_DONE] = "done", [OUTCOME_CONFLICT] = "conflict", [OUTCOME_EXISTS] = "exists",
	[OUTCOME_GONE] = "gone", [OUTCOME_UNKNOWN] = "unknown",   [OUTCOME_REFUSED] = "refused",
};

static enum outcome on_effect(void *arg, const struct effect *x, bool *carry_out)
{
	struct run *r = arg;
	buf_addf(&r->order, "%s%s", r->order.len ? " " : "", effect_names[x->kind]);
	const struct js *f = r->fault;
	if (!f || !slice_is(js_text(js_get(f, "effect")), effect_names[x->kind]))
		return OUTCOME_DONE;
	*carry_out = js_bool(js_get(f, "happens"), false);
	enum outcome o = OUTCOME_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(outcome_names); i++)
		if (slice_is(js_text(js_get(f, "outcome")), outcome_names[i]))
			o = (enum outcome)i;
	if (--r->fault_times <= 0)
		r->fault = NULL;
	return o;
}

/* ---- steps -------------------------------------------------------------------------------------- */

static int apply(struct run *r, const struct js *list, struct err *e)
{
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *form = js_item(list, i);
		struct object_name n;
		int err = name_of(form, &n, e);
		if (err < 0)
			return err;
		const struct js *old = cluster_get(r->cluster, n.kind, n.ns, n.name);
		CLEANUP(js_freep) struct js *o = object_of(form, old, cluster_now(r->cluster).wall, e);
		if (!o)
			return -e->code;
		if (cluster_put(r->cluster, o, e) <= 0)
			return err_set(e, EINVAL, "%s %s cannot be put", n.kind, n.name);
	}
	return 0;
}

static int delete(struct run *r, const struct js *list, struct err *e)
{
	for (size_t i = 0; i < js_len(list); i++) {
		const char *text = js_str(js_item(list, i)), *slash = text ? strchr(text, '/') : NULL;
		if (!slash)
			return err_set(e, EINVAL, "delete: wants KIND/NAME");
		CLEANUP(js_freep) struct js *form = js_new_object();
		CLEANUP(freep) char *kind = xstrndup(text, (size_t)(slash - text));
		js_set(js_need_object(form, kind), strcmp(kind, "record") == 0 ? "address" : "name",
		       js_new_str(slash + 1));
		struct object_name n;
		int err = name_of(form, &n, e);
		if (err < 0)
			return err;
		if (!cluster_delete(r->cluster, n.kind, n.ns, n.name))
			return err_set(e, ENOENT, "there is no %s", text);
	}
	return 0;
}

static int write_status(struct run *r, const struct js *body, struct err *e)
{
	const char *name = js_str(js_get(body, "name")), *manager = js_str(js_get(body, "manager"));
	struct object_name n = service_name_of(name ? name : "");
	const struct js *old = cluster_get(r->cluster, n.kind, n.ns, n.name);
	if (!old)
		return err_set(e, ENOENT, "write-status: there is no %s", n.name);
	CLEANUP(js_freep) struct js *o = js_clone(old);
	write_ingress(o, js_get(body, "ingress"), manager ? manager : "somebody");
	return cluster_put(r->cluster, o, e) < 0 ? -EINVAL : 0;
}

static int again(struct run *r, const struct js *flags, struct err *e)
{
	if (js_len(flags)) {
		int err = flags_of(flags, &r->flags, e);
		if (err < 0)
			return err;
	}
	r->fault = NULL;
	cluster_restart(r->cluster, &r->flags.ipam);
	cluster_sync(r->cluster);
	return 0;
}

static int wait_step(struct run *r, const struct js *value, struct err *e)
{
	msec by;
	if (duration_parse(js_text(value), &by) < 0)
		return err_set(e, EINVAL, "wait: wants a duration");
	msec until = cluster_now(r->cluster).mono + by;
	cluster_run(r->cluster, EFFECTS_MAX, by);
	msec left = until - cluster_now(r->cluster).mono;
	if (left > 0)
		cluster_advance(r->cluster, left);
	return 0;
}

static int one_step(struct run *r, const struct js *step, struct buf *wrong, struct err *e)
{
	struct js *v;
	int err = 0;
	size_t limit = (size_t)js_int(js_get(step, "run"), EFFECTS_MAX);
	if ((v = js_get(step, "fault"))) {
		r->fault = v;
		r->fault_times = js_int(js_get(v, "times"), 1);
		return 0;
	}
	if ((v = js_get(step, "expect"))) {
		cluster_run(r->cluster, EFFECTS_MAX, 1500);
		expect(r, v, wrong);
		return 0;
	}
	if ((v = js_get(step, "apply")))
		err = apply(r, v, e);
	else if ((v = js_get(step, "delete")))
		err = delete (r, v, e);
	else if ((v = js_get(step, "write-status")))
		err = write_status(r, v, e);
	else if ((v = js_get(step, "wait")))
		return wait_step(r, v, e);
	else if (js_has(step, "restart"))
		err = again(r, js_get(step, "restart"), e);
	else if (js_has(step, "crash"))
		err = again(r, js_get(step, "crash"), e);
	else if ((v = js_get(step, "pool-kind")))
		pool_kind(r, js_str(v));
	else
		err = err_set(e, EINVAL, "a step that is not known");
	if (err == 0)
		cluster_run(r->cluster, limit, 0);
	return err;
}

/* ---- scenarios ------------------------------------------------------------------------------------ */

/* What every scenario must end in: nothing to do, no address twice, and a restart writes nothing. */
static void check_end(struct run *r, const struct js *scenario, struct buf *wrong)
{
	cluster_run(r->cluster, EFFECTS_MAX, 5000);
	if (js_bool(js_get(scenario, "settles"), true)) {
		if (ipam_busy(cluster_ipam(r->cluster)))
			buf_add_str(wrong, "# at the end: still busy\n");
		cluster_reset_writes(r->cluster);
		struct err e = { 0 };
		(void)again(r, NULL, &e);
		cluster_run(r->cluster, EFFECTS_MAX, 5000);
		buf_clear(&r->order);
		size_t n = cluster_writes(r->cluster, EFFECT_SERVICE_STATUS) +
			   cluster_writes(r->cluster, EFFECT_POOL_STATUS) +
			   cluster_writes(r->cluster, EFFECT_POOL_FINALIZERS) +
			   cluster_writes(r->cluster, EFFECT_POLICY_STATUS) +
			   cluster_writes(r->cluster, EFFECT_RESERVATION_STATUS) + record_writes(r->cluster) +
			   node_writes(r->cluster);
		if (n)
			buf_addf(wrong, "# at the end: a restart writes %zu times\n", n);
	}
	check_unique(r->cluster, wrong);
	if (js_bool(js_get(scenario, "settles"), true))
		check_blocks(r->cluster, wrong);
}

static int run_steps(struct run *r, const struct js *scenario, struct buf *wrong, struct err *e)
{
	int err = flags_of(js_get(scenario, "flags"), &r->flags, e);
	if (err < 0)
		return err;
	r->began = 1767225600000; /* 2026-01-01 */
	r->cluster = cluster_new(&r->flags.ipam, &r->flags.view, r->began);
	cluster_on_effect(r->cluster, on_effect, r);
	err = apply(r, js_get(scenario, "before"), e);
	if (err < 0)
		return err;
	cluster_sync(r->cluster);
	begin_counting(r);
	const struct js *steps = js_get(scenario, "steps");
	if (js_len(steps) == 0)
		return err_set(e, EINVAL, "no steps");
	size_t n_expect = 0;
	for (size_t i = 0; i < js_len(steps); i++) {
		size_t before = wrong->len;
		n_expect += js_has(js_item(steps, i), "expect");
		err = one_step(r, js_item(steps, i), wrong, e);
		if (err < 0)
			return err_wrap(e, "step %zu", i + 1);
		if (wrong->len > before)
			buf_addf(wrong, "#   (in step %zu)\n", i + 1);
	}
	if (n_expect == 0)
		return err_set(e, EINVAL, "it expects nothing");
	check_end(r, scenario, wrong);
	return 0;
}

static bool for_core(const struct js *scenario)
{
	const struct js *list = js_get(scenario, "backends");
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_item(list, i)), "core"))
			return true;
	return list == NULL;
}

static bool run_scenario(const struct js *scenario, struct buf *wrong)
{
	struct err e = { 0 };
	struct run r = { .order = BUF_INIT(MESSAGES_MAX) };
	if (run_steps(&r, scenario, wrong, &e) < 0)
		buf_addf(wrong, "# %s\n", e.msg);
	cluster_free(r.cluster);
	buf_done(&r.order);
	buf_done(&r.versions);
	return wrong->len == 0;
}

struct all {
	struct js *names;
	unsigned n, bad;
};

static int run_file(struct all *all, const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(YAML_SIZE_MAX);
	FILE *f = fopen(path, "re");
	if (!f) {
		printf("Bail out! cannot open %s\n", path);
		return -1;
	}
	char part[4096];
	for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;)
		buf_add(&text, part, n);
	(void)fclose(f);
	struct err e = { 0 };
	CLEANUP(js_freep) struct js *list = NULL;
	if (yaml_parse_one(buf_slice(&text), &list, &e) < 0 || js_len(list) == 0) {
		printf("Bail out! %s: %s\n", path, e.msg[0] ? e.msg : "no scenarios");
		return -1;
	}
	const char *only = getenv("ONLY");
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *s = js_item(list, i);
		const char *name = js_str(js_get(s, "name"));
		if (!for_core(s) || (only && name && !strstr(name, only)))
			continue;
		CLEANUP(buf_done) struct buf wrong = BUF_INIT(MESSAGES_MAX);
		if (!name || !js_has(s, "spec"))
			buf_add_str(&wrong, "# it has no name or no spec\n");
		else if (js_has(all->names, name))
			buf_add_str(&wrong, "# another scenario has the same name\n");
		else
			(void)run_scenario(s, &wrong);
		if (name)
			js_set(all->names, name, js_new_bool(true));
		printf("%sok %u - %s\n", wrong.len ? "not " : "", ++all->n, name ? name : "?");
		printf("%s", buf_str(&wrong));
		all->bad += wrong.len > 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct all all = { .names = js_new_object() };
	int r = 0;
	for (int i = 1; i < argc && r == 0; i++)
		r = run_file(&all, argv[i]);
	printf("1..%u\n", all.n);
	js_free(all.names);
	return r < 0 || all.bad || all.n == 0;
}
