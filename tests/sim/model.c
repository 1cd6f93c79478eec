#include "policies.h"

#include <stdio.h>

const char *service_ns(int s)
{
	return s % 2 ? "blue" : "red";
}

const char *service_title(int s)
{
	static char names[SERVICES][8];
	(void)snprintf(names[s], sizeof(names[s]), "s%02d", s);
	return names[s];
}

const char *address_text(int a, char text[IP_TEXT_MAX])
{
	struct ip ip = a < V4 ? ip_make(IPV4, 0x0a000000u + (unsigned)a)
			      : ip_make(IPV6, ((u128)0x20010db8 << 96) + (unsigned)(a - V4));
	return ip_format(ip, text);
}

int address_index(const char *text)
{
	char one[IP_TEXT_MAX];
	for (int a = 0; text && a < ADDRESSES; a++)
		if (strcmp(text, address_text(a, one)) == 0)
			return a;
	return -1;
}

enum family family_of(int a)
{
	return a < V4 ? IPV4 : IPV6;
}

addr_set of_family(enum family f)
{
	const addr_set four = ((addr_set)1 << V4) - 1;
	return f == IPV4 ? four : ~four;
}

bool mentions(const char *holders, int s)
{
	char key[32];
	(void)snprintf(key, sizeof(key), "%s/%s", service_ns(s), service_title(s));
	return holders && strstr(holders, key);
}

/* ---- documents --------------------------------------------------------------------------------- */

static void put(struct js *o, const char *key, const char *text)
{
	js_set(o, key, js_new_str(text));
}

static void put_requests(struct js *notes, const struct mservice *v)
{
	struct buf text = BUF_INIT(1000);
	for (int i = 0; i < v->n_requests; i++) {
		char one[IP_TEXT_MAX];
		buf_addf(&text, "%s%s", i ? "," : "",
			 v->requests[i] == REQUEST_BAD         ? "nonsense"
			 : v->requests[i] == REQUEST_ELSEWHERE ? "192.0.2.1"
							       : address_text(v->requests[i], one));
	}
	if (v->n_requests)
		put(notes, "lbipam.cilium.io/ips", buf_str(&text));
	buf_done(&text);
}

static void put_spec(struct js *spec, const struct mservice *v)
{
	static const char *const policies[] = { "SingleStack", "PreferDualStack", "RequireDualStack" };
	put(spec, "type", v->lb ? "LoadBalancer" : "ClusterIP");
	put(spec, "ipFamilyPolicy", policies[v->policy]);
	struct js *list = js_new_array();
	for (int i = 0; i < v->n_families; i++)
		js_push(list, js_new_str(family_name(v->families[i])));
	js_set(spec, "ipFamilies", list);
	list = js_new_array();
	for (int i = 0; i < 3; i++) {
		struct js *port = js_new_object();
		js_set(port, "port", js_new_int(80 + i));
		if (v->ports & 1u << i)
			js_push(list, port);
		else
			js_free(port);
	}
	js_set(spec, "ports", list);
	if (v->class)
		put(spec, "loadBalancerClass", v->class == CLASS_OURS ? "berth.dev/lb" : "example.com/lb");
	if (v->local)
		put(spec, "externalTrafficPolicy", "Local");
	if (v->pods)
		put(js_need_object(spec, "selector"), "app", v->pods == 1 ? "a" : "b");
	if (v->external >= 0) {
		char text[IP_TEXT_MAX];
		list = js_new_array();
		js_push(list, js_new_str(address_text(v->external, text)));
		js_set(spec, "externalIPs", list);
	}
}

struct js *service_document(const struct world *w, int s)
{
	const struct mservice *v = &w->services[s];
	struct js *o = js_new_object(), *meta = js_need_object(o, "metadata");
	struct js *notes = js_need_object(meta, "annotations");
	put(o, "kind", "Service");
	put(meta, "name", service_title(s));
	put(meta, "namespace", service_ns(s));
	if (v->deleting)
		put(meta, "deletionTimestamp", "2026-01-01T00:00:00Z");
	if (v->label < 2)
		put(js_need_object(meta, "labels"), "t", v->label ? "1" : "0");
	if (v->opt)
		put(notes, "io.cilium.operator.external-ips",
		    v->opt == OPT_TRUE    ? "true"
		    : v->opt == OPT_FALSE ? "false"
					  : "maybe");
	put_requests(notes, v);
	if (v->key)
		put(notes, "lbipam.cilium.io/sharing-key", v->key == 1 ? "one" : "two");
	if (v->consent)
		put(notes, "lbipam.cilium.io/sharing-cross-namespace", "*");
	if (v->permit)
		put(notes, "lbipam.cilium.io/sharing-permit-different-pods", "true");
	static const char *const named_texts[] = { "", "a", "c,b", "nowhere" };
	if (v->named)
		put(notes, "berth.dev/pool", named_texts[v->named]);
	put_spec(js_need_object(o, "spec"), v);
	const struct js *old = cluster_get(w->cluster, "Service", service_ns(s), service_title(s));
	if (old) {
		js_set(o, "status", js_clone(js_get(old, "status")));
		js_set(meta, "managedFields", js_clone(js_path(old, "metadata", "managedFields")));
		if (!v->lb)
			js_del(js_get(o, "status"), "loadBalancer");
	}
	return o;
}

struct js *pool_document(const struct world *w, int p)
{
	const struct mpool *v = &w->pools[p];
	struct js *o = js_new_object(), *meta = js_need_object(o, "metadata");
	struct js *spec = js_need_object(o, "spec"), *list = js_new_array();
	char name[2] = { (char)('a' + p), 0 };
	put(o, "kind", "CiliumLoadBalancerIPPool");
	put(meta, "name", name);
	for (int i = 0; i < v->n; i++) {
		char lo[IP_TEXT_MAX], hi[IP_TEXT_MAX], text[64];
		const struct block *b = &v->blocks[i];
		struct js *one = js_new_object();
		address_text(b->lo, lo);
		address_text(b->hi, hi);
		if (b->cidr) {
			int bits = 0;
			while (b->lo + (1 << bits) - 1 < b->hi)
				bits++;
			(void)snprintf(text, sizeof(text), "%s/%d", lo, (b->lo < V4 ? 32 : 128) - bits);
			put(one, "cidr", text);
		} else {
			put(one, "start", lo);
			if (b->hi != b->lo)
				put(one, "stop", hi);
		}
		js_push(list, one);
	}
	if (v->bad) {
		struct js *one = js_new_object();
		put(one, "cidr", "nonsense");
		js_push(list, one);
	}
	js_set(spec, "blocks", list);
	if (v->disabled)
		js_set(spec, "disabled", js_new_bool(true));
	if (v->spare)
		put(spec, "allowFirstLastIPs", "No");
	struct js *labels =
		v->selects ? js_need_object(js_need_object(spec, "serviceSelector"), "matchLabels") : NULL;
	if (v->selects == SELECT_NAMESPACE)
		put(labels, "io.kubernetes.service.namespace", "blue");
	else if (v->selects)
		put(labels, "t", v->selects == SELECT_LABEL_0 ? "0" : "1");
	if (v->tier < 2)
		put(js_need_object(meta, "labels"), "tier", v->tier ? "1" : "0");
	const struct js *old = cluster_get(w->cluster, "CiliumLoadBalancerIPPool", "", name);
	if (!old)
		return o;
	js_set(o, "status", js_clone(js_get(old, "status")));
	if (js_has(js_get(old, "metadata"), "finalizers"))
		js_set(meta, "finalizers", js_clone(js_path(old, "metadata", "finalizers")));
	if (js_has(js_get(old, "metadata"), "deletionTimestamp"))
		js_set(meta, "deletionTimestamp", js_clone(js_path(old, "metadata", "deletionTimestamp")));
	return o;
}

/* ---- the rules ------------------------------------------------------------------------------------ */

static addr_set status_of(const struct world *w, int s)
{
	const struct js *o = cluster_get(w->cluster, "Service", service_ns(s), service_title(s));
	const struct js *list = js_path(o, "status", "loadBalancer", "ingress");
	addr_set set = 0;
	for (size_t i = 0; i < js_len(list); i++) {
		int a = address_index(js_str(js_get(js_item(list, i), "ip")));
		if (a >= 0)
			set |= (addr_set)1 << a;
	}
	return set;
}

void look(struct world *w)
{
	w->seen.recorded = w->seen.recorded_by_others = 0;
	for (int s = 0; s < SERVICES; s++)
		w->seen.statuses[s] = status_of(w, s);
	for (int a = 0; a < ADDRESSES; a++) {
		char text[IP_TEXT_MAX];
		const addr_set bit = (addr_set)1 << a;
		const struct js *meta =
			js_get(cluster_get(w->cluster, "IPAddress", "", address_text(a, text)), "metadata");
		w->seen.notes[a] = js_get(meta, "annotations");
		w->seen.recorded |= meta ? bit : 0;
		if (meta && !slice_is(js_text(js_path(meta, "labels", "ipaddress.kubernetes.io/managed-by")),
				      "berth"))
			w->seen.recorded_by_others |= bit;
	}
}

addr_set shown(const struct world *w, int s)
{
	return w->seen.statuses[s];
}

bool asked_us(const struct world *w, int s)
{
	const struct mservice *v = &w->services[s];
	if (!v->exists || !v->lb)
		return false;
	if (v->class)
		return v->class == CLASS_OURS;
	return v->opt == OPT_TRUE && w->opt_in != OPT_IN_CLASS;
}

bool wanted(const struct world *w, int s)
{
	const struct mservice *v = &w->services[s];
	bool by_default = w->opt_in == OPT_IN_ALL && v->exists && v->lb && !v->class && v->opt != OPT_FALSE;
	return asked_us(w, s) || by_default;
}

bool selects(const struct world *w, int p, int s)
{
	switch (w->pools[p].selects) {
	case SELECT_ALL:
		return true;
	case SELECT_LABEL_0:
		return w->services[s].label == 0;
	case SELECT_LABEL_1:
		return w->services[s].label == 1;
	case SELECT_NAMESPACE:
		return strcmp(service_ns(s), "blue") == 0;
	}
	return false;
}

bool named(const struct world *w, int p, int s)
{
	switch (w->services[s].named) {
	case NAMED_NONE:
		return true;
	case NAMED_A:
		return p == 0;
	case NAMED_BC:
		return p == 1 || p == 2;
	case NAMED_NOWHERE:
		break;
	}
	return false;
}

bool all_named_exist(const struct world *w, int s)
{
	switch (w->services[s].named) {
	case NAMED_NONE:
		break;
	case NAMED_A:
		return w->pools[0].exists;
	case NAMED_BC:
		return w->pools[1].exists && w->pools[2].exists;
	case NAMED_NOWHERE:
		return false;
	}
	return true;
}

static addr_set bits(int lo, int hi)
{
	addr_set set = 0;
	for (int a = lo; a <= hi; a++)
		set |= (addr_set)1 << a;
	return set;
}

addr_set contains(const struct world *w, int p)
{
	addr_set set = 0;
	for (int i = 0; w->pools[p].exists && i < w->pools[p].n; i++)
		set |= bits(w->pools[p].blocks[i].lo, w->pools[p].blocks[i].hi);
	return set;
}

static bool before(const struct world *w, int p, int q)
{
	int r = strcmp(w->pools[p].created, w->pools[q].created);
	return r ? r < 0 : p < q;
}

static bool is_off(const struct world *w, int p)
{
	const struct mpool *v = &w->pools[p];
	return !v->exists || v->disabled || v->bad || v->deleting;
}

bool in_conflict(const struct world *w, int p)
{
	addr_set mine = 0;
	for (int i = 0; i < w->pools[p].n; i++) {
		addr_set one = bits(w->pools[p].blocks[i].lo, w->pools[p].blocks[i].hi);
		if (mine & one)
			return true;
		mine |= one;
	}
	for (int q = 0; q < POOLS; q++)
		if (q != p && before(w, q, p) && !is_off(w, q) && (contains(w, q) & mine) &&
		    !in_conflict(w, q))
			return true;
	return false;
}

addr_set gives(const struct world *w, int p)
{
	const struct mpool *v = &w->pools[p];
	if (is_off(w, p) || in_conflict(w, p))
		return 0;
	addr_set set = contains(w, p);
	for (int i = 0; i < v->n; i++) {
		const struct block *b = &v->blocks[i];
		if (v->spare && b->cidr && b->hi - b->lo >= 2)
			set &= ~(bits(b->lo, b->lo) | bits(b->hi, b->hi));
	}
	return set & ~w->carved & ~rules(w, p)->exclude;
}

bool usable(const struct world *w, int p)
{
	return !is_off(w, p) && !in_conflict(w, p);
}

bool loses_conflict(const struct world *w, int p)
{
	struct world on = *w;
	on.pools[p].disabled = on.pools[p].deleting = false;
	return in_conflict(&on, p);
}

addr_set would_give(const struct world *w, int p)
{
	struct world on = *w;
	on.pools[p].disabled = on.pools[p].deleting = false;
	return gives(&on, p);
}

void pools_that_went(struct world *w)
{
	for (int p = 0; p < POOLS; p++) {
		char name[2] = { (char)('a' + p), 0 };
		if (!w->pools[p].deleting || cluster_get(w->cluster, "CiliumLoadBalancerIPPool", "", name))
			continue;
		w->pools[p].exists = w->pools[p].deleting = false;
		w->pools[p].going = true;
	}
}

unsigned families(const struct world *w, int s, bool *ret_impossible)
{
	const struct mservice *v = &w->services[s];
	unsigned want = 0, on = (w->family_on[IPV4] ? 1u : 0) | (w->family_on[IPV6] ? 2u : 0);
	switch (v->policy) {
	case POLICY_SINGLE:
		want = v->n_families ? 1u << v->families[0] : on & 1 ? 1 : on;
		break;
	case POLICY_PREFER_DUAL:
		for (int i = 0; i < v->n_families; i++)
			want |= 1u << v->families[i];
		want = (v->n_families ? want : 3u) & on;
		break;
	case POLICY_REQUIRE_DUAL:
		want = 3;
		break;
	}
	*ret_impossible = (want & ~on) != 0;
	return want & on;
}

bool may_share(const struct world *w, int s, int t)
{
	const struct mservice *a = &w->services[s], *b = &w->services[t];
	if (!a->key || a->key != b->key)
		return false;
	if (strcmp(service_ns(s), service_ns(t)) != 0 && !(a->consent && b->consent))
		return false;
	if (a->ports & b->ports || a->local != b->local)
		return false;
	if (!a->local)
		return true;
	return a->pods && b->pods && (a->pods == b->pods || (a->permit && b->permit));
}

bool explained(const struct world *w, int s, int a)
{
	const struct mservice *v = &w->services[s];
	bool impossible, asked = v->n_requests == 0, held_up = false;
	if (!wanted(w, s))
		return false;
	if (!asked && v->n_requests) {
		for (int i = 0; i < v->n_requests; i++)
			asked = asked || v->requests[i] == a;
	} else if (!(families(w, s, &impossible) & (a < V4 ? 1u : 2u))) {
		return false;
	}
	for (int p = 0; p < POOLS; p++) {
		if (!w->pools[p].exists)
			continue;
		bool has = contains(w, p) >> a & 1;
		if (!selects(w, p, s) || !named(w, p, s))
			continue;
		if (has)
			return asked;
		held_up = held_up || w->pools[p].bad;
	}
	/* It may be of the very block that cannot be read. */
	return asked && (held_up || kept_by_policy(w, s, a));
}

bool was_explained(const struct world *w, int s, int a)
{
	struct world before = *w;
	for (int p = 0; p < POOLS; p++)
		before.pools[p].exists = w->pools[p].exists || w->pools[p].going;
	return explained(&before, s, a);
}

const char *record_note(const struct world *w, int a, const char *key)
{
	return js_str(js_get(w->seen.notes[a], key));
}

addr_set recorded(const struct world *w)
{
	return w->seen.recorded;
}

addr_set claimed_by_others(const struct world *w, int except)
{
	addr_set set = w->nodes;
	for (int s = 0; s < SERVICES; s++)
		if (w->services[s].exists && s != except && w->services[s].external >= 0)
			set |= (addr_set)1 << w->services[s].external;
	return set;
}

addr_set foreign(const struct world *w, int except)
{
	return claimed_by_others(w, except) | w->seen.recorded_by_others;
}
