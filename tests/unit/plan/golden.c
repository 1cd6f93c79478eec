#include "golden.h"

#include "data/yaml.h"

#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>

enum { TEXT_MAX = 1024 * 1024, CLASSES_MAX = 4 };

static const char *const managers[] = { "berth", NULL };

struct setting {
	struct ipam_config ipam;
	struct view_config view;
	const char *classes[CLASSES_MAX + 1];
};

static void flags_of(const struct js *flags, struct setting *s)
{
	const char *opt_in = js_str(js_get(flags, "opt-in")), *class = js_str(js_get(flags, "class")),
		   *proxy = js_str(js_get(flags, "proxy"));
	*s = (struct setting){
		.ipam = { .opt_in = opt_in && strcmp(opt_in, "all") == 0     ? OPT_IN_ALL
				    : opt_in && strcmp(opt_in, "class") == 0 ? OPT_IN_CLASS
									     : OPT_IN_ANNOTATION,
			  .classes = s->classes,
			  .proxy_name = proxy ? proxy : "",
			  .family_on = { js_bool(js_get(flags, "ipv4"), true),
					 js_bool(js_get(flags, "ipv6"), true) },
			  .records = true,
			  .classless_are_ours = js_bool(js_get(flags, "classless"), true) },
		.view = { .managers = managers },
		.classes = { class ? class : "berth.dev/lb" },
	};
}

/* Writes out what is short. */
static struct js *whole(const struct js *object)
{
	const struct js *web = js_get(object, "web"), *pool = js_get(object, "pool");
	const struct js *brief = web ? web : pool;
	struct js *full = js_clone(brief ? brief : object);
	if (!brief)
		return full;
	js_set(full, "apiVersion", js_new_str(web ? "v1" : "cilium.io/v2"));
	js_set(full, "kind", js_new_str(web ? "Service" : "CiliumLoadBalancerIPPool"));
	struct js *meta = js_need_object(full, "metadata"), *spec = js_need_object(full, "spec");
	js_set(meta, "name", js_clone(js_get(full, "name")));
	js_del(full, "name");
	if (!web)
		return full;
	struct js *notes = js_need_object(meta, "annotations");
	if (!js_has(notes, "io.cilium.operator.external-ips"))
		js_set(notes, "io.cilium.operator.external-ips", js_new_str("true"));
	if (!js_has(spec, "type"))
		js_set(spec, "type", js_new_str("LoadBalancer"));
	if (!js_has(spec, "ports")) {
		struct js *ports = js_new_array(), *port = js_new_object();
		js_set(port, "port", js_new_int(80));
		js_push(ports, port);
		js_set(spec, "ports", ports);
	}
	return full;
}

typedef int take_fn(struct plan *p, const struct js *object, struct err *e);

static void take_all(struct plan *p, const struct js *list, take_fn *fn, struct buf *mistakes)
{
	for (size_t i = 0; i < js_len(list); i++) {
		struct err e = { 0 };
		CLEANUP(js_freep) struct js *object = whole(js_item(list, i));
		if (fn(p, object, &e) < 0)
			buf_addf(mistakes, "mistake: %s\n", e.msg);
	}
}

static void on_problem(const char *line, void *arg)
{
	buf_addf(arg, "%s\n", line);
}

struct running {
	const char *file;
	golden_fn *fn;
	unsigned n, failed;
};

static bool same(const char *file, int line, const struct js *c, const char *key, const struct buf *got)
{
	struct slice want = js_text(js_get(c, key));
	if (slice_eq(want, buf_slice(got)))
		return true;
	/* cmocka's own would cut it. */
	(void)fprintf(stderr, "%s:%d: %s: %s\n--- want\n%.*s\n--- got\n%s\n---\n", file, line,
		      js_str(js_get(c, "name")), key, SLICE_ARG(want), buf_str(got));
	return false;
}

static int on_case(struct js *c, int line, void *arg, struct err *e)
{
	(void)e;
	struct running *r = arg;
	struct setting s;
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX), problems = BUF_INIT(TEXT_MAX);
	static const char *const forms[] = { "table", "wide", "json", "yaml" };
	enum plan_form form = PLAN_AS_TABLE;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (slice_is(js_text(js_get(c, "output")), forms[i]))
			form = (enum plan_form)i;
	flags_of(js_get(c, "flags"), &s);
	/* 2026-11-01, so that objects with times of their own can be older. */
	CLEANUP(plan_freep) struct plan *p = plan_new(&s.ipam, &s.view, 1793491200000);
	if (js_str(js_get(c, "namespace")))
		plan_set_namespace(p, js_str(js_get(c, "namespace")));
	if (js_bool(js_get(c, "withoutPools"), false))
		plan_without_pools(p);
	take_all(p, js_get(c, "base"), plan_base, &problems);
	plan_begin(p);
	take_all(p, js_get(c, "apply"), plan_apply, &problems);
	for (size_t i = 0; i < js_len(js_get(c, "apply")); i++) {
		CLEANUP(js_freep) struct js *object = whole(js_item(js_get(c, "apply"), i));
		plan_problems(p, object, on_problem, &problems);
	}
	r->fn(p, c, form, &text);
	bool good = same(r->file, line, c, "expect", &text);
	good = same(r->file, line, c, "problems", &problems) && good;
	r->n++;
	r->failed += !good;
	return 0;
}

void golden_run(const char *file, golden_fn *fn)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", getenv("CASES"), file);
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct running r = { .file = file, .fn = fn };
	struct err e = { 0 };
	char piece[4096];
	ssize_t n;
	if (fd < 0)
		fail_msg("cannot open %s; CASES must name the folder", path);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(&text, piece, (size_t)n);
	if (yaml_parse(buf_slice(&text), on_case, &r, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	assert_true(r.n > 0);
	assert_int_equal(r.failed, 0);
}
