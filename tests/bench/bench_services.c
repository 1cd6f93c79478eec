/* What a settled Service costs in memory, and what an event costs beside many who wait (lb-ipam 9). */
#include "base/mem.h"
#include "core/ipam.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SERVICES = 20000, WAITING = 10000, EVENTS = 2000, LIMIT_PLAIN = 600, LIMIT_RECORDS = 900 };

static const char *const classes[] = { "berth.dev/lb", NULL };

static double now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct ipam *make(bool records)
{
	return ipam_new(&(struct ipam_config){ .classes = classes,
					       .proxy_name = "",
					       .family_on = { true, true },
					       .records = records,
					       .classless_are_ours = true });
}

static void tell_pool(struct ipam *m, const char *cidr)
{
	const struct block_in block = { .cidr = cidr };
	ipam_pool(m,
		  &(struct pool_in){ .name = "p",
				     .uid = "p",
				     .resource_version = "1",
				     .generation = 1,
				     .blocks = &block,
				     .n_blocks = 1 },
		  (struct moment){ 0 });
}

/* As it stands on the server: nothing, or served. */
static void tell_service(struct ipam *m, int i, int version, const struct ip *ip)
{
	char name[32], uid[40], rv[16];
	const struct label labels[] = { { "app", "shop" }, { "team", "web" } };
	const struct ingress_in ingress = { .has_ip = true, .ip = ip ? *ip : (struct ip){ 0 } };
	(void)snprintf(name, sizeof(name), "service-%05d", i);
	(void)snprintf(uid, sizeof(uid), "4d1c0000-0000-4000-8000-%012d", i);
	(void)snprintf(rv, sizeof(rv), "%d", version);
	ipam_service(m,
		     &(struct service_in){
			     .namespace = "team-web",
			     .name = name,
			     .uid = uid,
			     .resource_version = rv,
			     .is_load_balancer = true,
			     .opt_in = "true",
			     .labels = labels,
			     .n_labels = 2,
			     .ingress = ip ? &ingress : NULL,
			     .n_ingress = ip ? 1 : 0,
			     .ingress_ours = ip != NULL,
			     .condition_ours = ip != NULL,
			     .condition = ip ? COND_TRUE : COND_ABSENT,
			     .reason = ip ? "satisfied" : NULL,
		     },
		     (struct moment){ 0 });
}

static void tell_record(struct ipam *m, int i, struct ip ip)
{
	char uid[40], rv[16], holder[40];
	(void)snprintf(uid, sizeof(uid), "5e2d0000-0000-4000-8000-%012d", i);
	(void)snprintf(rv, sizeof(rv), "%d", 1000000 + i);
	(void)snprintf(holder, sizeof(holder), "team-web/service-%05d", i);
	ipam_record(m,
		    &(struct record_in){
			    .ip = ip, .uid = uid, .resource_version = rv, .ours = true, .holders = holder },
		    (struct moment){ 0 });
}

static void lists_complete(struct ipam *m)
{
	for (int k = 0; k < IPAM_KINDS; k++)
		ipam_list_end(m, (enum ipam_kind)k, (struct moment){ 0 });
}

static unsigned pump(struct ipam *m)
{
	struct effect x;
	unsigned n = 0;
	for (;;) {
		if (ipam_next(m, (struct moment){ 0 }, &x)) {
			n++;
			ipam_result(m, x.id, OUTCOME_REFUSED, 0, (struct moment){ 0 });
		} else if (ipam_wake_at(m) != 0) {
			return n;
		}
	}
}

/* All the memory that is in use, with the allocator's own. */
static size_t in_use(void)
{
	struct mallinfo2 i = mallinfo2();
	return i.uordblks + i.hblkhd;
}

static int memory(bool records)
{
	struct ipam *m = make(records);
	size_t before = in_use();
	tell_pool(m, "10.0.0.0/8");
	for (int i = 0; i < SERVICES; i++) {
		struct ip ip = ip_make(IPV4, 0x0a000000u + (unsigned)i);
		tell_service(m, i, i + 1, &ip);
		if (records)
			tell_record(m, i, ip);
	}
	double t = now_us();
	lists_complete(m);
	(void)pump(m);
	t = now_us() - t;
	size_t each = (in_use() - before) / SERVICES, limit = records ? LIMIT_RECORDS : LIMIT_PLAIN;
	struct ipam_stats s;
	ipam_stats(m, &s);
	printf("%d settled Services %s records: %zu bytes each (at most %zu), taken over in %.1f ms\n",
	       SERVICES, records ? "with" : "without", each, limit, t / 1000);
	ipam_free(m);
	return s.services_ours == SERVICES && s.services_unsatisfied == 0 && each <= limit ? 0 : 1;
}

/* What one created Service costs beside `waiting` others that nothing can help. */
static double event_cost(int waiting, uint64_t *ret_decisions)
{
	struct ipam *m = make(false);
	tell_pool(m, "10.0.0.0/32");
	lists_complete(m);
	for (int i = 0; i <= waiting; i++)
		tell_service(m, i, i + 1, NULL);
	(void)pump(m);
	struct ipam_stats a, b;
	ipam_stats(m, &a);
	double t = now_us();
	for (int i = 0; i < EVENTS; i++) {
		tell_service(m, 50000 + i, i + 1, NULL);
		(void)pump(m);
	}
	t = (now_us() - t) / (double)EVENTS;
	ipam_stats(m, &b);
	*ret_decisions = b.decisions - a.decisions;
	ipam_free(m);
	return t;
}

int main(void)
{
	int bad = memory(false) + memory(true);
	uint64_t alone, crowd;
	double without = event_cost(0, &alone), with = event_cost(WAITING, &crowd);
	printf("a created Service: %.2f us with nobody waiting, %.2f us beside %d (ratio %.2f); %.2f and "
	       "%.2f "
	       "decisions\n",
	       without, with, WAITING, with / without, (double)alone / (double)EVENTS,
	       (double)crowd / (double)EVENTS);
	/* The time is for people; the number of decisions is exact. */
	return bad || crowd != alone;
}
