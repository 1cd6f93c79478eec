/* What the API tells of policies and Namespaces, taken over into the picture. */
#include "core/condition.h"
#include "core/label_copy.h"
#include "core/policy.h"
#include "core/policy_status.h"
#include "core/quota.h"
#include "core/service.h"

#include <errno.h>

enum { FLAW_MAX = 1000 };

/* ---- reading ----------------------------------------------------------------------------------------- */

/* One more thing that cannot be read; the first ones are named. */
[[gnu::format(printf, 2, 3)]] static void flaw(struct buf *b, const char *fmt, ...)
{
	if (b->len)
		buf_add_str(b, "; ");
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

static void flaw_quoting(struct buf *b, const char *field, const char *text, const char *clause)
{
	CLEANUP(buf_done) struct buf quote = BUF_INIT(FLAW_MAX);
	buf_add_quote(&quote, slice_of(text));
	flaw(b, "%s: %s %s", field, buf_str(&quote), clause);
}

static int read_selector(const struct match_in *in, size_t n, struct selector *ret, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!in[i].op) {
			selector_add_equals(ret, in[i].key, in[i].values[0]);
			continue;
		}
		int err = selector_add(ret, in[i].key, in[i].op, in[i].values, in[i].n_values, e);
		if (err < 0)
			return err;
	}
	return 0;
}

static void read_target(const struct policy_in *in, struct policy *x, struct buf *bad)
{
	struct err e = { 0 };
	const bool has_name = in->pool_name && in->pool_name[0];
	if (has_name == in->has_selector) {
		flaw(bad, "spec: %s of poolName and poolSelector is set, and exactly one is needed",
		     has_name ? "each" : "none");
	} else if (has_name) {
		x->pool_name = xstrdup(in->pool_name);
	} else if (read_selector(in->matches, in->n_matches, &x->selector, &e) < 0) {
		/* Whom it selects nobody can say, so it selects none. */
		flaw(bad, "spec.poolSelector: %s", e.msg);
	} else {
		x->has_selector = true;
	}
}

/* "a", "a-b" or "a/n" */
static int read_range(struct slice text, struct range *ret, struct err *e)
{
	bool host_bits;
	struct slice rest = text, first;
	struct range r;
	if (memchr(text.ptr, '/', text.len))
		return range_parse_cidr(text, ret, &host_bits, e);
	if (!slice_cut(&rest, '-', &first))
		first = text;
	int err = ip_parse(slice_trim(first), &r.lo, e);
	if (err < 0)
		return err;
	r.hi = r.lo;
	if (rest.ptr)
		err = ip_parse(slice_trim(rest), &r.hi, e);
	if (err < 0)
		return err;
	if (r.lo.family != r.hi.family)
		return err_set(e, EINVAL, "\"%.*s\" begins and ends in different families", SLICE_ARG(text));
	if (ip_cmp(r.lo, r.hi) > 0)
		return err_set(e, EINVAL, "\"%.*s\" ends before it begins", SLICE_ARG(text));
	*ret = r;
	return 0;
}

static void read_exclude(const struct policy_in *in, struct policy *x, struct buf *bad)
{
	struct err e = { 0 };
	for (size_t i = 0; i < in->n_exclude; i++) {
		struct range r;
		if (read_range(slice_trim(slice_of(in->exclude[i])), &r, &e) < 0)
			flaw(bad, "spec.exclude[%zu]: %s", i, e.msg);
		else
			range_set_add(&x->exclude, r);
	}
}

static void read_watermark(const struct policy_in *in, struct policy *x, struct buf *bad)
{
	x->low = -1;
	if (!in->low_watermark)
		return;
	struct slice text = slice_trim(slice_of(in->low_watermark));
	const bool percent = text.len && text.ptr[text.len - 1] == '%';
	uint64_t n;
	if (slice_to_u64((struct slice){ text.ptr, text.len - percent }, &n) < 0 || n > INT64_MAX ||
	    (percent && n > 100)) {
		flaw_quoting(bad, "spec.lowWatermark", in->low_watermark,
			     "is neither a number of addresses nor 0% to 100%");
		return;
	}
	x->low = (int64_t)n;
	x->low_is_percent = percent;
}

static void read_reuse(const struct policy_in *in, struct policy *x, struct buf *bad)
{
	x->reuse_after = -1;
	x->reuse_early = in->reuse_early;
	if (in->reuse_after && duration_parse(slice_of(in->reuse_after), &x->reuse_after) < 0) {
		x->reuse_after = -1;
		flaw_quoting(bad, "spec.reuseAfter", in->reuse_after,
			     "is no duration such as 10m, 1h30m or 0s");
	}
}

/* False: it cannot be read and does not count. */
static bool read_quota(const struct quota_in *in, size_t at, struct quota *ret, struct buf *bad)
{
	struct err e = { 0 };
	*ret = (struct quota){ .max = in->max_addresses };
	if (in->has_selector == (in->n_namespaces > 0)) {
		flaw(bad,
		     "spec.quotas[%zu]: %s of namespaceSelector and namespaces is set, and exactly one is "
		     "needed",
		     at, in->has_selector ? "each" : "none");
		return false;
	}
	if (in->has_selector) {
		ret->has_selector = true;
		if (read_selector(in->matches, in->n_matches, &ret->selector, &e) == 0)
			return true;
		selector_done(&ret->selector);
		flaw(bad, "spec.quotas[%zu].namespaceSelector: %s", at, e.msg);
		return false;
	}
	ret->namespaces = xmalloc(in->n_namespaces * sizeof(char *));
	for (size_t i = 0; i < in->n_namespaces; i++)
		ret->namespaces[ret->n++] = xstrdup(in->namespaces[i]);
	return true;
}

static void read_quotas(const struct policy_in *in, struct policy *x, struct buf *bad)
{
	x->quotas = in->n_quotas ? xcalloc(in->n_quotas, sizeof(*x->quotas)) : NULL;
	for (size_t i = 0; i < in->n_quotas; i++)
		if (read_quota(&in->quotas[i], i, &x->quotas[x->n_quotas], bad))
			x->n_quotas++;
}

static struct policy *read_policy(const struct policy_in *in)
{
	struct policy *x = xcalloc(1, sizeof(*x));
	CLEANUP(buf_done) struct buf bad = BUF_INIT(FLAW_MAX);
	read_target(in, x, &bad);
	read_exclude(in, x, &bad);
	read_reuse(in, x, &bad);
	read_watermark(in, x, &bad);
	read_quotas(in, x, &bad);
	x->priority = in->priority;
	x->auto_assign = in->auto_assign;
	x->protect = in->protect;
	x->keep = in->keep;
	x->flaw = bad.len || bad.overflow ? xstrdup(buf_str(&bad)) : NULL;
	return x;
}

/* ---- comparing --------------------------------------------------------------------------------------- */

static bool same_quotas(const struct policy *a, const struct policy *b)
{
	if (a->n_quotas != b->n_quotas)
		return false;
	for (size_t i = 0; i < a->n_quotas; i++) {
		const struct quota *x = &a->quotas[i], *y = &b->quotas[i];
		if (x->has_selector != y->has_selector || x->max != y->max || x->n != y->n ||
		    !selector_eq(&x->selector, &y->selector))
			return false;
		for (size_t j = 0; j < x->n; j++)
			if (strcmp(x->namespaces[j], y->namespaces[j]) != 0)
				return false;
	}
	return true;
}

static bool same_rules(const struct policy *a, const struct policy *b)
{
	return same_text(a->pool_name, b->pool_name) && a->has_selector == b->has_selector &&
	       selector_eq(&a->selector, &b->selector) && a->priority == b->priority &&
	       range_set_eq(&a->exclude, &b->exclude) && a->reuse_after == b->reuse_after &&
	       a->reuse_early == b->reuse_early && a->auto_assign == b->auto_assign &&
	       a->protect == b->protect && a->keep == b->keep && a->low == b->low &&
	       a->low_is_percent == b->low_is_percent && same_text(a->flaw, b->flaw) && same_quotas(a, b);
}

/* Exchanges what the spec says, and nothing of what is known about the object. */
static void swap_rules(struct policy *x, struct policy *y)
{
	struct policy was = *x;
	x->pool_name = y->pool_name;
	x->selector = y->selector;
	x->has_selector = y->has_selector;
	x->priority = y->priority;
	x->exclude = y->exclude;
	x->reuse_after = y->reuse_after;
	x->reuse_early = y->reuse_early;
	x->auto_assign = y->auto_assign;
	x->protect = y->protect;
	x->keep = y->keep;
	x->low = y->low;
	x->low_is_percent = y->low_is_percent;
	x->quotas = y->quotas;
	x->n_quotas = y->n_quotas;
	x->flaw = y->flaw;
	y->pool_name = was.pool_name;
	y->selector = was.selector;
	y->exclude = was.exclude;
	y->quotas = was.quotas;
	y->n_quotas = was.n_quotas;
	y->flaw = was.flaw;
	y->keep = was.keep;
}

/* ---- taking over ------------------------------------------------------------------------------------- */

/* They stand in the order of their names. */
static struct policy *policy_add(struct ipam *m, const char *name)
{
	struct policy *x = xcalloc(1, sizeof(*x));
	x->name = xstrdup(name);
	x->low = x->reuse_after = -1;
	x->auto_assign = x->reuse_early = true;
	vec_grow(&m->policies, &m->cap_policies, m->n_policies + 1);
	size_t at = m->n_policies++;
	for (; at > 0 && strcmp(m->policies[at - 1]->name, name) > 0; at--)
		m->policies[at] = m->policies[at - 1];
	m->policies[at] = x;
	return x;
}

/* What was read for it is about to change: whoever it was about is to be asked again. */
static void rules_change(struct ipam *m, const struct policy *x)
{
	for (size_t i = 0; i < m->n_pools; i++)
		if (m->pools[i]->policy == x)
			m->pools[i]->rules_changed = true;
	m->pools_changed = true;
}

/* Has it a say in what holders keep of what their pools have lost? Also where it merely goes before one that
 * lets them: of those that name a pool which has gone the first counts. */
static bool is_about_keeping(const struct ipam *m, const struct policy *x)
{
	for (size_t i = 0; i < m->n_policies && !x->keep; i++)
		if (m->policies[i]->keep && x->pool_name &&
		    same_text(m->policies[i]->pool_name, x->pool_name))
			return true;
	return x->keep;
}

void ipam_policy(struct ipam *m, const struct policy_in *in, struct moment now)
{
	struct policy *x = policy_find(m, in->name);
	if (in->by == TOLD_BY_ANSWER && (!x || !same_text(x->uid, in->uid)))
		return;
	const bool fresh = !x;
	if (!x)
		x = policy_add(m, in->name);
	x->seen = true;
	/* An answer may come after the watch has told of a later change. */
	if (same_text(x->uid, in->uid) && version_older(in->resource_version, x->rv))
		return;
	str_replace(&x->uid, in->uid);
	str_replace(&x->rv, in->resource_version);
	if (x->stale_rv && !same_text(x->rv, x->stale_rv)) {
		str_replace(&x->stale_rv, NULL);
		x->status_at = now.mono;
	}
	conditions_take(&x->seen_conditions, policy_conditions, n_policy_conditions, in->conditions,
			in->n_conditions);
	x->generation = in->generation;
	x->dirty = true;
	struct policy *told = read_policy(in);
	if (fresh || !same_rules(x, told)) {
		rules_change(m, x);
		swap_rules(x, told);
		x->changed = true;
		if (is_about_keeping(m, x) || is_about_keeping(m, told))
			policies_revalidate(m);
	}
	policy_free(told);
}

void ipam_policy_deleted(struct ipam *m, const char *name, struct moment now)
{
	(void)now;
	struct policy *x = policy_find(m, name);
	if (!x)
		return;
	rules_change(m, x);
	if (is_about_keeping(m, x))
		policies_revalidate(m);
	for (size_t i = 0; i < m->n_pools; i++)
		if (m->pools[i]->policy == x)
			m->pools[i]->policy = NULL;
	for (unsigned i = 0; i < m->config.max_in_flight; i++)
		if (m->flights[i].used && m->flights[i].policy == x)
			m->flights[i].policy = NULL;
	for (size_t i = 0; i < m->n_policies; i++) {
		if (m->policies[i] != x)
			continue;
		memmove(m->policies + i, m->policies + i + 1, (m->n_policies - i - 1) * sizeof(*m->policies));
		m->n_policies--;
		break;
	}
	policy_free(x);
}

/* ---- Namespaces ---------------------------------------------------------------------------------------- */

static bool same_labels(const struct namespace *n, const struct label *labels, size_t n_labels)
{
	if (n->n_labels != n_labels)
		return false;
	for (size_t i = 0; i < n_labels; i++)
		if (!same_text(n->labels[i].key, labels[i].key) ||
		    !same_text(n->labels[i].value, labels[i].value))
			return false;
	return true;
}

void ipam_namespace(struct ipam *m, const char *name, const struct label *labels, size_t n, struct moment now)
{
	(void)now;
	struct namespace *x = map_get(&m->namespaces, name);
	const bool fresh = !x;
	if (!x) {
		x = xcalloc(1, sizeof(*x));
		x->name = xstrdup(name);
		map_put(&m->namespaces, x->name, x);
	}
	x->seen = true;
	if (!fresh && same_labels(x, labels, n))
		return;
	labels_take(m, &x->labels, &x->n_labels, labels, n);
	quota_relabelled(m, name);
}

void ipam_namespace_deleted(struct ipam *m, const char *name, struct moment now)
{
	(void)now;
	struct namespace *x = map_del(&m->namespaces, name);
	if (!x)
		return;
	quota_relabelled(m, name);
	namespace_free(m, x);
}
