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
	uint16_t n_claims;
	struct reservation *next_for; /* the next one for the same Service */

	uint8_t phase_seen; /* enum reservation_phase, as the API shows it */
	char *holder_seen, *message_seen;
	int64_t generation_seen;
	bool dirty, in_flight;
	msec status_at;
	uint8_t tries;
};

/* The address of the family that is reserved for the Service, by the reservation in force with the smallest
 * name; NULL = none is. */
const struct reservation *reservation_for(const struct ipam *m, const struct service *s, enum family f,
					  struct ip *ret);
/* The claim of this reservation stands against the Service: it is for another, who does not hold it. */
bool reservation_bars(const struct reservation *r, const struct addr *a, const struct service *s);
/* Somebody holds or leaves the address: reservations of it are to be looked at. */
void reservations_touch(struct ipam *m, const struct addr *a);
/* Pools have changed. */
void reservations_refresh(struct ipam *m);

void reservations_fire(struct ipam *m, struct moment now); /* those whose time is over */
bool reservation_next(struct ipam *m, struct moment now, struct effect *ret);
void reservation_result(struct reservation *r, const char *rv, enum outcome o, msec delay, struct moment now);
msec reservation_wake_at(const struct ipam *m); /* monotonic; -1 = never */
void reservations_free(struct ipam *m);
