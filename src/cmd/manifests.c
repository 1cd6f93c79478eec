#include "cmd/manifests.h"

#include "cmd/args.h"
#include "data/yaml.h"
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* What is wrong quotes the manifest, which anybody may have written. */
void manifest_complain(const char *verb, const char *path, int line, const char *what)
{
	CLEANUP(buf_done) struct buf shown = BUF_INIT(SIZE_MAX / 2);
	buf_add_shown(&shown, slice_of(what));
	if (line)
		(void)fprintf(stderr, "%s %s: %s: document at line %d: %s\n", program_name(), verb, path,
			      line, buf_str(&shown));
	else
		(void)fprintf(stderr, "%s %s: %s: %s\n", program_name(), verb, path, buf_str(&shown));
}

static void mistake(struct manifest_reader *r, int line, const struct err *e)
{
	r->mistakes++;
	manifest_complain(r->verb, r->path, line, e->msg);
}

static int on_document(struct js *document, int line, void *arg, struct err *e)
{
	struct manifest_reader *r = arg;
	(void)e;
	struct err own = { 0 };
	if (r->fn(document, r->path, line, r->arg, &own) < 0)
		mistake(r, line, &own);
	return 0;
}

static void read_text(struct manifest_reader *r, struct slice text)
{
	/* JSON is YAML too, and one reader is enough. */
	struct err e = { 0 };
	if (yaml_parse(text, on_document, r, &e) < 0)
		mistake(r, 0, &e);
}

static void read_stdin(struct manifest_reader *r)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(YAML_SIZE_MAX);
	char piece[16 * 1024];
	size_t n;
	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		buf_add(&text, piece, n);
	if (text.overflow) {
		struct err e = { 0 };
		(void)err_set(&e, E2BIG, "more than %d bytes", YAML_SIZE_MAX);
		mistake(r, 0, &e);
		return;
	}
	read_text(r, buf_slice(&text));
}

static void read_file(struct manifest_reader *r, const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(YAML_SIZE_MAX);
	struct err e = { 0 };
	const char *outer = r->path;
	r->path = path;
	if (file_read(path, &text, NULL, &e) < 0)
		mistake(r, 0, &e);
	else
		read_text(r, buf_slice(&text));
	r->path = outer;
}

static int is_manifest(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');
	return d->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static void read_dir(struct manifest_reader *r, const char *path)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, is_manifest, alphasort);
	if (n < 0) {
		struct err e = { 0 };
		(void)err_set(&e, errno, "cannot read the folder: %s", strerror(errno));
		mistake(r, 0, &e);
		return;
	}
	for (int i = 0; i < n; i++) {
		CLEANUP(freep) char *file = xasprintf("%s/%s", path, list[i]->d_name);
		read_file(r, file);
		free(list[i]);
	}
	free(list);
}

void manifests_read(struct manifest_reader *r, const char *path)
{
	struct stat st;
	r->path = strcmp(path, "-") == 0 ? "standard input" : path;
	if (strcmp(path, "-") == 0)
		read_stdin(r);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		read_dir(r, path);
	else
		read_file(r, path);
}
