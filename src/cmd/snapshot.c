#include "cmd/snapshot.h"

#include "cmd/args.h"
#include "kube/kube.h"
#include "kube/listing.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

enum {
	PAGE = 500,
	PAGE_TIMEOUT = 60 * 1000,
	TRIES = 4, /* of one list */
	RETRY_MIN = 200,
	RETRY_AFTER_MAX = 10, /* s */
	PATH_BYTES = 64 * 1024,
};

static const enum resource_id resources[IPAM_KINDS] = {
	[KIND_SERVICE] = RES_SERVICES,          [KIND_POOL] = RES_CILIUM_POOLS,
	[KIND_RECORD] = RES_IPADDRESSES,        [KIND_NODE] = RES_NODES,
	[KIND_SERVICE_CIDR] = RES_SERVICECIDRS, [KIND_POLICY] = RES_POOL_POLICIES,
	[KIND_RESERVATION] = RES_RESERVATIONS,  [KIND_NAMESPACE] = RES_NAMESPACES,
	[KIND_CILIUM_NODE] = RES_CILIUM_NODES,
};

enum resource_id snapshot_resource(enum ipam_kind k)
{
	return resources[k];
}

/* Those that kube-apiserver keeps of its ClusterIPs lie in a ServiceCIDR, which says it all. */
const char snapshot_record_selector[] = "ipaddress.kubernetes.io/managed-by!=ipallocator.k8s.io";

struct reading {
	const struct snapshot_options *o;
	struct loop *loop;
	struct kube *kube;
	struct loop_timer *again;
	struct kube_call *call;
	struct listing listing;
	struct err trouble; /* with the bytes of the list under way */
	size_t kind;        /* being listed: of enum ipam_kind, and behind them of what else is wanted */
	size_t version;     /* index into the versions of its resource */
	unsigned tries;
	char *next;      /* continue token; NULL = the first page */
	struct js *list; /* objects of the kind so far */
	struct snapshot *ret;
	int result;
};

static const struct resource *now_read(const struct reading *r)
{
	return resource(r->kind < IPAM_KINDS ? resources[r->kind] : r->o->own[r->kind - IPAM_KINDS].resource);
}

/* What a typed list leaves out in its items. */
static int on_item(struct js *object, void *arg, struct err *e)
{
	struct reading *r = arg;
	(void)e;
	CLEANUP(buf_done) struct buf version = BUF_INIT(256);
	resource_api_version(&version, now_read(r), now_read(r)->versions[r->version]);
	js_set(object, "kind", js_new_str(now_read(r)->kind));
	js_set(object, "apiVersion", js_new_str(buf_str(&version)));
	js_push(r->list, js_ref(object));
	return 0;
}

static void on_data(struct slice piece, void *arg)
{
	struct reading *r = arg;
	if (!r->trouble.code)
		(void)listing_feed(&r->listing, piece, &r->trouble);
}

static void send_page(void *arg);

static void begin_kind(struct reading *r)
{
	free(TAKE(r->next));
	js_free(r->list);
	r->list = js_new_array();
}

static bool is_wanted(const struct reading *r)
{
	return r->kind >= IPAM_KINDS || (r->o->decisions && (r->kind != KIND_RECORD || r->o->records) &&
					 (r->kind != KIND_CILIUM_NODE || r->o->cilium_nodes));
}

static void on_version(const struct kube_result *result, void *arg)
{
	struct reading *r = arg;
	CLEANUP(js_freep) struct js *version = NULL;
	r->call = NULL;
	if (kube_ok(result) && js_parse(result->body, &version, NULL) == 0)
		str_replace(&r->ret->version, js_str(js_get(version, "gitVersion")));
	loop_stop(r->loop);
}

static void all_is_read(struct reading *r)
{
	if (r->o->n_own)
		r->call = kube_send(
			r->kube,
			&(struct kube_request){ .lane = KUBE_WATCH, .verb = "get", .path = "/version" },
			on_version, r);
	else
		loop_stop(r->loop);
}

/* Goes on to the first one, or from one to the next. */
static void begin_wanted(struct reading *r)
{
	r->version = 0;
	r->tries = 0;
	while (!is_wanted(r))
		r->kind++;
	begin_kind(r);
	if (r->kind == IPAM_KINDS + r->o->n_own)
		all_is_read(r);
	else
		loop_timer_set(r->again, 0);
}

static void next_kind(struct reading *r, bool served)
{
	struct js *into = r->kind < IPAM_KINDS ? r->ret->objects : r->ret->own;
	for (size_t i = 0; served && i < js_len(r->list); i++)
		js_push(into, js_ref(js_item(r->list, i)));
	if (r->kind < IPAM_KINDS)
		r->ret->served[r->kind] = served;
	r->kind++;
	begin_wanted(r);
}

static void give_up_kind(struct reading *r, const char *text, bool forbidden)
{
	const struct resource *what = now_read(r);
	const char *spared = r->kind < IPAM_KINDS ? NULL : r->o->own[r->kind - IPAM_KINDS].spared;
	if (forbidden)
		(void)fprintf(
			stderr,
			"%s %s: cluster: %s%s%snot allowed: grant the verb list on the resource %s%s%s: %s\n",
			program_name(), r->o->verb, spared ? "no " : "", spared ? spared : "",
			spared ? ": " : "", what->plural, what->group[0] ? "." : "", what->group, text);
	if (forbidden && spared) {
		next_kind(r, false);
		return;
	}
	if (!forbidden)
		(void)fprintf(stderr, "%s %s: cluster: list of %s: %s\n", program_name(), r->o->verb,
			      what->plural, text);
	r->result = forbidden ? -EACCES : -EIO;
	/* What is forbidden is said of every kind in one go; who does not answer, does not for the others. */
	if (forbidden)
		next_kind(r, false);
	else
		loop_stop(r->loop);
}

static void try_again(struct reading *r, const struct kube_result *result, const char *text)
{
	msec delay = (msec)RETRY_MIN << r->tries;
	if (result->retry_after > 0)
		delay = 1000 *
			(result->retry_after < RETRY_AFTER_MAX ? result->retry_after : RETRY_AFTER_MAX);
	if (++r->tries >= TRIES)
		give_up_kind(r, text, false);
	else
		loop_timer_set(r->again, delay);
}

static void on_end(const struct kube_result *result, void *arg)
{
	struct reading *r = arg;
	char text[400];
	r->call = NULL;
	(void)kube_result_text(result, text, sizeof(text));
	if (kube_ok(result) && !r->trouble.code)
		(void)listing_end(&r->listing, &r->trouble);
	if (kube_ok(result) && !r->trouble.code) {
		str_replace(&r->next, r->listing.next);
		if (r->next)
			loop_timer_set(r->again, 0);
		else
			next_kind(r, true);
	} else if (result->status == 404) {
		if (now_read(r)->versions[++r->version])
			loop_timer_set(r->again, 0);
		else
			next_kind(r, false);
	} else if (result->status == 401 || result->status == 403) {
		give_up_kind(r, text, result->status == 403);
	} else {
		/* Also 410: the server has forgotten where we were in the list. */
		begin_kind(r);
		try_again(r, result, r->trouble.code ? r->trouble.msg : text);
	}
}

static void send_page(void *arg)
{
	struct reading *r = arg;
	const struct resource *what = now_read(r);
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
	char page[16];
	(void)snprintf(page, sizeof(page), "%d", PAGE);
	const struct snapshot_want *own = r->kind < IPAM_KINDS ? NULL : &r->o->own[r->kind - IPAM_KINDS];
	resource_path(&path, what, what->versions[r->version], own ? own->ns : NULL, NULL, NULL);
	path_add_query(&path, "limit", page);
	if (r->next)
		path_add_query(&path, "continue", r->next);
	if (r->kind == KIND_RECORD)
		path_add_query(&path, "labelSelector", snapshot_record_selector);
	if (own && own->labels)
		path_add_query(&path, "labelSelector", own->labels);
	if (own && own->name) {
		CLEANUP(freep) char *field = xasprintf("metadata.name=%s", own->name);
		path_add_query(&path, "fieldSelector", field);
	}
	listing_done(&r->listing);
	listing_init(&r->listing, on_item, r);
	r->trouble = (struct err){ 0 };
	r->call = kube_send(r->kube,
			    &(struct kube_request){
				    .lane = KUBE_WATCH,
				    .verb = "list",
				    .resource = what,
				    .path = buf_str(&path),
				    .timeout = PAGE_TIMEOUT,
				    .on_data = on_data,
			    },
			    on_end, r);
}

static int connect_kube(struct reading *r, const struct cluster_options *o, struct err *e)
{
	struct kube_config *config = NULL;
	struct kube_config_source from = { .kubeconfig = o->kubeconfig, .context = o->context };
	int err = loop_new(&r->loop, e);
	if (err < 0)
		return err;
	err = kube_config_load(&from, &config, e);
	if (err < 0)
		return err;
	r->ret->ns = config->ns ? xstrdup(config->ns) : NULL;
	return kube_new(r->loop, config, 1, &r->kube, e);
}

int snapshot_read(const struct snapshot_options *o, struct snapshot *ret)
{
	struct err e = { 0 };
	struct snapshot s = { .objects = js_new_array(), .own = js_new_array() };
	struct reading r = { .o = o, .ret = &s };
	(void)signal(SIGPIPE, SIG_IGN);
	int err = connect_kube(&r, o->cluster, &e);
	if (err == 0) {
		r.again = loop_timer_new(r.loop, send_page, &r);
		begin_wanted(&r);
		err = loop_run(r.loop, &e);
	}
	if (err < 0)
		(void)fprintf(stderr, "%s %s: cluster: %s\n", program_name(), o->verb, e.msg);
	if (r.kube)
		s.wall = kube_server_wall(r.kube);
	kube_cancel(r.call);
	loop_timer_free(r.again);
	listing_done(&r.listing);
	js_free(r.list);
	free(r.next);
	kube_free(r.kube);
	loop_free(r.loop);
	if (err == 0)
		err = r.result;
	if (err < 0) {
		snapshot_done(&s);
		return err;
	}
	*ret = s;
	return 0;
}

void snapshot_done(struct snapshot *s)
{
	js_free(s->objects);
	js_free(s->own);
	free(s->ns);
	free(s->version);
	*s = (struct snapshot){ 0 };
}
