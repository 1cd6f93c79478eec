/* The picture that the core decides from. Shared by the files of this room; nobody else sees it. */
#pragma once

#include "base/buf.h"
#include "base/intern.h"
#include "base/mem.h"
#include "core/addr_map.h"
#include "core/ipam.h"
#include "core/range_set.h"
#include "core/uid.h"

struct cluster_pool; /* cluster_pool.h, as the next two */
struct node;
struct tenure;

/* ---- addresses --------------------------------------------------------------------------------- */

/* Why an address is not free although none of our Services holds it. */
enum claim_kind {
	CLAIM_STATUS,      /* in the status of a Service that does not hold it */
	CLAIM_EXTERNAL_IP, /* in spec.externalIPs */
	CLAIM_NODE,
	CLAIM_RESERVATION, /* the owner is a struct reservation in force */
};

/* The owner's side of a claim. */
struct claim_ref {
	struct ip ip;
	enum claim_kind kind;
};

struct claim {
	struct claim *next;
	enum claim_kind kind;
	const void *owner; /* struct service, node or reservation, by the kind */
	const char *where; /* its name, borrowed from the owner */
};

/* The API server's record of an address. */
struct record {
	char *uid, *rv;
	char *holders;                  /* as it stands in the annotation; "" = none */
	const char *manager;            /* interned; NULL = ours or unknown */
	const char *pool;               /* interned: the pool it was given from; NULL = not said */
	struct past_holders *history;   /* owned; NULL = none */
	struct cooling *cooling;        /* owned; see cooling.h; NULL = it does not cool */
	msec allocated_at, released_at; /* wall; 0 = not said */
	struct tenure *tenure;          /* the block that it claims, see cluster_pool.h; NULL = an address */
	bool ours;
	uint8_t phase; /* enum record_phase */
};

/* An address that somebody uses. It exists, and so is not free, while it has a holder, a claim or a
 * record. */
struct addr {
	struct ip ip;
	struct service **holders; /* in order of joining; also those who are about to leave */
	struct claim *claims;     /* owned list */
	struct record *record;    /* owned; NULL = none seen */
	uint16_t n_holders;
	bool in_flight;      /* a write or read of its record is out */
	bool record_unknown; /* AlreadyExists or a conflict: read it before the next write */
	bool overtaken;      /* the record was deleted while a request about it was out */
	bool seen;           /* record told since ipam_list_begin() */
	bool was_shown;      /* a status has shown it since it has its record */
	bool orphaned;       /* queued: its record names nobody who may hold it */
};

/* Who had the address before, oldest first. */
struct past_holders {
	size_t n;
	struct {
		char *holder; /* owned */
		msec from, until;
	} item[HOLDINGS_MAX];
};

/* A record that nobody stands behind: to cool, or to be deleted. */
struct orphan {
	struct addr *addr;
	msec retry_at;
	uint8_t tries;
};

/* ---- waiting ----------------------------------------------------------------------------------- */

/* Services that wait for the same thing, longest first. */
struct wait_list {
	struct wait *head, *tail;
	struct wait *near; /* next to whom one sat who has left; NULL = not known */
};
struct wait {
	struct wait_list *list;
	struct wait *prev, *next; /* in the list */
	struct wait *sibling;     /* next thing that the same Service waits for */
	struct service *service;
	struct ip ip; /* what it asked for by name, if has_ip */
	bool has_ip;
	struct quota_use *quota; /* whose list it is; NULL = of no quota */
};

/* ---- Services ------------------------------------------------------------------------------------ */

struct ingress {
	struct ip ip;
	bool has_ip;
	char *extra; /* owned */
};

/* An address given to a Service. Until the API has shown it in the status it is only assumed. */
struct hold {
	struct addr *addr;
	bool confirmed;
	bool announced; /* an Event has told of it, or it was found so */
};

/* What few Services have; one allocation, made only where needed. */
struct service_extra {
	char *requests, *request_ip;
	char *sharing_key, *sharing_namespaces;
	char *pools;
	char *pods; /* spec.selector in canonical form */
	struct port_in *ports;
	size_t n_ports;
	struct ip *external_ips;
	size_t n_external_ips;
	bool permit_different_pods, local;
	char *opt_in_bad; /* the beginning of the unparsable opt-in value; NULL = fine */
	char *flaw;       /* what of this is more than is taken; NULL = nothing */
	/* Members of one sharing key are linked. */
	struct service *key_prev, *key_next;
};

/* LANE_STARTED: some of its writes are done, the rest follows before anything new begins. */
enum lane { LANE_NONE = -1, LANE_STARTED, LANE_ASKED, LANE_WAITING, LANE_NORMAL, LANES };

struct service {
	char *key;                   /* "namespace/name", owned */
	const char *ns;              /* interned */
	const char *class;           /* interned; NULL */
	const char *reason_seen;     /* interned: of the condition in the API */
	const char *manager;         /* interned: who wrote the ingress, if not we */
	const char *opt_in_told;     /* interned: unparsable opt-in value that an Event has told of */
	char *message_seen;          /* owned; NULL = "" */
	struct uid uid;              /* owned */
	char *rv;                    /* owned */
	char *stale_rv;              /* owned: a write was refused for this version; wait for another */
	struct label *labels;        /* owned array of interned texts */
	struct ingress *ingress;     /* owned: as the API shows it */
	struct hold *held;           /* owned array: given to it, in order of the status */
	struct addr **leaving;       /* owned array: its no more, but still in its status or record */
	struct claim_ref *claims;    /* addresses that it claims: see claims.c */
	struct service_extra *extra; /* owned; NULL for most */
	struct contest *contest;     /* owned; NULL = nobody has written over its status */
	char *message;               /* owned: of the last decision */
	char *note;                  /* owned: why it shares with nobody, see decide.c; NULL = none */
	struct wait *waits;
	struct service *q_prev, *q_next; /* queue */
	msec created, seen_at;
	uint64_t turn; /* the lower, the longer it has waited */
	msec retry_at; /* monotonic; 0 = now */
	size_t timer;  /* place in the timer heap + 1; 0 = not there */
	uint32_t n_claims;
	uint16_t n_labels, n_ingress, n_held, n_leaving;
	uint16_t in_flight; /* effects out */
	int8_t lane;
	uint8_t tries;
	uint8_t families[SERVICE_FAMILIES_MAX];
	uint8_t reason;    /* enum ipam_reason of the last decision */
	uint8_t announced; /* enum ipam_reason + 1 that an Event told; 0 = none */
	uint8_t not_ours;  /* enum not_ours: why it is not wanted */
	uint8_t policy : 2, n_families : 2;
	uint8_t condition_seen : 2; /* enum condition_status */
	uint8_t coming : 2; /* bit per family: its status shows one that it gets as soon as others have left
			       it */
	bool is_lb : 1, deleting : 1, gone : 1; /* gone: the object is deleted, its addresses not yet free */
	bool wanted : 1;                        /* it is for us to serve */
	bool asked_us : 1; /* opted in by annotation or class: it always gets the condition */
	bool ingress_ours : 1, condition_ours : 1;
	bool adopted : 1; /* what its status held has been taken over */
	bool decided : 1;
	bool altered : 1;  /* what decides about sharing has changed since the last decision */
	bool mute : 1;     /* nothing is to be written, not even the condition */
	bool seen : 1;     /* told since ipam_list_begin() */
	bool dirty : 1;    /* changed while an effect was out */
	bool measured : 1; /* its latency is in the statistics */
	bool reread : 1;   /* its newest state must be read before the next write */
};

/* Addresses that cool, the one released first in front. */
struct cooling_list {
	struct cooling *head, *tail;
};

/* ---- pools --------------------------------------------------------------------------------------- */

enum pool_flaw { FLAW_NONE, FLAW_BLOCK, FLAW_SELECTOR, FLAW_NAME };

struct pool_condition {
	const char *type; /* a constant */
	char *reason, *message, *transition;
	enum condition_status status;
	int64_t generation;
};

/* Conditions of a pool or policy as the API shows them; see condition.h. */
struct condition_list {
	struct pool_condition item[POOL_CONDITIONS_MAX]; /* of the types that are ours */
	size_t n;
	char *foreign; /* those of others as JSON texts with commas between; NULL = too long to keep */
};

struct pool {
	char *name, *uid, *rv;
	msec created;
	int64_t generation;
	bool disabled, deleting, reserve_first_last;
	bool seen;
	bool doubted;   /* its deletion was seen and is being checked */
	bool condemned; /* its deletion is real; see mass_release.h */
	bool hold_told;
	msec held_until; /* monotonic; 0 = not held */
	bool ghost;      /* gone together with its kind: keeps explaining what is held, gives nothing */

	struct selector selector;
	enum pool_flaw flaw;
	char *flaw_text;
	char *host_bits;   /* blocks whose host bits were masked off, for the Warning; NULL = none */
	char *carved;      /* which part belongs to a ServiceCIDR, for the Warning; NULL = none */
	char *carved_pods; /* which part belongs to PodCIDRs, for the Warning; NULL = none */
	bool host_bits_told, carved_told, carved_pods_told;
	bool builtin; /* the cluster pool as a pool: its blocks are those that external addresses hold */
	bool families[FAMILIES]; /* that the built-in one can have blocks of */

	struct range *blocks; /* valid ones, in spec order */
	size_t n_blocks, cap_blocks;
	bool *block_is_cidr;
	struct range *give; /* blocks without what is never given out, in spec order */
	size_t n_give, cap_give;
	size_t full[FAMILIES];     /* ranges of `give` before this one have nothing free */
	struct range_set excluded; /* never given out: what others have, and what the policy excludes */

	bool conflicting;
	char *conflict_text;

	struct condition_list seen_conditions;

	struct label *labels; /* owned array of interned texts */
	uint16_t n_labels;
	char **finalizers; /* owned, all that the object has */
	size_t n_finalizers;
	struct policy *policy;                 /* that it is under; NULL = the defaults */
	bool rules_changed;                    /* its policy has, since pools_refresh() */
	struct quota_book *quotas;             /* owned; see quota.h */
	uint8_t low[FAMILIES];                 /* enum pool_low, see pool_low.h */
	struct cooling_list cooling[FAMILIES]; /* what cools by its rules, see cooling.h */
	bool kept_changed[FAMILIES]; /* what is kept for others, since those who wait were told of it */
	msec tell_from[FAMILIES];    /* monotonic: they are not told again before */

	struct wait_list waiters[FAMILIES];
	bool dirty;     /* its counts may have changed */
	bool in_flight; /* a status write or check is out */
	char *stale_rv;
	msec status_at; /* monotonic: not written again before */
	uint8_t tries;
	bool shows_ours; /* its conditions are those that we want, or wrote */
	msec spoilt_at;  /* monotonic: when somebody wrote over them last; 0 = nobody has */
	msec rest_until; /* monotonic: they are left alone; 0 = they are not; see contest.h */
	bool guard_due;  /* its finalizers are to be looked at, see pool_guard.h */
	msec guard_at;   /* monotonic: not before */
	uint8_t guard_tries;
};

/* One block of some pool, in the index by address. */
struct pool_span {
	struct range r;
	struct pool *pool;
	struct ip max_hi; /* the largest hi of this span and all before it */
};

/* Ranges that belong to somebody else (ServiceCIDR). */
struct carve {
	char *name;
	struct range *ranges;
	size_t n;
	bool seen;
};

/* ---- policies, reservations, Namespaces --------------------------------------------------------------- */

struct policy; /* policy.h */

struct reservation; /* reservation.h */

struct namespace
{
	char *name;
	struct label *labels; /* owned array of interned texts */
	uint16_t n_labels;
	bool seen;
};

/* ---- work ---------------------------------------------------------------------------------------- */

struct flight {
	bool used;
	enum effect_kind kind;
	struct service *service;
	struct addr *addr;
	struct pool *pool;
	struct policy *policy;
	struct reservation *reservation;
	struct node *node;     /* see cluster_pool.h */
	struct tenure *tenure; /* whose record it is about */
	char *rv;              /* owned: the version that the write was meant for */
};

struct notice {
	bool warning;
	const char *about;
	char *namespace, *name, *uid;
	const char *reason;
	char *message;
};
enum { NOTICES_MAX = 1024 };

/* One effect of a Service that is decided but not yet pulled. */
struct step {
	enum effect_kind kind;
	struct service *service;
	struct addr *addr;
};

struct queue {
	struct service *head, *tail;
	struct service *last; /* a member close to the one that came in last; NULL = not known */
};

struct ipam {
	struct ipam_config config;
	char **classes;
	char *proxy_name;

	struct intern texts;
	struct map services; /* key -> struct service */
	struct map keys;     /* sharing key -> struct key_group */

	struct addr_map addrs; /* struct addr: everything that is not free */
	struct addr_map asked; /* struct wait_list: who asked for the address by name */

	struct pool **pools; /* owned, in the order in which they are tried */
	size_t n_pools, cap_pools;
	struct pool_span *spans; /* blocks of all pools by address */
	size_t n_spans, cap_spans;
	bool pools_changed;
	bool records_lost; /* not served at the start: nothing has a record until they are */
	bool pools_lost;   /* the kind is gone, forbidden or terminating: everything is kept */

	struct map nodes;                  /* name -> struct node */
	struct cluster_pool *cluster_pool; /* owned; never NULL */
	struct carve *carves;
	size_t n_carves, cap_carves;
	struct range_set excluded; /* never given out, whatever the pool */

	struct policy **policies; /* owned, by name */
	size_t n_policies, cap_policies;
	struct map namespaces;    /* name -> struct namespace */
	struct map reservations;  /* name -> struct reservation */
	struct map reserved_for;  /* "ns/name" -> struct reservation, see reservation.h */
	bool reservations_dirty;  /* the status of one may differ */
	msec reservation_expires; /* wall: the next one; -1 = none */
	msec wall_ahead;          /* of the monotonic clock, when last told */
	struct cooling **cooling; /* all that cools, in no order; see cooling.h */
	size_t n_cooling, cap_cooling;
	struct map left;         /* "ns/name" -> what cools for it */
	struct history *history; /* owned; see history.h */

	bool listed[IPAM_KINDS], lost[IPAM_KINDS];
	bool ready;

	struct queue lanes[LANES];
	size_t n_queued;
	struct wait_list wait_any; /* for some pool to change */
	size_t n_waiting;
	uint64_t turns;          /* given out so far */
	struct service **timers; /* heap by retry_at */
	size_t n_timers, cap_timers;

	struct step *steps; /* of the last Service decided, waiting to be pulled */
	size_t n_steps, at_step, cap_steps;
	struct orphan *orphans;
	size_t n_orphans, cap_orphans;
	struct flight *flights;
	unsigned n_flights;     /* in use */
	struct notice *notices; /* ring */
	size_t notice_at, n_notices;

	struct ipam_stats stats;
	struct buf scratch;   /* for comparing */
	struct buf text[4];   /* of the effect that is being handed out */
	struct notice handed; /* the Event that is being handed out */
	char uid_room[UID_TEXT_MAX];
	struct holding story[HOLDINGS_MAX]; /* of the record that is being handed out */
	struct ingress_out *out;
	size_t cap_out;
	const char **names; /* finalizers of the effect that is being handed out */
	size_t cap_names;
};

/* ---- small words ----------------------------------------------------------------------------------- */

static inline const char *service_name(const struct service *s)
{
	return strchr(s->key, '/') + 1;
}
static inline bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}
