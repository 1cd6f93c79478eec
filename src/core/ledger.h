/* Who has which address. Every address that is not free has an entry here, and only those:
 * an entry is made by the first holder, claim or record, and goes with the last. */
#pragma once

#include "core/state.h"

struct addr *ledger_get(const struct ipam *m, struct ip ip); /* NULL: it is free */
struct addr *ledger_need(struct ipam *m, struct ip ip);
/* Frees the entry if nothing keeps it; whoever waits for the address is woken. */
void ledger_prune(struct ipam *m, struct addr *a);

/* Queues all who hold it or are about to leave it. */
void addr_wake_holders(struct ipam *m, const struct addr *a);
bool addr_has_holder(const struct addr *a, const struct service *s);
/* A holder that is not about to leave. */
bool service_holds(const struct service *s, const struct addr *a);
bool service_leaves(const struct service *s, const struct addr *a);
/* The API shows the address in the Service's status. */
bool service_shows(const struct service *s, struct ip ip);
/* Number of addresses of the family that the Service holds. */
unsigned service_held(const struct service *s, enum family f);

void ledger_hold(struct ipam *m, struct service *s, struct ip ip, bool confirmed);
/* held -> leaving, leaving -> held, leaving -> gone. */
void ledger_leave(struct ipam *m, struct service *s, struct addr *a);
void ledger_rejoin(struct ipam *m, struct service *s, struct addr *a);
void ledger_release(struct ipam *m, struct service *s, struct addr *a);

/* A claim by somebody who is not `s`: where it is, or NULL. */
const struct claim *addr_foreign_claim(const struct addr *a, const struct service *s);
/* Makes the owner's claims be exactly `want`. */
void claims_set(struct ipam *m, const void *owner, const char *where, struct claim_ref **refs,
		uint32_t *n_refs, const struct claim_ref *want, size_t n_want);

/* The record of the address does not stand in the way of `s`: there is none, or it is ours and names
 * s, nobody, or somebody who really holds the address now. */
bool addr_record_allows(const struct addr *a, const struct service *s);
/* s has the address in a status of ours, and nobody whom the record names does or is about to: it was given
 * while records were off, or not served. The record is then what changes, not the address. */
bool record_is_outdated(const struct ipam *m, const struct addr *a, const struct service *s);
/* Does a holders text "a/b,c/d" name the key? */
bool holders_name(const char *holders, const char *key);
void record_free(struct record *r);
/* The API has no record of the address any more. */
void record_forget(struct ipam *m, struct addr *a);
