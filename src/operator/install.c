/* --install-crds: our CRDs, applied at start. One that somebody else brought along is left alone. */
#include "data/sha256.h"
#include "deploy/crds.h"
#include "operator/internal.h"

#include <errno.h>
#include <stdio.h>

enum { ESTABLISH_POLL = 100 /* ms */, ESTABLISH_POLLS = 100 };

static const char hash_key[] = "berth.dev/crd-hash";

struct install {
	struct berth_operator *o;
	size_t at; /* of berth_crds */
	struct kube_call *call;
	unsigned polls;
	struct loop_timer *again;
	char name[128];
	char hash[17];
	struct js *crd; /* owned: what is to be there */
};

static void next(void *arg);

static void send(struct install *i, const char *verb, bool collection, const char *body, const char *type,
		 kube_done_fn *done)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
	resource_path(&path, resource(RES_CRDS), NULL, NULL, collection ? NULL : i->name, NULL);
	if (strcmp(verb, "get") != 0)
		path_add_query(&path, "fieldManager", i->o->config.managers[0]);
	i->call = kube_send(i->o->kube,
			    &(struct kube_request){
				    .lane = KUBE_WRITE,
				    .verb = verb,
				    .resource = resource(RES_CRDS),
				    .path = buf_str(&path),
				    .body = slice_of(body),
				    .content_type = type,
			    },
			    done, i);
}

static void go_on(struct install *i)
{
	i->at++;
	i->polls = 0;
	loop_timer_set(i->again, 0);
}

static void failed(struct install *i, const char *verb, const struct kube_result *r)
{
	char text[300];
	bool for_good = r->status >= 400 && r->status < 500 && r->status != 429 && r->status != 409;
	log_error(i->o->config.log,
		  for_good ? "a CRD could not be applied; going on without"
			   : "a CRD could not be applied; trying again",
		  KV("verb", verb), KV("resource", "customresourcedefinitions"), KV("name", i->name),
		  KV("why", kube_result_text(r, text, sizeof(text))));
	if (for_good)
		go_on(i);
	else
		loop_timer_set(i->again, 2000);
}

static void on_written(const struct kube_result *r, void *arg)
{
	struct install *i = arg;
	i->call = NULL;
	if (!kube_ok(r)) {
		failed(i, "create or patch", r);
		return;
	}
	log_info(i->o->config.log, "CRD applied", KV("name", i->name));
	/* Read again until it is established: before that its kind answers 404. */
	loop_timer_set(i->again, ESTABLISH_POLL);
}

static bool is_established(const struct js *crd)
{
	const struct js *list = js_path(crd, "status", "conditions");
	for (size_t c = 0; c < js_len(list); c++)
		if (slice_is(js_text(js_get(js_item(list, c), "type")), "Established"))
			return slice_is(js_text(js_get(js_item(list, c), "status")), "True");
	return false;
}

/* A version that is stored but that our CRD does not have would be lost with it. */
static bool has_version(const struct js *crd, struct slice version)
{
	const struct js *list = js_path(crd, "spec", "versions");
	for (size_t v = 0; v < js_len(list); v++)
		if (slice_eq(js_text(js_get(js_item(list, v), "name")), version))
			return true;
	return false;
}

static const char *why_leave_alone(const struct js *there, const struct js *ours)
{
	const struct js *meta = js_get(there, "metadata");
	if (js_has(js_get(meta, "labels"), "io.cilium.k8s.crd.schema.version") ||
	    js_has(js_get(meta, "annotations"), "io.cilium.k8s.crd.schema.version"))
		return "Cilium brought it along";
	const struct js *stored = js_path(there, "status", "storedVersions");
	for (size_t v = 0; v < js_len(stored); v++)
		if (!has_version(ours, js_text(js_item(stored, v))))
			return "it stores a version that ours lacks";
	return NULL;
}

static void on_read(const struct kube_result *r, void *arg)
{
	struct install *i = arg;
	i->call = NULL;
	CLEANUP(buf_done) struct buf body = BUF_INIT(1024 * 1024);
	if (r->status == 404) {
		js_write(i->crd, &body);
		send(i, "create", true, buf_str(&body), "application/json", on_written);
		return;
	}
	CLEANUP(js_freep) struct js *there = NULL;
	if (!kube_ok(r) || js_parse(r->body, &there, NULL) < 0) {
		failed(i, "get", r);
		return;
	}
	const char *leave = why_leave_alone(there, i->crd);
	if (leave) {
		log_info(i->o->config.log, "a CRD is left as it is", KV("name", i->name), KV("why", leave));
		go_on(i);
	} else if (slice_is(js_text(js_path(there, "metadata", "annotations", hash_key)), i->hash)) {
		if (is_established(there) || i->polls++ >= ESTABLISH_POLLS)
			go_on(i);
		else
			loop_timer_set(i->again, ESTABLISH_POLL);
	} else {
		js_write(i->crd, &body);
		send(i, "patch", false, buf_str(&body), KUBE_MERGE_PATCH, on_written);
	}
}

/* The CRD with its own hash as annotation, so that a start finds out by reading that nothing is to be
 * written. */
static bool load(struct install *i)
{
	const struct embedded_file *f = &berth_crds[i->at];
	js_freep(&i->crd);
	if (js_parse((struct slice){ f->data, f->size }, &i->crd, NULL) < 0)
		return false;
	unsigned char sum[SHA256_BYTES];
	sha256((struct slice){ f->data, f->size }, sum);
	for (int n = 0; n < 8; n++)
		(void)snprintf(i->hash + n * 2, 3, "%02x", sum[n]);
	struct js *meta = js_need_object(i->crd, "metadata");
	js_set(js_need_object(meta, "annotations"), hash_key, js_new_str(i->hash));
	(void)snprintf(i->name, sizeof(i->name), "%s", view_name(i->crd));
	return true;
}

static void next(void *arg)
{
	struct install *i = arg;
	if (i->at == berth_crds_n) {
		operator_installed(i->o);
		return;
	}
	if (load(i))
		send(i, "get", false, "", NULL, on_read);
	else
		go_on(i);
}

struct install *install_start(struct berth_operator *o)
{
	struct install *i = xcalloc(1, sizeof(*i));
	i->o = o;
	i->again = loop_timer_new(o->loop, next, i);
	loop_timer_set(i->again, 0);
	return i;
}

void install_free(struct install *i)
{
	if (!i)
		return;
	kube_cancel(i->call);
	loop_timer_free(i->again);
	js_free(i->crd);
	free(i);
}
