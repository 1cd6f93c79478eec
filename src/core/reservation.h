/* Reservations: addresses kept for a Service that may not exist yet, or for nobody (lifecycle.md 4). While
 * one is in force its addresses are claimed (CLAIM_RESERVATION), and so not free. */
#pragma once

#include "core/state.h"

struct reservation {
	char *name, *uid, *rv, *stale_rv;
	msec created;
	int64_t generation;
	bool seen;

	struct ip *addresses; /* owned; those that can be read */
	size_t n_addresses;
	char *service;   /* owned: "ns/name"; NULL = for nobody */
	msec expires_at; /* wall; -1 = never */
	char *flaw;      /* what of it cannot be read; NULL = nothing */
	bool expired;
	struct claim_ref *claims; /* owned: what it claims now */
	uint32_t n_claims;
	struct reservation *next_for; /* the next one for the same Service, by name */

	uint8_t phase_seen; /* enum reservation_phase, as the API shows it */
	char *holder_seen, *message_seen;
	int64_t generation_seen;
	bool dirty, in_flight;
	msec status_at; /* monotonic: not written again before */
	uint8_t tries;
};

/* The address of the family that is reserved for the Service: of the reservation in force with the smallest
 * name that has one. NULL = none. */
const struct reservation *reservation_for(const struct ipam *m, const struct service *s, enum family f,
					  struct ip *ret);
/* The claim stands against the Service: the address is kept for another, or for nobody. Not while the one
 * whom it is kept for holds it: then it is for the holders to share it. */
bool reservation_bars(const struct claim *c, const struct addr *a, const struct service *s);
/* It is kept for the Service, and by no older reservation for another. */
bool reservation_keeps_for(const struct addr *a, const struct service *s);
/* Whether the Service holds the address may have changed; s NULL: whether somebody else uses it. */
void reservations_touch(struct ipam *m, const struct addr *a, const struct service *s);
/* Pools have changed. */
void reservations_refresh(struct ipam *m);

void reservations_list_begin(struct ipam *m);
void reservations_list_end(struct ipam *m, struct moment now);
void reservations_fire(struct ipam *m, struct moment now); /* those whose time is over */
bool reservation_next(struct ipam *m, struct moment now, struct effect *ret, struct reservation **ret_of);
void reservation_result(struct ipam *m, struct reservation *r, const char *rv, enum outcome o, msec delay,
			struct moment now);
msec reservation_wake_at(const struct ipam *m); /* monotonic; -1 = never */
bool reservations_busy(const struct ipam *m);
void reservations_free(struct ipam *m);
