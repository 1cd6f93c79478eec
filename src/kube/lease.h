/* Leader election over a Lease (coordination.k8s.io/v1), as pure steps: no I/O, no clock, no log. lease_io
 * carries the steps out. The rules of the record are those of the Go client library's LeaseLock.
 *
 * Clocks of two machines are never compared. Whoever holds the Lease may write until `renew_deadline` after
 *it sent the renewal that was the last to be answered. Whoever wants it waits until the record has stood
 * unchanged for the duration that it names, by its own clock, since it saw it. A renewal is seen no earlier
 * than it was sent, and the deadline is shorter than the duration: so the two never write at once.
 *
 *	lease_next()	what is due: wait, read, create, update, or it is over
 *	lease_seen()	the record as a watch told it
 *	lease_answer()	how the request that lease_next() asked for has ended
 *	lease_leads()	may this process write, now?
 *
 * All times but `wall` are of one local clock that goes on while the machine sleeps. */
#pragma once

#include "base/err.h"
#include "base/times.h"

struct lease;

enum { LEASE_WHY_MAX = 400 };

struct lease_config {
	const char *identity; /* of this process and of no other that ever was */
	msec duration;        /* lease_duration_check() and so on */
	msec renew_deadline;
	msec retry_period;
	uint64_t seed; /* of the jitter */
};

/* Follows:   FOLLOWING ─► LEADING ─► LOST
 *                │           │
 *                └───────────┴─► RELEASING ─► RELEASED
 * LOST and RELEASED are the end: a process never leads twice. */
enum lease_state { LEASE_FOLLOWING, LEASE_LEADING, LEASE_RELEASING, LEASE_RELEASED, LEASE_LOST };
const char *lease_state_name(enum lease_state s);

/* spec of the Lease. */
struct lease_record {
	const char *version;  /* metadata.resourceVersion */
	const char *text;     /* the whole spec in some form: by it a change is seen */
	const char *holder;   /* "" = nobody */
	const char *acquired; /* acquireTime as it stands; "" = not there */
	int64_t duration;     /* seconds; 0 = not there */
	int64_t transitions;
};

enum lease_action {
	LEASE_WAIT,
	LEASE_READ,
	LEASE_CREATE,
	LEASE_UPDATE, /* precondition: version */
	LEASE_OVER,   /* RELEASED or LOST */
};

struct lease_step {
	enum lease_action what;
	msec wake_at; /* ask again then, or when something was told; -1 = only then */
	/* What to write. Borrowed until the next call. */
	const char *version;  /* NULL for LEASE_CREATE */
	const char *holder;   /* "" = release */
	const char *acquired; /* text to keep; NULL = now */
	int64_t duration, transitions;
};

enum lease_outcome {
	LEASE_DONE,     /* `record` is what stands there now */
	LEASE_GONE,     /* 404 */
	LEASE_CONFLICT, /* 409: it has changed, or is there already */
	LEASE_FAILED,   /* anything else: perhaps done, perhaps not */
};

/* The texts are copied. */
struct lease *lease_new(const struct lease_config *c);
void lease_free(struct lease *l); /* NULL allowed */

/* What is due. A request is asked for once, and nothing else until lease_answer(). */
struct lease_step lease_next(struct lease *l, msec now);
/* record NULL = there is none. */
void lease_seen(struct lease *l, const struct lease_record *record, msec now);
/* record only with LEASE_DONE. */
void lease_answer(struct lease *l, enum lease_outcome o, const struct lease_record *record, msec now);
/* Is there a watch that tells of changes at once? Without one a follower reads every retry period. */
void lease_watched(struct lease *l, bool watched);
/* Gives the Lease up, if it is held; lease_leads() is false from now on. */
void lease_release(struct lease *l);

bool lease_leads(const struct lease *l, msec now);
/* When lease_leads() becomes false if nothing is renewed. */
msec lease_leads_until(const struct lease *l);
/* How long a request may take, so that a second one fits into the renew deadline. */
msec lease_timeout(const struct lease *l);
enum lease_state lease_state(const struct lease *l);
/* Who holds it, as last seen, and since when by the clock of the holder; "" = nobody, or not known. */
const char *lease_holder(const struct lease *l);
const char *lease_acquired(const struct lease *l);
/* Why it is LOST; "" otherwise. */
const char *lease_why(const struct lease *l);
/* The holder and version of the Lease were learned at least once. */
bool lease_known(const struct lease *l);
