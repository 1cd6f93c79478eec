/* The tables of flags as they are, and what follows from flags together. */
#include "cmd/args.h"
#include "cmd/explain_options.h"
#include "cmd/operator_options.h"
#include "cmd/plan_options.h"
#include "lib/test.h"

#include <unistd.h>

static const struct flag_set *const sets[] = { &operator_flags, &plan_flags, &explain_flags };

static void check_row(const struct flag_set *s, const struct flag *f)
{
	bool has_choices = f->type == FLAG_ENUM || f->type == FLAG_CHOICES;
	CLEANUP(buf_done) struct buf text = BUF_INIT(1024);
	if (!f->name || !f->help) {
		fail_msg("%s: a row has no name or no help: a table shorter than it says", s->verb);
		return;
	}
	assert_int_equal(strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(f->name));
	/* Found by its own name: nobody else has it. */
	assert_ptr_equal(flags_find(s, slice_of(f->name)), f);
	if (f->alias)
		assert_ptr_equal(flags_find(s, slice_of(f->alias)), f);
	if (f->letter)
		assert_ptr_equal(flags_find(s, (struct slice){ &f->letter, 1 }), f);
	assert_true(!f->choices == !has_choices);
	assert_true(!f->check || f->want);
	flag_placeholder(f, &text);
	assert_true((text.len == 0) == (f->type == FLAG_BOOL));
	assert_true(f->help[strlen(f->help) - 1] != '.');
	assert_true(strcmp(f->name, "help") != 0 && f->letter != 'h');
}

static void rows_are_whole(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		for (size_t j = 0; j < sets[i]->n_sections; j++)
			for (size_t k = 0; k < sets[i]->sections[j].n; k++)
				check_row(sets[i], &sets[i]->sections[j].flags[k]);
}

/* Parses without environment and folders. */
static void parse(const struct flag_set *s, void *o, struct flag_result *r, const char *const *args)
{
	char *argv[16] = { 0 };
	int n = 1;
	for (argv[0] = xstrdup(s->verb); *args; args++)
		argv[n++] = xstrdup(*args);
	struct flag_input in = { .argc = n, .argv = argv };
	flags_parse(s, &in, o, r);
	while (n > 0)
		free(argv[--n]);
}
#define PARSE(s, o, r, ...) parse((s), (o), (r), (const char *const[]){ __VA_ARGS__, NULL })

static void durations_of_an_election_fit_together(void **state)
{
	static const struct {
		const char *args[4];
		const char *mistakes[3]; /* parts of the lines, in order */
		size_t n;
	} cases[] = {
		{ { "--leader-election-lease-duration=10s" }, { "lease-duration: want more than" }, 1 },
		{ { "--leader-election-lease-duration=10001ms" }, { NULL }, 0 },
		{ { "--leader-election-lease-duration=25h" }, { "at most 24h" }, 1 },
		{ { "--leader-election-renew-deadline=2400ms" },
		  { "renew-deadline: want more than 1.2" },
		  1 },
		{ { "--leader-election-renew-deadline=2401ms" }, { NULL }, 0 },
		{ { "--leader-election-retry-period=0" }, { "retry-period: want more than 0" }, 1 },
		{ { "--leader-election-lease-duration=1s", "--leader-election-retry-period=9s" },
		  { "lease-duration: want more than the renew deadline, 10000 ms",
		    "renew-deadline: want more than 1.2 times the retry period, 10800 ms" },
		  2 },
		{ { "--leader-election-lease-duration=1s", "--leader-elect=false" }, { NULL }, 0 },
		{ { "--leader-election-resource-name=A" }, { "resource-name" }, 1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct operator_options o = { 0 };
		CLEANUP(flag_result_done) struct flag_result r = { 0 };
		parse(&operator_flags, &o, &r, cases[i].args);
		assert_int_equal(r.mistakes.n, cases[i].n);
		const char *at = buf_str(&r.mistakes.text);
		for (size_t k = 0; k < cases[i].n; k++) {
			at = strstr(at, cases[i].mistakes[k]);
			assert_non_null(at);
		}
		operator_options_done(&o);
	}
}

static void the_operator_starts_without_flags(void **state)
{
	struct operator_options o = { 0 };
	CLEANUP(flag_result_done) struct flag_result r = { 0 };
	PARSE(&operator_flags, &o, &r, NULL);
	assert_string_equal(buf_str(&r.mistakes.text), "");
	assert_true(o.allocation.enable_ipv4 && o.allocation.enable_ipv6 && o.allocation.enable_lb_ipam);
	assert_true(o.leader_elect);
	assert_int_equal(o.lease_duration, 15000);
	assert_int_equal(o.renew_deadline, 10000);
	assert_int_equal(o.retry_period, 2000);
	assert_string_equal(o.lease_name, "berth-operator");
	assert_int_equal(o.allocation.service_opt_in, OPT_IN_ANNOTATION);
	assert_int_equal(o.allocation.address_records, RECORDS_AUTO);
	assert_int_equal(o.max_in_flight, 64);
	assert_int_equal(o.mass_release_delay, 60000);
	assert_int_equal(o.log_level, LOG_INFO);
	assert_int_equal(o.log_format, LOG_FORMAT_TEXT);
	assert_string_equal(o.http_address, ":9963");
	assert_string_equal(o.embedded_address, "127.0.0.1:8901");
	assert_string_equal(o.allocation.field_manager.items[0], "berth");
	assert_false(o.embedded.on || o.install_crds || o.cluster.kubeconfig || o.cluster.context ||
		     o.namespace);

	struct ipam_config c = allocation_config(&o.allocation);
	assert_string_equal(c.classes[0], "berth.dev/lb");
	assert_null(c.classes[1]);
	assert_string_equal(c.proxy_name, "");
	assert_true(c.family_on[IPV4] && c.family_on[IPV6] && c.classless_are_ours);
	operator_options_done(&o);
}

static void flags_reach_the_core(void **state)
{
	struct operator_options o = { 0 };
	CLEANUP(flag_result_done) struct flag_result r = { 0 };
	PARSE(&operator_flags, &o, &r, "--lb-class=a,io.cilium/l2-announcer", "--enable-bgp-control-plane",
	      "--enable-l2-announcements", "--default-lb-service-ipam=nodeipam", "--service-opt-in=all",
	      "--enable-ipv6=false", "--k8s-service-proxy-name=p");
	assert_string_equal(buf_str(&r.mistakes.text), "");
	struct ipam_config c = allocation_config(&o.allocation);
	assert_string_equal(c.classes[0], "a");
	assert_string_equal(c.classes[1], "io.cilium/l2-announcer");
	assert_string_equal(c.classes[2], "io.cilium/bgp-control-plane");
	assert_null(c.classes[3]);
	assert_true(c.opt_in == OPT_IN_ALL && !c.classless_are_ours);
	assert_true(c.family_on[IPV4] && !c.family_on[IPV6]);
	assert_string_equal(c.proxy_name, "p");
	operator_options_done(&o);

	CLEANUP(flag_result_done) struct flag_result r2 = { 0 };
	PARSE(&operator_flags, &o, &r2, "--lb-class=");
	c = allocation_config(&o.allocation);
	assert_null(c.classes[0]);
	operator_options_done(&o);
}

static void what_does_not_go_together_is_said(void **state)
{
	static const struct {
		const char *args[4], *want;
	} cases[] = {
		{ { "--enable-ipv4=false", "--enable-ipv6=0" },
		  "--enable-ipv4=false: want one of --enable-ipv4 and --enable-ipv6 to be true\n" },
		{ { "--embedded", "--kubeconfig=k" },
		  "--kubeconfig: does not go with --embedded, which brings its own API server\n" },
		{ { "--embedded-fault=500" }, "--embedded-fault: wants --embedded, whose faults they are\n" },
		{ { "--embedded", "--embedded-fault=500:7" },
		  "--embedded-fault: 500: probability \"7\": want a number from 0 to 1 such as 0.05\n" },
		{ { "--embedded=db", "--context=c" },
		  "--context: does not go with --embedded, which brings its own API server\n" },
		{ { "--embedded", "--embedded-address=10.0.0.1:1" },
		  "--embedded-address=10.0.0.1:1: want a loopback address such as 127.0.0.1:8901 (it asks "
		  "nobody "
		  "for a password)\n" },
		{ { "--field-manager=" },
		  "--field-manager=\"\": want names of up to 128 printable characters\n" },
		{ { "--embedded=false", "--kubeconfig=k" }, "" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct operator_options o = { 0 };
		CLEANUP(flag_result_done) struct flag_result r = { 0 };
		parse(&operator_flags, &o, &r, cases[i].args);
		assert_string_equal(buf_str(&r.mistakes.text), cases[i].want);
		operator_options_done(&o);
	}
}

/* As the program is called: the environment and a folder of settings take part. */
static int parse_whole(struct operator_options *o, const char *const *args)
{
	char *argv[8] = { 0 };
	int n = 1;
	for (argv[0] = xstrdup("operator"); *args; args++)
		argv[n++] = xstrdup(*args);
	int code = operator_options_parse(n, argv, o);
	while (n > 0)
		free(argv[--n]);
	return code;
}
#define PARSE_WHOLE(o, ...) parse_whole((o), (const char *const[]){ __VA_ARGS__, NULL })

static void a_call_takes_environment_and_folder_too(void **state)
{
	char folder[] = "/tmp/berth-options-XXXXXX";
	struct operator_options o;
	assert_non_null(mkdtemp(folder));
	CLEANUP(freep) char *known = xasprintf("%s/max-in-flight", folder);
	CLEANUP(freep) char *unknown = xasprintf("%s/identity-allocation-mode", folder);
	CLEANUP(freep) char *flag = xasprintf("--config-dir=%s", folder);
	const char *const files[] = { known, unknown };
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		FILE *f = fopen(files[i], "w");
		assert_non_null(f);
		(void)fputs("7\n", f);
		(void)fclose(f);
	}
	assert_int_equal(setenv("BERTH_LOG_LEVEL", "debug", 1), 0);
	assert_true(PARSE_WHOLE(&o, flag, "--log-format=json") < 0);
	assert_int_equal(o.max_in_flight, 7);
	assert_int_equal(o.log_level, LOG_DEBUG);
	assert_int_equal(o.log_format, LOG_FORMAT_JSON);
	assert_int_equal(o.unknown_files.n, 1);
	assert_non_null(strstr(o.unknown_files.items[0], "identity-allocation-mode"));
	operator_options_done(&o);

	/* What is wrong ends the start, and nothing of it is left to free twice. */
	assert_int_equal(setenv("BERTH_LOG_LEVEL", "loud", 1), 0);
	assert_int_equal(PARSE_WHOLE(&o, flag), EXIT_WRONG_USE);
	operator_options_done(&o);
	assert_null(o.unknown_files.items);
	assert_int_equal(unsetenv("BERTH_LOG_LEVEL"), 0);
	assert_int_equal(PARSE_WHOLE(&o, "--no-such-flag", "word"), EXIT_WRONG_USE);
	operator_options_done(&o);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(unlink(files[i]), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void a_plan_needs_something_to_plan(void **state)
{
	struct plan_options o = { 0 };
	CLEANUP(flag_result_done) struct flag_result r = { 0 };
	PARSE(&plan_flags, &o, &r, NULL);
	assert_string_equal(buf_str(&r.mistakes.text),
			    "nothing to plan: want --filename=PATH, --against=cluster or FILE, or both\n");
	plan_options_done(&o);

	CLEANUP(flag_result_done) struct flag_result r2 = { 0 };
	PARSE(&plan_flags, &o, &r2, "-f", "a.yaml", "--filename=b c", "--allow", "moves,waits", "-ojson",
	      "--service-opt-in=class");
	assert_string_equal(buf_str(&r2.mistakes.text), "");
	assert_int_equal(o.filename.n, 2);
	assert_string_equal(o.filename.items[1], "b c");
	assert_int_equal(o.allow, PLAN_MOVES | PLAN_WAITS);
	assert_int_equal(o.output, PLAN_AS_JSON);
	assert_int_equal(o.allocation.service_opt_in, OPT_IN_CLASS);
	plan_options_done(&o);
}

static void the_bits_of_allow_are_those_of_the_names(void **state)
{
	const struct flag *f = flags_find(&plan_flags, SLICE_LIT("allow"));
	static const struct {
		const char *name;
		unsigned bit;
	} all[] = { { "moves", PLAN_MOVES }, { "loses", PLAN_LOSES }, { "waits", PLAN_WAITS } };
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		assert_string_equal(f->choices[i], all[i].name);
		assert_int_equal(1u << i, all[i].bit);
	}
	assert_null(f->choices[ARRAY_LEN(all)]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(durations_of_an_election_fit_together),
		cmocka_unit_test(the_operator_starts_without_flags),
		cmocka_unit_test(flags_reach_the_core),
		cmocka_unit_test(what_does_not_go_together_is_said),
		cmocka_unit_test(a_call_takes_environment_and_folder_too),
		cmocka_unit_test(a_plan_needs_something_to_plan),
		cmocka_unit_test(the_bits_of_allow_are_those_of_the_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
