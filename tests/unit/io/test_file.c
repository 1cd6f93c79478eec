#include "io/file.h"

#include "lib/test.h"

#include <errno.h>
#include <sys/stat.h>

static char dir[] = "/tmp/berth-test-file-XXXXXX";

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	static const char *const names[] = { "a", "b", "link", "fifo" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(freep) char *path = path_of(names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

static void a_file_is_read_up_to_the_ceiling(void **state)
{
	(void)state;
	CLEANUP(freep) char *path = path_of("a");
	CLEANUP(buf_done) struct buf fits = BUF_INIT(5), small = BUF_INIT(4);
	struct err e = { 0 };
	put(path, "12345");
	assert_int_equal(file_read(path, &fits, NULL, &e), 0);
	assert_string_equal(buf_str(&fits), "12345");
	assert_int_equal(file_read(path, &small, NULL, &e), -E2BIG);
	assert_non_null(strstr(e.msg, path));
}

static void what_is_no_file_is_an_error_with_its_name(void **state)
{
	(void)state;
	CLEANUP(freep) char *missing = path_of("missing");
	CLEANUP(freep) char *fifo = path_of("fifo");
	CLEANUP(buf_done) struct buf out = BUF_INIT(100);
	struct err e = { 0 };
	struct file_mark mark;
	assert_int_equal(file_read(missing, &out, &mark, &e), -ENOENT);
	assert_non_null(strstr(e.msg, missing));
	assert_int_equal(file_mark(missing, &mark, NULL), -ENOENT);
	assert_int_equal(file_read(dir, &out, NULL, NULL), -EINVAL);
	/* Nobody writes to it: this must not wait. */
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_read(fifo, &out, NULL, NULL), -EINVAL);
	assert_int_equal(out.len, 0);
}

/* As a mounted Secret changes: the link is swapped for one to another file. */
static void a_swapped_link_is_a_change(void **state)
{
	(void)state;
	CLEANUP(freep) char *a = path_of("a");
	CLEANUP(freep) char *b = path_of("b");
	CLEANUP(freep) char *link = path_of("link");
	CLEANUP(buf_done) struct buf out = BUF_INIT(100);
	struct file_mark read, before, after;
	put(a, "same");
	put(b, "same");
	assert_int_equal(symlink(a, link), 0);
	assert_int_equal(file_read(link, &out, &read, NULL), 0);
	assert_int_equal(file_mark(link, &before, NULL), 0);
	assert_true(file_mark_equal(&read, &before));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(b, link), 0);
	assert_int_equal(file_mark(link, &after, NULL), 0);
	assert_false(file_mark_equal(&before, &after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_up_to_the_ceiling),
		cmocka_unit_test(what_is_no_file_is_an_error_with_its_name),
		cmocka_unit_test(a_swapped_link_is_a_change),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
