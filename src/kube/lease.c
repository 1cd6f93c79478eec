#include "kube/lease.h"

#include "base/mem.h"
#include "base/rand.h"

#include <stdio.h>
#include <string.h>

enum { RELEASED_DURATION = 1 /* s; as the Go client library writes it */ };

struct lease {
	char *identity;
	msec duration, renew_deadline, retry_period;
	struct rng rng;
	enum lease_state state;

	/* The record as last seen. */
	bool known, exists;
	char *version, *text, *holder, *acquired;
	int64_t seconds, transitions;
	msec seen_at;   /* when it was first seen to look so */
	msec looked_at; /* when it was last asked for */
	bool watched;

	enum lease_action pending; /* LEASE_WAIT = nothing is on its way */
	msec sent_at;
	msec not_before;    /* of the next request */
	msec poll_every;    /* jittered anew each time */
	bool doubted;       /* while leading: a watch told of another holder, perhaps long ago */
	bool must_read;     /* the version that we know is not the newest */
	unsigned conflicts; /* since the record was seen to change */

	msec leads_until;
	msec renew_at;
	char why[LEASE_WHY_MAX];
};

const char *lease_state_name(enum lease_state s)
{
	static const char *const names[] = {
		[LEASE_FOLLOWING] = "following", [LEASE_LEADING] = "leading", [LEASE_RELEASING] = "releasing",
		[LEASE_RELEASED] = "released",   [LEASE_LOST] = "lost",
	};
	return names[s];
}

/* The retry period and up to 1.2 times as much again, as the Go client library spreads it. */
static msec jittered(struct lease *l)
{
	return l->retry_period + (msec)rng_below(&l->rng, (uint64_t)(l->retry_period * 6 / 5 + 1));
}

struct lease *lease_new(const struct lease_config *c)
{
	struct lease *l = xcalloc(1, sizeof(*l));
	l->identity = xstrdup(c->identity);
	l->duration = c->duration;
	l->renew_deadline = c->renew_deadline;
	l->retry_period = c->retry_period;
	l->rng.state = c->seed;
	l->version = xstrdup("");
	l->text = xstrdup("");
	l->holder = xstrdup("");
	l->acquired = xstrdup("");
	l->poll_every = jittered(l);
	return l;
}

void lease_free(struct lease *l)
{
	if (!l)
		return;
	free(l->identity);
	free(l->version);
	free(l->text);
	free(l->holder);
	free(l->acquired);
	free(l);
}

/* ---- what is ---- */

static bool is_ours(const struct lease *l, const char *holder)
{
	return strcmp(holder, l->identity) == 0;
}

static void take(struct lease *l, const struct lease_record *r, msec now)
{
	/* A Lease that was deleted may have a holder that has not noticed: it counts as changed now, and
	 * its last duration is waited for. */
	bool changed = !l->known || l->exists != (r != NULL) || (r && strcmp(r->text, l->text) != 0);
	if (changed) {
		l->seen_at = now;
		l->conflicts = 0;
	}
	l->exists = r != NULL;
	l->known = true;
	if (!r)
		return;
	str_replace(&l->version, r->version);
	str_replace(&l->text, r->text);
	str_replace(&l->holder, r->holder);
	str_replace(&l->acquired, r->acquired);
	l->seconds = r->duration;
	l->transitions = r->transitions;
}

static void lose(struct lease *l, const char *why)
{
	l->state = LEASE_LOST;
	(void)snprintf(l->why, sizeof(l->why), "%s", why);
}

static void lose_to(struct lease *l, const char *holder)
{
	char why[LEASE_WHY_MAX];
	(void)snprintf(why, sizeof(why), "the Lease is held by \"%s\"", holder);
	lose(l, why);
}

/* A leader that did nothing for so long, or heard nothing, is none any more. */
static void check_deadline(struct lease *l, msec now)
{
	if (l->state == LEASE_LEADING && now >= l->leads_until)
		lose(l, "the Lease could not be renewed within the renew deadline");
}

void lease_seen(struct lease *l, const struct lease_record *r, msec now)
{
	if (l->state == LEASE_FOLLOWING) {
		take(l, r, now);
		l->must_read = false;
		return;
	}
	/* What a watch tells may be older than the answer that made us leader: only a read can say. */
	if (l->state == LEASE_LEADING && (!r || !is_ours(l, r->holder))) {
		l->doubted = true;
		l->not_before = now;
	}
}

/* ---- answers ---- */

static void on_read(struct lease *l, const struct lease_record *r, msec now)
{
	l->must_read = l->doubted = false;
	l->looked_at = now;
	l->poll_every = jittered(l);
	if (l->state == LEASE_FOLLOWING) {
		take(l, r, now);
	} else if (r && !is_ours(l, r->holder)) {
		if (l->state == LEASE_LEADING)
			lose_to(l, r->holder[0] ? r->holder : "nobody");
		else
			l->state = LEASE_RELEASED;
	} else {
		take(l, r, now);
		if (l->state == LEASE_RELEASING && !r)
			l->state = LEASE_RELEASED;
		else if (l->state == LEASE_LEADING && !r)
			l->renew_at = now;
	}
}

static void on_written(struct lease *l, const struct lease_record *r, msec now)
{
	take(l, r, now);
	l->must_read = false;
	l->looked_at = now;
	l->not_before = 0;
	l->conflicts = 0;
	if (l->state == LEASE_RELEASING) {
		if (!is_ours(l, r->holder))
			l->state = LEASE_RELEASED;
		return;
	}
	/* Counted from the sending: whoever sees it, sees it later. */
	l->leads_until = l->sent_at + l->renew_deadline;
	l->renew_at = l->sent_at + l->retry_period;
	if (now < l->leads_until)
		l->state = LEASE_LEADING;
}

void lease_answer(struct lease *l, enum lease_outcome o, const struct lease_record *r, msec now)
{
	enum lease_action was = l->pending;
	l->pending = LEASE_WAIT;
	check_deadline(l, now);
	if (l->state == LEASE_RELEASED || l->state == LEASE_LOST)
		return;
	msec pause = l->state == LEASE_FOLLOWING ? jittered(l) : l->retry_period;
	if (o == LEASE_DONE && was == LEASE_READ) {
		on_read(l, r, now);
	} else if (o == LEASE_DONE) {
		on_written(l, r, now);
	} else if (o == LEASE_GONE && was != LEASE_CREATE) {
		on_read(l, NULL, now);
	} else if (o == LEASE_CONFLICT) {
		l->must_read = true;
		/* The first is ordinary: somebody was faster. A server that goes on saying so is not asked
		 * again at once. */
		if (l->conflicts++ > 0)
			l->not_before = l->sent_at + pause;
	} else {
		l->not_before = l->sent_at + pause;
		/* It may be ours or not: what is not must not be released. */
		if (l->state == LEASE_RELEASING)
			l->must_read = true;
	}
}

/* ---- what is due ---- */

static struct lease_step wait_until(msec at)
{
	return (struct lease_step){ .what = LEASE_WAIT, .wake_at = at };
}

static struct lease_step send(struct lease *l, enum lease_action what, msec now)
{
	l->pending = what;
	l->sent_at = now;
	return (struct lease_step){ .what = what, .wake_at = -1 };
}

/* Whole seconds, rounded up: the others wait for what stands in the record. */
static int64_t duration_seconds(const struct lease *l)
{
	return (l->duration + 999) / 1000;
}

static struct lease_step write_record(struct lease *l, bool release, msec now)
{
	struct lease_step s = send(l, l->exists ? LEASE_UPDATE : LEASE_CREATE, now);
	bool keep = l->state != LEASE_FOLLOWING || is_ours(l, l->holder);
	s.version = l->exists ? l->version : NULL;
	s.holder = release ? "" : l->identity;
	s.duration = release ? RELEASED_DURATION : duration_seconds(l);
	s.transitions = l->transitions;
	if (!keep && l->exists)
		s.transitions = l->transitions < INT32_MAX ? l->transitions + 1 : 0;
	s.acquired = keep && !release && l->acquired[0] ? l->acquired : NULL;
	return s;
}

static struct lease_step next_of_leader(struct lease *l, msec now)
{
	bool read = l->must_read || l->doubted;
	msec due = read ? l->not_before : l->renew_at > l->not_before ? l->renew_at : l->not_before;
	if (now < due)
		return wait_until(due < l->leads_until ? due : l->leads_until);
	struct lease_step s = read ? send(l, LEASE_READ, now) : write_record(l, false, now);
	s.wake_at = l->leads_until;
	return s;
}

static struct lease_step next_of_release(struct lease *l, msec now)
{
	if (!l->exists && !l->must_read) {
		l->state = LEASE_RELEASED;
		return (struct lease_step){ .what = LEASE_OVER, .wake_at = -1 };
	}
	if (now < l->not_before)
		return wait_until(l->not_before);
	return l->must_read ? send(l, LEASE_READ, now) : write_record(l, true, now);
}

/* From when on anybody may take it, as far as we have seen. */
static msec free_at(const struct lease *l)
{
	if (l->holder[0] == '\0' || (l->exists && is_ours(l, l->holder)))
		return l->seen_at;
	return l->seen_at + (l->seconds > 0 ? l->seconds * 1000 : l->duration);
}

static struct lease_step next_of_follower(struct lease *l, msec now)
{
	msec due = free_at(l);
	bool read = !l->known || l->must_read;
	if (read)
		due = now;
	else if (!l->watched && l->looked_at + l->poll_every < due) {
		due = l->looked_at + l->poll_every;
		read = true;
	}
	if (due < l->not_before)
		due = l->not_before;
	if (now < due)
		return wait_until(due);
	return read ? send(l, LEASE_READ, now) : write_record(l, false, now);
}

struct lease_step lease_next(struct lease *l, msec now)
{
	check_deadline(l, now);
	if (l->state == LEASE_RELEASED || l->state == LEASE_LOST)
		return (struct lease_step){ .what = LEASE_OVER, .wake_at = -1 };
	if (l->pending != LEASE_WAIT)
		return wait_until(l->state == LEASE_LEADING ? l->leads_until : -1);
	if (l->state == LEASE_LEADING)
		return next_of_leader(l, now);
	if (l->state == LEASE_RELEASING)
		return next_of_release(l, now);
	return next_of_follower(l, now);
}

/* ---- the end, and questions ---- */

void lease_release(struct lease *l)
{
	/* A write whose answer is out may still make it ours. */
	bool writing = l->pending == LEASE_CREATE || l->pending == LEASE_UPDATE;
	if (l->state == LEASE_LEADING || (l->state == LEASE_FOLLOWING && writing)) {
		l->must_read = l->must_read || l->state == LEASE_FOLLOWING;
		l->state = LEASE_RELEASING;
		l->not_before = 0;
	} else if (l->state == LEASE_FOLLOWING) {
		l->state = LEASE_RELEASED;
	}
}

void lease_watched(struct lease *l, bool watched)
{
	l->watched = watched;
}

bool lease_leads(const struct lease *l, msec now)
{
	return l->state == LEASE_LEADING && now < l->leads_until;
}

msec lease_leads_until(const struct lease *l)
{
	return l->leads_until;
}

msec lease_timeout(const struct lease *l)
{
	return l->renew_deadline / 2;
}

enum lease_state lease_state(const struct lease *l)
{
	return l->state;
}

const char *lease_holder(const struct lease *l)
{
	return l->holder;
}

const char *lease_acquired(const struct lease *l)
{
	return l->acquired;
}

const char *lease_why(const struct lease *l)
{
	return l->why;
}

bool lease_known(const struct lease *l)
{
	return l->known;
}
