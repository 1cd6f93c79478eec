/* What the core knows about why. Every answer comes from the functions that decide. */
#include "core/decide.h"
#include "core/ledger.h"
#include "core/may_keep.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/reservation.h"
#include "core/service.h"

bool ipam_explain(struct ipam *m, const char *namespace, const char *name, const struct ipam_trace *t,
		  struct ipam_wish *ret)
{
	struct service *s = service_find(m, namespace, name);
	if (!s || s->gone)
		return false;
	pools_refresh(m);
	decide(m, s, t);
	struct family_wish w = service_families(m, s);
	*ret = (struct ipam_wish){
		.ours = s->wanted,
		.deleting = s->deleting,
		.has_requests = service_has_requests(s),
		.one_is_enough = w.one_is_enough,
		.sharing_key = s->extra ? s->extra->sharing_key : NULL,
		.pools = s->extra ? s->extra->pools : NULL,
	};
	for (int f = 0; f < FAMILIES; f++) {
		ret->want[f] = w.want[f];
		ret->off[f] = w.off[f];
	}
	return true;
}

static void add_classes(const struct ipam *m, struct buf *out)
{
	for (char **c = m->classes; *c; c++)
		buf_addf(out, "%s%s", c == m->classes ? "" : ", ", *c);
}

static const char annotation[] = "io.cilium.operator.external-ips";

bool ipam_opt_in_is_bad(const struct ipam *m, const char *namespace, const char *name, struct buf *out)
{
	const struct service *s = service_find(m, namespace, name);
	if (!s || !s->is_lb || !s->extra || !s->extra->opt_in_bad)
		return false;
	buf_addf(out, "its annotation %s is \"%s\", which is no boolean", annotation, s->extra->opt_in_bad);
	return true;
}

enum not_ours ipam_not_ours(const struct ipam *m, const char *namespace, const char *name, struct buf *out)
{
	static const char label[] = "service.kubernetes.io/service-proxy-name";
	const struct service *s = service_find(m, namespace, name);
	if (!s)
		return OURS;
	switch ((enum not_ours)s->not_ours) {
	case OURS:
		break;
	case OF_OTHER_TYPE:
		buf_add_str(out, "its type is not LoadBalancer");
		break;
	case OF_OTHER_PROXY:
		if (m->proxy_name[0])
			buf_addf(out, "it has no label %s=%s (--k8s-service-proxy-name)", label,
				 m->proxy_name);
		else
			buf_addf(out, "the label %s gives it to another proxy (--k8s-service-proxy-name)",
				 label);
		break;
	case OF_OTHER_CLASS:
		buf_addf(out, "its spec.loadBalancerClass is %s, and ours is ", s->class);
		add_classes(m, out);
		break;
	case CLASSLESS:
		buf_add_str(out,
			    "it has no spec.loadBalancerClass, and --default-lb-service-ipam leaves those to "
			    "somebody else");
		break;
	case CLASS_NEEDED:
		buf_add_str(out, "--service-opt-in=class wants a spec.loadBalancerClass: ");
		add_classes(m, out);
		break;
	case NOT_OPTED_IN:
		buf_addf(out,
			 "it has neither the annotation %s: \"true\" nor a spec.loadBalancerClass of ours",
			 annotation);
		break;
	case OPTED_OUT:
		buf_addf(out, "its annotation %s is false", annotation);
		break;
	case OPT_IN_NO_BOOL:
		(void)ipam_opt_in_is_bad(m, namespace, name, out);
		break;
	}
	return (enum not_ours)s->not_ours;
}

void ipam_explain_status(struct ipam *m, const char *namespace, const char *name,
			 void (*fn)(void *arg, struct ip ip, const char *why), void *arg)
{
	const struct service *s = service_find(m, namespace, name);
	pools_refresh(m);
	for (size_t i = 0; s && i < s->n_ingress; i++) {
		struct ip ip = s->ingress[i].ip;
		if (!s->ingress[i].has_ip)
			continue;
		const struct addr *a = ledger_get(m, ip);
		bool held = a && service_holds(s, a);
		fn(arg, ip, held ? may_keep(m, s, ip) : adopt_refused(m, s, ip));
	}
}

bool ipam_pool_text(struct ipam *m, size_t i, struct pool_text *ret, struct buf *ret_selector)
{
	if (i >= m->n_pools)
		return false;
	const struct pool *p = m->pools[i];
	selector_format(&p->selector, ret_selector);
	*ret = (struct pool_text){
		.flaw = p->flaw == FLAW_NAME       ? POOL_BAD_NAME
			: p->flaw == FLAW_BLOCK    ? POOL_BAD_BLOCK
			: p->flaw == FLAW_SELECTOR ? POOL_BAD_SELECTOR
			: p->conflicting           ? POOL_OVERLAPS
						   : POOL_IN_ORDER,
		.disorder = p->flaw          ? p->flaw_text
			    : p->conflicting ? p->conflict_text
					     : NULL,
		.remark = p->host_bits ? p->host_bits : p->carved,
	};
	return true;
}

const char *ipam_policy_flaw(const struct ipam *m, const char *name)
{
	const struct policy *x = policy_find(m, name);
	return x ? x->flaw : NULL;
}

const char *ipam_reservation_flaw(const struct ipam *m, const char *name)
{
	const struct reservation *r = map_get(&m->reservations, name);
	return r ? r->flaw : NULL;
}
