/* From the answers of the pools to what somebody could do about them. */
#include "plan/explain.h"

enum { ADVICE_MAX = 4 * 1024 };

static const struct explained_pool *pool_that(const struct explanation *x, enum family f, enum pool_answer a)
{
	for (size_t i = 0; i < x->n_pools; i++)
		if (x->pools[i].by[f].asked && x->pools[i].by[f].answer == a)
			return &x->pools[i];
	return NULL;
}

static bool says(const struct explained_pool *p, enum family f, const char *what)
{
	return p->by[f].what && strstr(p->by[f].what, what);
}

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
	else
		buf_add_str(out, "see that the operator can read the pools again");
}

/* How a pool could come to give an address of the family, the nearest way first. */
static void advise_pools(const struct explanation *x, enum family f, struct buf *out)
{
	const struct explained_pool *p;
	const char *family = family_name(f);
	if ((p = pool_that(x, f, POOL_FULL)) && strcmp(p->name, "cluster-pool") == 0)
		buf_addf(out, "add a network to --cluster-pool-ipv%s-cidr", f == IPV4 ? "4" : "6");
	else if (p)
		buf_addf(out, "add a block of %s addresses to pool \"%s\"", family, p->name);
	else if ((p = pool_that(x, f, POOL_QUOTA)))
		buf_addf(out,
			 "raise spec.quotas of the IPPoolPolicy of pool \"%s\", or delete a Service of this "
			 "namespace that has an address of it",
			 p->name);
	else if ((p = pool_that(x, f, POOL_COOLS)))
		buf_addf(out,
			 "wait, or shorten spec.reuseAfter or allow spec.reuseEarly in the IPPoolPolicy of "
			 "pool "
			 "\"%s\"",
			 p->name);
	else if ((p = pool_that(x, f, POOL_ONLY_ASKED)))
		buf_addf(out,
			 "name pool \"%s\" in the annotation berth.dev/pool, or ask for an address of it",
			 p->name);
	else if ((p = pool_that(x, f, POOL_OFF)))
		advise_off(p, f, out);
	else if ((p = pool_that(x, f, POOL_NOT_SELECTING)))
		buf_addf(out,
			 "give the Service the labels that pool \"%s\" selects (%s), or widen its selector",
			 p->name, p->selector);
	else if (x->pools_named && (p = pool_that(x, f, POOL_UNNAMED)))
		buf_addf(out, "name pool \"%s\" in berth.dev/pool too, or take that annotation away",
			 p->name);
	else if ((p = pool_that(x, f, POOL_OTHER_FAMILY)))
		buf_addf(out, "add a block of %s addresses to pool \"%s\"", family, p->name);
	else
		buf_addf(out, "create a CiliumLoadBalancerIPPool with a block of %s addresses", family);
}

static enum family missing_family(const struct explanation *x)
{
	/* A family that was asked for and that nobody gives or has given. */
	for (int f = 0; f < FAMILIES; f++) {
		const enum family g = (enum family)f;
		if (x->wish.want[g] && !x->wish.off[g] && !pool_that(x, g, POOL_HAS) &&
		    !pool_that(x, g, POOL_GIVES) && !pool_that(x, g, POOL_NOT_NEEDED))
			return g;
	}
	return x->wish.want[IPV4] ? IPV4 : IPV6;
}

/* The last request that failed: its reason is that of the Service. */
static const struct explained_request *failed_request(const struct explanation *x)
{
	for (size_t i = x->n_requests; i-- > 0;)
		if (x->requests[i].why)
			return &x->requests[i];
	return NULL;
}

static void advise_request(const struct explanation *x, const struct explained_request *r, struct buf *out)
{
	struct ip ip;
	const bool valid = ip_parse(slice_of(r->item), &ip, NULL) == 0;
	const enum family f = valid ? (enum family)ip.family : IPV4;
	const struct explained_pool *p;
	if (!valid)
		buf_addf(out, "correct what it asks for: %s", r->why);
	else if (strcmp(x->reason, ipam_reason_name(REASON_INCOMPATIBLE)) == 0)
		buf_addf(out, "make the two Services fit for sharing, or ask for another address than %s",
			 r->item);
	else if (strcmp(x->reason, ipam_reason_name(REASON_RESERVED)) == 0)
		buf_addf(out, "ask for another address than %s", r->item);
	else if (strcmp(x->reason, ipam_reason_name(REASON_COOLING_DOWN)) == 0)
		buf_addf(out, "wait until %s is free for all, or ask for another address", r->item);
	else if (strcmp(x->reason, ipam_reason_name(REASON_QUOTA_EXCEEDED)) == 0)
		advise_pools(x, f, out);
	else if (strcmp(x->reason, ipam_reason_name(REASON_ALREADY_ALLOCATED)) == 0 &&
		 pool_that(x, f, POOL_SPARES))
		buf_addf(out, "ask for an address that is neither the first nor the last of its block");
	else if (strcmp(x->reason, ipam_reason_name(REASON_ALREADY_ALLOCATED)) == 0)
		buf_addf(out, "ask for another address than %s, or have it freed where it is", r->item);
	else if ((p = pool_that(x, f, POOL_NOT_SELECTING)))
		buf_addf(
			out,
			"give the Service the labels that pool \"%s\" selects (%s), or ask for an address of "
			"a pool that selects it",
			p->name, p->selector);
	else if ((p = pool_that(x, f, POOL_UNNAMED)))
		buf_addf(out, "name pool \"%s\" in berth.dev/pool too", p->name);
	else if ((p = pool_that(x, f, POOL_OFF)))
		advise_off(p, f, out);
	else
		buf_addf(out, "add %s to a pool, or ask for an address that is in one", r->item);
}

static void advise_waiting(const struct explanation *x, struct buf *out)
{
	const struct explained_request *r = failed_request(x);
	if (r) {
		advise_request(x, r, out);
	} else if (strcmp(x->reason, ipam_reason_name(REASON_FAMILY_DISABLED)) == 0) {
		const enum family f = x->wish.off[IPV4] ? IPV4 : IPV6;
		buf_addf(out, "start the operator with --enable-%s, or let the Service want %s alone",
			 f == IPV4 ? "ipv4" : "ipv6", family_name(family_other(f)));
	} else if (strcmp(x->reason, ipam_reason_name(REASON_POOL_NOT_FOUND)) == 0) {
		buf_addf(out, "create the pool that is missing, or correct berth.dev/pool: %s",
			 x->pools_named);
	} else {
		advise_pools(x, missing_family(x), out);
	}
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
	struct buf out = BUF_INIT(ADVICE_MAX);
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
		enum family f = missing_family(x);
		buf_addf(&out,
			 "Nothing has to be done, as one family is enough; for %s too: ", family_name(f));
		advise_pools(x, f, &out);
	} else if (strcmp(x->before, x->after) == 0) {
		buf_addf(&out, "Nothing is to be done: it has %s", x->after);
	} else {
		buf_addf(&out, "Nothing is to be done: the operator gives it %s", x->after);
	}
	buf_add_char(&out, '.');
	return buf_take(&out);
}
