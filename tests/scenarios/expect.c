#include "expect.h"

#include "expect_nodes.h"
#include "objects.h"

#include <stdio.h>

enum { TEXT_MAX = 256 * 1024 };

size_t record_writes(const struct cluster *c)
{
	return cluster_writes(c, EFFECT_RECORD_CREATE) + cluster_writes(c, EFFECT_RECORD_PATCH) +
	       cluster_writes(c, EFFECT_RECORD_DELETE);
}

/* ---- counting ------------------------------------------------------------------------------------- */

static void note_version(struct js *o, void *arg)
{
	buf_addf(arg, "%s/%s %s\n", view_namespace(o), view_name(o),
		 js_str(js_path(o, "metadata", "resourceVersion")));
}

void begin_counting(struct run *r)
{
	struct ipam_stats s;
	ipam_stats(cluster_ipam(r->cluster), &s);
	r->decided = s.decisions;
	cluster_reset_writes(r->cluster);
	buf_clear(&r->order);
	r->versions.max = TEXT_MAX;
	buf_clear(&r->versions);
	cluster_each(r->cluster, "Service", note_version, &r->versions);
}

static void check_writes(const struct run *r, const struct js *want, struct buf *wrong)
{
	int64_t n = js_int(js_get(want, "services"), -1);
	size_t is = cluster_writes(r->cluster, EFFECT_SERVICE_STATUS);
	if (n >= 0 && is != (size_t)n)
		buf_addf(wrong, "# %zu writes to Services, not %lld\n", is, (long long)n);
	n = js_int(js_get(want, "records"), -1);
	is = record_writes(r->cluster);
	if (n >= 0 && is != (size_t)n)
		buf_addf(wrong, "# %zu writes to records, not %lld\n", is, (long long)n);
	n = js_int(js_get(want, "pools"), -1);
	is = cluster_writes(r->cluster, EFFECT_POOL_STATUS);
	if (n >= 0 && is > (size_t)n)
		buf_addf(wrong, "# %zu writes to pools, more than %lld\n", is, (long long)n);
}

/* ---- objects --------------------------------------------------------------------------------------- */

static const struct js *condition(const struct js *object, const char *type)
{
	const struct js *list = js_path(object, "status", "conditions");
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_get(js_item(list, i), "type")), type))
			return js_item(list, i);
	return NULL;
}

static void add_ips(const struct js *object, struct buf *text)
{
	const struct js *list = js_path(object, "status", "loadBalancer", "ingress");
	for (size_t i = 0; i < js_len(list); i++) {
		const char *ip = js_str(js_get(js_item(list, i), "ip"));
		buf_addf(text, "%s%s", i ? " " : "", ip ? ip : js_str(js_get(js_item(list, i), "hostname")));
	}
}

static void check_addresses(const char *name, const struct js *object, const struct js *want,
			    struct buf *wrong)
{
	CLEANUP(buf_done) struct buf is = BUF_INIT(TEXT_MAX), should = BUF_INIT(TEXT_MAX);
	add_ips(object, &is);
	for (size_t i = 0; i < js_len(want); i++)
		buf_addf(&should, "%s%s", i ? " " : "", js_str(js_item(want, i)));
	if (strcmp(buf_str(&is), buf_str(&should)) != 0)
		buf_addf(wrong, "# %s has [%s], not [%s]\n", name, buf_str(&is), buf_str(&should));
}

static void check_reason(const char *name, const struct js *object, const struct js *want, struct buf *wrong)
{
	const struct js *c = condition(object, "cilium.io/IPAMRequestSatisfied");
	const char *reason = js_str(js_get(want, "reason")), *message = js_str(js_get(want, "message"));
	const char *is = js_str(js_get(c, "reason")), *text = js_str(js_get(c, "message"));
	bool good = slice_is(js_text(js_get(c, "status")), "True");
	if (js_has(want, "condition") && !js_bool(js_get(want, "condition"), true)) {
		if (c)
			buf_addf(wrong, "# %s has the condition %s\n", name, is);
		return;
	}
	if (reason && (!is || strcmp(is, reason) != 0 || good != (strcmp(reason, "satisfied") == 0)))
		buf_addf(wrong, "# %s: reason %s (%s), not %s\n", name, is ? is : "none", text ? text : "",
			 reason);
	if (c && (js_has(c, "observedGeneration") || !js_str(js_get(c, "lastTransitionTime"))))
		buf_addf(wrong, "# %s: its condition has no time, or a generation\n", name);
	const struct js *list = js_get(want, "message");
	for (size_t i = 0; i < (message ? 1 : js_len(list)); i++) {
		const char *part = message ? message : js_str(js_item(list, i));
		bool same = part[0] ? text && strstr(text, part) : text && !text[0];
		if (!same)
			buf_addf(wrong, "# %s: message \"%s\" without \"%s\"\n", name, text ? text : "",
				 part);
	}
}

static void check_service(const struct run *r, const char *name, const struct js *want, struct buf *wrong)
{
	struct object_name n = service_name_of(name);
	const struct js *object = cluster_get(r->cluster, n.kind, n.ns, n.name);
	if (!object) {
		buf_addf(wrong, "# there is no Service %s\n", name);
		return;
	}
	if (js_has(want, "addresses"))
		check_addresses(name, object, js_get(want, "addresses"), wrong);
	if (js_has(want, "count") && js_len(js_path(object, "status", "loadBalancer", "ingress")) !=
					     (size_t)js_int(js_get(want, "count"), 0))
		buf_addf(wrong, "# %s has not %lld addresses\n", name,
			 (long long)js_int(js_get(want, "count"), 0));
	check_reason(name, object, want, wrong);
	if (js_has(want, "ingress") &&
	    !js_equal(js_get(want, "ingress"), js_path(object, "status", "loadBalancer", "ingress")))
		buf_addf(wrong, "# %s: its ingress list is another one\n", name);
	if (js_bool(js_get(want, "untouched"), false)) {
		CLEANUP(buf_done) struct buf line = BUF_INIT(TEXT_MAX), lines = BUF_INIT(TEXT_MAX);
		buf_addf(&line, "\n%s/%s %s\n", n.ns, n.name,
			 js_str(js_path(object, "metadata", "resourceVersion")));
		buf_addf(&lines, "\n%s", buf_str(&r->versions));
		if (!strstr(buf_str(&lines), buf_str(&line)))
			buf_addf(wrong, "# %s was written to\n", name);
	}
}

static void check_text(const char *name, const char *what, const char *is, const struct js *want,
		       struct buf *wrong)
{
	char number[32];
	if (!want)
		return;
	const char *text = js_str(want);
	if (!text) {
		(void)snprintf(number, sizeof(number), "%lld", (long long)js_int(want, -1));
		text = number;
	}
	if (!is || strcmp(is, text) != 0)
		buf_addf(wrong, "# pool %s: %s %s, not %s\n", name, what, is ? is : "none", text);
}

static void check_flag(const char *name, const struct js *c, const char *what, const struct js *want,
		       const char *message, struct buf *wrong)
{
	if (!want)
		return;
	bool is = slice_is(js_text(js_get(c, "status")), "True");
	const char *text = js_str(js_get(c, "message")), *reason = js_str(want);
	if (reason ? !slice_is(js_text(js_get(c, "reason")), reason) : is != js_bool(want, false))
		buf_addf(wrong, "# pool %s: %s is %s: %s\n", name, what, is ? "true" : "false",
			 text ? text : "no condition");
	if (message && (!text || !strstr(text, message)))
		buf_addf(wrong, "# pool %s: %s says \"%s\", without \"%s\"\n", name, what, text ? text : "",
			 message);
}

/* TYPE: true, false, a reason, null (there is none), or [any of these, part of the message]. */
static void check_conditions(const char *name, const struct js *object, const struct js *want,
			     struct buf *wrong)
{
	for (struct js_iter it = js_iter(want); js_next(&it);) {
		const bool list = js_type(it.value) == JS_ARRAY;
		const struct js *v = list ? js_item(it.value, 0) : it.value, *c = condition(object, it.key);
		if (!v && c)
			buf_addf(wrong, "# %s: %s is there: %s\n", name, it.key,
				 js_str(js_get(c, "message")));
		else if (v && !c)
			buf_addf(wrong, "# %s has no condition %s\n", name, it.key);
		else if (c)
			check_flag(name, c, it.key, v, list ? js_str(js_item(it.value, 1)) : NULL, wrong);
	}
}

static uint64_t sum(struct count a, struct count b)
{
	return (uint64_t)(a.lo + b.lo);
}

/* What the metrics say, of both families together. */
static void check_counts(const struct run *r, const char *name, const struct js *want, struct buf *wrong)
{
	struct pool_row row;
	size_t at = 0;
	bool found = false;
	while (!found && ipam_pool_row(cluster_ipam(r->cluster), at++, &row))
		found = strcmp(row.name, name) == 0;
	if (!found) {
		buf_addf(wrong, "# pool %s is not known to the core\n", name);
		return;
	}
	const struct pool_counts *a = &row.family[IPV4], *b = &row.family[IPV6];
	const struct {
		const char *state;
		uint64_t n;
	} counts[] = {
		{ "used", sum(a->used, b->used) },
		{ "foreign", sum(a->foreign, b->foreign) },
		{ "firstlast", sum(a->first_last, b->first_last) },
		{ "reserved", sum(a->reserved, b->reserved) },
		{ "excluded", sum(a->excluded, b->excluded) },
		{ "cooling", sum(a->cooling, b->cooling) },
		{ "free", sum(a->free, b->free) },
	};
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (js_has(want, counts[i].state) &&
		    counts[i].n != (uint64_t)js_int(js_get(want, counts[i].state), -1))
			buf_addf(wrong, "# pool %s: %llu %s, not %lld\n", name,
				 (unsigned long long)counts[i].n, counts[i].state,
				 (long long)js_int(js_get(want, counts[i].state), -1));
}

static void check_finalizers(const char *name, const struct js *object, const struct js *want,
			     struct buf *wrong)
{
	const struct js *is = js_path(object, "metadata", "finalizers");
	if (want && (js_len(want) || js_len(is)) && !js_equal(is, want))
		buf_addf(wrong, "# %s: its finalizers are %zu other ones\n", name, js_len(is));
}

static void check_policy(const struct run *r, const char *name, const struct js *want, struct buf *wrong)
{
	const struct js *o = cluster_get(r->cluster, "IPPoolPolicy", "", name);
	if (!o)
		buf_addf(wrong, "# there is no policy %s\n", name);
	else
		check_conditions(name, o, js_get(want, "conditions"), wrong);
}

static void check_reservation(const struct run *r, const char *name, const struct js *want, struct buf *wrong)
{
	static const char *const fields[] = { "phase", "holder" };
	const struct js *o = cluster_get(r->cluster, "IPReservation", "", name),
			*status = js_get(o, "status");
	if (!o) {
		buf_addf(wrong, "# there is no reservation %s\n", name);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *is = js_str(js_get(status, fields[i])), *should = js_str(js_get(want, fields[i]));
		if (js_has(want, fields[i]) && strcmp(is ? is : "", should ? should : "") != 0)
			buf_addf(wrong, "# reservation %s: %s is %s, not %s\n", name, fields[i],
				 is ? is : "none", should ? should : "none");
	}
	const char *message = js_str(js_get(want, "message")), *text = js_str(js_get(status, "message"));
	if (message && (!text || !strstr(text, message)))
		buf_addf(wrong, "# reservation %s says \"%s\", without \"%s\"\n", name, text ? text : "",
			 message);
	if (js_has(want, "phase") && js_int(js_get(status, "observedGeneration"), -1) !=
					     js_int(js_path(o, "metadata", "generation"), 0))
		buf_addf(wrong, "# reservation %s: its status is of another generation\n", name);
}

static void check_pool(const struct run *r, const char *name, const struct js *want, struct buf *wrong)
{
	const struct js *p = cluster_get(r->cluster, "CiliumLoadBalancerIPPool", "", name);
	const bool gone = js_bool(js_get(want, "gone"), false);
	/* The built-in one is no object. */
	if (strcmp(name, "cluster-pool") == 0) {
		check_counts(r, name, js_get(want, "counts"), wrong);
		return;
	}
	if (!p || gone) {
		if (!p != gone)
			buf_addf(wrong, "# there is %s pool %s\n", p ? "a" : "no", name);
		return;
	}
	check_conditions(name, p, js_get(want, "conditions"), wrong);
	check_finalizers(name, p, js_get(want, "finalizers"), wrong);
	if (js_has(want, "counts"))
		check_counts(r, name, js_get(want, "counts"), wrong);
	if (js_has(want, "deleting") &&
	    js_bool(js_get(want, "deleting"), false) != js_has(js_get(p, "metadata"), "deletionTimestamp"))
		buf_addf(wrong, "# pool %s: deleting is not as wanted\n", name);
	static const struct {
		const char *key, *type;
	} counts[] = {
		{ "total", "cilium.io/IPsTotal" },
		{ "available", "cilium.io/IPsAvailable" },
		{ "used", "cilium.io/IPsUsed" },
	};
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		check_text(name, counts[i].key, js_str(js_get(condition(p, counts[i].type), "message")),
			   js_get(want, counts[i].key), wrong);
	const char *message = js_str(js_get(want, "message"));
	check_flag(name, condition(p, "cilium.io/PoolConflict"), "conflict", js_get(want, "conflict"),
		   js_has(want, "conflict") ? message : NULL, wrong);
	check_flag(name, condition(p, "berth.dev/Valid"), "valid", js_get(want, "valid"),
		   js_has(want, "valid") ? message : NULL, wrong);
	const struct js *list = js_path(p, "status", "conditions");
	int64_t generation = js_int(js_path(p, "metadata", "generation"), 0);
	for (size_t i = 0; i < js_len(list); i++) {
		const char *type = js_str(js_get(js_item(list, i), "type"));
		bool ours = type &&
			    (strncmp(type, "cilium.io/", 10) == 0 || strncmp(type, "berth.dev/", 10) == 0);
		if (ours && js_int(js_get(js_item(list, i), "observedGeneration"), -1) != generation)
			buf_addf(wrong, "# pool %s: %s is not of generation %lld\n", name, type,
				 (long long)generation);
	}
	const char *type = js_str(js_get(want, "condition"));
	if (type && !condition(p, type))
		buf_addf(wrong, "# pool %s has no condition %s\n", name, type);
}

static bool is_past(const struct js *record)
{
	return js_has(js_path(record, "metadata", "annotations"), "berth.dev/released-at");
}

/* Who stands in the history annotation, oldest first, as "ns/name ns/name*", with a star for who has it. */
static void check_history(const char *ip, const struct js *notes, const struct js *want, struct buf *wrong)
{
	CLEANUP(js_freep) struct js *list = NULL;
	CLEANUP(buf_done) struct buf is = BUF_INIT(TEXT_MAX), should = BUF_INIT(TEXT_MAX);
	(void)js_parse(js_text(js_get(notes, "berth.dev/history")), &list, NULL);
	for (size_t i = 0; i < js_len(list); i++)
		buf_addf(&is, "%s%s%s", i ? " " : "", js_str(js_get(js_item(list, i), "holder")),
			 js_has(js_item(list, i), "until") ? "" : "*");
	for (size_t i = 0; i < js_len(want); i++)
		buf_addf(&should, "%s%s", i ? " " : "", js_str(js_item(want, i)));
	if (strcmp(buf_str(&is), buf_str(&should)) != 0)
		buf_addf(wrong, "# the history of %s is [%s], not [%s]\n", ip, buf_str(&is),
			 buf_str(&should));
}

static void check_note(const char *ip, const struct js *notes, const char *note, const struct js *want,
		       struct buf *wrong)
{
	const char *is = js_str(js_get(notes, note)), *should = js_str(want);
	if (strcmp(is ? is : "", should ? should : "") != 0)
		buf_addf(wrong, "# the record of %s: %s is %s, not %s\n", ip, note, is ? is : "not there",
			 should ? should : "to be there");
}

/* Names: held by these. null: held by nobody; it may cool. {gone: true}: there is none. */
static void check_record(const struct run *r, const char *ip, const struct js *want, struct buf *wrong)
{
	static const struct {
		const char *key, *note;
	} fields[] = {
		{ "holders", "berth.dev/holder" },
		{ "state", "berth.dev/state" },
		{ "pool", "berth.dev/pool" },
	};
	const struct js *o = cluster_get(r->cluster, "IPAddress", "", ip);
	const struct js *notes = js_path(o, "metadata", "annotations");
	const char *is = js_str(js_get(notes, "berth.dev/holder"));
	const char *should = js_str(want);
	if (js_type(want) == JS_OBJECT) {
		const bool gone = js_bool(js_get(want, "gone"), false);
		if (gone != !o)
			buf_addf(wrong, "# %s has %s record\n", ip, o ? "a" : "no");
		for (size_t i = 0; o && i < ARRAY_LEN(fields); i++)
			if (js_has(want, fields[i].key))
				check_note(ip, notes, fields[i].note, js_get(want, fields[i].key), wrong);
		if (o && js_has(want, "history"))
			check_history(ip, notes, js_get(want, "history"), wrong);
		return;
	}
	if (!should && o && !is_past(o))
		buf_addf(wrong, "# %s has a record of %s\n", ip, is ? is : "nobody");
	else if (should && (!is || strcmp(is, should) != 0))
		buf_addf(wrong, "# the record of %s names %s, not %s\n", ip, o ? is : "(no record)", should);
	else if (should && js_has(notes, "berth.dev/state"))
		buf_addf(wrong, "# the record of %s has a state\n", ip);
}

struct count_by {
	size_t n;
};

static void count_one(struct js *o, void *arg)
{
	if (slice_is(js_text(js_path(o, "metadata", "labels", "ipaddress.kubernetes.io/managed-by")),
		     "berth") &&
	    !is_past(o))
		((struct count_by *)arg)->n++;
}

/* ---- invariants --------------------------------------------------------------------------------------- */

struct twice {
	const struct cluster *c;
	struct js *holder; /* address -> key of the first Service found with it */
	struct buf *wrong;
};

static const char *share_key(const struct js *o)
{
	const struct js *notes = js_path(o, "metadata", "annotations");
	static const char *const keys[] = { "lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key",
					    "metallb.io/allow-shared-ip",
					    "metallb.universe.tf/allow-shared-ip" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (js_has(notes, keys[i]))
			return js_str(js_get(notes, keys[i]));
	return NULL;
}

static void find_twice(struct js *o, void *arg)
{
	struct twice *t = arg;
	const struct js *list = js_path(o, "status", "loadBalancer", "ingress");
	for (size_t i = 0; i < js_len(list); i++) {
		const char *ip = js_str(js_get(js_item(list, i), "ip"));
		if (!ip)
			continue;
		const struct js *first = js_get(t->holder, ip);
		if (!first) {
			js_set(t->holder, ip, js_ref(o));
			continue;
		}
		const char *a = share_key(o), *b = share_key(first);
		if (!a || !b || strcmp(a, b) != 0)
			buf_addf(t->wrong, "# %s is in the status of %s and of %s\n", ip, view_name(first),
				 view_name(o));
	}
}

void check_unique(const struct cluster *c, struct buf *wrong)
{
	struct twice t = { c, js_new_object(), wrong };
	cluster_each(c, "Service", find_twice, &t);
	js_free(t.holder);
}

/* ---- the pool kind --------------------------------------------------------------------------------------
 */

static void collect_name(struct js *o, void *arg)
{
	js_push(arg, js_ref(o));
}

void pool_kind(struct run *r, const char *what)
{
	static const char kind[] = "CiliumLoadBalancerIPPool";
	CLEANUP(js_freep) struct js *list = js_new_array();
	if (what && strcmp(what, "goes") == 0) {
		cluster_set_pool_kind(r->cluster, false);
		cluster_each(r->cluster, kind, collect_name, list);
		for (size_t i = 0; i < js_len(list); i++)
			cluster_delete(r->cluster, kind, "", view_name(js_item(list, i)));
	} else if (what && strcmp(what, "forbidden") == 0) {
		ipam_kind_lost(cluster_ipam(r->cluster), KIND_POOL, cluster_now(r->cluster));
	} else {
		cluster_set_pool_kind(r->cluster, true);
		cluster_sync(r->cluster);
	}
}

/* ---- all together ------------------------------------------------------------------------------------- */

static void check_events(const struct run *r, const struct js *want, const struct js *unwanted,
			 struct buf *wrong)
{
	const char *events = cluster_events(r->cluster);
	for (size_t i = 0; i < js_len(want); i++)
		if (!strstr(events, js_str(js_item(want, i))))
			buf_addf(wrong, "# no Event \"%s\" among: %.600s\n", js_str(js_item(want, i)),
				 events);
	for (size_t i = 0; i < js_len(unwanted); i++)
		if (strstr(events, js_str(js_item(unwanted, i))))
			buf_addf(wrong, "# there is an Event \"%s\"\n", js_str(js_item(unwanted, i)));
}

void expect(struct run *r, const struct js *want, struct buf *wrong)
{
	static const char *const known[] = { "services", "pools",       "policies",      "reservations",
					     "records",  "events",      "records-count", "no-events",
					     "writes",   "order",       "decisions",     "ready",
					     "nodes",    "ciliumNodes", "claims",        "podcidrs",
					     "refused" };
	for (struct js_iter it = js_iter(want); js_next(&it);) {
		size_t i = 0;
		while (i < ARRAY_LEN(known) && strcmp(known[i], it.key) != 0)
			i++;
		if (i == ARRAY_LEN(known))
			buf_addf(wrong, "# expect: \"%s\" is not known\n", it.key);
	}
	for (struct js_iter it = js_iter(js_get(want, "services")); js_next(&it);)
		check_service(r, it.key, it.value, wrong);
	check_nodes(r, want, wrong);
	for (struct js_iter it = js_iter(js_get(want, "pools")); js_next(&it);)
		check_pool(r, it.key, it.value, wrong);
	for (struct js_iter it = js_iter(js_get(want, "policies")); js_next(&it);)
		check_policy(r, it.key, it.value, wrong);
	for (struct js_iter it = js_iter(js_get(want, "reservations")); js_next(&it);)
		check_reservation(r, it.key, it.value, wrong);
	for (struct js_iter it = js_iter(js_get(want, "records")); js_next(&it);)
		check_record(r, it.key, it.value, wrong);
	struct count_by n = { 0 };
	cluster_each(r->cluster, "IPAddress", count_one, &n);
	int64_t should = js_int(js_get(want, "records-count"), -1);
	if (should >= 0 && n.n != (size_t)should)
		buf_addf(wrong, "# %zu records, not %lld\n", n.n, (long long)should);
	check_events(r, js_get(want, "events"), js_get(want, "no-events"), wrong);
	check_writes(r, js_get(want, "writes"), wrong);
	struct ipam_stats s;
	ipam_stats(cluster_ipam(r->cluster), &s);
	should = js_int(js_get(want, "decisions"), -1);
	/* A new core counts from nothing. */
	uint64_t decided = s.decisions < r->decided ? s.decisions : s.decisions - r->decided;
	if (should >= 0 && decided > (uint64_t)should)
		buf_addf(wrong, "# %llu decisions, more than %lld\n", (unsigned long long)decided,
			 (long long)should);
	const char *order = js_str(js_get(want, "order"));
	if (order && strcmp(order, buf_str(&r->order)) != 0)
		buf_addf(wrong, "# effects: %s, not %s\n", buf_str(&r->order), order);
	if (js_has(want, "ready")) {
		bool ready =
			ipam_ready(cluster_ipam(r->cluster)) && !ipam_pools_lost(cluster_ipam(r->cluster));
		if (ready != js_bool(js_get(want, "ready"), true))
			buf_addf(wrong, "# ready is %s\n", ready ? "true" : "false");
	}
	check_unique(r->cluster, wrong);
	begin_counting(r);
}
