#include "core/contest.h"

#include "core/ledger.h"
#include "core/notice.h"
#include "core/queue.h"

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

bool contest_is_overwritten(const struct service *s, const struct service_in *in)
{
	if (in->ingress_ours || !s->wanted)
		return false;
	for (size_t i = 0; i < s->n_held; i++) {
		struct ip ip = s->held[i].addr->ip;
		if (service_shows(s, ip) && !told(in, ip))
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
			"%s%s%s writes over the addresses of this Service again and again; berth leaves it "
			"alone for ten minutes and keeps them reserved. Switch off one of the two, for "
			"Cilium by enable-lb-ipam=false or defaultLBServiceIPAM: none",
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
	bool shown = s->n_held > 0;
	for (size_t i = 0; i < s->n_held; i++)
		shown = shown && service_shows(s, s->held[i].addr->ip);
	if (!s->wanted || shown) {
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
