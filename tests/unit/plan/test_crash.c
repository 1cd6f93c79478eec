/* The operator is killed at every point there is: after each write of a story, and at each write that was
 * sent and never arrived. Whoever starts next must end where an undisturbed operator does. */
#include "plan/cluster.h"

#include "lib/test.h"

enum { EFFECTS_MAX = 2000, PATIENCE = 2000, TEXT_MAX = 64 * 1024 };

static const char *const managers[] = { "berth", NULL }, *const classes[] = { "berth.dev/lb", NULL };
static const struct view_config view = { .managers = managers };
static const struct ipam_config config = {
	.opt_in = OPT_IN_ANNOTATION,
	.classes = classes,
	.proxy_name = "",
	.family_on = { true, true },
	.records = true,
	.classless_are_ours = true,
	.max_in_flight = 16,
	.reuse_after = 600000,
};

/* ---- the story ------------------------------------------------------------------------------------ */

static void put(struct cluster *c, const char *text)
{
	CLEANUP(js_freep) struct js *o = NULL;
	struct err e = { 0 };
	if (js_parse(slice_of(text), &o, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	/* What somebody else writes leaves the status alone, and who wrote it. */
	const char *kind = js_str(js_get(o, "kind"));
	const struct js *old = cluster_get(c, kind, view_namespace(o), view_name(o));
	if (old) {
		js_set(o, "status", js_clone(js_get(old, "status")));
		js_set(js_get(o, "metadata"), "managedFields",
		       js_clone(js_path(old, "metadata", "managedFields")));
		js_set(js_get(o, "metadata"), "finalizers", js_clone(js_path(old, "metadata", "finalizers")));
	}
	assert_int_equal(cluster_put(c, o, &e), 1);
}

/* notes: further annotations, with a comma behind; spec: further fields, with a comma before. */
static void service(struct cluster *c, const char *name, const char *notes, int port, const char *spec)
{
	CLEANUP(freep)
	char *text =
		xasprintf("{\"kind\":\"Service\",\"metadata\":{\"namespace\":\"n\",\"name\":\"%s\","
			  "\"annotations\":{%s\"x\":\"y\"}},\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{"
			  "\"name\":\"p\",\"port\":%d,\"protocol\":\"TCP\"}]%s}}",
			  name, notes, port, spec);
	put(c, text);
}

#define OPT_IN "\"io.cilium.operator.external-ips\":\"true\","
#define KEY "\"lbipam.cilium.io/sharing-key\":\"k\","
#define DUAL ",\"ipFamilyPolicy\":\"RequireDualStack\",\"ipFamilies\":[\"IPv4\",\"IPv6\"]"

static void pool(struct cluster *c, const char *name, const char *blocks)
{
	CLEANUP(freep)
	char *text = xasprintf("{\"kind\":\"CiliumLoadBalancerIPPool\",\"metadata\":{\"name\":\"%s\"},"
			       "\"spec\":{\"blocks\":[%s]}}",
			       name, blocks);
	put(c, text);
}

static void first_pools(struct cluster *c)
{
	pool(c, "a", "{\"cidr\":\"10.0.0.0/29\"},{\"cidr\":\"fd00::/125\"}");
	put(c, "{\"kind\":\"IPReservation\",\"metadata\":{\"name\":\"r\"},\"spec\":{\"addresses\":[\"10.0.0."
	       "6\"],"
	       "\"serviceRef\":{\"namespace\":\"n\",\"name\":\"reserved\"}}}");
	put(c, "{\"kind\":\"IPPoolPolicy\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"poolName\":\"a\","
	       "\"protect\":true}}");
}

static void services_come(struct cluster *c)
{
	service(c, "s1", OPT_IN, 80, "");
	service(c, "s2", OPT_IN KEY, 80, "");
	service(c, "s3", OPT_IN KEY, 81, "");
	service(c, "s4", OPT_IN, 80, DUAL);
	service(c, "reserved", OPT_IN, 80, "");
}

static void some_go(struct cluster *c)
{
	cluster_delete(c, "Service", "n", "s1");
	cluster_delete(c, "Service", "n", "s2");
	service(c, "s4", "", 80, DUAL);
}

static void some_come_again(struct cluster *c)
{
	service(c, "t", OPT_IN, 80, "");
	service(c, "s4", OPT_IN, 80, DUAL);
	service(c, "s1", OPT_IN, 80, "");
	service(c, "s2", OPT_IN KEY, 80, "");
}

static void addresses_are_asked_for(struct cluster *c)
{
	service(c, "t", OPT_IN "\"lbipam.cilium.io/ips\":\"10.0.0.5\",", 80, "");
	/* The younger one of the group leaves it: after a restart the older one would be in the right. */
	service(c, "s2", OPT_IN, 80, "");
}

static void the_pool_shrinks(struct cluster *c)
{
	pool(c, "b", "{\"cidr\":\"10.0.1.0/29\"}");
	/* One Service has to go: of several it would be a matter of their order who gets what. */
	pool(c, "a", "{\"start\":\"10.0.0.1\",\"stop\":\"10.0.0.6\"},{\"cidr\":\"fd00::/125\"}");
}

static void all_go(struct cluster *c)
{
	static const char *const names[] = { "s1", "s2", "s3", "s4", "t" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		cluster_delete(c, "Service", "n", names[i]);
	cluster_delete(c, "CiliumLoadBalancerIPPool", "", "b");
}

static void (*const chapters[])(struct cluster *c) = {
	first_pools,      services_come, some_go, some_come_again, addresses_are_asked_for,
	the_pool_shrinks, all_go,
};

/* ---- what must be true when it is quiet -------------------------------------------------------------- */

static bool names_holder(const char *holders, const char *key)
{
	struct slice rest = slice_of(holders ? holders : ""), one;
	while (slice_cut(&rest, ',', &one))
		if (slice_is(one, key))
			return true;
	return false;
}

static bool shows(const struct js *service, const char *ip)
{
	const struct js *list = js_path(service, "status", "loadBalancer", "ingress");
	for (size_t i = 0; i < js_len(list); i++)
		if (slice_is(js_text(js_get(js_item(list, i), "ip")), ip))
			return true;
	return false;
}

static const char *key_of_sharing(const struct js *service)
{
	return js_str(js_path(service, "metadata", "annotations", "lbipam.cilium.io/sharing-key"));
}

struct look {
	struct cluster *c;
	struct buf *wrong;
	struct js *seen; /* address -> the Service first found with it */
	struct buf *shown;
};

static void look_at_service(struct js *o, void *arg)
{
	struct look *l = arg;
	CLEANUP(freep) char *key = xasprintf("%s/%s", view_namespace(o), view_name(o));
	const struct js *list = js_path(o, "status", "loadBalancer", "ingress");
	buf_addf(l->shown, "%s:", key);
	for (size_t i = 0; i < js_len(list); i++) {
		const char *ip = js_str(js_get(js_item(list, i), "ip"));
		const struct js *record = cluster_get(l->c, "IPAddress", "", ip);
		const struct js *notes = js_path(record, "metadata", "annotations");
		buf_addf(l->shown, " %s", ip);
		if (!names_holder(js_str(js_get(notes, "berth.dev/holder")), key))
			buf_addf(l->wrong, "%s of %s is recorded for %s\n", ip, key,
				 record ? js_str(js_get(notes, "berth.dev/holder")) : "nobody");
		if (js_has(notes, "berth.dev/state"))
			buf_addf(l->wrong, "%s of %s is %s\n", ip, key,
				 js_str(js_get(notes, "berth.dev/state")));
		const struct js *other = js_get(l->seen, ip);
		const char *a = key_of_sharing(o), *b = other ? key_of_sharing(other) : a;
		if (other && (!a || !b || strcmp(a, b) != 0))
			buf_addf(l->wrong, "%s is in the status of %s and of %s\n", ip, view_name(other),
				 view_name(o));
		js_set(l->seen, ip, js_ref(o));
	}
	buf_add_char(l->shown, '\n');
}

static void look_at_record(struct js *o, void *arg)
{
	struct look *l = arg;
	const struct js *notes = js_path(o, "metadata", "annotations");
	const char *holders = js_str(js_get(notes, "berth.dev/holder")),
		   *state = js_str(js_get(notes, "berth.dev/state"));
	bool cools = state && strcmp(state, "cooling") == 0;
	buf_addf(l->shown, "%s: %s%s\n", view_name(o), holders ? holders : "", cools ? ", cools" : "");
	if (state && !cools)
		buf_addf(l->wrong, "%s stays %s\n", view_name(o), state);
	if (cools != js_has(notes, "berth.dev/released-at"))
		buf_addf(l->wrong, "%s: state and released-at do not go together\n", view_name(o));
	struct slice rest = slice_of(holders ? holders : ""), one;
	while (slice_cut(&rest, ',', &one)) {
		CLEANUP(freep) char *name = xasprintf("%.*s", (int)one.len, one.ptr);
		const char *slash = strchr(name, '/');
		const struct js *s = slash ? cluster_get(l->c, "Service", "n", slash + 1) : NULL;
		if (!cools && (!s || !shows(s, view_name(o))))
			buf_addf(l->wrong, "%s leaks: it is recorded for %s\n", view_name(o), name);
	}
}

static void look_at_counts(struct cluster *c, struct buf *wrong)
{
	struct pool_row row;
	for (size_t i = 0; ipam_pool_row(cluster_ipam(c), i, &row); i++)
		for (int f = 0; f < FAMILIES; f++) {
			const struct pool_counts *n = &row.family[f];
			u128 sum = n->used.lo + n->foreign.lo + n->first_last.lo + n->reserved.lo +
				   n->excluded.lo + n->cooling.lo + n->free.lo;
			if (sum != n->total.lo)
				buf_addf(wrong, "pool %s: the counts do not make up its size\n", row.name);
		}
}

/* All that there is, as text. */
static char *look(struct cluster *c, const char *when)
{
	CLEANUP(buf_done) struct buf wrong = BUF_INIT(TEXT_MAX);
	struct buf shown = BUF_INIT(TEXT_MAX);
	CLEANUP(js_freep) struct js *seen = js_new_object();
	struct look l = { c, &wrong, seen, &shown };
	cluster_each(c, "Service", look_at_service, &l);
	cluster_each(c, "IPAddress", look_at_record, &l);
	look_at_counts(c, &wrong);
	if (ipam_busy(cluster_ipam(c)))
		buf_add_str(&wrong, "it is still busy\n");
	if (wrong.len)
		fail_msg("%s:\n%s\nwith\n%s", when, buf_str(&wrong), buf_str(&shown));
	return buf_take(&shown);
}

/* ---- crashes ------------------------------------------------------------------------------------------ */

struct killer {
	size_t at;     /* it is killed at this write, from 0; SIZE_MAX = never */
	bool arrives;  /* and the write is carried out */
	size_t writes; /* so far */
	bool killed;
};

static enum outcome on_effect(void *arg, const struct effect *x, bool *carry_out)
{
	struct killer *k = arg;
	if (x->kind == EFFECT_EVENT || x->kind == EFFECT_RECORD_READ || x->kind == EFFECT_SERVICE_READ ||
	    x->kind == EFFECT_POOL_KIND_READ || k->writes++ != k->at)
		return OUTCOME_DONE;
	k->killed = true;
	*carry_out = k->arrives;
	return OUTCOME_UNKNOWN;
}

static void run(struct cluster *c, struct killer *k)
{
	size_t n = 0;
	while (cluster_run(c, 1, PATIENCE) && ++n < EFFECTS_MAX)
		if (k->killed) {
			k->killed = false;
			cluster_restart(c, &config);
			cluster_sync(c);
		}
	assert_true(n < EFFECTS_MAX);
}

/* The texts of the end of each chapter. */
static void tell(struct killer *k, char *ends[ARRAY_LEN(chapters)])
{
	CLEANUP(cluster_freep) struct cluster *c = cluster_new(&config, &view, 1767225600000);
	CLEANUP(freep)
	char *when = xasprintf("killed at write %zu, which %s", k->at, k->arrives ? "arrives" : "is lost");
	cluster_on_effect(c, on_effect, k);
	cluster_sync(c);
	for (size_t i = 0; i < ARRAY_LEN(chapters); i++) {
		chapters[i](c);
		run(c, k);
		ends[i] = look(c, when);
		cluster_advance(c, 1000);
	}
}

static void free_ends(char *ends[ARRAY_LEN(chapters)])
{
	for (size_t i = 0; i < ARRAY_LEN(chapters); i++)
		free(ends[i]);
}

static void a_crash_at_any_write_changes_nothing(void **state)
{
	(void)state;
	char *undisturbed[ARRAY_LEN(chapters)];
	struct killer never = { .at = SIZE_MAX };
	tell(&never, undisturbed);
	assert_true(never.writes > 40);
	for (size_t at = 0; at < never.writes; at++)
		for (int arrives = 0; arrives < 2; arrives++) {
			struct killer k = { .at = at, .arrives = arrives };
			char *ends[ARRAY_LEN(chapters)];
			tell(&k, ends);
			assert_true(k.writes > at);
			for (size_t i = 0; i < ARRAY_LEN(chapters); i++)
				if (strcmp(ends[i], undisturbed[i]) != 0)
					fail_msg("killed at write %zu, which %s: chapter %zu ends "
						 "with\n%s\nand not "
						 "with\n%s",
						 at, arrives ? "arrives" : "is lost", i, ends[i],
						 undisturbed[i]);
			free_ends(ends);
		}
	print_message("%zu writes, killed at each of them, twice\n", never.writes);
	free_ends(undisturbed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_at_any_write_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
