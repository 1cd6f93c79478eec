#include "cmd/config_dir.h"

#include "lib/test.h"

#include <errno.h>
#include <sys/stat.h>

static char folder[] = "/tmp/berth-config-XXXXXX";

static void put(const char *name, const char *text, size_t n)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	FILE *f = fopen(path, "we");
	if (!f) {
		fail_msg("cannot write %s", path);
		return;
	}
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* A ConfigMap as the kubelet mounts it: the files are links to ..data/NAME, and ..data to a version. */
static int mount_config_map(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	CLEANUP(freep) char *version = xasprintf("%s/..2026_01", folder);
	CLEANUP(freep) char *data = xasprintf("%s/..data", folder);
	CLEANUP(freep) char *sub = xasprintf("%s/sub", folder);
	CLEANUP(freep) char *fifo = xasprintf("%s/fifo", folder);
	if (mkdir(version, 0700) < 0 || symlink("..2026_01", data) < 0 || mkdir(sub, 0700) < 0 ||
	    mkfifo(fifo, 0600) < 0)
		return -1;
	static const struct {
		const char *name, *text;
		size_t n;
	} files[] = {
		{ "log-level", "debug\n", 6 }, { "enable-ipv4", "true", 4 }, { "empty", "", 0 },
		{ "lines", "a\nb\r\n\n", 6 },  { "nul", "a\0b", 3 },
	};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP(freep) char *inside = xasprintf("..2026_01/%s", files[i].name);
		CLEANUP(freep) char *target = xasprintf("..data/%s", files[i].name);
		CLEANUP(freep) char *link = xasprintf("%s/%s", folder, files[i].name);
		put(inside, files[i].text, files[i].n);
		if (symlink(target, link) < 0)
			return -1;
	}
	return 0;
}

static int unmount(void **state)
{
	CLEANUP(freep) char *command = xasprintf("rm -rf '%s'", folder);
	return system(command); /* NOLINT(cert-env33-c): a folder of this test's own making */
}

static void files_come_sorted_and_without_line_ends(void **state)
{
	static const struct {
		const char *name, *text;
		size_t len;
	} want[] = {
		{ "empty", "", 0 },          { "enable-ipv4", "true", 4 }, { "lines", "a\nb", 3 },
		{ "log-level", "debug", 5 }, { "nul", "a\0b", 3 },
	};
	struct flag_file *files = NULL;
	size_t n = 0;
	struct err e = { 0 };
	assert_int_equal(config_dir_read(folder, &files, &n, NULL, &e), 0);
	assert_int_equal(n, ARRAY_LEN(want));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(files[i].name, want[i].name);
		assert_int_equal(files[i].len, want[i].len);
		assert_memory_equal(files[i].text, want[i].text, want[i].len + 1);
		free(files[i].name);
		free(files[i].text);
	}
	free(files);
}

static void what_cannot_be_read_is_said(void **state)
{
	struct flag_file *files = NULL;
	size_t n = 0;
	struct err e = { 0 };
	CLEANUP(freep) char *dangling = xasprintf("%s/dangling", folder);
	assert_int_equal(config_dir_read("/no/such/folder", &files, &n, NULL, &e), -ENOENT);
	assert_string_equal(e.msg, "/no/such/folder: No such file or directory");
	assert_int_equal(symlink("..data/gone", dangling), 0);
	assert_int_equal(config_dir_read(folder, &files, &n, NULL, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/dangling: "));
	assert_null(files);
	assert_int_equal(unlink(dangling), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_come_sorted_and_without_line_ends),
		cmocka_unit_test(what_cannot_be_read_is_said),
	};
	return cmocka_run_group_tests(tests, mount_config_map, unmount);
}
