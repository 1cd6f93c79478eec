#include "base/buf.h"

#include "lib/test.h"

static void text_is_always_terminated(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
	assert_string_equal(buf_str(&b), "");
	buf_add_str(&b, "a");
	buf_add_char(&b, 'b');
	buf_add(&b, "cX", 1);
	buf_add_slice(&b, SLICE_LIT("d"));
	buf_addf(&b, "%d%s", 5, "e");
	assert_string_equal(buf_str(&b), "abcd5e");
	assert_true(slice_is(buf_slice(&b), "abcd5e"));
	buf_clear(&b);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(b.len, 0);
	for (int i = 0; i < 500; i++) {
		buf_addf(&b, "%d", i % 10);
		assert_int_equal(strlen(buf_str(&b)), (size_t)i + 1);
	}
}

static void nothing_goes_past_the_ceiling(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4);
	buf_add_str(&b, "abcd");
	assert_false(b.overflow);
	buf_add_str(&b, "");
	assert_false(b.overflow);
	buf_add_char(&b, 'e');
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "abcd");
	/* What follows is dropped as well, or the text would have a hole. */
	buf_clear(&b);
	assert_false(b.overflow);
	buf_add_str(&b, "abcde");
	buf_add_str(&b, "x");
	buf_addf(&b, "%d", 1);
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "");
	CLEANUP(buf_done) struct buf none = BUF_INIT(0);
	buf_add_char(&none, 'a');
	assert_true(none.overflow);
	assert_string_equal(buf_str(&none), "");
}

static void taking_gives_the_text_away(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(10);
	CLEANUP(freep) char *empty = buf_take(&b);
	assert_string_equal(empty, "");
	buf_add_str(&b, "text");
	CLEANUP(freep) char *text = buf_take(&b);
	assert_string_equal(text, "text");
	assert_string_equal(buf_str(&b), "");
	buf_add_str(&b, "0123456789");
	assert_false(b.overflow);
}

static void consuming_drops_the_beginning(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(10);
	buf_add_str(&b, "abcdef");
	buf_consume(&b, 0);
	assert_string_equal(buf_str(&b), "abcdef");
	buf_consume(&b, 4);
	assert_string_equal(buf_str(&b), "ef");
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "");
	buf_add_str(&b, "xy");
	buf_consume(&b, 99);
	assert_int_equal(b.len, 0);
}

static void json_is(struct slice in, const char *want)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(200);
	buf_add_json(&b, in);
	assert_string_equal(buf_str(&b), want);
}

static void json_strings_are_escaped(void **state)
{
	json_is(SLICE_LIT(""), "\"\"");
	json_is(SLICE_LIT("plain"), "\"plain\"");
	json_is(SLICE_LIT("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
	json_is(SLICE_LIT("\n\t\r\x01\0\x1f"), "\"\\n\\t\\u000d\\u0001\\u0000\\u001f\"");
	json_is(SLICE_LIT("\x7f"), "\"\\u007f\"");
	/* CSI in one sign, a separator of lines, a turn of the direction; their neighbours are harmless. */
	json_is(SLICE_LIT("\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\xd8\x9c"),
		"\"\\u009b\\u2028\\u202e\\u2066\\u061c\"");
	json_is(SLICE_LIT("\xc2\xa0\xe2\x80\xa7\xe2\x80\xaf"), "\"\xc2\xa0\xe2\x80\xa7\xe2\x80\xaf\"");
	/* Two, three and four bytes. */
	json_is(SLICE_LIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
	json_is(SLICE_LIT("a\xff"), "\"a\\ufffd\"");
	json_is(SLICE_LIT("\x80z"), "\"\\ufffdz\"");
	json_is(SLICE_LIT("\xc3"), "\"\\ufffd\"");                                  /* cut short */
	json_is(SLICE_LIT("\xe2\x82"), "\"\\ufffd\\ufffd\"");                       /* cut short */
	json_is(SLICE_LIT("\xc0\xaf"), "\"\\ufffd\\ufffd\"");                       /* overlong */
	json_is(SLICE_LIT("\xe0\x9f\xbf"), "\"\\ufffd\\ufffd\\ufffd\"");            /* overlong */
	json_is(SLICE_LIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");            /* surrogate */
	json_is(SLICE_LIT("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* above U+10FFFF */
	json_is(SLICE_LIT("\xf8\x88\x80\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

static void utf8_is(struct slice in, const char *want)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(200);
	buf_add_utf8(&b, in);
	assert_string_equal(buf_str(&b), want);
}

static void text_stays_and_other_bytes_are_replaced(void **state)
{
	utf8_is(SLICE_LIT(""), "");
	utf8_is(SLICE_LIT("a\"\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		"a\"\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	utf8_is(SLICE_LIT("a\xff"
			  "b"),
		"a\xef\xbf\xbd"
		"b");
	utf8_is(SLICE_LIT("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
}

static void quoted_is(struct slice in, const char *want)
{
	struct buf b = BUF_INIT(1000);
	buf_add_quote(&b, in);
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
}

static void what_others_wrote_is_shown_and_not_obeyed(void **state)
{
	struct buf b = BUF_INIT(1000);
	buf_add_shown(&b, SLICE_LIT("a\nb\033[2Jc\xc2\x9b\xff \"\\\xf0\x9f\x98\x80"));
	assert_string_equal(buf_str(&b), "a\\u000ab\\u001b[2Jc\\u009b\xef\xbf\xbd \"\\\xf0\x9f\x98\x80");
	buf_done(&b);

	quoted_is(SLICE_LIT(""), "\"\"");
	quoted_is((struct slice){ 0 }, "\"\"");
	quoted_is(SLICE_LIT("\033c"), "\"\\u001bc\"");
	char eighty[] = "12345678901234567890123456789012345678901234567890123456789012345678901234567890+";
	CLEANUP(freep) char *cut = xasprintf("\"%.80s...\"", eighty), *whole = xasprintf("\"%.80s\"", eighty);
	quoted_is(slice_of(eighty), cut);
	quoted_is((struct slice){ eighty, 80 }, whole);
	/* Cut between signs, and escapes count as long as they are. */
	CLEANUP(freep)
	char *odd = xasprintf("%.79s\xc3\xa9", eighty), *shorter = xasprintf("\"%.79s...\"", eighty);
	quoted_is(slice_of(odd), shorter);
	char bells[100];
	memset(bells, '\a', sizeof(bells));
	CLEANUP(buf_done) struct buf long_one = BUF_INIT(1000);
	buf_add_quote(&long_one, (struct slice){ bells, sizeof(bells) });
	assert_int_equal(long_one.len, 13 * 6 + 5);
}

static void urls_keep_unreserved_characters_only(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(200);
	buf_add_url(&b, SLICE_LIT("aZ09-._~"));
	assert_string_equal(buf_str(&b), "aZ09-._~");
	buf_clear(&b);
	buf_add_url(&b, SLICE_LIT("a/b?c=d&e f%\xc3\xa9\0"));
	assert_string_equal(buf_str(&b), "a%2Fb%3Fc%3Dd%26e%20f%25%C3%A9%00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_always_terminated),
		cmocka_unit_test(nothing_goes_past_the_ceiling),
		cmocka_unit_test(taking_gives_the_text_away),
		cmocka_unit_test(consuming_drops_the_beginning),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
		cmocka_unit_test(text_stays_and_other_bytes_are_replaced),
		cmocka_unit_test(what_others_wrote_is_shown_and_not_obeyed),
		cmocka_unit_test(urls_keep_unreserved_characters_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
