#include "core/selector.h"

#include "lib/test.h"

#include <errno.h>

enum { MANY = 8 };

/* Adds "key operator value,value". */
static int add(struct selector *s, struct slice text, struct err *e)
{
	char word[3][200] = { "", "", "" };
	struct slice part;
	for (int i = 0; i < 3 && slice_cut(&text, ' ', &part); i++)
		(void)snprintf(word[i], sizeof(word[i]), "%.*s", SLICE_ARG(part));
	const char *values[MANY];
	size_t n = 0;
	char *at = word[2];
	if (strcmp(at, "\"\"") == 0)
		values[n++] = "";
	else if (*at)
		for (char *v; (v = strsep(&at, ","));)
			values[n++] = v;
	return selector_add(s, word[0], word[1], values, n, e);
}

static int build(struct selector *s, struct slice text, struct err *e)
{
	struct slice part;
	while (slice_cut(&text, ';', &part)) {
		part = slice_trim(part);
		int r = part.len ? add(s, part, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Cuts "key=value key=value" up in place. */
static struct label_view view(char *text, struct label labels[MANY])
{
	struct label_view v = { .items = labels };
	for (char *pair; (pair = strsep(&text, " "));) {
		char *key = strsep(&pair, "=");
		if (!pair)
			continue;
		if (strcmp(key, "@ns") == 0)
			v.magic_namespace = pair;
		else if (strcmp(key, "@name") == 0)
			v.magic_name = pair;
		else
			labels[v.n++] = (struct label){ key, pair };
	}
	return v;
}

static void selectors_do_what_the_table_says(void **state)
{
	for (struct table t = table_open(TEST_DATA "/selectors.txt"); table_next(&t);) {
		CLEANUP(selector_done) struct selector s = { 0 };
		CLEANUP(buf_done) struct buf text = BUF_INIT(1000);
		struct err e = { 0 };
		int r = build(&s, t.field[0], &e);
		if (slice_starts(t.field[1], "! ")) {
			table_check(&t, r == -EINVAL && e.code == EINVAL, "%d", r);
			table_check(&t, slice_is(slice_of(t.field[1].ptr + 2), e.msg), "%s", e.msg);
			table_check(&t, s.n == 0, "%zu", s.n);
			continue;
		}
		table_check(&t, t.n == 4, "%zu fields", t.n);
		table_check(&t, r == 0, "%s", e.msg);
		selector_format(&s, &text);
		table_check(&t, slice_is(t.field[3], buf_str(&text)), "%s", buf_str(&text));
		struct label labels[MANY];
		CLEANUP(freep) char *words = xstrdup(t.field[1].ptr);
		struct label_view v = view(words, labels);
		table_check(&t, selector_matches(&s, &v) == slice_is(t.field[2], "yes"), "%s",
			    buf_str(&text));
	}
}

static void match_labels_mean_in_with_one_value(void **state)
{
	CLEANUP(selector_done) struct selector a = { 0 }, b = { 0 };
	selector_add_equals(&a, "app", "web");
	assert_int_equal(build(&b, slice_of("app In web"), NULL), 0);
	assert_true(selector_eq(&a, &b));
	selector_done(&b);
}

static void equal_means_the_same_requirements_in_the_same_order(void **state)
{
	static const char *const texts[] = {
		"",         "a In x",   "a NotIn x",      "a In y",        "b In x",       "a In x,y",
		"a In y,x", "a Exists", "a DoesNotExist", "a In x;b In x", "b In x;a In x"
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t j = 0; j < ARRAY_LEN(texts); j++) {
			struct selector a = { 0 }, b = { 0 };
			assert_int_equal(build(&a, slice_of(texts[i]), NULL), 0);
			assert_int_equal(build(&b, slice_of(texts[j]), NULL), 0);
			assert_int_equal(selector_eq(&a, &b), i == j);
			selector_done(&a);
			selector_done(&b);
		}
}

static void missing_texts_are_refused(void **state)
{
	CLEANUP(selector_done) struct selector s = { 0 };
	struct err e;
	const char *value = NULL;
	assert_int_equal(selector_add(&s, "", "Exists", NULL, 0, &e), -EINVAL);
	assert_int_equal(selector_add(&s, NULL, "Exists", NULL, 0, &e), -EINVAL);
	assert_int_equal(selector_add(&s, "app", NULL, NULL, 0, &e), -EINVAL);
	assert_int_equal(selector_add(&s, "app", "", NULL, 0, &e), -EINVAL);
	assert_int_equal(selector_add(&s, "app", "In", &value, 1, &e), -EINVAL);
	assert_int_equal(s.n, 0);
}

/* What the words of the API mean, for one requirement, over an alphabet of three. */
static bool meant(enum selector_op op, unsigned set, int value)
{
	bool in = value >= 0 && (set >> value & 1);
	switch (op) {
	case SELECT_IN:
		return in;
	case SELECT_NOT_IN:
		return !in;
	case SELECT_EXISTS:
		return value >= 0;
	case SELECT_NOT_EXISTS:
		return value < 0;
	}
	return false;
}

static void random_selectors_match_like_the_definition(void **state)
{
	static const char *const ops[] = { "In", "NotIn", "Exists", "DoesNotExist" };
	static const char *const keys[] = { "a", "b", "c", "io.kubernetes.service.namespace" };
	static const char *const words[] = { "x", "y", "z" };
	struct rng rng = test_rng(__func__);
	unsigned matched = 0;
	for (int round = 0; round < 100000; round++) {
		CLEANUP(selector_done) struct selector s = { 0 };
		struct label labels[4];
		struct label_view v = { .items = labels };
		int value[4]; /* index of the word, -1 = no such label */
		for (int k = 0; k < 4; k++) {
			value[k] = (int)rng_below(&rng, 4) - 1;
			if (value[k] >= 0)
				labels[v.n++] = (struct label){ keys[k], words[value[k]] };
		}
		if (rng_below(&rng, 2)) {
			value[3] = (int)rng_below(&rng, 3);
			v.magic_namespace = words[value[3]];
		}
		bool want = true;
		for (uint64_t left = rng_below(&rng, 4); left > 0; left--) {
			enum selector_op op = (enum selector_op)rng_below(&rng, 4);
			unsigned key = (unsigned)rng_below(&rng, 4), set = 1 + (unsigned)rng_below(&rng, 7);
			const char *values[3];
			size_t n = 0;
			for (unsigned w = 0; w < 3 && op <= SELECT_NOT_IN; w++)
				if (set >> w & 1)
					values[n++] = words[w];
			assert_int_equal(selector_add(&s, keys[key], ops[op], values, n, NULL), 0);
			want &= meant(op, set, value[key]);
		}
		assert_int_equal(selector_matches(&s, &v), want);
		matched += want;
	}
	assert_true(matched > 10000 && matched < 90000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors_do_what_the_table_says),
		cmocka_unit_test(match_labels_mean_in_with_one_value),
		cmocka_unit_test(equal_means_the_same_requirements_in_the_same_order),
		cmocka_unit_test(missing_texts_are_refused),
		cmocka_unit_test(random_selectors_match_like_the_definition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
