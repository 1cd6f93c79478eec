/* A small cluster, and the whole text that comes of it. */
#include "observe/ipam_metrics.h"

#include "exposition.h"

#include <stdio.h>

static struct moment at(msec t)
{
	return (struct moment){ .mono = t, .wall = 1700000000000 + t };
}

/* The objects as an API server would have them. */

struct service {
	const char *name, *class, *request;
	struct ingress_in ingress[2];
	size_t n_ingress;
	enum condition_status condition;
	char reason[64], message[512];
	int version;
};

struct world {
	struct ipam *ipam;
	struct service services[4];
	int pool_versions[2];
	int writes;
};

static void world_done(struct world *w)
{
	ipam_free(w->ipam);
}

static void tell_pool(struct world *w, size_t i, const struct condition_out *conditions, size_t n)
{
	static const struct block_in blue[] = { { .cidr = "192.0.2.0/29" }, { .cidr = "2001:db8::/64" } };
	static const struct block_in clash[] = { { .cidr = "192.0.2.4/32" } };
	struct condition_in told[POOL_CONDITIONS_MAX];
	char version[16];
	(void)snprintf(version, sizeof(version), "%d", ++w->pool_versions[i]);
	for (size_t k = 0; k < n; k++)
		told[k] = (struct condition_in){ .type = conditions[k].type,
						 .reason = conditions[k].reason,
						 .message = conditions[k].message,
						 .status = conditions[k].status,
						 .generation = conditions[k].generation,
						 .transition = "",
						 .raw = "{}" };
	const struct pool_in p = { .name = i ? "clash" : "blue",
				   .uid = i ? "u2" : "u1",
				   .resource_version = version,
				   .created = (msec)i + 1,
				   .generation = 1,
				   .reserve_first_last = i == 0,
				   .blocks = i ? clash : blue,
				   .n_blocks = i ? 1 : 2,
				   .conditions = told,
				   .n_conditions = n };
	ipam_pool(w->ipam, &p, at(0));
}

static void tell_service(struct world *w, struct service *s)
{
	const struct port_in port = { 80, 'T' };
	char version[16];
	(void)snprintf(version, sizeof(version), "%d", ++s->version);
	const struct service_in in = { .namespace = "default",
				       .name = s->name,
				       .uid = s->name,
				       .resource_version = version,
				       .is_load_balancer = true,
				       .class = s->class,
				       .requests = s->request,
				       .ports = &port,
				       .n_ports = 1,
				       .pods = "app=a",
				       .ingress = s->ingress,
				       .n_ingress = s->n_ingress,
				       .ingress_ours = s->n_ingress > 0,
				       .condition_ours = s->condition != COND_ABSENT,
				       .condition = s->condition,
				       .reason = s->reason,
				       .message = s->message };
	ipam_service(w->ipam, &in, at(0));
}

static void write_service(struct world *w, const struct effect *x)
{
	struct service *s = w->services;
	while (strcmp(s->name, x->name) != 0)
		s++;
	if (x->status.write_ingress) {
		s->n_ingress = x->status.n_ingress;
		for (size_t i = 0; i < s->n_ingress; i++)
			s->ingress[i] = (struct ingress_in){ .has_ip = true, .ip = x->status.ingress[i].ip };
	}
	if (x->status.write_condition) {
		s->condition = x->status.condition.status;
		(void)snprintf(s->reason, sizeof(s->reason), "%s", x->status.condition.reason);
		(void)snprintf(s->message, sizeof(s->message), "%s", x->status.condition.message);
	}
	tell_service(w, s);
}

/* Carries out what is due, 400 ms after all was first seen. */
static void settle(struct world *w)
{
	struct effect x;
	while (ipam_next(w->ipam, at(400), &x)) {
		unsigned id = x.id;
		/* Each object is written once, or a few times more; never for ever. */
		assert_true(w->writes++ < 50);
		if (x.kind == EFFECT_SERVICE_STATUS)
			write_service(w, &x);
		else if (x.kind == EFFECT_POOL_STATUS)
			tell_pool(w, strcmp(x.name, "clash") == 0, x.pool.conditions, x.pool.n);
		else
			assert_int_equal(x.kind, EFFECT_EVENT);
		ipam_result(w->ipam, id, OUTCOME_DONE, 0, at(400));
	}
}

static void start(struct world *w)
{
	static const char *const classes[] = { "berth.dev/lb", NULL };
	const struct ipam_config c = { .opt_in = OPT_IN_CLASS,
				       .classes = classes,
				       .proxy_name = "",
				       .family_on = { true, true },
				       .max_in_flight = 64 };
	*w = (struct world){ .services = {
				     { .name = "web", .class = "berth.dev/lb" },
				     { .name = "api", .class = "berth.dev/lb" },
				     { .name = "far", .class = "berth.dev/lb", .request = "203.0.113.9" },
				     { .name = "theirs", .class = "else.example/lb" } } };
	w->ipam = ipam_new(&c);
	for (int k = 0; k < IPAM_KINDS; k++)
		ipam_list_begin(w->ipam, (enum ipam_kind)k);
	tell_pool(w, 0, NULL, 0);
	tell_pool(w, 1, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(w->services); i++)
		tell_service(w, &w->services[i]);
	const struct ip node = ip_make(IPV4, 0xc0000205); /* 192.0.2.5 */
	ipam_node(w->ipam, &(struct node_in){ .name = "node-1", .addresses = &node, .n_addresses = 1 },
		  at(0));
	for (int k = 0; k < IPAM_KINDS; k++)
		ipam_list_end(w->ipam, (enum ipam_kind)k, at(0));
	settle(w);
	assert_true(w->writes >= 5);
}

static const struct kube_count counts[] = {
	{ "get", "services", 200, 5 },
	{ "patch", "services", 409, 1 },
	{ "list", "", 0, 2 },
};
static const struct kube_latency latencies[] = {
	{ "get", { 1, 2, 0, 0, 0, 1 }, 5, 61.25 },
};

static void write_all(struct metrics *m, const struct ipam *ipam)
{
	ipam_metrics(m, ipam);
	kube_stats_metrics(m,
			   (struct kube_stats){ counts, ARRAY_LEN(counts), latencies, ARRAY_LEN(latencies) });
	watch_metrics(m, 1, "services", 3);
	watch_metrics(m, 2, "nodes", 0);
	metrics_end(m);
}

static void the_text_is_as_in_the_file(void **state)
{
	CLEANUP(world_done) struct world w;
	start(&w);
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct metrics m = { .out = &out };
	write_all(&m, w.ipam);
	exposition_check(buf_str(&out), false);

	/* GOLDEN_WRITE=1 writes the file anew, to be looked at before it is committed. */
	const char *path = TEST_DATA "/metrics.txt";
	FILE *f = fopen(path, getenv("GOLDEN_WRITE") ? "w+e" : "re");
	if (!f) {
		fail_msg("cannot open %s", path);
		return;
	}
	if (getenv("GOLDEN_WRITE")) {
		assert_int_equal(fwrite(buf_str(&out), 1, out.len, f), out.len);
		assert_int_equal(fseek(f, 0, SEEK_SET), 0);
	}
	CLEANUP(freep) char *want = xcalloc(1, 65536);
	assert_true(fread(want, 1, 65535, f) > 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(buf_str(&out), want);
}

static void openmetrics_is_in_order_too(void **state)
{
	CLEANUP(world_done) struct world w;
	start(&w);
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct metrics m = { .out = &out, .openmetrics = true };
	write_all(&m, w.ipam);
	assert_true(exposition_check(buf_str(&out), true).samples > 50);
}

static void states_add_up_to_the_size_of_the_pool(void **state)
{
	CLEANUP(world_done) struct world w;
	start(&w);
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct metrics m = { .out = &out };
	double sum = 0;
	size_t n = 0;
	ipam_metrics(&m, w.ipam);
	static const char start[] = "berth_pool_addresses{pool=\"blue\",family=\"ipv4\"";
	for (const char *p = buf_str(&out); (p = strstr(p, start)); p++, n++)
		sum += strtod(strstr(p, "} ") + 2, NULL);
	assert_int_equal(n, 7);
	assert_int_equal(sum, 8);
}

static void forecasts_are_of_what_grows(void **state)
{
	CLEANUP(world_done) struct world w;
	start(&w);
	struct forecast *f = forecast_new();
	for (int h = 0; h < 5; h++) {
		forecast_add(f, "blue", IPV4, 1000 + h, (uint64_t)h);
		forecast_add(f, "blue", IPV6, 1000 + h, 7);
		forecast_add(f, "gone", IPV4, 1000 + h, (uint64_t)h);
	}
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct metrics m = { .out = &out };
	forecast_metrics(&m, w.ipam, f);
	struct pool_row row;
	assert_true(ipam_pool_row(w.ipam, 0, &row));
	char want[128];
	(void)snprintf(want, sizeof(want),
		       "\nberth_pool_exhaustion_seconds{pool=\"blue\",family=\"ipv4\"} %g\n",
		       3600 * count_double(row.family[IPV4].free));
	assert_non_null(strstr(buf_str(&out), want));
	assert_int_equal(exposition_check(buf_str(&out), false).samples, 1);
	forecast_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_is_as_in_the_file),
		cmocka_unit_test(openmetrics_is_in_order_too),
		cmocka_unit_test(states_add_up_to_the_size_of_the_pool),
		cmocka_unit_test(forecasts_are_of_what_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
