/* Nodes whose requests are still under way, on the core alone. Scenarios answer each request at once. */
#include "../../lib/test.h"
#include "core/ipam.h"

enum { FULL, A, B, NODES };
enum { STEPS_MAX = 100 };

#define BLOCK "10.0.0.0/24"

struct cnode {
	const char *name;
	const char *cidr; /* NULL = none */
	char error[200];
};
struct nodes {
	struct ipam *m;
	struct moment now;
	unsigned version;
	struct cnode node[NODES];
	bool holds;
	unsigned held; /* then the id of the error of "a", which nobody has answered */
};

static void tell(struct nodes *w, int i)
{
	char rv[16];
	const struct cnode *n = &w->node[i];
	(void)snprintf(rv, sizeof(rv), "%u", ++w->version);
	ipam_node(w->m,
		  &(struct node_in){ .side = SIDE_CILIUM,
				     .name = n->name,
				     .uid = n->name,
				     .resource_version = rv,
				     .created = i, /* "full" is the oldest */
				     .cidrs = &n->cidr,
				     .n_cidrs = n->cidr ? 1 : 0,
				     .error = n->error },
		  w->now);
}

/* Does what the core asks for; only the error of "a" stays under way. */
static void run(struct nodes *w)
{
	struct effect e;
	for (int steps = 0; ipam_next(w->m, w->now, &e); steps++) {
		assert_int_not_equal(steps, STEPS_MAX);
		int i = 0;
		while (i < NODES && e.kind != EFFECT_EVENT && strcmp(e.name, w->node[i].name) != 0)
			i++;
		assert_int_not_equal(i, NODES);
		if (e.kind == EFFECT_CILIUM_NODE_ERROR && i == A) {
			assert_false(w->holds);
			w->holds = true;
			w->held = e.id;
			continue;
		}
		if (e.kind == EFFECT_CILIUM_NODE_ERROR)
			(void)snprintf(w->node[i].error, sizeof(w->node[i].error), "%s", e.node.error);
		if (e.kind == EFFECT_CILIUM_NODE_PATCH)
			w->node[i].cidr = BLOCK;
		const unsigned id = e.id;
		if (e.kind != EFFECT_EVENT)
			tell(w, i);
		ipam_result(w->m, id, OUTCOME_DONE, 0, w->now);
	}
}

/* One block, which "full" has; "a" waits for it, and "b" not as long; the error of "a" is being written. */
static void begin(struct nodes *w)
{
	struct range all;
	bool host_bits;
	assert_int_equal(range_parse_cidr(slice_of(BLOCK), &all, &host_bits, NULL), 0);
	const struct cluster_pool_config pool = {
		.family[IPV4] = { .entries = &all, .n_entries = 1, .mask = 24 },
		.resource = NODE_RESOURCE_CILIUM_NODES,
	};
	*w = (struct nodes){
		.now = { .wall = 1000, .mono = 1000 },
		.node = { [FULL] = { "full", BLOCK, "" }, [A] = { "a", NULL, "" }, [B] = { "b", NULL, "" } },
	};
	w->m = ipam_new(&(struct ipam_config){
		.proxy_name = "", .family_on[IPV4] = true, .max_in_flight = 64, .cluster_pool = &pool });
	for (int k = 0; k < IPAM_KINDS; k++)
		ipam_list_begin(w->m, (enum ipam_kind)k);
	for (int i = 0; i < NODES; i++)
		tell(w, i);
	for (int k = 0; k < IPAM_KINDS; k++)
		ipam_list_end(w->m, (enum ipam_kind)k, w->now);
	run(w);
	assert_true(w->holds);
	assert_non_null(strstr(w->node[B].error, "no free IPv4 PodCIDR"));
}

static void a_block_comes_back_while_the_error_is_written(enum outcome of_error)
{
	struct nodes w;
	begin(&w);
	ipam_node_deleted(w.m, SIDE_CILIUM, "full", "full", w.now);
	run(&w);
	assert_null(w.node[B].cidr);
	ipam_result(w.m, w.held, of_error, 0, w.now);
	run(&w); /* at once, no moment later */
	assert_non_null(w.node[A].cidr);
	assert_null(w.node[B].cidr);
	ipam_free(w.m);
}

static void whoever_waited_longest_gets_a_block_while_its_error_is_written(void **state)
{
	(void)state;
	a_block_comes_back_while_the_error_is_written(OUTCOME_DONE);
}

static void it_gets_the_block_at_once_where_its_error_cannot_be_written(void **state)
{
	(void)state;
	a_block_comes_back_while_the_error_is_written(OUTCOME_REFUSED);
	a_block_comes_back_while_the_error_is_written(OUTCOME_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_waited_longest_gets_a_block_while_its_error_is_written),
		cmocka_unit_test(it_gets_the_block_at_once_where_its_error_cannot_be_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
