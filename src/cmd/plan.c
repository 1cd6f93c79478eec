/* berth plan: what the operator would do with these manifests. */
#include "plan/plan.h"
#include "cmd/plan_options.h"
#include "cmd/verbs.h"
#include "data/yaml.h"
#include "io/file.h"
#include "io/loop.h"
#include "plan/plan_print.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* What is done with each document. */
typedef int plan_fn(struct plan *p, const struct js *object, struct err *e);

struct reading {
	struct plan *plan;
	plan_fn *fn;
	const char *path;
	unsigned mistakes;
};

/* Wrong input is one line for each mistake; the rest is read all the same. */
static void mistake(struct reading *r, int line, const struct err *e)
{
	r->mistakes++;
	if (line)
		(void)fprintf(stderr, "berth plan: %s: document at line %d: %s\n", r->path, line, e->msg);
	else
		(void)fprintf(stderr, "berth plan: %s: %s\n", r->path, e->msg);
}

static int on_document(struct js *document, int line, void *arg, struct err *e)
{
	struct reading *r = arg;
	(void)e;
	struct err own = { 0 };
	if (r->fn(r->plan, document, &own) < 0)
		mistake(r, line, &own);
	return 0;
}

static void read_text(struct reading *r, struct slice text)
{
	/* JSON is YAML too, and one reader is enough. */
	struct err e = { 0 };
	if (yaml_parse(text, on_document, r, &e) < 0)
		mistake(r, 0, &e);
}

static void read_stdin(struct reading *r)
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

static void read_file(struct reading *r, const char *path)
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

static void read_dir(struct reading *r, const char *path)
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

static void read_path(struct reading *r, const char *path)
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

static unsigned found(const struct plan_summary *s, unsigned allow)
{
	return (allow & PLAN_MOVES ? 0 : s->n[VERDICT_MOVES]) +
	       (allow & PLAN_LOSES ? 0 : s->n[VERDICT_LOSES]) +
	       (allow & PLAN_WAITS ? 0 : s->n[VERDICT_WAITS]);
}

static int run(const struct plan_options *o)
{
	struct ipam_config config = allocation_config(&o->allocation);
	config.records = o->allocation.address_records != RECORDS_OFF;
	config.max_in_flight = 64;
	struct view_config view = {
		.managers = (const char *const *)o->allocation.field_manager.items,
		.metallb = o->allocation.accept_metallb_annotations,
	};
	CLEANUP(plan_freep) struct plan *plan = plan_new(&config, &view, loop_wall());
	struct reading r = { .plan = plan, .fn = plan_base };
	if (o->against)
		read_path(&r, o->against);
	plan_begin(plan);
	r.fn = plan_apply;
	for (size_t i = 0; i < o->filename.n; i++)
		read_path(&r, o->filename.items[i]);
	if (r.mistakes)
		return EXIT_WRONG_USE;
	plan_finish(plan);

	struct plan_summary summary = { 0 };
	CLEANUP(buf_done) struct buf text = BUF_INIT(256 * 1024 * 1024);
	plan_print(plan,
		   o->output == OUTPUT_JSON   ? PLAN_AS_JSON
		   : o->output == OUTPUT_YAML ? PLAN_AS_YAML
		   : o->output == OUTPUT_WIDE ? PLAN_AS_WIDE
					      : PLAN_AS_TABLE,
		   &text, &summary);
	int code = print_out(&text);
	return code ? code : found(&summary, o->allow) ? EXIT_FOUND : 0;
}

int cmd_plan(int argc, char **argv)
{
	struct plan_options o = { 0 };
	int code = plan_options_parse(argc, argv, &o);
	if (code < 0)
		code = run(&o);
	plan_options_done(&o);
	return code;
}
