/* From the answers of the pools to what somebody could do about them. */
#include "plan/explain.h"

enum { ADVICE_MAX = 16 * 1024 };

static const struct explained_pool *pool_that(const struct explanation *x, enum family f, enum pool_answer a)
{
	for (size_t i = 0; i < x->n_pools; i++)
		if (x->pools[i].by[f].asked && x->pools[i].by[f].answer == a)
			return &x->pools[i];
	return NULL;
}

static const struct explained_pool *pool_named(const struct explanation *x, const char *name)
{
	for (size_t i = 0; name && i < x->n_pools; i++)
		if (strcmp(x->pools[i].name, name) == 0)
			return &x->pools[i];
	return NULL;
}

static bool says(const struct explained_pool *p, enum family f, const char *what)
{
	return p->by[f].what && strstr(p->by[f].what, what);
}

/* ---- what one pool could do ------------------------------------------------------------------------- */

static void advise_off(const struct explained_pool *p, enum family f, struct buf *out)
{
	if (says(p, f, "is disabled"))
		buf_addf(out, "set spec.disabled of pool \"%s\" to false", p->name);
	else if (p->disorder && says(p, f, "conflict"))
		buf_addf(out, "take the overlap out of pool \"%s\": %s", p->name, p->disorder);
	else if (p->disorder)
		buf_addf(out, "correct pool \"%s\": %s", p->name, p->disorder);
	else if (says(p, f, "being deleted"))
		buf_addf(out, "create another pool, as \"%s\" is being deleted", p->name);
	else if (says(p, f, "is switched off"))
		buf_add_str(out, "create a pool for it, or say --external-ips-from-cluster-pool");
	else
		buf_add_str(out, "see that the operator can read the pools again");
}

/* Whom a quota of 0 holds up nobody can help by giving something back. */
static void advise_quota(const struct explained_pool *p, enum family f, struct buf *out)
{
	buf_addf(out, "raise spec.quotas of IPPoolPolicy \"%s\"", p->policy ? p->policy : "");
	if (!says(p, f, "has no address for the namespace"))
		buf_addf(out,
			 ", or delete another Service of this namespace that has an address of pool \"%s\"",
			 p->name);
}

static void advise_cooling(const struct explained_pool *p, struct buf *out)
{
	buf_addf(out, "wait, or shorten spec.reuseAfter or allow spec.reuseEarly in IPPoolPolicy \"%s\"",
		 p->policy ? p->policy : "");
}

static void advise_labels(const struct explained_pool *p, struct buf *out)
{
	buf_addf(out, "give the Service the labels that pool \"%s\" selects (%s)", p->name, p->selector);
}

/* How a pool could come to give an address of the family, the nearest way first. */
static void advise_pools(const struct explanation *x, enum family f, struct buf *out)
{
	const struct explained_pool *p;
	const char *family = family_name(f);
	if ((p = pool_that(x, f, POOL_FULL)) && strcmp(p->name, "cluster-pool") == 0) {
		buf_addf(out, "add a network to --cluster-pool-ipv%s-cidr", f == IPV4 ? "4" : "6");
	} else if (p) {
		buf_addf(out, "add a block of %s addresses to pool \"%s\"", family, p->name);
	} else if ((p = pool_that(x, f, POOL_QUOTA))) {
		advise_quota(p, f, out);
	} else if ((p = pool_that(x, f, POOL_COOLS))) {
		advise_cooling(p, out);
	} else if ((p = pool_that(x, f, POOL_ONLY_ASKED))) {
		/* Whoever names a pool, or asks for an address, gets nothing from elsewhere. */
		buf_addf(out, "name pool \"%s\" in the annotation berth.dev/pool, %s", p->name,
			 x->wish.want[family_other(f)] ? "with that of its other family"
						       : "or ask for an address of it");
	} else if ((p = pool_that(x, f, POOL_OFF))) {
		advise_off(p, f, out);
	} else if ((p = pool_that(x, f, POOL_NOT_SELECTING))) {
		advise_labels(p, out);
		buf_add_str(out, ", or widen its selector");
	} else if (x->pools_named && (p = pool_that(x, f, POOL_UNNAMED))) {
		buf_addf(out, "name pool \"%s\" in berth.dev/pool too, or take that annotation away",
			 p->name);
	} else if ((p = pool_that(x, f, POOL_OTHER_FAMILY))) {
		buf_addf(out, "add a block of %s addresses to pool \"%s\"", family, p->name);
	} else {
		buf_addf(out, "create a CiliumLoadBalancerIPPool with a block of %s addresses", family);
	}
}

/* ---- an address by name ------------------------------------------------------------------------------ */

/* What helps whatever stands against the address. */
static void advise_another(const struct explained_request *r, struct buf *out)
{
	if (r->reservation)
		buf_addf(out, "change or delete IPReservation \"%s\"", r->reservation);
	else
		buf_addf(out, "ask for another address than %s", r->item);
}

static void advise_no_pool(const struct explained_request *r, const struct explained_pool *p, enum family f,
			   struct buf *out)
{
	if (p && r->answer == POOL_UNNAMED) {
		buf_addf(out, "name pool \"%s\" in berth.dev/pool too", p->name);
	} else if (p && r->answer == POOL_OFF) {
		advise_off(p, f, out);
	} else if (r->reservation) {
		buf_addf(out, "add %s to a pool, or ", r->item);
		advise_another(r, out);
	} else {
		buf_addf(out, "add %s to a pool, or ask for an address that is in one", r->item);
	}
}

static void advise_taken(const struct explained_request *r, struct buf *out)
{
	advise_another(r, out);
	if (r->answer == POOL_SPARES)
		buf_add_str(out, r->reservation ? "" : ", which is the first or last of its block");
	else
		buf_addf(out, ", or have %s freed where it is", r->reservation ? r->item : "it");
}

static void advise_request(const struct explanation *x, const struct explained_request *r, struct buf *out)
{
	struct ip ip;
	const bool valid = ip_parse(slice_of(r->item), &ip, NULL) == 0;
	const enum family f = valid ? (enum family)ip.family : IPV4;
	const struct explained_pool *p = pool_named(x, r->pool);
	if (r->reason == REASON_INVALID_REQUEST) {
		buf_addf(out, "correct what it asks for: %s", r->why);
	} else if (r->reason == REASON_INCOMPATIBLE) {
		buf_add_str(out, "make the two Services fit for sharing, or ");
		advise_another(r, out);
	} else if (r->reason == REASON_COOLING_DOWN) {
		buf_addf(out, "wait until %s is free for all, or ", r->item);
		advise_another(r, out);
	} else if (r->reason == REASON_QUOTA_EXCEEDED && p) {
		advise_quota(p, f, out);
	} else if (r->reason == REASON_ALREADY_ALLOCATED) {
		advise_taken(r, out);
	} else if (r->reason == REASON_SELECTOR_MISMATCH && p) {
		advise_labels(p, out);
		if (r->reservation) {
			buf_add_str(out, ", or ");
			advise_another(r, out);
		} else {
			buf_add_str(out, ", or ask for an address of a pool that selects it");
		}
	} else if (r->reason == REASON_NO_POOL) {
		advise_no_pool(r, p, f, out);
	} else {
		advise_another(r, out);
	}
}

/* ---- all that is missing ------------------------------------------------------------------------------- */

/* Each thing once. */
static void add(struct buf *all, const struct buf *one)
{
	if (!strstr(buf_str(all), buf_str(one)))
		buf_addf(all, "%s%s", all->len ? "; and " : "", buf_str(one));
}

static bool is_reserved(const struct explanation *x, enum family f)
{
	struct ip ip;
	for (size_t i = 0; i < x->n_requests; i++)
		if (x->requests[i].reservation && ip_parse(slice_of(x->requests[i].item), &ip, NULL) == 0 &&
		    ip.family == f)
			return true;
	return false;
}

static bool has_family(const struct explanation *x, enum family f)
{
	struct slice rest = slice_of(x->after), one;
	struct ip ip;
	while (slice_cut(&rest, ',', &one))
		if (ip_parse(one, &ip, NULL) == 0 && ip.family == f)
			return true;
	return false;
}

static bool is_missing(const struct explanation *x, enum family f)
{
	return x->wish.want[f] && !x->wish.has_requests && !is_reserved(x, f) && !has_family(x, f);
}

/* What its sharing group has, and could give where it fits. */
static void advise_sharing(const struct explanation *x, enum family f, struct buf *out)
{
	struct ip ip;
	for (size_t i = 0; i < x->n_shares; i++) {
		const struct explained_share *s = &x->shares[i];
		if (!s->why || ip_parse(slice_of(s->ip), &ip, NULL) < 0 || ip.family != f)
			continue;
		buf_addf(out, "make it fit to share %s with %s (%s), or ", s->ip, s->with, s->why);
		return;
	}
}

static void advise_family(const struct explanation *x, enum family f, struct buf *out)
{
	if (x->wish.off[f]) {
		buf_addf(out, "start the operator with --enable-%s, or let the Service want %s alone",
			 f == IPV4 ? "ipv4" : "ipv6", family_name(family_other(f)));
	} else if (strcmp(x->reason, ipam_reason_name(REASON_POOL_NOT_FOUND)) == 0) {
		buf_addf(out, "create the pool that is missing, or correct berth.dev/pool: %s",
			 x->pools_named);
	} else {
		advise_sharing(x, f, out);
		advise_pools(x, f, out);
	}
}

static void advise_waiting(const struct explanation *x, struct buf *out)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT(ADVICE_MAX);
	for (size_t i = 0; i < x->n_requests; i++) {
		CLEANUP(buf_done) struct buf one = BUF_INIT(ADVICE_MAX);
		if (!x->requests[i].why)
			continue;
		advise_request(x, &x->requests[i], &one);
		add(&all, &one);
	}
	for (int f = 0; f < FAMILIES; f++) {
		CLEANUP(buf_done) struct buf one = BUF_INIT(ADVICE_MAX);
		if (!is_missing(x, (enum family)f))
			continue;
		advise_family(x, (enum family)f, &one);
		add(&all, &one);
	}
	buf_add_slice(out, buf_slice(&all));
}

static void advise_ours(const struct explanation *x, struct buf *out)
{
	switch (x->not_ours) {
	case OF_OTHER_TYPE:
		buf_add_str(out, "set spec.type to LoadBalancer");
		break;
	case OF_OTHER_PROXY:
		buf_add_str(out, "change its label service.kubernetes.io/service-proxy-name");
		break;
	case OF_OTHER_CLASS:
		buf_add_str(out, "create it anew with a class of ours, as spec.loadBalancerClass cannot be "
				 "changed");
		break;
	case CLASSLESS:
	case CLASS_NEEDED:
		buf_add_str(out, "create it anew with spec.loadBalancerClass");
		break;
	case OURS:
	case NOT_OPTED_IN:
	case OPTED_OUT:
	case OPT_IN_NO_BOOL:
		buf_addf(out,
			 "kubectl annotate --overwrite service -n %s %s io.cilium.operator.external-ips=true",
			 x->namespace, x->name);
		break;
	}
}

char *explain_advice(const struct explanation *x)
{
	struct buf out = BUF_INIT(2 * ADVICE_MAX);
	if (x->not_ours != OURS) {
		buf_add_str(&out, "If berth is to serve it: ");
		advise_ours(x, &out);
	} else if (x->wish.deleting) {
		buf_add_str(&out,
			    "Nothing is to be done: it is being deleted, and keeps what it has until then");
	} else if (!x->satisfied) {
		buf_add_str(&out, "To do: ");
		advise_waiting(x, &out);
	} else if (x->wish.one_is_enough && x->wish.want[IPV4] && x->wish.want[IPV6] &&
		   !strstr(x->after, ",") && !x->wish.has_requests) {
		buf_addf(&out, "Nothing has to be done, as one family is enough; for %s too: ",
			 family_name(has_family(x, IPV4) ? IPV6 : IPV4));
		advise_waiting(x, &out);
	} else if (strcmp(x->before, x->after) == 0) {
		buf_addf(&out, "Nothing is to be done: it has %s", x->after);
	} else {
		buf_addf(&out, "Nothing is to be done: the operator gives it %s", x->after);
	}
	buf_add_char(&out, '.');
	return buf_take(&out);
}
