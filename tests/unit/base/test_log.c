#include "base/log.h"

#include "lib/test.h"

#include <errno.h>

/* A log into memory. */
struct sink {
	struct log log;
	char *text;
	size_t len;
};

static void sink_open(struct sink *s, enum log_level level, bool json)
{
	*s = (struct sink){ .log = { .level = level, .json = json } };
	s->log.out = open_memstream(&s->text, &s->len);
	assert_non_null(s->log.out);
}

static void sink_is(struct sink *s, const char *want)
{
	assert_int_equal(fclose(s->log.out), 0);
	assert_string_equal(s->text, want);
	free(s->text);
}

static void lines_are_logfmt(void **state)
{
	struct sink s;
	sink_open(&s, LOG_INFO, false);
	log_info(&s.log, "address given", KV("svc", "team-a/web"), KV("ip", "10.0.0.1"), KVN("free", 3));
	sink_is(&s, "level=info msg=\"address given\" svc=team-a/web ip=10.0.0.1 free=3\n");
}

static void values_that_are_no_plain_word_are_quoted(void **state)
{
	struct sink s;
	sink_open(&s, LOG_INFO, false);
	log_warn(&s.log, "x", KV("a", ""), KV("b", "two words"), KV("c", "k=v"), KV("d", "say \"hi\""),
		 KV("e", "one\ntwo"), KV("f", "\xc3\xa9"), KV("g", "\\"), KV("h", "\xff"));
	sink_is(&s, "level=warn msg=\"x\" a=\"\" b=\"two words\" c=\"k=v\" d=\"say \\\"hi\\\"\" "
		    "e=\"one\\ntwo\" f=\"\xc3\xa9\" g=\"\\\\\" h=\"\\ufffd\"\n");
}

/* Nobody writes a line of the log, or to the terminal that shows it, by a name or an annotation. */
static void a_value_is_no_second_line(void **state)
{
	static const char *const evil[] = { "a\nlevel=error msg=\"lost\"",
					    "a\rlevel=error",
					    "\033[2J\033[1;1H",
					    ("\xc2\x9b"
					     "2J"),
					    "\xe2\x80\xa8level=error",
					    "\xe2\x80\xaeknil",
					    "\x7f\b" };
	for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
		for (int json = 0; json < 2; json++) {
			struct sink s;
			sink_open(&s, LOG_INFO, json);
			log_info(&s.log, evil[i], KV("why", evil[i]));
			assert_int_equal(fclose(s.log.out), 0);
			for (const unsigned char *p = (const unsigned char *)s.text; *p; p++)
				if (*p < 0x20 ? (*p != '\n' || p[1]) : *p > 0x7e)
					fail_msg("case %zu: byte %02x stands in %s", i, *p, s.text);
			free(s.text);
		}
	}
}

/* A line that is too long has an end all the same, and all its keys. */
static void a_long_line_is_cut_in_its_values(void **state)
{
	CLEANUP(freep) char *bells = xmalloc(100001);
	memset(bells, '\a', 100000);
	bells[100000] = '\0';
	for (int json = 0; json < 2; json++) {
		struct sink s;
		sink_open(&s, LOG_INFO, json);
		log_info(&s.log, bells, KV("a", bells), KV("b", bells), KV("svc", "x/y"), KVN("n", 7));
		log_info(&s.log, "next");
		assert_int_equal(fclose(s.log.out), 0);
		char *end = strchr(s.text, '\n');
		assert_non_null(end);
		assert_true(end - s.text < 16 * 1024);
		assert_non_null(strstr(s.text, json ? ",\"svc\":\"x/y\",\"n\":7}\n" : " svc=x/y n=7\n"));
		assert_string_equal(end + 1, json ? "{\"level\":\"info\",\"msg\":\"next\"}\n"
						  : "level=info msg=\"next\"\n");
		free(s.text);
	}
}

static void lines_are_json_where_asked(void **state)
{
	struct sink s;
	sink_open(&s, LOG_DEBUG, true);
	log_debug(&s.log, "say \"hi\"", KV("svc", "a b"), KVN("n", -9223372036854775807 - 1));
	log_error(&s.log, "none", KVN("n", 0));
	sink_is(&s, "{\"level\":\"debug\",\"msg\":\"say \\\"hi\\\"\",\"svc\":\"a "
		    "b\",\"n\":-9223372036854775808}\n"
		    "{\"level\":\"error\",\"msg\":\"none\",\"n\":0}\n");
}

static void facts_without_text_are_left_out(void **state)
{
	struct sink s;
	const char *none = NULL;
	sink_open(&s, LOG_INFO, false);
	log_info(&s.log, "x", KV("pool", none), KVN("n", 1));
	log_info(&s.log, "y");
	sink_is(&s, "level=info msg=\"x\" n=1\nlevel=info msg=\"y\"\n");
}

static void levels_below_are_not_written(void **state)
{
	struct sink s;
	sink_open(&s, LOG_WARN, false);
	log_debug(&s.log, "a", KVN("n", 1));
	log_info(&s.log, "b", KVN("n", 1));
	log_warn(&s.log, "c", KVN("n", 1));
	log_error(&s.log, "d", KVN("n", 1));
	sink_is(&s, "level=warn msg=\"c\" n=1\nlevel=error msg=\"d\" n=1\n");
	struct log silent = { .out = NULL };
	log_error(&silent, "nobody listens", KVN("n", 1));
	log_error((const struct log *)NULL, "nobody listens", KVN("n", 1));
}

static msec wall(void)
{
	return 1795396945007;
}

static void lines_carry_the_time_if_there_is_a_clock(void **state)
{
	struct sink s;
	sink_open(&s, LOG_INFO, false);
	s.log.wall = wall;
	log_info(&s.log, "x", KVN("n", 1));
	s.log.json = true;
	log_info(&s.log, "x", KVN("n", 1));
	sink_is(&s, "time=2026-11-23T01:22:25.007000Z level=info msg=\"x\" n=1\n"
		    "{\"time\":\"2026-11-23T01:22:25.007000Z\",\"level\":\"info\",\"msg\":\"x\",\"n\":1}\n");
}

static void levels_are_read(void **state)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	enum log_level l;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(log_level_parse(slice_of(names[i]), &l), 0);
		assert_int_equal(l, i);
	}
	assert_int_equal(log_level_parse(SLICE_LIT("warning"), &l), -EINVAL);
	assert_int_equal(log_level_parse(SLICE_LIT(""), &l), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_logfmt),
		cmocka_unit_test(values_that_are_no_plain_word_are_quoted),
		cmocka_unit_test(a_value_is_no_second_line),
		cmocka_unit_test(a_long_line_is_cut_in_its_values),
		cmocka_unit_test(lines_are_json_where_asked),
		cmocka_unit_test(facts_without_text_are_left_out),
		cmocka_unit_test(levels_below_are_not_written),
		cmocka_unit_test(lines_carry_the_time_if_there_is_a_clock),
		cmocka_unit_test(levels_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
