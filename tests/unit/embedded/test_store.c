#include "embedded/store.h"

#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct store *store;

static int setup(void **state)
{
	return store_open(NULL, 1000, &store, NULL);
}

static int teardown(void **state)
{
	store_close(store);
	store = NULL;
	return 0;
}

static struct store_key key(const char *ns, const char *name)
{
	return (struct store_key){ "things", ns, name };
}

/* Writes what is there now to `after`; NULL deletes. */
static void put(const char *ns, const char *name, const char *after)
{
	struct store_key k = key(ns, name);
	CLEANUP(freep) char *before = NULL;
	bool open = store_in_transaction(store);
	(void)store_get(store, &k, &before, NULL, NULL);
	if (!open)
		assert_int_equal(store_begin(store, NULL), 0);
	assert_int_equal(store_write(store, &k, slice_of(before), slice_of(after), NULL), 0);
	if (!open)
		assert_int_equal(store_commit(store, NULL), 0);
}

static bool add_row(const struct store_row *row, void *arg)
{
	buf_addf(arg, "%s/%s=%.*s ", row->ns, row->name, SLICE_ARG(row->body));
	return true;
}

/* The list as text; "gone" if the revision is compacted. */
static const char *list(struct store_list l)
{
	static struct buf text = { .max = 1 << 20 };
	buf_clear(&text);
	l.resource = l.resource ? l.resource : "things";
	int r = store_list(store, &l, add_row, &text, NULL);
	return r == -ESTALE ? "gone" : buf_str(&text);
}

static bool add_change(const struct store_change *c, void *arg)
{
	static const char sign[] = { [CHANGE_ADDED] = '+', [CHANGE_MODIFIED] = '~', [CHANGE_DELETED] = '-' };
	buf_addf(arg, "%lld%c%s:%.*s>%.*s ", (long long)c->rv, sign[c->type], c->name, SLICE_ARG(c->before),
		 SLICE_ARG(c->after));
	return true;
}

static const char *changes(const char *ns, int64_t after, int64_t limit)
{
	static struct buf text = { .max = 1 << 20 };
	buf_clear(&text);
	int r = store_changes(store, "things", ns, after, limit, add_change, &text, NULL);
	return r == -ESTALE ? "gone" : buf_str(&text);
}

static void objects_come_back_as_written(void **state)
{
	struct store_key k = key("a", "x");
	CLEANUP(freep) char *body = NULL;
	int64_t rv = 0;
	put("a", "x", "{1}");
	put("a", "x", "{2}");
	assert_int_equal(store_get(store, &k, &body, &rv, NULL), 0);
	assert_string_equal(body, "{2}");
	assert_int_equal(rv, 2);
	put("a", "x", NULL);
	assert_int_equal(store_get(store, &k, &body, &rv, NULL), -ENOENT);
	assert_int_equal(store_revision(store), 3);
}

static void lists_are_in_order_and_in_pages(void **state)
{
	put("b", "x", "3");
	put("a", "y", "2");
	put("a", "x", "1");
	assert_string_equal(list((struct store_list){ 0 }), "a/x=1 a/y=2 b/x=3 ");
	assert_string_equal(list((struct store_list){ .ns = "a" }), "a/x=1 a/y=2 ");
	assert_string_equal(list((struct store_list){ .limit = 2 }), "a/x=1 a/y=2 ");
	assert_string_equal(list((struct store_list){ .after_ns = "a", .after_name = "y" }), "b/x=3 ");
	assert_string_equal(list((struct store_list){ .resource = "others" }), "");
	assert_int_equal(store_count(store, "things", NULL), 3);
	assert_int_equal(store_count(store, "things", "a"), 2);
}

static void a_list_may_be_of_the_past(void **state)
{
	put("a", "x", "1");
	put("a", "y", "1");
	put("a", "x", "2");
	put("a", "y", NULL);
	put("a", "z", "1");
	put("a", "x", "3");
	put("a", "y", "2");
	assert_string_equal(list((struct store_list){ .at = 1 }), "a/x=1 ");
	assert_string_equal(list((struct store_list){ .at = 2 }), "a/x=1 a/y=1 ");
	assert_string_equal(list((struct store_list){ .at = 3 }), "a/x=2 a/y=1 ");
	assert_string_equal(list((struct store_list){ .at = 4 }), "a/x=2 ");
	assert_string_equal(list((struct store_list){ .at = 6 }), "a/x=3 a/z=1 ");
	assert_string_equal(list((struct store_list){ .at = 7 }), "a/x=3 a/y=2 a/z=1 ");
	assert_string_equal(list((struct store_list){ .at = 3, .limit = 1 }), "a/x=2 ");
	assert_string_equal(list((struct store_list){ .at = 3, .after_ns = "a", .after_name = "x" }),
			    "a/y=1 ");
}

static void the_log_tells_before_and_after(void **state)
{
	put("a", "x", "1");
	put("b", "x", "9");
	put("a", "x", "2");
	put("a", "x", NULL);
	put("a", "x", "3");
	assert_string_equal(changes("a", 0, 0), "1+x:>1 3~x:1>2 4-x:2> 5+x:>3 ");
	assert_string_equal(changes(NULL, 3, 0), "4-x:2> 5+x:>3 ");
	assert_string_equal(changes(NULL, 0, 2), "1+x:>1 2+x:>9 ");
	assert_string_equal(changes(NULL, 5, 0), "");
}

static void what_is_rolled_back_never_was(void **state)
{
	put("a", "x", "1");
	assert_int_equal(store_begin(store, NULL), 0);
	put("a", "x", "2");
	put("a", "y", "1");
	assert_int_equal(store_revision(store), 3);
	store_rollback(store);
	assert_false(store_in_transaction(store));
	assert_int_equal(store_revision(store), 1);
	assert_string_equal(list((struct store_list){ 0 }), "a/x=1 ");
	put("a", "z", "1");
	assert_string_equal(changes(NULL, 1, 0), "2+z:>1 ");
}

static void compaction_forgets_the_past_only(void **state)
{
	teardown(state);
	assert_int_equal(store_open(NULL, 5, &store, NULL), 0);
	for (int i = 0; i < 20; i++)
		put("a", i % 2 ? "x" : "y", "1");
	assert_int_equal(store_compact(store, NULL), 0);
	assert_int_equal(store_floor(store), 15);
	assert_string_equal(changes(NULL, 14, 0), "gone");
	assert_string_equal(list((struct store_list){ .at = 14 }), "gone");
	assert_string_equal(changes(NULL, 18, 0), "19~y:1>1 20~x:1>1 ");
	assert_string_equal(list((struct store_list){ .at = 15 }), "a/x=1 a/y=1 ");
	assert_string_equal(list((struct store_list){ 0 }), "a/x=1 a/y=1 ");
}

static void a_file_goes_on_where_it_was(void **state)
{
	char folder[] = "/tmp/berth-store-XXXXXX";
	assert_non_null(mkdtemp(folder));
	CLEANUP(freep) char *file = xasprintf("%s/db", folder);
	teardown(state);
	assert_int_equal(store_open(file, 3, &store, NULL), 0);
	assert_true(store_is_new(store));
	for (int i = 0; i < 10; i++)
		put("a", "x", i % 2 ? "1" : "2");
	assert_int_equal(store_compact(store, NULL), 0);
	assert_int_equal(store_begin(store, NULL), 0);
	put("a", "lost", "1");
	teardown(state); /* in the middle of a transaction */
	assert_int_equal(store_open(file, 3, &store, NULL), 0);
	assert_false(store_is_new(store));
	assert_int_equal(store_revision(store), 10);
	assert_int_equal(store_floor(store), 7);
	assert_string_equal(list((struct store_list){ 0 }), "a/x=1 ");
	assert_string_equal(changes(NULL, 8, 0), "9~x:1>2 10~x:2>1 ");

	/* A second process must not write the same file. */
	struct store *second = NULL;
	struct err e = { 0 };
	assert_true(store_open(file, 3, &second, &e) < 0);
	assert_non_null(strstr(e.msg, "locked"));
	teardown(state);

	/* Nor is any file ours. */
	CLEANUP(closep) int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "this is no database, and long enough to be seen as none", 55), 55);
	assert_true(store_open(file, 3, &store, &e) < 0);
	assert_non_null(strstr(e.msg, "not a database"));
	CLEANUP(freep) char *clean = xasprintf("rm -r '%s'", folder);
	assert_int_equal(system(clean), 0);
}

/* Against a plain model: after random writes, every revision still in the log lists as it was. */
static void every_past_revision_is_right(void **state)
{
	enum { ROUNDS = 300, NAMES = 6 };
	struct rng rng = test_rng("every_past_revision_is_right");
	char now[NAMES][8] = { 0 };
	char *was[ROUNDS + 1] = { xstrdup("") };
	for (int i = 1; i <= ROUNDS; i++) {
		size_t n = rng_below(&rng, NAMES);
		char name[2] = { (char)('a' + n), 0 };
		bool delete = now[n][0] && rng_below(&rng, 3) == 0;
		if (delete)
			now[n][0] = '\0';
		else
			snprintf(now[n], sizeof(now[n]), "%d", i);
		put("n", name, delete ? NULL : now[n]);
		struct buf text = BUF_INIT(4096);
		for (size_t j = 0; j < NAMES; j++)
			if (now[j][0])
				buf_addf(&text, "n/%c=%s ", (char)('a' + j), now[j]);
		was[i] = buf_take(&text);
	}
	for (int i = 1; i <= ROUNDS; i++)
		assert_string_equal(list((struct store_list){ .at = i }), was[i]);
	for (int i = 0; i <= ROUNDS; i++)
		free(was[i]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(objects_come_back_as_written),  CASE(lists_are_in_order_and_in_pages),
		CASE(a_list_may_be_of_the_past),     CASE(the_log_tells_before_and_after),
		CASE(what_is_rolled_back_never_was), CASE(compaction_forgets_the_past_only),
		CASE(a_file_goes_on_where_it_was),   CASE(every_past_revision_is_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
