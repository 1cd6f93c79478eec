/* Leader election in virtual time: one elector by itself, then several against a server that loses answers.
 */
#include "kube/lease.h"

#include "lib/test.h"

enum { DURATION = 15000, DEADLINE = 10000, RETRY = 2000 };

static struct lease_config config(const char *identity)
{
	return (struct lease_config){ identity, DURATION, DEADLINE, RETRY, 1 };
}

static struct lease *elector(const char *identity)
{
	struct lease_config c = config(identity);
	return lease_new(&c);
}

/* A record as `holder` leaves it; `text` stands for all of it. */
static struct lease_record record(const char *version, const char *holder, const char *text)
{
	return (struct lease_record){ .version = version,
				      .text = text,
				      .holder = holder,
				      .acquired = "then",
				      .duration = holder[0] ? DURATION / 1000 : 1,
				      .transitions = 7 };
}

#define DUE(l, now, action) assert_int_equal(lease_next((l), (now)).what, (action))
#define WAITS_UNTIL(l, now, at)                                \
	do {                                                   \
		struct lease_step s_ = lease_next((l), (now)); \
		assert_int_equal(s_.what, LEASE_WAIT);         \
		assert_int_equal(s_.wake_at, (at));            \
	} while (0)

static void answer(struct lease *l, const char *version, const char *holder, const char *text, msec now)
{
	struct lease_record r = record(version, holder, text);
	lease_answer(l, LEASE_DONE, &r, now);
}

static void seen(struct lease *l, const char *version, const char *holder, const char *text, msec now)
{
	struct lease_record r = record(version, holder, text);
	lease_seen(l, &r, now);
}

/* Has read at 0 that `holder` has it, and watches. */
static struct lease *follower_of(const char *holder)
{
	struct lease *l = elector("me");
	lease_watched(l, true);
	DUE(l, 0, LEASE_READ);
	answer(l, "1", holder, "a", 0);
	return l;
}

static struct lease *leader(void)
{
	struct lease *l = follower_of("");
	DUE(l, 0, LEASE_UPDATE);
	answer(l, "2", "me", "b", 0);
	assert_true(lease_leads(l, 0));
	return l;
}

static void the_first_one_creates_it(void **state)
{
	struct lease *l = elector("me");
	assert_false(lease_known(l));
	DUE(l, 0, LEASE_READ);
	WAITS_UNTIL(l, 0, -1);
	lease_answer(l, LEASE_GONE, NULL, 5);
	assert_true(lease_known(l));
	struct lease_step s = lease_next(l, 5);
	assert_int_equal(s.what, LEASE_CREATE);
	assert_null(s.version);
	assert_null(s.acquired);
	assert_string_equal(s.holder, "me");
	assert_int_equal(s.duration, 15);
	assert_int_equal(s.transitions, 0);
	answer(l, "1", "me", "a", 20);
	assert_true(lease_leads(l, 20));
	/* From the sending, not from the answer. */
	assert_int_equal(lease_leads_until(l), 5 + DEADLINE);
	WAITS_UNTIL(l, 20, 5 + RETRY);
	lease_free(l);
}

static void a_renewal_keeps_since_when_and_how_often(void **state)
{
	struct lease *l = leader();
	WAITS_UNTIL(l, 1, RETRY);
	struct lease_step s = lease_next(l, RETRY);
	assert_int_equal(s.what, LEASE_UPDATE);
	assert_string_equal(s.version, "2");
	assert_string_equal(s.holder, "me");
	assert_string_equal(s.acquired, "then");
	assert_int_equal(s.transitions, 7);
	lease_free(l);
}

static void taking_over_counts_and_says_since_when(void **state)
{
	struct lease *l = follower_of("other");
	struct lease_step s = lease_next(l, DURATION);
	assert_int_equal(s.what, LEASE_UPDATE);
	assert_string_equal(s.version, "1");
	assert_null(s.acquired);
	assert_int_equal(s.transitions, 8);
	lease_free(l);
}

static void a_follower_waits_from_the_last_change_that_it_saw(void **state)
{
	struct lease *l = follower_of("other");
	WAITS_UNTIL(l, 0, DURATION);
	seen(l, "2", "other", "b", 2000);
	WAITS_UNTIL(l, 2000, 2000 + DURATION);
	/* Another version of the same record: somebody put a label on it. */
	seen(l, "3", "other", "b", 9000);
	WAITS_UNTIL(l, 9000, 2000 + DURATION);
	assert_string_equal(lease_next(l, 2000 + DURATION).version, "3");
	lease_free(l);
}

static void the_duration_is_the_one_in_the_record(void **state)
{
	struct lease *l = follower_of("other");
	struct lease_record r = record("2", "other", "b");
	r.duration = 60;
	lease_seen(l, &r, 0);
	WAITS_UNTIL(l, 0, 60000);
	r.duration = 0;
	r.text = "c";
	lease_seen(l, &r, 0);
	WAITS_UNTIL(l, 0, DURATION);
	lease_free(l);
}

static void a_release_is_taken_up_at_once(void **state)
{
	struct lease *l = follower_of("other");
	seen(l, "2", "", "b", 3000);
	DUE(l, 3000, LEASE_UPDATE);
	lease_free(l);
}

static void what_is_lost_to_another_is_read(void **state)
{
	struct lease *l = follower_of("");
	DUE(l, 0, LEASE_UPDATE);
	lease_answer(l, LEASE_CONFLICT, NULL, 10);
	DUE(l, 10, LEASE_READ);
	answer(l, "3", "other", "c", 20);
	assert_int_equal(lease_state(l), LEASE_FOLLOWING);
	assert_string_equal(lease_holder(l), "other");
	WAITS_UNTIL(l, 20, 20 + DURATION);
	lease_free(l);
}

static void a_server_that_always_says_conflict_is_not_hurried(void **state)
{
	struct lease *l = follower_of("");
	int requests = 0;
	for (msec now = 0; now < 60000; now += 10) {
		struct lease_step s = lease_next(l, now);
		if (s.what == LEASE_WAIT)
			continue;
		requests++;
		if (s.what == LEASE_READ)
			answer(l, "1", "", "a", now);
		else
			lease_answer(l, LEASE_CONFLICT, NULL, now);
	}
	assert_in_range(requests, 20, 70);
	lease_free(l);
}

static void without_a_watch_it_is_read_every_so_often(void **state)
{
	struct lease *l = follower_of("other");
	lease_watched(l, false);
	int reads = 0;
	for (msec now = 0; now < 100000; now += 10) {
		if (lease_next(l, now).what != LEASE_READ)
			continue;
		char text[24];
		(void)snprintf(text, sizeof(text), "%d", reads++);
		answer(l, text, "other", text, now);
	}
	assert_in_range(reads, 100000 / (RETRY * 11 / 5) - 1, 100000 / RETRY);
	lease_free(l);
}

static void failures_of_a_follower_are_spread(void **state)
{
	struct lease *l = elector("me");
	msec last = 0;
	bool differ = false;
	for (msec now = 0, gap = 0; now < 60000; now++) {
		if (lease_next(l, now).what == LEASE_WAIT)
			continue;
		if (now > 0) {
			assert_in_range(now - last, RETRY, RETRY * 11 / 5 + 1);
			differ = differ || (gap && gap != now - last);
			gap = now - last;
		}
		last = now;
		lease_answer(l, LEASE_FAILED, NULL, now);
	}
	assert_true(differ);
	assert_false(lease_known(l));
	lease_free(l);
}

static void a_leader_that_cannot_renew_is_silent_in_time(void **state)
{
	struct lease *l = leader();
	int tries = 0;
	for (msec now = 0; now < DEADLINE; now += 10) {
		assert_true(lease_leads(l, now));
		if (lease_next(l, now).what == LEASE_WAIT)
			continue;
		tries++;
		lease_answer(l, LEASE_FAILED, NULL, now);
	}
	assert_int_equal(tries, DEADLINE / RETRY - 1);
	assert_false(lease_leads(l, DEADLINE));
	DUE(l, DEADLINE, LEASE_OVER);
	assert_int_equal(lease_state(l), LEASE_LOST);
	assert_non_null(strstr(lease_why(l), "renew deadline"));
	/* And never again. */
	seen(l, "9", "", "z", DEADLINE + 1);
	DUE(l, DEADLINE + 100000, LEASE_OVER);
	lease_free(l);
}

static void an_answer_that_never_comes_does_not_hide_the_deadline(void **state)
{
	struct lease *l = leader();
	DUE(l, RETRY, LEASE_UPDATE);
	WAITS_UNTIL(l, RETRY, DEADLINE);
	DUE(l, DEADLINE, LEASE_OVER);
	lease_free(l);
}

static void an_answer_that_comes_too_late_does_not_count(void **state)
{
	struct lease *l = leader();
	DUE(l, RETRY, LEASE_UPDATE);
	/* The process stood still; the renewal itself was in time. */
	answer(l, "3", "me", "c", DEADLINE + 5);
	assert_int_equal(lease_state(l), LEASE_LOST);
	lease_free(l);

	l = follower_of("");
	DUE(l, 0, LEASE_UPDATE);
	answer(l, "2", "me", "b", DEADLINE);
	assert_int_equal(lease_state(l), LEASE_FOLLOWING);
	/* It is ours all the same: no need to wait. */
	DUE(l, DEADLINE, LEASE_UPDATE);
	answer(l, "3", "me", "c", DEADLINE + 5);
	assert_true(lease_leads(l, DEADLINE + 5));
	lease_free(l);
}

static void an_old_event_does_not_depose_but_is_looked_into(void **state)
{
	struct lease *l = leader();
	seen(l, "1", "other", "a", 100);
	assert_true(lease_leads(l, 100));
	DUE(l, 100, LEASE_READ);
	answer(l, "2", "me", "b", 110);
	assert_true(lease_leads(l, 110));
	WAITS_UNTIL(l, 110, RETRY);
	lease_free(l);
}

static void another_holder_deposes_at_once(void **state)
{
	struct lease *l = leader();
	seen(l, "3", "other", "c", 100);
	DUE(l, 100, LEASE_READ);
	answer(l, "3", "other", "c", 110);
	assert_false(lease_leads(l, 110));
	assert_int_equal(lease_state(l), LEASE_LOST);
	assert_non_null(strstr(lease_why(l), "other"));
	lease_free(l);
}

static void a_deleted_lease_is_made_again_by_its_leader_before_others_may(void **state)
{
	struct lease *l = leader(), *f = follower_of("other");
	lease_seen(l, NULL, 500);
	lease_seen(f, NULL, 500);
	WAITS_UNTIL(f, 500, 500 + DURATION);
	DUE(l, 500, LEASE_READ);
	lease_answer(l, LEASE_GONE, NULL, 510);
	struct lease_step s = lease_next(l, 510);
	assert_int_equal(s.what, LEASE_CREATE);
	assert_string_equal(s.acquired, "then");
	assert_int_equal(s.transitions, 7);
	answer(l, "9", "me", "z", 520);
	assert_true(lease_leads(l, 520));
	DUE(f, 500 + DURATION, LEASE_CREATE);
	lease_free(l);
	lease_free(f);
}

static void a_missing_namespace_is_not_hurried(void **state)
{
	struct lease *l = elector("me");
	int requests = 0;
	for (msec now = 0; now < 60000; now += 10) {
		if (lease_next(l, now).what == LEASE_WAIT)
			continue;
		requests++;
		lease_answer(l, LEASE_GONE, NULL, now);
	}
	assert_in_range(requests, 10, 32);
	lease_free(l);
}

static void a_release_empties_the_holder_and_ends(void **state)
{
	struct lease *l = leader();
	lease_release(l);
	assert_false(lease_leads(l, 10));
	struct lease_step s = lease_next(l, 10);
	assert_int_equal(s.what, LEASE_UPDATE);
	assert_string_equal(s.holder, "");
	assert_string_equal(s.version, "2");
	assert_int_equal(s.duration, 1);
	assert_int_equal(s.transitions, 7);
	assert_null(s.acquired);
	answer(l, "3", "", "c", 20);
	DUE(l, 20, LEASE_OVER);
	assert_int_equal(lease_state(l), LEASE_RELEASED);
	lease_free(l);
}

static void a_release_waits_for_the_renewal_on_its_way(void **state)
{
	struct lease *l = leader();
	DUE(l, RETRY, LEASE_UPDATE);
	lease_release(l);
	WAITS_UNTIL(l, RETRY, -1);
	answer(l, "3", "me", "c", RETRY + 10);
	assert_string_equal(lease_next(l, RETRY + 10).version, "3");
	/* Its answer is lost, and another has it by now: that must not be undone. */
	lease_answer(l, LEASE_FAILED, NULL, RETRY + 20);
	DUE(l, 3 * RETRY, LEASE_READ);
	answer(l, "5", "other", "e", 3 * RETRY + 10);
	DUE(l, 3 * RETRY + 10, LEASE_OVER);
	lease_free(l);
}

static void a_follower_that_stops_leaves_no_lease_behind(void **state)
{
	struct lease *l = follower_of("other");
	lease_release(l);
	DUE(l, 0, LEASE_OVER);
	lease_free(l);

	l = follower_of("");
	DUE(l, 0, LEASE_UPDATE);
	lease_release(l);
	WAITS_UNTIL(l, 0, -1);
	answer(l, "2", "me", "b", 10);
	assert_false(lease_leads(l, 10));
	assert_string_equal(lease_next(l, 10).holder, "");
	lease_free(l);

	l = follower_of("");
	DUE(l, 0, LEASE_UPDATE);
	lease_release(l);
	lease_answer(l, LEASE_CONFLICT, NULL, 10);
	DUE(l, 10, LEASE_READ);
	answer(l, "4", "other", "d", 20);
	DUE(l, 20, LEASE_OVER);
	lease_free(l);
}

/* ---- several at once ---- */

enum { ELECTORS = 4, FLIGHTS = 64, EVENTS = 4096, STEPS = 120000, STEP = 25 /* ms */ };

struct sim_record {
	int version; /* 0 = there is no Lease */
	char holder[24];
	int64_t duration, transitions;
	int writes; /* makes each text another */
};

/* A request on its way to the server, or its answer on the way back. */
struct flight {
	bool used, at_server, lost; /* lost: nobody waits for the answer */
	int elector, life;
	msec at;
	enum lease_action what;
	char holder[24];
	int version;
	int64_t duration, transitions;
	enum lease_outcome outcome;
	struct sim_record record;
};

struct sim_elector {
	struct lease *lease;
	int life;        /* it was started so often; answers to an earlier life go nowhere */
	msec clock;      /* its clock less ours */
	msec frozen;     /* it does not run until then */
	msec dead_until; /* 0 = alive */
	msec cut_until;  /* nothing it sends arrives */
	msec deadline;   /* of the request under way; 0 = none */
	int heard;       /* events of the watch that it has seen */
	msec deaf_until;
};

struct sim {
	struct rng rng;
	struct sim_record now;
	struct sim_record history[EVENTS];
	int n_history;
	struct sim_elector e[ELECTORS];
	struct flight flights[FLIGHTS];
	int takeovers, losses, releases;
	bool calm; /* nothing is late or lost */
};

static msec up_to(struct sim *s, msec n)
{
	return (msec)rng_below(&s->rng, (uint64_t)n + 1);
}

static struct lease_record seen_as(const struct sim_record *r, char version[16], char text[64])
{
	(void)snprintf(version, 16, "%d", r->version);
	(void)snprintf(text, 64, "%s %d", r->holder, r->writes);
	return (struct lease_record){ .version = version,
				      .text = text,
				      .holder = r->holder,
				      .acquired = "then",
				      .duration = r->duration,
				      .transitions = r->transitions };
}

static void start(struct sim *s, int i)
{
	struct sim_elector *e = &s->e[i];
	char identity[24];
	(void)snprintf(identity, sizeof(identity), "e%d-%d", i, ++e->life);
	struct lease_config c = config(identity);
	c.seed = rng_next(&s->rng);
	e->lease = lease_new(&c);
	e->dead_until = e->frozen = e->cut_until = e->deadline = 0;
	e->clock = up_to(s, 1000000000);
	e->heard = s->n_history;
}

static void stop(struct sim *s, int i, msec now)
{
	lease_free(s->e[i].lease);
	s->e[i].lease = NULL;
	s->e[i].dead_until = now + 1 + up_to(s, 20000);
}

static void carry_out(struct sim *s, struct flight *f, msec now)
{
	f->outcome = LEASE_DONE;
	if (f->what == LEASE_READ) {
		if (s->now.version == 0)
			f->outcome = LEASE_GONE;
	} else if (f->what == LEASE_CREATE ? s->now.version != 0 : s->now.version != f->version) {
		f->outcome = s->now.version ? LEASE_CONFLICT : LEASE_GONE;
	} else {
		struct sim_record r = { .version = s->now.version + 1,
					.duration = f->duration,
					.transitions = f->transitions,
					.writes = s->now.writes + 1 };
		(void)snprintf(r.holder, sizeof(r.holder), "%s", f->holder);
		s->takeovers += r.holder[0] && strcmp(r.holder, s->now.holder) != 0;
		s->releases += !r.holder[0];
		s->now = r;
		s->history[s->n_history++ % EVENTS] = r;
	}
	f->record = s->now;
	f->at_server = false;
	/* Most answers come at once, some late, some never. */
	f->at = now + (s->calm || rng_below(&s->rng, 20) ? up_to(s, 60) : up_to(s, 9000));
	f->lost = f->lost || (!s->calm && rng_below(&s->rng, 25) == 0);
}

static void deliver(struct sim *s, struct flight *f, msec now)
{
	struct sim_elector *e = &s->e[f->elector];
	f->used = false;
	if (f->lost || !e->lease || e->life != f->life || now < e->cut_until)
		return;
	char version[16], text[64];
	struct lease_record r = seen_as(&f->record, version, text);
	e->deadline = 0;
	lease_answer(e->lease, f->outcome, f->outcome == LEASE_DONE ? &r : NULL, now + e->clock);
}

static void send_request(struct sim *s, int i, const struct lease_step *st, msec now)
{
	struct sim_elector *e = &s->e[i];
	e->deadline = now + lease_timeout(e->lease);
	for (int k = 0; k < FLIGHTS; k++) {
		struct flight *f = &s->flights[k];
		if (f->used)
			continue;
		*f = (struct flight){ .used = true, .at_server = true, .elector = i, .life = e->life };
		f->what = st->what;
		f->duration = st->duration;
		f->transitions = st->transitions;
		f->version = st->version ? atoi(st->version) : 0;
		(void)snprintf(f->holder, sizeof(f->holder), "%s", st->holder ? st->holder : "");
		/* A request may sleep in some buffer for minutes and be carried out all the same. */
		f->at = now + (s->calm || rng_below(&s->rng, 25) ? up_to(s, 60) : up_to(s, 40000));
		if (now < e->cut_until)
			f->used = false;
		return;
	}
	fail_msg("too many requests under way");
}

static void hear(struct sim *s, struct sim_elector *e, msec now)
{
	if (now < e->deaf_until || now < e->cut_until)
		return;
	while (e->heard < s->n_history) {
		char version[16], text[64];
		struct lease_record r = seen_as(&s->history[e->heard++ % EVENTS], version, text);
		lease_seen(e->lease, &r, now + e->clock);
		if (rng_below(&s->rng, 4) == 0)
			return; /* the rest comes later */
	}
}

static void run_elector(struct sim *s, int i, msec now)
{
	struct sim_elector *e = &s->e[i];
	if (!e->lease) {
		if (now >= e->dead_until)
			start(s, i);
		return;
	}
	if (now < e->frozen)
		return;
	if (e->deadline && now >= e->deadline) {
		/* Whatever comes of it now, nobody waits for it. */
		for (int k = 0; k < FLIGHTS; k++)
			if (s->flights[k].used && s->flights[k].elector == i && s->flights[k].life == e->life)
				s->flights[k].lost = true;
		e->deadline = 0;
		lease_answer(e->lease, LEASE_FAILED, NULL, now + e->clock);
	}
	lease_watched(e->lease, now >= e->deaf_until);
	hear(s, e, now);
	struct lease_step st = lease_next(e->lease, now + e->clock);
	if (st.what == LEASE_OVER) {
		s->losses += lease_state(e->lease) == LEASE_LOST;
		stop(s, i, now);
	} else if (st.what != LEASE_WAIT) {
		send_request(s, i, &st, now);
	}
}

static void trouble(struct sim *s, msec now)
{
	struct sim_elector *e = &s->e[rng_below(&s->rng, ELECTORS)];
	if (!e->lease)
		return;
	switch (rng_below(&s->rng, 6)) {
	case 0:
		e->frozen = now + up_to(s, 30000);
		break;
	case 1:
		e->cut_until = now + up_to(s, 30000);
		break;
	case 2:
		e->deaf_until = now + up_to(s, 60000);
		break;
	case 3:
		lease_release(e->lease);
		break;
	case 4: /* it crashes */
		stop(s, (int)(e - s->e), now);
		break;
	default: /* the wall clock jumps, which nothing looks at */
		break;
	}
}

static void check_one_leader(const struct sim *s, msec now)
{
	int leaders = 0;
	for (int i = 0; i < ELECTORS; i++)
		leaders += s->e[i].lease && lease_leads(s->e[i].lease, now + s->e[i].clock);
	assert_in_range(leaders, 0, 1);
}

static void two_never_write_at_once(void **state)
{
	struct sim *s = xcalloc(1, sizeof(*s));
	s->rng = test_rng("two_never_write_at_once");
	msec now = 0, led = 0;
	for (int step = 0; step < STEPS; step++) {
		now += 1 + up_to(s, STEP);
		for (int k = 0; k < FLIGHTS; k++)
			if (s->flights[k].used && now >= s->flights[k].at) {
				if (s->flights[k].at_server)
					carry_out(s, &s->flights[k], now);
				else if (now >= s->e[s->flights[k].elector].frozen)
					deliver(s, &s->flights[k], now);
			}
		for (int i = 0; i < ELECTORS; i++) {
			run_elector(s, i, now);
			check_one_leader(s, now);
			led += s->e[i].lease && lease_leads(s->e[i].lease, now + s->e[i].clock) ? 1 : 0;
		}
		if (rng_below(&s->rng, 200) == 0)
			trouble(s, now);
	}
	/* It is no proof if nobody ever led, or nothing ever went wrong. */
	assert_true(s->takeovers > 10 && s->losses > 3 && s->releases > 3);
	assert_true(led > STEPS / 10);
	for (int i = 0; i < ELECTORS; i++)
		lease_free(s->e[i].lease);
	free(s);
}

static void one_leads_soon_after_all_trouble_is_over(void **state)
{
	struct sim *s = xcalloc(1, sizeof(*s));
	s->rng = test_rng("one_leads_soon_after_all_trouble_is_over");
	s->calm = true;
	for (int i = 0; i < ELECTORS; i++)
		start(s, i);
	struct lease_config c = config("crashed");
	(void)snprintf(s->now.holder, sizeof(s->now.holder), "%s", c.identity);
	s->now.version = 1;
	s->now.duration = DURATION / 1000;
	msec now = 0, first = 0;
	while (now < 60000 && !first) {
		now += 10;
		for (int k = 0; k < FLIGHTS; k++)
			if (s->flights[k].used && now >= s->flights[k].at) {
				if (s->flights[k].at_server)
					carry_out(s, &s->flights[k], now);
				else
					deliver(s, &s->flights[k], now);
			}
		for (int i = 0; i < ELECTORS; i++) {
			run_elector(s, i, now);
			if (lease_leads(s->e[i].lease, now + s->e[i].clock))
				first = now;
		}
		check_one_leader(s, now);
	}
	/* They must wait the duration, and no more than some requests longer. */
	assert_in_range(first, DURATION, DURATION + 500);
	for (int i = 0; i < ELECTORS; i++)
		lease_free(s->e[i].lease);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_one_creates_it),
		cmocka_unit_test(a_renewal_keeps_since_when_and_how_often),
		cmocka_unit_test(taking_over_counts_and_says_since_when),
		cmocka_unit_test(a_follower_waits_from_the_last_change_that_it_saw),
		cmocka_unit_test(the_duration_is_the_one_in_the_record),
		cmocka_unit_test(a_release_is_taken_up_at_once),
		cmocka_unit_test(what_is_lost_to_another_is_read),
		cmocka_unit_test(a_server_that_always_says_conflict_is_not_hurried),
		cmocka_unit_test(without_a_watch_it_is_read_every_so_often),
		cmocka_unit_test(failures_of_a_follower_are_spread),
		cmocka_unit_test(a_leader_that_cannot_renew_is_silent_in_time),
		cmocka_unit_test(an_answer_that_never_comes_does_not_hide_the_deadline),
		cmocka_unit_test(an_answer_that_comes_too_late_does_not_count),
		cmocka_unit_test(an_old_event_does_not_depose_but_is_looked_into),
		cmocka_unit_test(another_holder_deposes_at_once),
		cmocka_unit_test(a_deleted_lease_is_made_again_by_its_leader_before_others_may),
		cmocka_unit_test(a_missing_namespace_is_not_hurried),
		cmocka_unit_test(a_release_empties_the_holder_and_ends),
		cmocka_unit_test(a_release_waits_for_the_renewal_on_its_way),
		cmocka_unit_test(a_follower_that_stops_leaves_no_lease_behind),
		cmocka_unit_test(two_never_write_at_once),
		cmocka_unit_test(one_leads_soon_after_all_trouble_is_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
