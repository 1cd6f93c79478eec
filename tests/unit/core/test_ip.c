#include "core/ip.h"

#include "lib/test.h"

#include <arpa/inet.h>
#include <errno.h>

static struct ip ip(const char *text)
{
	struct ip a;
	struct err e;
	if (ip_parse(slice_of(text), &a, &e) < 0)
		fail_msg("%s", e.msg);
	return a;
}

static bool is_error(struct slice field)
{
	return slice_starts(field, "! ");
}

/* `"text" clause` of the two fields of a case that is refused. */
static const char *expected(const struct table *t, char text[ERR_TEXT_MAX])
{
	(void)snprintf(text, ERR_TEXT_MAX, "\"%s\" %s", t->field[0].ptr, t->field[1].ptr + 2);
	return text;
}

static void addresses_are_read_and_written_as_the_table_says(void **state)
{
	char text[IP_TEXT_MAX], want[ERR_TEXT_MAX];
	for (struct table t = table_open(TEST_DATA "/addresses.txt"); table_next(&t);) {
		struct ip a = { .lo = 77 };
		struct err e = { 0 };
		table_check(&t, t.n == 2, "%zu fields", t.n);
		int r = ip_parse(t.field[0], &a, &e);
		if (is_error(t.field[1])) {
			table_check(&t, r == -EINVAL && e.code == EINVAL, "%d", r);
			table_check(&t, strcmp(e.msg, expected(&t, want)) == 0, "%s", e.msg);
			table_check(&t, a.lo == 77, "touched");
			continue;
		}
		table_check(&t, r == 0, "%s", e.msg);
		table_check(&t, slice_is(t.field[1], ip_format(a, text)), "%s", text);
		table_check(&t, ip_eq(ip(text), a), "%s", text);
	}
}

static void networks_are_read_and_written_as_the_table_says(void **state)
{
	char text[RANGE_TEXT_MAX], number[COUNT_TEXT_MAX], want[ERR_TEXT_MAX];
	for (struct table t = table_open(TEST_DATA "/cidrs.txt"); table_next(&t);) {
		struct range r = { .lo.lo = 77 };
		struct err e = { 0 };
		bool host_bits = false;
		int rc = range_parse_cidr(t.field[0], &r, &host_bits, &e);
		if (is_error(t.field[1])) {
			table_check(&t, rc == -EINVAL && e.code == EINVAL, "%d", rc);
			table_check(&t, strcmp(e.msg, expected(&t, want)) == 0, "%s", e.msg);
			table_check(&t, r.lo.lo == 77 && !host_bits, "touched");
			continue;
		}
		table_check(&t, t.n == 4, "%zu fields", t.n);
		table_check(&t, rc == 0, "%s", e.msg);
		table_check(&t, slice_is(t.field[1], range_format(r, text)), "%s", text);
		table_check(&t, slice_is(t.field[2], host_bits ? "yes" : "no"), "%d", host_bits);
		table_check(&t, slice_is(t.field[3], count_format(range_size(r), number)), "%s", number);
		int prefix = -1;
		table_check(&t, range_is_cidr(r, &prefix), "not a network");
		table_check(&t, atoi(strchr(t.field[1].ptr, '/') + 1) == prefix, "%d", prefix);
	}
}

static void ranges_are_written_as_the_table_says(void **state)
{
	char text[RANGE_TEXT_MAX], number[COUNT_TEXT_MAX];
	for (struct table t = table_open(TEST_DATA "/ranges.txt"); table_next(&t);) {
		struct range r = { ip(t.field[0].ptr), ip(t.field[1].ptr) };
		table_check(&t, slice_is(t.field[2], range_format(r, text)), "%s", text);
		table_check(&t, slice_is(t.field[3], count_format(range_size(r), number)), "%s", number);
		int prefix;
		bool slash = memchr(t.field[2].ptr, '/', t.field[2].len);
		table_check(&t, range_is_cidr(r, &prefix) == slash, "%s", text);
	}
}

/* Texts near the edge of what is an address: pieces of addresses, glued and mutilated. */
static size_t random_text(struct rng *rng, char *out, size_t cap)
{
	static const char *const pieces[] = { ":",   "::",  "0",       "1",  "ffff",  "abcd", "10", ".",
					      "255", "256", "1.2.3.4", "00", "12345", ":0",   "f:", "A" };
	size_t n = 0;
	for (uint64_t left = rng_below(rng, 16); left > 0; left--) {
		const char *p = pieces[rng_below(rng, ARRAY_LEN(pieces))];
		size_t len = strlen(p);
		if (n + len >= cap)
			break;
		memcpy(out + n, p, len);
		n += len;
	}
	out[n] = '\0';
	return n;
}

static void reading_agrees_with_the_c_library(void **state)
{
	struct rng rng = test_rng(__func__);
	unsigned good = 0;
	for (int i = 0; i < 400000; i++) {
		char text[80];
		struct slice s = { text, random_text(&rng, text, sizeof(text)) };
		/* Every other one is an address, with at most one byte changed. */
		if (i % 2) {
			struct in6_addr raw;
			for (int b = 0; b < 16; b++)
				raw.s6_addr[b] = rng_below(&rng, 3) ? 0 : (uint8_t)rng_next(&rng);
			assert_non_null(inet_ntop(i % 4 == 1 ? AF_INET : AF_INET6, &raw, text, sizeof(text)));
			s.len = strlen(text);
			if (rng_below(&rng, 2))
				text[rng_below(&rng, s.len)] = "0123456789abcdef:.%"[rng_below(&rng, 19)];
		}
		struct ip a = { 0 };
		unsigned char v4[4], v6[16];
		int r = ip_parse(s, &a, NULL);
		if (inet_pton(AF_INET, text, v4) == 1) {
			u128 bits = (u128)v4[0] << 24 | v4[1] << 16 | v4[2] << 8 | v4[3];
			if (r < 0 || !ip_eq(a, ip_make(IPV4, bits)))
				fail_msg("%s", text);
			good++;
		} else if (inet_pton(AF_INET6, text, v6) == 1) {
			u128 bits = 0;
			for (int b = 0; b < 16; b++)
				bits = bits << 8 | v6[b];
			bool mapped = bits >> 32 == 0xffff;
			if (mapped ? r != -EINVAL : r < 0 || !ip_eq(a, ip_make(IPV6, bits)))
				fail_msg("%s", text);
			good++;
		} else if (r != -EINVAL) {
			fail_msg("%s was taken", text);
		}
	}
	assert_true(good > 50000);
}

static void what_is_written_reads_back_and_is_canonical(void **state)
{
	struct rng rng = test_rng(__func__);
	for (int i = 0; i < 200000; i++) {
		u128 bits = 0;
		for (int g = 0; g < 8; g++)
			bits = bits << 16 |
			       (rng_below(&rng, 2) ? 0 : rng_next(&rng) >> (48 + rng_below(&rng, 15)));
		struct ip a = i % 4 ? ip_make(IPV6, bits) : ip_make(IPV4, (uint32_t)rng_next(&rng));
		if (a.family == IPV6 && bits >> 32 == 0xffff)
			continue;
		char text[IP_TEXT_MAX], other[INET6_ADDRSTRLEN];
		(void)ip_format(a, text);
		assert_true(ip_eq(ip(text), a));
		/* The C library writes the last 32 bits of ::/96 as IPv4; the API server does not. */
		if (a.family == IPV4 || bits >> 32 == 0)
			continue;
		unsigned char raw[16];
		for (int b = 0; b < 16; b++)
			raw[b] = (unsigned char)(bits >> (120 - 8 * b));
		assert_string_equal(text, inet_ntop(AF_INET6, raw, other, sizeof(other)));
	}
}

static void mapped_addresses_inside_a_large_range_can_be_written(void **state)
{
	char text[IP_TEXT_MAX];
	assert_string_equal(ip_format(ip_make(IPV6, (u128)0xffff << 32 | 0x0a000001), text),
			    "::ffff:10.0.0.1");
}

static void the_longest_texts_fit(void **state)
{
	char text[IP_TEXT_MAX], range[RANGE_TEXT_MAX], number[COUNT_TEXT_MAX];
	struct ip last = ip_last(IPV6);
	assert_int_equal(strlen(ip_format(last, text)), IP_TEXT_MAX - 1);
	struct range r = { ip_make(IPV6, ip_bits(last) - 1 - ((u128)1 << 124)), last };
	assert_int_equal(strlen(range_format(r, range)), 39 + 3 + 39);
	struct count most = { .lo = ~(u128)0, .hi = UINT64_MAX };
	assert_string_equal(count_format(most, number),
			    "6277101735386680763835789423207666416102355444464034512895");
}

static void a_long_wrong_text_is_cut_between_characters(void **state)
{
	char text[500];
	struct err e;
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	for (size_t skip = 0; skip < 2; skip++) {
		struct slice s = { text + skip, sizeof(text) - skip };
		assert_int_equal(ip_parse(s, &(struct ip){ 0 }, &e), -EINVAL);
		CLEANUP(buf_done) struct buf json = BUF_INIT(2000);
		/* The one that the test itself has cut shows as one that cannot be read, and no other. */
		buf_add_json(&json, (struct slice){ e.msg, strlen(e.msg) });
		assert_null(strstr(buf_str(&json), "ufffd"));
		const char *bad = strstr(e.msg, "\xef\xbf\xbd");
		assert_true(skip ? bad == e.msg + 1 && !strstr(bad + 1, "\xef\xbf\xbd") : !bad);
		assert_non_null(strstr(e.msg, "...\" is not an address"));
		assert_true(strlen(e.msg) < 120);
	}
}

static void families_are_named_and_ordered(void **state)
{
	assert_string_equal(family_name(IPV4), "IPv4");
	assert_string_equal(family_name(IPV6), "IPv6");
	assert_int_equal(family_other(IPV4), IPV6);
	static const char *const rising[] = { "0.0.0.0",
					      "0.0.0.1",
					      "10.0.0.0",
					      "255.255.255.255",
					      "::",
					      "::1",
					      "::ffff:ffff:ffff:ffff",
					      "0:0:0:1::",
					      "8000::",
					      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	for (size_t i = 0; i < ARRAY_LEN(rising); i++)
		for (size_t j = 0; j < ARRAY_LEN(rising); j++) {
			int c = ip_cmp(ip(rising[i]), ip(rising[j]));
			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
			assert_int_equal(ip_eq(ip(rising[i]), ip(rising[j])), i == j);
		}
	assert_true(ip_eq(ip_last(IPV4), ip("255.255.255.255")));
	assert_true(ip_eq(ip_last(IPV6), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
}

/* Ranges of a universe of 12 addresses against plain comparison of every address. */
static void ranges_compare_like_sets_of_addresses(void **state)
{
	static const enum family families[] = { IPV4, IPV6 };
	enum { N = 12 };
	for (int f = 0; f < 2; f++) {
		u128 base = f ? ((u128)7 << 64) - N / 2 : (u128)UINT32_MAX - N + 1;
		for (unsigned i = 0; i < N * N * N * N; i++) {
			unsigned a = i % N, b = i / N % N, c = i / N / N % N, d = i / N / N / N;
			if (a > b || c > d)
				continue;
			struct range p = { ip_make(families[f], base + a), ip_make(families[f], base + b) };
			struct range q = { ip_make(families[f], base + c), ip_make(families[f], base + d) };
			bool overlap = false, inside = true;
			for (unsigned x = 0; x < N; x++) {
				bool in_p = x >= a && x <= b, in_q = x >= c && x <= d;
				assert_int_equal(range_has(p, ip_make(families[f], base + x)), in_p);
				overlap |= in_p && in_q;
				inside &= !in_q || in_p;
			}
			assert_int_equal(range_overlaps(p, q), overlap);
			assert_int_equal(range_contains(p, q), inside);
		}
	}
	struct range v4 = { ip("0.0.0.0"), ip("255.255.255.255") }, v6 = { ip("::"), ip("::ff") };
	assert_false(range_overlaps(v4, v6));
	assert_false(range_contains(v4, v6));
	assert_false(range_has(v4, ip("::1")));
}

static struct count times(struct count c, unsigned n)
{
	struct count sum = count_of(0);
	while (n--)
		sum = count_add(sum, c);
	return sum;
}

static struct count from_decimal(const char *text)
{
	struct count c = count_of(0);
	for (; *text; text++)
		c = count_add(times(c, 10), count_of((uint64_t)(*text - '0')));
	return c;
}

static void counts_are_exact(void **state)
{
	struct rng rng = test_rng(__func__);
	for (int i = 0; i < 50000; i++) {
		/* All lengths, and often right at a carry. */
		struct count c[2];
		for (int k = 0; k < 2; k++) {
			u128 lo = (u128)rng_next(&rng) << 64 | rng_next(&rng);
			c[k].lo = lo >> rng_below(&rng, 128);
			c[k].hi = rng_below(&rng, 2) ? rng_next(&rng) >> (32 + rng_below(&rng, 32)) : 0;
			if (rng_below(&rng, 4) == 0)
				c[k].lo = rng_below(&rng, 2) - rng_below(&rng, 3) +
					  (lo & 1 ? 0 : (u128)1 << 64);
		}
		char text[COUNT_TEXT_MAX];
		(void)count_format(c[0], text);
		assert_int_equal(count_cmp(from_decimal(text), c[0]), 0);
		assert_true(text[0] != '0' || text[1] == '\0');
		/* strtod() rounds to nearest. */
		assert_true(count_double(c[0]) == strtod(text, NULL));

		struct count sum = count_add(c[0], c[1]);
		assert_int_equal(count_cmp(count_sub(sum, c[1]), c[0]), 0);
		assert_int_equal(count_cmp(count_sub(sum, c[0]), c[1]), 0);
		assert_true(count_cmp(sum, c[0]) >= 0);
		assert_int_equal(count_cmp(sum, c[0]) == 0, count_is_zero(c[1]));
		assert_int_equal(count_cmp(c[0], c[1]), -count_cmp(c[1], c[0]));

		unsigned percent = (unsigned)rng_below(&rng, 101);
		struct count part = count_percent(c[0], percent), whole = times(c[0], percent);
		assert_true(count_cmp(times(part, 100), whole) <= 0);
		assert_true(count_cmp(times(count_add(part, count_of(1)), 100), whole) > 0);
	}
}

static void whole_families_add_up(void **state)
{
	char text[COUNT_TEXT_MAX];
	struct range all = { ip_make(IPV6, 0), ip_last(IPV6) };
	struct count sum = count_of(0);
	for (int i = 0; i < 1000; i++)
		sum = count_add(sum, range_size(all));
	assert_string_equal(count_format(sum, text), "340282366920938463463374607431768211456000");
	assert_string_equal(count_format(count_percent(sum, 90), text),
			    "306254130228844617117037146688591390310400");
	for (int i = 0; i < 1000; i++)
		sum = count_sub(sum, range_size(all));
	assert_true(count_is_zero(sum));
	/* The largest count that the header promises. */
	struct count most = { .hi = (uint64_t)1 << 32 };
	assert_int_equal(count_cmp(count_percent(most, 100), most), 0);
	assert_string_equal(count_format(most, text), "1461501637330902918203684832716283019655932542976");
	assert_true(count_double(most) == 0x1p160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written_as_the_table_says),
		cmocka_unit_test(networks_are_read_and_written_as_the_table_says),
		cmocka_unit_test(ranges_are_written_as_the_table_says),
		cmocka_unit_test(reading_agrees_with_the_c_library),
		cmocka_unit_test(what_is_written_reads_back_and_is_canonical),
		cmocka_unit_test(mapped_addresses_inside_a_large_range_can_be_written),
		cmocka_unit_test(the_longest_texts_fit),
		cmocka_unit_test(a_long_wrong_text_is_cut_between_characters),
		cmocka_unit_test(families_are_named_and_ordered),
		cmocka_unit_test(ranges_compare_like_sets_of_addresses),
		cmocka_unit_test(counts_are_exact),
		cmocka_unit_test(whole_families_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
