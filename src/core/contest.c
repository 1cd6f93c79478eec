#include "core/contest.h"

#include "core/condition.h"
#include "core/ledger.h"
#include "core/notice.h"
#include "core/queue.h"
#include "core/settle.h"

enum { TWICE_WITHIN = 60 * 1000, REST = 600 * 1000 };

struct contest {
	msec last;       /* monotonic: when it was overwritten last, or tried again */
	msec rest_until; /* monotonic; 0 = it does not rest */
};

static bool told(const struct service_in *in, struct ip ip)
{
	for (size_t i = 0; i < in->n_ingress; i++)
		if (in->ingress[i].has_ip && ip_eq(in->ingress[i].ip, ip))
			return true;
	return false;
}

/* The list was exactly what was given, and is not any more. */
static bool list_is_spoilt(const struct service *s, const struct service_in *in)
{
	bool told_so = in->n_ingress == s->n_held;
	for (size_t i = 0; i < s->n_held; i++) {
		struct ip ip = s->held[i].addr->ip;
		if (s->n_ingress != s->n_held || !s->ingress[i].has_ip || !ip_eq(s->ingress[i].ip, ip))
			return false;
		told_so = told_so && in->ingress[i].has_ip && ip_eq(in->ingress[i].ip, ip);
	}
	return s->n_held > 0 && !told_so;
}

static bool address_is_lost(const struct service *s, const struct service_in *in)
{
	for (size_t i = 0; i < s->n_held; i++) {
		struct ip ip = s->held[i].addr->ip;
		if (service_shows(s, ip) && !told(in, ip))
			return true;
	}
	return false;
}

static bool condition_is_spoilt(const struct service *s, const struct service_in *in)
{
	/* Of one that is gone the API keeps nobody's name. */
	return in->by != TOLD_BY_ANSWER && (in->condition_manager || in->condition == COND_ABSENT) &&
	       s->decided && !s->mute && !condition_differs(s) &&
	       (in->condition != (enum condition_status)s->condition_seen ||
		!same_text(in->reason, s->reason_seen) ||
		!same_text(in->message ? in->message : "", s->message_seen ? s->message_seen : ""));
}

bool contest_is_overwritten(const struct service *s, const struct service_in *in, const char **ret_manager)
{
	/* Of one that is no load balancer any more the API server itself clears the list. */
	if (!s->wanted || !in->is_load_balancer)
		return false;
	if (!in->ingress_ours && (address_is_lost(s, in) || list_is_spoilt(s, in))) {
		*ret_manager = in->ingress_manager;
		return true;
	}
	if (condition_is_spoilt(s, in)) {
		*ret_manager = in->condition_manager;
		return true;
	}
	return false;
}

void contest_yield(struct service *s, const struct service_in *in)
{
	for (size_t i = 0; in->n_ingress && i < s->n_held; i++) {
		struct ip ip = s->held[i].addr->ip;
		if (service_shows(s, ip) && !told(in, ip))
			s->held[i].confirmed = false;
	}
}

void contest_note(struct ipam *m, struct service *s, const char *manager, struct moment now)
{
	struct contest *c = s->contest;
	if (!c) {
		s->contest = c = xcalloc(1, sizeof(*c));
	} else if (c->rest_until) {
		return;
	} else if (now.mono - c->last <= TWICE_WITHIN) {
		c->rest_until = now.mono + REST;
		notice_service(
			m, s, true, "Contended",
			"%s%s%s writes over the status of this Service again and again; berth leaves it "
			"alone for ten minutes and keeps its addresses reserved. Switch off one of the two, "
			"for Cilium by enable-lb-ipam=false or defaultLBServiceIPAM: none",
			manager ? "Manager \"" : "Another manager", manager ? manager : "",
			manager ? "\"" : "");
	}
	c->last = now.mono;
}

bool contest_rests(struct ipam *m, struct service *s, struct moment now)
{
	struct contest *c = s->contest;
	if (!c || !c->rest_until)
		return false;
	size_t n;
	if (!s->wanted || !(ingress_differs(m, s, &n) || condition_differs(s))) {
		contest_end(s);
		return false;
	}
	if (now.mono >= c->rest_until) {
		/* If it is overwritten soon again, once is enough. */
		c->last = now.mono;
		c->rest_until = 0;
		return false;
	}
	timer_set(m, s, c->rest_until);
	return true;
}

bool contest_is_open(const struct service *s)
{
	return s->contest && s->contest->rest_until;
}

void contest_end(struct service *s)
{
	free(s->contest);
	s->contest = NULL;
}

/* ---- pools -----------------------------------------------------------------------------------------------
 */

static bool says_the_same(const struct pool_condition *c, const struct pool_in *in)
{
	for (size_t i = 0; i < in->n_conditions; i++) {
		const struct condition_in *x = &in->conditions[i];
		if (same_text(x->type, c->type))
			return x->status == c->status && same_text(x->reason ? x->reason : "", c->reason) &&
			       same_text(x->message ? x->message : "", c->message);
	}
	return false;
}

void contest_pool_note(struct ipam *m, struct pool *p, const struct pool_in *in, struct moment now)
{
	bool spoilt = false;
	if (in->by == TOLD_BY_ANSWER) {
		p->shows_ours = true;
		return;
	}
	for (size_t i = 0; p->shows_ours && in->condition_manager && i < p->seen_conditions.n; i++)
		spoilt = spoilt || !says_the_same(&p->seen_conditions.item[i], in);
	if (!spoilt)
		return;
	p->shows_ours = false;
	if (p->spoilt_at && now.mono - p->spoilt_at <= TWICE_WITHIN) {
		p->rest_until = now.mono + REST;
		notice_pool(m, p, true, "Contended",
			    "Manager \"%s\" writes over the conditions of this pool again and again; berth "
			    "leaves "
			    "them alone for ten minutes. Switch off one of the two, for Cilium by "
			    "enable-lb-ipam=false",
			    in->condition_manager);
	}
	p->spoilt_at = now.mono;
}

bool contest_pool_rests(struct pool *p, struct moment now)
{
	if (p->rest_until && p->rest_until <= now.mono) {
		p->rest_until = 0;
		p->spoilt_at = now.mono; /* if they are overwritten soon again, once is enough */
	}
	return p->rest_until > 0;
}
