/* Rules of faults: what a spec says, and whom they strike. */
#include "embedded/fault.h"

#include "lib/test.h"

static void test_mistakes_are_told(void **state)
{
	static const struct {
		const char *spec, *why;
	} cases[] = {
		{ "418", "unknown fault \"418\": want latency, 403, 404, 409, 410, 429, 500, 503, drop, lost "
			 "or cut" },
		{ "500:2", "500: probability \"2\": want a number from 0 to 1 such as 0.05" },
		{ "500:1.5", "500: probability \"1.5\": want a number from 0 to 1 such as 0.05" },
		{ "500:", "500: probability \"\": want a number from 0 to 1 such as 0.05" },
		{ "500:.", "500: probability \".\": want a number from 0 to 1 such as 0.05" },
		{ "500:0.0000001", "500: probability \"0.0000001\": want a number from 0 to 1 such as 0.05" },
		{ "500:0.x", "500: probability \"0.x\": want a number from 0 to 1 such as 0.05" },
		{ "seed=x", "seed=\"x\": want a number" },
		{ "500,verb=paint",
		  "500: unknown verb \"paint\": want get, list, watch, create, update, patch, delete, "
		  "deletecollection, read or write" },
		{ "cut,verb=get", "cut: cannot strike the verb get" },
		{ "410,verb=patch", "410: cannot strike the verb patch" },
		{ "500,resource=Services",
		  "500: resource=\"Services\": want plurals such as services+ipaddresses" },
		{ "500,resource=", "500: resource=\"\": want plurals such as services+ipaddresses" },
		{ "500,not=a,resource=b", "500: resource= and not= are given more than once" },
		{ "500,ms=5",
		  "500: unknown option \"ms\": want verb, resource, not, agent, from, until, every" },
		{ "cut,mst=5",
		  "cut: unknown option \"mst\": want verb, resource, not, agent, from, until, every, ms" },
		{ "latency,ms=0", "latency: ms=\"0\": want a number from 1 to 600000" },
		{ "429,retry-after=soon", "429: retry-after=\"soon\": want seconds from 0 to 3600" },
		{ "429,from=later", "429: from=\"later\": want a duration such as 10s" },
		{ "500,from=2s,until=1s", "500: until= must be later than from=" },
		{ "500,every=1s", "500: every= wants an until= that is not later than it" },
		{ "500,verb", "500: \"verb\": want OPTION=VALUE" },
		{ "seed=1;500:0.1;429:9", "429: probability \"9\": want a number from 0 to 1 such as 0.05" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fault_plan p;
		struct err e = { 0 };
		if (fault_parse(cases[i].spec, &p, &e) >= 0)
			fail_msg("%s is taken", cases[i].spec);
		assert_string_equal(e.msg, cases[i].why);
	}
}

static struct fault_plan plan_of(const char *spec)
{
	struct fault_plan p;
	struct err e = { 0 };
	if (fault_parse(spec, &p, &e) < 0)
		fail_msg("%s: %s", spec, e.msg);
	return p;
}

/* What befalls a single request: "429/3", "drop", "" … */
static const char *befalls(const char *spec, struct fault_request r)
{
	static char text[64];
	struct fault_plan p = plan_of(spec);
	struct fault_verdict v = fault_decide(&p, &r);
	text[0] = '\0';
	if (v.latency)
		(void)snprintf(text, sizeof(text), "+%d", (int)v.latency);
	size_t at = strlen(text);
	if (v.code)
		(void)snprintf(text + at, sizeof(text) - at, "%d/%d", v.code, v.retry_after);
	else if (v.drop || v.lost || v.cut)
		(void)snprintf(text + at, sizeof(text) - at, "%s%s%s", v.drop ? "drop" : "",
			       v.lost ? "lost" : "", v.cut ? "cut" : "");
	fault_plan_done(&p);
	return text;
}

static void test_whom_a_rule_strikes(void **state)
{
	static const struct fault_request patch = { FAULT_PATCH, "services", "status", "berth", 0 },
					  list = { FAULT_LIST, "ipaddresses", "", "kubectl/v1", 5000 },
					  watch = { FAULT_WATCH, "services", "", NULL, 25'000 };
	static const struct {
		const char *spec;
		const struct fault_request *r;
		const char *want;
	} cases[] = {
		{ "", &patch, "" },
		{ "seed=3", &patch, "" },
		{ "500", &patch, "500/0" },
		{ "500:0", &patch, "" },
		{ "500:1.0", &patch, "500/0" },
		{ " 429 , retry-after=7", &patch, NULL },
		{ "429,retry-after=7", &patch, "429/7" },
		{ "429", &patch, "429/1" },
		{ "503", &patch, "503/0" },
		{ "409", &list, "" },
		{ "409", &patch, "409/0" },
		{ "410", &patch, "" },
		{ "410", &list, "410/0" },
		{ "410", &watch, "410/0" },
		{ "lost", &list, "" },
		{ "lost", &patch, "lost" },
		{ "cut", &list, "" },
		{ "cut", &watch, "cut" },
		{ "drop", &watch, "drop" },
		{ "403,verb=get+patch", &patch, "403/0" },
		{ "403,verb=get+create", &patch, "" },
		{ "403,verb=write", &patch, "403/0" },
		{ "403,verb=read", &patch, "" },
		{ "404,resource=services", &patch, "404/0" },
		{ "404,resource=services/status", &patch, "404/0" },
		{ "404,resource=services/status", &watch, "" },
		{ "404,resource=pools+ipaddresses", &list, "404/0" },
		{ "404,resource=service", &patch, "" },
		{ "404,not=services", &patch, "" },
		{ "404,not=services", &list, "404/0" },
		{ "500,agent=berth", &patch, "500/0" },
		{ "500,agent=berth", &list, "" },
		{ "500,agent=berth", &watch, "" },
		{ "500,from=5s", &patch, "" },
		{ "500,from=5s", &list, "500/0" },
		{ "500,until=5s", &list, "" },
		{ "500,from=1s,until=6s,every=10s", &list, "500/0" },
		{ "500,from=1s,until=6s,every=10s", &watch, "500/0" },
		{ "500,from=6s,until=7s,every=10s", &watch, "" },
		/* The first one ends it; delays add up. */
		{ "500;drop", &patch, "500/0" },
		{ "drop;500", &patch, "drop" },
		{ "latency;500;latency,ms=7", &patch, "+107500/0" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fault_plan p;
		if (!cases[i].want)
			assert_true(fault_parse(cases[i].spec, &p, NULL) < 0);
		else if (strcmp(befalls(cases[i].spec, *cases[i].r), cases[i].want) != 0)
			fail_msg("%s: %s, want %s", cases[i].spec, befalls(cases[i].spec, *cases[i].r),
				 cases[i].want);
	}
}

static void test_a_seed_repeats_a_run(void **state)
{
	static const char spec[] = "seed=11;500:0.25;lost:0.5;cut:0.5,ms=300";
	struct fault_plan a = plan_of(spec), b = plan_of(spec);
	struct fault_plan other = plan_of("seed=12;500:0.25;lost:0.5;cut:0.5,ms=300");
	unsigned codes = 0, lost = 0, differ = 0;
	for (int i = 0; i < 4000; i++) {
		struct fault_request r = { i % 2 ? FAULT_PATCH : FAULT_WATCH, "services", "", NULL, i };
		struct fault_verdict x = fault_decide(&a, &r), y = fault_decide(&b, &r),
				     z = fault_decide(&other, &r);
		assert_true(x.code == y.code && x.lost == y.lost && x.cut == y.cut &&
			    x.cut_after == y.cut_after);
		assert_in_range(x.cut_after, 0, 300);
		differ += x.code != z.code;
		codes += x.code == 500;
		lost += x.lost;
	}
	assert_true(differ > 0);
	/* A quarter, and half of the rest of the writes: within five standard deviations. */
	assert_in_range(codes, 1000 - 140, 1000 + 140);
	assert_in_range(lost, 750 - 110, 750 + 110);
	assert_int_equal(a.rules[0].struck, codes);
	assert_int_equal(a.rules[1].struck, lost);
	fault_plan_done(&a);
	fault_plan_done(&b);
	fault_plan_done(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes_are_told),
		cmocka_unit_test(test_whom_a_rule_strikes),
		cmocka_unit_test(test_a_seed_repeats_a_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
