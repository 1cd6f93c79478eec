/* Each cell of the table of records, in a cluster: (what the record says, whether the status has the
 * address, whether the Service may keep it) and what comes of it, in the very writes. */
#include "../../lib/test.h"
#include "core/record_table.h"
#include "plan/cluster.h"

static const char ADDRESS[] = "10.0.0.1";

struct cell {
	enum record_state record;
	bool in_status, may_keep;
	enum record_action action;
	const char *writes;  /* kinds of the writes to records and Services, in order */
	const char *status;  /* what the Service ends with */
	const char *holders; /* what the record of the address ends with; NULL = there is none */
};

/* The Service asks for 10.0.0.1; where it may not keep it, it asks for 10.0.0.2. "other" asks for nothing. */
static const struct cell cells[] = {
	{ RECORD_NONE, false, false, RECORD_NOTHING, "create:2 status", "10.0.0.2", NULL },
	{ RECORD_NONE, false, true, RECORD_CREATE, "create:1 status", "10.0.0.1", "default/s" },
	{ RECORD_NONE, true, false, RECORD_STATUS, "create:2 status", "10.0.0.2", NULL },
	{ RECORD_NONE, true, true, RECORD_CREATE, "create:1 status", "10.0.0.1", "default/s" },

	{ RECORD_OTHER, false, false, RECORD_NOTHING, "create:2 status", "10.0.0.2", "default/other" },
	{ RECORD_OTHER, false, true, RECORD_JOIN, "patch:1 status", "10.0.0.1", "default/other,default/s" },
	{ RECORD_OTHER, true, false, RECORD_STATUS, "create:2 status", "10.0.0.2", "default/other" },
	{ RECORD_OTHER, true, true, RECORD_JOIN, "patch:1 status", "10.0.0.1", "default/other,default/s" },

	{ RECORD_NAMES, false, false, RECORD_GIVE_BACK, "create:2 status delete:1", "10.0.0.2", NULL },
	{ RECORD_NAMES, false, true, RECORD_FINISH, "status", "10.0.0.1", "default/s" },
	{ RECORD_NAMES, true, false, RECORD_MARK, "create:2 patch:1 status delete:1", "10.0.0.2", NULL },
	{ RECORD_NAMES, true, true, RECORD_NOTHING, "status", "10.0.0.1", "default/s" },

	{ RECORD_RELEASING, false, false, RECORD_GIVE_BACK, "create:2 status delete:1", "10.0.0.2", NULL },
	{ RECORD_RELEASING, false, true, RECORD_TAKE_BACK, "patch:1 status", "10.0.0.1", "default/s" },
	{ RECORD_RELEASING, true, false, RECORD_STATUS, "create:2 status delete:1", "10.0.0.2", NULL },
	{ RECORD_RELEASING, true, true, RECORD_TAKE_BACK, "patch:1 status", "10.0.0.1", "default/s" },

	/* It is taken by changing the record, which says whose it was; what is not taken goes on cooling. */
	{ RECORD_COOLING, false, false, RECORD_NOTHING, "create:2 status", "10.0.0.2", "default/s" },
	{ RECORD_COOLING, false, true, RECORD_JOIN, "patch:1 status", "10.0.0.1", "default/s" },
	{ RECORD_COOLING, true, false, RECORD_STATUS, "create:2 status", "10.0.0.2", "default/s" },
	{ RECORD_COOLING, true, true, RECORD_JOIN, "patch:1 status", "10.0.0.1", "default/s" },

	{ RECORD_FOREIGN, false, false, RECORD_NOTHING, "create:2 status", "10.0.0.2", "" },
	{ RECORD_FOREIGN, false, true, RECORD_GIVE_UP, "status", "", "" },
	{ RECORD_FOREIGN, true, false, RECORD_STATUS, "create:2 status", "10.0.0.2", "" },
	/* What stands there is not ours to take out before there is something to put in its place. */
	{ RECORD_FOREIGN, true, true, RECORD_GIVE_UP, "status", "10.0.0.1", "" },
};
_Static_assert(ARRAY_LEN(cells) == (size_t)RECORD_STATES * 4, "a test for each cell");

static void put(struct cluster *c, const char *text)
{
	struct js *o = NULL;
	assert_int_equal(js_parse(slice_of(text), &o, NULL), 0);
	assert_true(cluster_put(c, o, NULL) > 0);
	js_free(o);
}

static void put_record(struct cluster *c, enum record_state state)
{
	struct buf text = BUF_INIT(1000);
	buf_addf(&text,
		 "{\"kind\":\"IPAddress\",\"metadata\":{\"name\":\"%s\",\"labels\":{"
		 "\"ipaddress.kubernetes.io/managed-by\":\"%s\"},\"annotations\":{\"berth.dev/"
		 "holder\":\"%s\"%s}}}",
		 ADDRESS, state == RECORD_FOREIGN ? "another" : "berth",
		 state == RECORD_OTHER     ? "default/other"
		 : state == RECORD_FOREIGN ? ""
					   : "default/s",
		 state == RECORD_RELEASING ? ",\"berth.dev/state\":\"releasing\""
		 : state == RECORD_COOLING ? ",\"berth.dev/state\":\"cooling\",\"berth.dev/released-at\":"
					     "\"2026-01-01T00:00:00Z\""
					   : "");
	put(c, buf_str(&text));
	buf_done(&text);
}

static void put_service(struct cluster *c, const char *name, const char *asks, const char *has, int port)
{
	struct buf text = BUF_INIT(2000);
	buf_addf(&text,
		 "{\"kind\":\"Service\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\","
		 "\"annotations\":{"
		 "\"io.cilium.operator.external-ips\":\"true\",\"lbipam.cilium.io/sharing-key\":\"k\","
		 "\"lbipam.cilium.io/"
		 "ips\":\"%s\"}},\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{\"port\":%d}]}",
		 name, asks, port);
	if (has)
		buf_addf(&text, ",\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"%s\"}]}}", has);
	buf_addf(&text, "}");
	put(c, buf_str(&text));
	buf_done(&text);
}

/* Writes that concern s or the record of the address. */
static enum outcome note(void *arg, const struct effect *x, bool *carry_out)
{
	(void)carry_out;
	struct buf *out = arg;
	static const char *const names[] = { "create", "patch", "delete" };
	if (x->kind <= EFFECT_RECORD_DELETE)
		buf_addf(out, "%s%s:%s", out->len ? " " : "", names[x->kind], x->name + strlen("10.0.0."));
	else if (x->kind == EFFECT_SERVICE_STATUS && strcmp(x->name, "s") == 0)
		buf_addf(out, "%sstatus", out->len ? " " : "");
	return OUTCOME_DONE;
}

static void check(const struct cell *x)
{
	static const char *const classes[] = { "berth.dev/lb", NULL }, *const managers[] = { "berth", NULL };
	static const struct view_config view = { .managers = managers };
	const struct ipam_config config = {
		.classes = classes,
		.proxy_name = "",
		.family_on = { true, true },
		.records = true,
		.classless_are_ours = true,
		/* Elsewhere the end is that of an address that is free at once. */
		.reuse_after = x->record == RECORD_COOLING ? 600000 : 0,
	};
	CLEANUP(cluster_freep) struct cluster *c = cluster_new(&config, &view, 1767225600000);
	CLEANUP(buf_done) struct buf writes = BUF_INIT(1000);
	put(c, "{\"kind\":\"CiliumLoadBalancerIPPool\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"blocks\":"
	       "[{\"cidr\":\"10.0.0.0/24\"}]}}");
	put_service(c, "s", x->may_keep ? ADDRESS : "10.0.0.2", x->in_status ? ADDRESS : NULL, 80);
	if (x->record)
		put_record(c, x->record);
	if (x->record == RECORD_OTHER)
		put_service(c, "other", ADDRESS, ADDRESS, 81);
	cluster_on_effect(c, note, &writes);
	cluster_sync(c);
	cluster_run(c, 1000, 10000);
	assert_false(ipam_busy(cluster_ipam(c)));

	const struct js *list =
		js_path(cluster_get(c, "Service", "default", "s"), "status", "loadBalancer", "ingress");
	const char *ip = js_str(js_get(js_item(list, 0), "ip"));
	const struct js *record = cluster_get(c, "IPAddress", "", ADDRESS);
	const char *holders = js_str(js_path(record, "metadata", "annotations", "berth.dev/holder"));
	print_message("  record %d, in status %d, may keep %d: %s\n", (int)x->record, x->in_status,
		      x->may_keep, buf_str(&writes));
	assert_int_equal(record_action(x->record, x->in_status, x->may_keep), x->action);
	assert_string_equal(buf_str(&writes), x->writes);
	assert_string_equal(ip ? ip : "", x->status);
	assert_int_equal(record != NULL, x->holders != NULL);
	assert_string_equal(holders ? holders : "", x->holders ? x->holders : "");
	assert_int_equal(js_has(js_path(record, "metadata", "annotations"), "berth.dev/state"),
			 x->record == RECORD_COOLING && !x->may_keep);
}

static void test_cells(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		check(&cells[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cells) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
