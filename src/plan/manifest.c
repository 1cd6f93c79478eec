#include "plan/manifest.h"

#include "data/schema.h"
#include "deploy/crds.h"
#include "view/view.h"

/* Kinds of which berth ships the CRD, and how they are called in a problem. */
static const struct kind {
	const char *name, *called;
} kinds[] = {
	{ "CiliumLoadBalancerIPPool", "pool" },
	{ "IPPoolPolicy", "IPPoolPolicy" },
	{ "IPReservation", "IPReservation" },
};

struct manifest_checks {
	struct schema *schemas[ARRAY_LEN(kinds)];
};

/* All versions of a kind have the same. */
static struct schema *schema_of(const char *kind)
{
	for (size_t i = 0; i < berth_crds_n; i++) {
		CLEANUP(js_freep) struct js *crd = NULL;
		struct schema *schema = NULL;
		if (js_parse((struct slice){ berth_crds[i].data, berth_crds[i].size }, &crd, NULL) < 0 ||
		    !slice_is(js_text(js_path(crd, "spec", "names", "kind")), kind))
			continue;
		const struct js *version = js_item(js_path(crd, "spec", "versions"), 0);
		if (schema_new(js_path(version, "schema", "openAPIV3Schema"), &schema, NULL) == 0)
			return schema;
	}
	return NULL;
}

struct manifest_checks *manifest_checks_new(void)
{
	struct manifest_checks *c = xcalloc(1, sizeof(*c));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		c->schemas[i] = schema_of(kinds[i].name);
	return c;
}

void manifest_checks_free(struct manifest_checks *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		schema_free(c->schemas[i]);
	free(c);
}

struct telling {
	void (*fn)(const char *line, void *arg);
	void *arg;
	char *name; /* "pool blue", "Service default/web" */
};

[[gnu::format(printf, 2, 3)]] static void tell(const struct telling *t, const char *fmt, ...)
{
	struct buf line = BUF_INIT(4096);
	buf_addf(&line, "%s: ", t->name);
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	t->fn(buf_str(&line), t->arg);
	buf_done(&line);
}

/* The core has said something about it: a field that begins with `said`, or that is named there. */
static bool is_said(const char *said, const char *field)
{
	CLEANUP(freep) char *named = xasprintf("%s: ", field);
	return said[0] && (slice_starts(slice_of(field), said) || strstr(said, named));
}

/* Types and names of fields; not what the core has said better. */
static void check_schema(const struct schema *s, const struct js *object, const char *said,
			 const struct telling *t)
{
	struct problems found = { 0 };
	CLEANUP(js_freep) struct js *pruned = js_clone(object), *unknown = js_new_array();
	schema_validate(s, object, "", &found);
	for (size_t i = 0; i < found.n; i++)
		if (!is_said(said, found.items[i].field))
			tell(t, "%s: %s", found.items[i].field, found.items[i].message);
	problems_done(&found);
	schema_prune(s, pruned, unknown);
	for (size_t i = 0; i < js_len(unknown); i++)
		tell(t, "%.*s: there is no such field; the API server drops it",
		     SLICE_ARG(js_text(js_item(unknown, i))));
}

/* Returns the field that it has complained about, or "". */
static const char *check_pool(struct ipam *m, const char *name, const struct telling *t)
{
	const char *said = "";
	struct pool_row row;
	struct pool_text text;
	for (size_t i = 0; ipam_pool_row(m, i, &row); i++) {
		CLEANUP(buf_done) struct buf selector = BUF_INIT(4096);
		if (strcmp(row.name, name) != 0 || !ipam_pool_text(m, i, &text, &selector))
			continue;
		switch (text.flaw) {
		case POOL_BAD_BLOCK:
			said = "spec.blocks";
			tell(t,
			     "%s; want cidr, or start and for a range stop, of the same family and not below "
			     "start",
			     text.disorder);
			break;
		case POOL_BAD_SELECTOR:
			said = "spec.serviceSelector";
			tell(t,
			     "%s; want keys and values of labels, and an operator: In or NotIn with values, "
			     "Exists or DoesNotExist without",
			     text.disorder);
			break;
		case POOL_BAD_NAME:
			tell(t, "%s", text.disorder);
			break;
		case POOL_OVERLAPS:
			tell(t, "%s; want blocks that no other pool has", text.disorder);
			break;
		case POOL_IN_ORDER:
			break;
		}
	}
	return said;
}

static const char *check_flaw(const char *flaw, const struct telling *t)
{
	if (flaw)
		tell(t, "%s", flaw);
	return flaw ? flaw : "";
}

/* Returns the field that is complained about, or the complaint itself; "" = none. */
static const char *check_kind(struct ipam *m, size_t kind, const char *name, const struct telling *t)
{
	switch (kind) {
	case 0:
		return check_pool(m, name, t);
	case 1:
		return check_flaw(ipam_policy_flaw(m, name), t);
	default:
		return check_flaw(ipam_reservation_flaw(m, name), t);
	}
}

static void check_service(struct ipam *m, const char *ns, const char *name, const struct telling *t)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT(1024);
	if (ipam_opt_in_is_bad(m, ns, name, &why))
		tell(t, "%s; want \"true\" or \"false\"", buf_str(&why));
}

void manifest_problems(const struct manifest_checks *c, struct ipam *m, const struct js *object,
		       void (*fn)(const char *line, void *arg), void *arg)
{
	struct slice kind = js_text(js_get(object, "kind"));
	const char *name = view_name(object), *ns = view_namespace(object);
	struct telling t = { fn, arg, NULL };
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!slice_is(kind, kinds[i].name))
			continue;
		t.name = xasprintf("%s %s", kinds[i].called, name);
		const char *said = check_kind(m, i, name, &t);
		if (c->schemas[i])
			check_schema(c->schemas[i], object, said, &t);
	}
	if (slice_is(kind, "Service")) {
		t.name = xasprintf("Service %s/%s", ns, name);
		check_service(m, ns, name, &t);
	}
	free(t.name);
}
