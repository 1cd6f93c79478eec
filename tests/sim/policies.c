#include "policies.h"

#include <stdio.h>

const char *policy_title(int i)
{
	static const char *const titles[POLICIES] = { "first", "second", "third" };
	return titles[i];
}

/* ---- documents --------------------------------------------------------------------------------------- */

static void put(struct js *o, const char *key, const char *text)
{
	js_set(o, key, js_new_str(text));
}

static void put_exclude(struct js *spec, addr_set exclude)
{
	struct js *list = js_new_array();
	for (int a = 0; a < ADDRESSES; a++) {
		char lo[IP_TEXT_MAX], hi[IP_TEXT_MAX], text[128];
		int first = a;
		if (!(exclude >> a & 1))
			continue;
		while (a + 1 < ADDRESSES && exclude >> (a + 1) & 1 && family_of(a + 1) == family_of(first))
			a++;
		(void)snprintf(text, sizeof(text), "%s-%s", address_text(first, lo), address_text(a, hi));
		js_push(list, js_new_str(a == first ? lo : text));
	}
	js_set(spec, "exclude", list);
}

static void put_quotas(struct js *spec, const struct mpolicy *v)
{
	struct js *list = js_new_array();
	for (int i = 0; i < v->n_quotas; i++) {
		struct js *one = js_new_object(), *names = js_new_array();
		enum quota_of of = v->quotas[i].of;
		js_set(one, "maxAddresses", js_new_int(v->quotas[i].max));
		if (of == QUOTA_OF_RED || of == QUOTA_OF_BOTH)
			js_push(names, js_new_str("red"));
		if (of == QUOTA_OF_BOTH)
			js_push(names, js_new_str("blue"));
		if (js_len(names))
			js_set(one, "namespaces", js_ref(names));
		else if (of == QUOTA_OF_ALL)
			(void)js_need_object(one, "namespaceSelector");
		else
			put(js_need_object(js_need_object(one, "namespaceSelector"), "matchLabels"), "team",
			    "0");
		js_free(names);
		js_push(list, one);
	}
	js_set(spec, "quotas", list);
}

struct js *policy_document(const struct world *w, int i)
{
	const struct mpolicy *v = &w->policies[i];
	struct js *o = js_new_object(), *spec = js_need_object(o, "spec");
	char text[32];
	put(o, "kind", "IPPoolPolicy");
	put(js_need_object(o, "metadata"), "name", policy_title(i));
	(void)snprintf(text, sizeof(text), "%c", 'a' + v->pool);
	if (v->pool >= 0)
		put(spec, "poolName", text);
	else if (v->tier == 2)
		(void)js_need_object(spec, "poolSelector");
	else
		put(js_need_object(js_need_object(spec, "poolSelector"), "matchLabels"), "tier",
		    v->tier ? "1" : "0");
	js_set(spec, "priority", js_new_int(v->priority));
	put_exclude(spec, v->exclude);
	(void)snprintf(text, sizeof(text), "%llds", (long long)v->reuse_after / 1000);
	if (v->reuse_after >= 0)
		put(spec, "reuseAfter", text);
	js_set(spec, "reuseEarly", js_new_bool(!v->late));
	js_set(spec, "autoAssign", js_new_bool(!v->ask_only));
	js_set(spec, "protect", js_new_bool(v->protect));
	put(spec, "onShrink", v->keep ? "Keep" : "Renumber");
	(void)snprintf(text, sizeof(text), "%d%%", v->low);
	if (v->low >= 0)
		js_set(spec, "lowWatermark", v->low_is_percent ? js_new_str(text) : js_new_int(v->low));
	put_quotas(spec, v);
	const struct js *old = cluster_get(w->cluster, "IPPoolPolicy", "", policy_title(i));
	if (old)
		js_set(o, "status", js_clone(js_get(old, "status")));
	return o;
}

struct js *namespace_document(const struct world *w, int ns)
{
	struct js *o = js_new_object(), *meta = js_need_object(o, "metadata");
	put(o, "kind", "Namespace");
	put(meta, "name", service_ns(ns));
	if (w->teams[ns] < 2)
		put(js_need_object(meta, "labels"), "team", w->teams[ns] ? "1" : "0");
	return o;
}

/* ---- the rules --------------------------------------------------------------------------------------- */

bool speaks_of(const struct world *w, int i, int p)
{
	const struct mpolicy *v = &w->policies[i];
	if (!v->exists || !w->pools[p].exists)
		return false;
	return v->pool >= 0 ? v->pool == p : v->tier == 2 || v->tier == w->pools[p].tier;
}

const struct mpolicy *rules(const struct world *w, int p)
{
	static const struct mpolicy defaults = { .reuse_after = -1, .low = -1 };
	for (int i = 0; i < POLICIES; i++)
		if (speaks_of(w, i, p))
			return &w->policies[i];
	return &defaults;
}

msec reuse_of(const struct world *w, int p)
{
	const struct mpolicy *v = rules(w, p);
	return !w->records ? 0 : v->reuse_after >= 0 ? v->reuse_after : w->reuse_after;
}

bool assigns(const struct world *w, int p, int s)
{
	return !rules(w, p)->ask_only || w->services[s].named != NAMED_NONE;
}

bool asked_before(const struct world *w, int s, int p, int q)
{
	/* "c,b" */
	if (w->services[s].named == NAMED_BC)
		return p > q;
	int a = rules(w, p)->priority, b = rules(w, q)->priority;
	return a != b ? a > b : p < q;
}

/* Policies that still name a pool which has gone. */
static bool keeps_though_gone(const struct world *w, int p)
{
	for (int i = 0; i < POLICIES; i++)
		if (w->policies[i].exists && w->policies[i].pool == p)
			return w->policies[i].keep;
	return false;
}

bool kept_by_policy(const struct world *w, int s, int a)
{
	const char *from = record_note(w, a, "berth.dev/pool");
	if (!from || !mentions(record_note(w, a, "berth.dev/holder"), s))
		return false;
	int p = from[0] - 'a';
	if (p < 0 || p >= POOLS || from[1] || !named(w, p, s))
		return false;
	if (!w->pools[p].exists)
		return keeps_though_gone(w, p);
	return rules(w, p)->keep && selects(w, p, s) && !(contains(w, p) >> a & 1);
}

bool may_be_kept(const struct world *w)
{
	bool some = false;
	for (int i = 0; i < POLICIES; i++)
		some = some || (w->policies[i].exists && w->policies[i].keep);
	return some && !w->records;
}

int namespace_of(int s)
{
	return s % NAMESPACES;
}

int quota_of(const struct world *w, int p, int s)
{
	const struct mpolicy *v = rules(w, p);
	const int ns = namespace_of(s);
	for (int i = 0; i < v->n_quotas; i++) {
		enum quota_of of = v->quotas[i].of;
		if (of == QUOTA_OF_ALL || of == QUOTA_OF_BOTH || (of == QUOTA_OF_RED && ns == 0) ||
		    (of == QUOTA_OF_TEAM_0 && w->teams[ns] == 0))
			return v->quotas[i].max;
	}
	return -1;
}
