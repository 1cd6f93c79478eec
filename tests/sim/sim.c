/* See README.md. */
#include "admin.h"
#include "order.h"
#include "seeds.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const classes[] = { "berth.dev/lb", NULL };
static const char *const managers[] = { "berth", NULL };
static const struct view_config view = { .managers = managers };

unsigned pick(struct sim *x, unsigned n)
{
	return (unsigned)rng_below(&x->rng, n);
}

bool chance(struct sim *x, unsigned percent)
{
	return pick(x, 100) < percent;
}

void say(const struct sim *x, const char *fmt, ...)
{
	va_list ap;
	if (!x->trace)
		return;
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
}

void say_object(const struct sim *x, const char *kind, const char *ns, const char *name)
{
	const struct js *o = cluster_get(x->w.cluster, kind, ns, name);
	struct buf text = BUF_INIT(16384);
	if (!x->trace)
		return;
	js_write(js_get(o, "spec"), &text);
	js_write(js_path(o, "metadata", "annotations"), &text);
	js_write(js_path(o, "metadata", "labels"), &text);
	js_write(js_path(o, "status", "loadBalancer"), &text);
	say(x, "%s %s%s%s %s %s\n", kind, ns, ns[0] ? "/" : "", name,
	    js_str(js_path(o, "metadata", "creationTimestamp")), buf_str(&text));
	buf_done(&text);
}

/* ---- what users do ---------------------------------------------------------------------------------- */

static void random_pool(struct sim *x, struct mpool *p)
{
	p->n = (int)pick(x, BLOCKS) + 1;
	for (int i = 0; i < p->n; i++) {
		struct block *b = &p->blocks[i];
		bool four = chance(x, 75);
		int base = four ? 0 : V4, size = four ? V4 : V6;
		b->cidr = chance(x, 50);
		if (b->cidr) {
			int width = 1 << pick(x, 4);
			b->lo = base + (int)pick(x, (unsigned)(size / width)) * width;
			b->hi = b->lo + width - 1;
		} else {
			b->lo = base + (int)pick(x, (unsigned)size);
			b->hi = b->lo + (int)pick(x, 6);
			if (b->hi >= base + size)
				b->hi = base + size - 1;
		}
	}
	p->disabled = chance(x, 10);
	p->spare = chance(x, 25);
	/* Without records it is not known who gave what such a pool may have contained. */
	p->bad = x->w.records && chance(x, 7);
	p->tier = (int)pick(x, 3);
	p->selects = chance(x, 60) ? SELECT_ALL : (enum selects)pick(x, 4);
}

void put_object(struct sim *x, struct js *o)
{
	struct err e = { 0 };
	if (cluster_put(x->w.cluster, o, &e) <= 0)
		broken(x, "cannot put: %s", e.msg);
	js_free(o);
}

static void change_pool(struct sim *x)
{
	int i = (int)pick(x, POOLS);
	struct mpool *p = &x->w.pools[i];
	char name[2] = { (char)('a' + i), 0 };
	if (p->exists && chance(x, 20)) {
		say(x, "delete pool %s\n", name);
		cluster_delete(x->w.cluster, "CiliumLoadBalancerIPPool", "", name);
		p->deleting = cluster_get(x->w.cluster, "CiliumLoadBalancerIPPool", "", name) != NULL;
		p->exists = p->deleting;
		p->going = !p->exists;
		return;
	}
	switch (p->exists ? pick(x, 6) : 0) {
	case 0:
		random_pool(x, p);
		break;
	case 1:
		p->disabled = !p->disabled;
		break;
	case 2:
		p->spare = !p->spare;
		break;
	case 3:
		p->selects = (enum selects)pick(x, 4);
		break;
	case 4:
		p->tier = (int)pick(x, 3);
		break;
	default:
		p->blocks[0].cidr = false;
		if (p->blocks[0].hi + 1 != V4 && p->blocks[0].hi + 1 != ADDRESSES)
			p->blocks[0].hi++;
		break;
	}
	p->exists = true;
	p->going = false;
	put_object(x, pool_document(&x->w, i));
	const struct js *o = cluster_get(x->w.cluster, "CiliumLoadBalancerIPPool", "", name);
	(void)snprintf(p->created, sizeof(p->created), "%s",
		       js_str(js_path(o, "metadata", "creationTimestamp")));
	say_object(x, "CiliumLoadBalancerIPPool", "", name);
}

static void random_requests(struct sim *x, struct mservice *v)
{
	v->n_requests = chance(x, 70) ? 0 : (int)pick(x, REQUESTS) + 1;
	for (int i = 0; i < v->n_requests; i++)
		v->requests[i] = chance(x, 5)   ? REQUEST_BAD
				 : chance(x, 5) ? REQUEST_ELSEWHERE
						: (int)pick(x, chance(x, 70) ? V4 : ADDRESSES);
}

static void random_families(struct sim *x, struct mservice *v)
{
	v->policy = chance(x, 60) ? POLICY_SINGLE : (enum family_policy)pick(x, 3);
	v->n_families = (int)pick(x, 3);
	v->families[0] = chance(x, 75) ? IPV4 : IPV6;
	v->families[1] = family_other(v->families[0]);
}

static void random_sharing(struct sim *x, struct mservice *v)
{
	v->key = chance(x, 50) ? 0 : (int)pick(x, 2) + 1;
	v->ports = pick(x, 7) + 1;
	v->consent = chance(x, 50);
	v->local = chance(x, 20);
	v->pods = (int)pick(x, 3);
	v->permit = chance(x, 50);
}

static void random_opt(struct sim *x, struct mservice *v)
{
	v->lb = chance(x, 90);
	v->class = chance(x, 80) ? CLASS_NONE : (enum mclass)pick(x, 3);
	v->opt = chance(x, 70) ? OPT_TRUE : (enum mopt)pick(x, 4);
}

static void change_service(struct sim *x)
{
	int s = (int)pick(x, SERVICES);
	struct mservice *v = &x->w.services[s];
	bool fresh = !v->exists;
	addr_set before = 0;
	if (!fresh && chance(x, 20)) {
		say(x, "delete %s\n", service_title(s));
		before = v->before | shown(&x->w, s);
		v->exists = false;
		cluster_delete(x->w.cluster, "Service", service_ns(s), service_title(s));
		if (chance(x, 70))
			return;
		fresh = true;
	}
	if (fresh)
		*v = (struct mservice){ .exists = true, .external = -1, .label = 2, .before = before };
	unsigned what = fresh ? 6 : pick(x, 6);
	if (what == 0 || fresh)
		random_opt(x, v);
	if (what == 1 || fresh)
		random_families(x, v);
	if (what == 2 || fresh)
		random_requests(x, v);
	if (what == 3 || fresh)
		random_sharing(x, v);
	if (what == 4 || fresh)
		v->label = (int)pick(x, 3);
	if (what == 5 || fresh) {
		v->named = chance(x, 75) ? NAMED_NONE : (enum named)pick(x, 4);
		v->external = chance(x, 92) ? -1 : (int)pick(x, ADDRESSES);
		v->deleting = !fresh && chance(x, 5);
	}
	x->unchanged[s] = false;
	put_object(x, service_document(&x->w, s));
	say(x, "%s ", fresh ? "create" : "change");
	say_object(x, "Service", service_ns(s), service_title(s));
}

/* Somebody else writes a status: of a Service that is not ours, or rarely over ours. */
static void foreign_status(struct sim *x)
{
	int s = (int)pick(x, SERVICES), a = (int)pick(x, ADDRESSES);
	struct mservice *v = &x->w.services[s];
	if (!v->exists || !v->lb || (wanted(&x->w, s) && !chance(x, 5)))
		return;
	addr_set busy = recorded(&x->w);
	for (int t = 0; t < SERVICES; t++)
		busy |= x->w.services[t].exists ? shown(&x->w, t) : 0;
	/* Between our decision and our write nobody can know of it without a record. */
	if (busy >> a & 1 || (!x->w.records && !x->quiet))
		return;
	struct js *o = service_document(&x->w, s), *list = js_new_array(), *entry = js_new_object();
	char text[IP_TEXT_MAX];
	js_set(entry, "ip", js_new_str(chance(x, 80) ? address_text(a, text) : "192.0.2.77"));
	js_push(list, entry);
	js_set(js_need_object(js_need_object(o, "status"), "loadBalancer"), "ingress", list);
	struct js *managed = js_new_array(), *m = js_new_object();
	js_set(m, "manager", js_new_str("somebody"));
	js_set(m, "subresource", js_new_str("status"));
	struct js *f = js_need_object(js_need_object(m, "fieldsV1"), "f:status");
	(void)js_need_object(js_need_object(f, "f:loadBalancer"), "f:ingress");
	js_push(managed, m);
	js_set(js_need_object(o, "metadata"), "managedFields", managed);
	v->overwritten = true;
	say(x, "somebody writes %s to %s\n", text, service_title(s));
	put_object(x, o);
}

static void change_node(struct sim *x)
{
	x->w.nodes = chance(x, 40) ? 0 : (addr_set)1 << pick(x, ADDRESSES);
	struct js *o = js_new_object(), *list = js_new_array();
	js_set(o, "kind", js_new_str("Node"));
	js_set(js_need_object(o, "metadata"), "name", js_new_str("n"));
	for (int a = 0; a < ADDRESSES; a++) {
		char text[IP_TEXT_MAX];
		if (!(x->w.nodes >> a & 1))
			continue;
		struct js *one = js_new_object();
		js_set(one, "address", js_new_str(address_text(a, text)));
		js_push(list, one);
		say(x, "node has %s\n", text);
	}
	js_set(js_need_object(o, "status"), "addresses", list);
	put_object(x, o);
}

static void change_carve(struct sim *x)
{
	int lo = (int)pick(x, V4 / 4) * 4;
	bool any = chance(x, 50);
	x->w.carved = any ? (addr_set)15 << lo : 0;
	say(x, "carved %s %d\n", any ? "from" : "nothing", lo);
	struct js *o = js_new_object(), *list = js_new_array();
	js_set(o, "kind", js_new_str("ServiceCIDR"));
	js_set(js_need_object(o, "metadata"), "name", js_new_str("c"));
	char text[32];
	(void)snprintf(text, sizeof(text), "10.0.0.%d/30", lo);
	if (any)
		js_push(list, js_new_str(text));
	js_set(js_need_object(o, "spec"), "cidrs", list);
	put_object(x, o);
}

/* Another product takes or leaves an address in the API's own register. */
static void foreign_record(struct sim *x)
{
	char text[IP_TEXT_MAX];
	int a = (int)pick(x, ADDRESSES);
	struct js *old = cluster_get(x->w.cluster, "IPAddress", "", address_text(a, text));
	if (!x->w.records)
		return;
	if (old) {
		/* Also one of ours, in a moment of rest: somebody tidies up by hand. While an address is on
		 * its way out its record is all that says whose it was. */
		bool ours = slice_is(
			js_text(js_path(old, "metadata", "labels", "ipaddress.kubernetes.io/managed-by")),
			"berth");
		if (chance(x, 30) && (!ours || x->quiet)) {
			say(x, "delete record %s\n", text);
			cluster_delete(x->w.cluster, "IPAddress", "", text);
			look(&x->w);
			if (ours)
				check_quiet(x);
		}
		return;
	}
	for (int s = 0; s < SERVICES; s++)
		if (x->w.services[s].exists && shown(&x->w, s) >> a & 1)
			return;
	struct js *o = js_new_object();
	js_set(o, "kind", js_new_str("IPAddress"));
	js_set(js_need_object(o, "metadata"), "name", js_new_str(text));
	js_set(js_need_object(js_get(o, "metadata"), "labels"), "ipaddress.kubernetes.io/managed-by",
	       js_new_str("other"));
	say(x, "foreign record %s\n", text);
	put_object(x, o);
}

static void restart(struct sim *x)
{
	say(x, "restart\n");
	cluster_restart(x->w.cluster, &x->config);
	memset(x->unchanged, 0, sizeof(x->unchanged));
	for (unsigned n = pick(x, 4); n; n--)
		(void)(chance(x, 60) ? change_service(x) : change_pool(x));
	cluster_sync(x->w.cluster);
}

static void one_step(struct sim *x)
{
	unsigned r = pick(x, 100);
	look(&x->w);
	if (x->with_policies && chance(x, 20))
		r < 40 ? change_policy(x) : r < 80 ? change_reservation(x) : change_namespace(x);
	else if (r < 62)
		change_service(x);
	else if (r < 80)
		change_pool(x);
	else if (r < 86)
		foreign_status(x);
	else if (r < 90)
		foreign_record(x);
	else if (r < 94)
		restart(x);
	else if (r < 97)
		change_node(x);
	else
		change_carve(x);
	x->quiet = false;
	order_observe(x);
	/* How far it gets before the next thing happens. */
	if (chance(x, 50))
		run_for(x, pick(x, 8), 0);
	else
		run_for(x, EFFECTS_MAX, (msec)pick(x, 3000));
	cluster_advance(x->w.cluster, (msec)pick(x, 1500));
}

static void run(struct sim *x, unsigned steps)
{
	x->w.opt_in = chance(x, 60) ? OPT_IN_ANNOTATION : (enum opt_in)pick(x, 3);
	x->w.records = chance(x, 65);
	x->w.reuse_after = !x->w.records || chance(x, 40) ? 0 : chance(x, 50) ? 20000 : 1800000;
	x->w.family_on[IPV4] = chance(x, 95);
	x->w.family_on[IPV6] = !x->w.family_on[IPV4] || chance(x, 85);
	x->with_policies = chance(x, 75);
	x->w.teams[0] = x->w.teams[1] = -1;
	x->config = (struct ipam_config){
		.opt_in = x->w.opt_in,
		.classes = classes,
		.proxy_name = "",
		.family_on = { x->w.family_on[IPV4], x->w.family_on[IPV6] },
		.records = x->w.records,
		.classless_are_ours = true,
		.max_in_flight = 1 + pick(x, 8),
		.reuse_after = x->w.reuse_after,
		.mass_release_delay = chance(x, 50) ? 60000 : 0,
	};
	x->faultless = chance(x, 50);
	x->fault_percent = x->faultless ? 0 : pick(x, 30);
	x->w.cluster = cluster_new(&x->config, &view, 1767225600000);
	cluster_on_effect(x->w.cluster, check_effect, x);
	x->late = chance(x, 50);
	if (x->late)
		cluster_answer_late(x->w.cluster, &x->rng);
	cluster_sync(x->w.cluster);
	for (unsigned i = 0; i < steps && !x->failed; i++) {
		one_step(x);
		if (!x->failed && chance(x, 8))
			check_quiet(x);
	}
	if (!x->failed)
		check_quiet(x);
	cluster_free(x->w.cluster);
}

static struct seed_result run_seed(uint64_t seed, unsigned steps, bool trace)
{
	struct sim x = { .rng = { seed }, .trace = trace };
	run(&x, steps);
	return (struct seed_result){ x.n_writes, x.n_quiet, x.failed };
}

int main(int argc, char **argv)
{
	return run_seeds(argc, argv, 2000, run_seed);
}
