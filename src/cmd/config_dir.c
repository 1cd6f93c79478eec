#include "cmd/config_dir.h"

#include "base/mem.h"
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

/* Bytes of one file. A ConfigMap holds 1 MiB at most. */
enum { FILE_MAX = 1024 * 1024 };

struct files {
	struct flag_file *items;
	size_t n, cap;
};

static void files_done(struct files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].name);
		free(f->items[i].text);
	}
	free(f->items);
}

static int by_name(const void *a, const void *b)
{
	const struct flag_file *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static bool is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int add_file(struct files *files, const char *dir, const char *name, struct err *e)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", dir, name);
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return 0;
	int r = file_read(path, &text, NULL, e);
	if (r < 0)
		return r;
	while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
		text.ptr[--text.len] = '\0';
	size_t len = text.len;
	vec_grow(&files->items, &files->cap, files->n + 1);
	files->items[files->n++] = (struct flag_file){ xstrdup(name), buf_take(&text), len };
	return 0;
}

static void close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

int config_dir_read(const char *path, struct flag_file **ret, size_t *ret_n, void *arg, struct err *e)
{
	CLEANUP(files_done) struct files files = { 0 };
	CLEANUP(close_dir) DIR *dir = opendir(path);
	if (!dir)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	for (const struct dirent *d; (d = readdir(dir));) {
		int r = is_visible(d) ? add_file(&files, path, d->d_name, e) : 0;
		if (r < 0)
			return r;
	}
	if (files.n)
		qsort(files.items, files.n, sizeof(*files.items), by_name);
	*ret_n = files.n;
	*ret = TAKE(files.items);
	files.n = 0;
	return 0;
}
