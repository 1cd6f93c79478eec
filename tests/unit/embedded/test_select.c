#include "embedded/select.h"

#include "lib/test.h"

static const char object_text[] = "{\"metadata\":{\"name\":\"web\",\"namespace\":\"team-a\",\"labels\":{"
				  "\"app\":\"web\",\"tier\":\"front\","
				  "\"n\":\"7\",\"a.b/c\":\"\"}},\"spec\":{\"type\":\"LoadBalancer\"}}";

static void run(const char *text, bool fields, const char *result)
{
	CLEANUP(js_freep) struct js *object = NULL;
	struct select s = { 0 };
	struct err e = { 0 };
	assert_int_equal(js_parse(slice_of(object_text), &object, NULL), 0);
	int r = fields ? select_add_fields(&s, text, "services", &e) : select_add_labels(&s, text, &e);
	const char *is = r < 0 ? "bad" : select_matches(&s, object) ? "yes" : "no";
	if (strcmp(is, result) != 0)
		fail_msg("\"%s\" gives %s, want %s", text, is, result);
	select_done(&s);
}

static void labels(void **state)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "", "yes" },
		{ "app=web", "yes" },
		{ "app==web", "yes" },
		{ "app = web , tier = front", "yes" },
		{ "app=db", "no" },
		{ "app!=db", "yes" },
		{ "app!=web", "no" },
		{ "none!=x", "yes" },
		{ "none=", "no" },
		{ "a.b/c=", "yes" },
		{ "app", "yes" },
		{ "!app", "no" },
		{ "!none", "yes" },
		{ "tier in (front,back)", "yes" },
		{ "tier in (back)", "no" },
		{ "tier notin (back)", "yes" },
		{ "tier notin (front, back)", "no" },
		{ "none notin (a)", "yes" },
		{ "n>5", "yes" },
		{ "n<5", "no" },
		{ "app>1", "no" },
		{ "app=web,!none,n>1,tier in (front)", "yes" },
		{ "app web", "bad" },
		{ "app in front", "bad" },
		{ "app in (a", "bad" },
		{ "=x", "bad" },
		{ "app=web)", "bad" },
		{ "a=b,,c", "bad" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run(cases[i].text, false, cases[i].result);
}

static void fields(void **state)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "", "yes" },
		{ "metadata.name=web", "yes" },
		{ "metadata.name==web,metadata.namespace=team-a", "yes" },
		{ "metadata.name!=web", "no" },
		{ "spec.type=LoadBalancer", "yes" },
		{ "spec.type!=ClusterIP", "yes" },
		{ "spec.clusterIP=", "yes" },
		{ "spec.foo=x", "bad" },
		{ "metadata.name", "bad" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run(cases[i].text, true, cases[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(labels), cmocka_unit_test(fields) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
