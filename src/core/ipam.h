/* The core: who gets which address, and what must be written because of it.
 *
 * It holds a picture of the cluster in memory. Whoever drives it tells it what is (a Service, a
 * pool, a record as it now stands), pulls the next effect that is due, carries it out and tells how
 * it ended. The core does no I/O and reads no clock: every call gets the time. The operator,
 * `berth plan` and the tests drive the same core.
 *
 *	ipam_service(), ipam_pool(), ipam_record(), …	what is; cheap, decides nothing
 *	ipam_next()					the next effect: decides one Service at a time
 *	ipam_result()					how it ended: done, conflict, exists, gone, …
 *	ipam_wake_at()					when to pull again though nothing has happened
 *
 * Decisions are derived from the picture each time anew: an effect that was lost, refused or
 * overtaken is simply decided again, so there is no plan that could go stale. */
#pragma once

#include "base/times.h"
#include "core/ip.h"
#include "core/selector.h"

struct ipam;

/* Both clocks, read once by the caller. */
struct moment {
	msec mono; /* never jumps; for delays */
	msec wall; /* API-server time where known; for what is written */
};

/* ---- configuration ------------------------------------------------------------------------- */

enum opt_in { OPT_IN_ANNOTATION, OPT_IN_CLASS, OPT_IN_ALL };

struct ipam_config {
	enum opt_in opt_in;
	const char *const *classes; /* NULL-terminated; loadBalancerClasses that are ours */
	const char *proxy_name;     /* --k8s-service-proxy-name; "" = Services without the label */
	bool family_on[FAMILIES];
	bool records;            /* addresses have records (IPAddress objects) */
	bool classless_are_ours; /* --default-lb-service-ipam=lbipam */
	unsigned max_in_flight;  /* effects out at once */
	/* How long deletions of pools are held that together would strip many Services; 0 = not at all. */
	msec mass_release_delay;
	msec reuse_after; /* of pools that no policy says it of; 0 = what is released is free at once */
	const struct cluster_pool_config *cluster_pool; /* NULL = --ipam=none */
	/* PodCIDRs alone (--enable-lb-ipam=false): Services, pools, policies and reservations are read, since
	 * what they have is no node's, and never written; what has been given stays as it is. */
	bool nodes_only;
};

/* Which object a node's PodCIDRs are written to; auto: CiliumNodes where they are served, else Nodes, and
 * none where somebody else writes them already. */
enum node_resource {
	NODE_RESOURCE_AUTO,
	NODE_RESOURCE_CILIUM_NODES,
	NODE_RESOURCE_NODES,
	NODE_RESOURCE_NONE
};

/* One family of the cluster pool, as checked by whoever read the flags: networks that do not overlap, none
 * smaller than a block of `mask`. */
struct cluster_pool_family {
	const struct range *entries; /* in order of use; n_entries 0 = the family has no pool */
	size_t n_entries;
	int mask;
	const struct range
		*pods; /* parts of the entries to which PodCIDRs are confined; n_pods 0 = they are not */
	size_t n_pods;
};
/* The cluster pool (cluster-pool.md). All arrays are copied. */
struct cluster_pool_config {
	struct cluster_pool_family family[FAMILIES];
	bool external; /* Services that no pool selects are served from it too */
	enum node_resource resource;
	msec nodes_gc_interval; /* 0 = CiliumNodes without a Node are left alone */
};

/* The texts of the configuration are copied. */
struct ipam *ipam_new(const struct ipam_config *c);
void ipam_free(struct ipam *m);
void ipam_freep(struct ipam **m);

/* ---- what is --------------------------------------------------------------------------------- */

enum ipam_kind {
	KIND_SERVICE,
	KIND_POOL,
	KIND_RECORD,
	KIND_NODE,
	KIND_SERVICE_CIDR,
	KIND_POLICY,
	KIND_RESERVATION,
	KIND_NAMESPACE,
	KIND_CILIUM_NODE,
	IPAM_KINDS
};

/* A list of a kind begins; all that is not told again before it ends is gone. */
void ipam_list_begin(struct ipam *m, enum ipam_kind k);
void ipam_list_end(struct ipam *m, enum ipam_kind k, struct moment now);
/* The kind can or cannot be read any more (its CRD is gone, 403 …). A kind that is not served counts
 * as empty at start, and records are off until they are listed after all; pools that vanish with their kind
 * are kept, see ipam_pool_deleted(). */
void ipam_kind_lost(struct ipam *m, enum ipam_kind k, struct moment now);
/* The first lists of all kinds are complete: until then nothing is decided. CiliumNodes count only where
 * there is a cluster pool. */
bool ipam_ready(const struct ipam *m);
/* The pool kind is gone, forbidden or terminating: all is kept, nothing new is given out. */
bool ipam_pools_lost(const struct ipam *m);
bool ipam_records(const struct ipam *m); /* are addresses recorded? */

enum family_policy { POLICY_SINGLE, POLICY_PREFER_DUAL, POLICY_REQUIRE_DUAL };
enum { SERVICE_FAMILIES_MAX = 2 };

/* status.loadBalancer.ingress[i] */
struct ingress_in {
	bool has_ip;
	struct ip ip;
	const char
		*extra; /* the whole entry as JSON text if it has more than ip and ipMode: VIP; else NULL */
};

struct port_in {
	uint16_t port;
	uint16_t protocol; /* first letter: 'T' TCP, 'U' UDP, 'S' SCTP */
};

enum condition_status { COND_ABSENT, COND_FALSE, COND_TRUE, COND_UNKNOWN };

/* Told from the answer to a write of ours, and not by a list or a watch. Answers and watches come on ways
 * of their own: the object may be gone by now, and an answer must not bring it back. */
enum told_by { TOLD_BY_WATCH, TOLD_BY_ANSWER };

/* A Service as the API shows it. Everything is borrowed for the call. */
struct service_in {
	enum told_by by;
	const char *namespace, *name, *uid, *resource_version;
	msec created; /* wall */
	bool is_load_balancer, deleting;
	const char *class;  /* spec.loadBalancerClass; NULL = none */
	const char *opt_in; /* value of io.cilium.operator.external-ips; NULL = not there */
	const struct label *labels;
	size_t n_labels;
	enum family_policy policy;
	enum family families[SERVICE_FAMILIES_MAX];
	size_t n_families;
	const char *requests;                         /* the annotation's text, NULL = none */
	const char *request_ip;                       /* spec.loadBalancerIP, NULL = none */
	const char *sharing_key, *sharing_namespaces; /* NULL = none */
	bool permit_different_pods;
	const char *pools; /* berth.dev/pool */
	const struct port_in *ports;
	size_t n_ports;
	bool local;       /* externalTrafficPolicy: Local */
	const char *pods; /* spec.selector in canonical text; NULL = no selector */
	const struct ingress_in *ingress;
	size_t n_ingress;
	const struct ip *external_ips;
	size_t n_external_ips;
	/* Who wrote f:ingress and our condition, by managedFields. */
	bool ingress_ours, condition_ours;
	const char *ingress_manager;   /* a manager of f:ingress that is not ours; NULL = none */
	const char *condition_manager; /* the same of any part of the condition */
	/* The condition cilium.io/IPAMRequestSatisfied. */
	enum condition_status condition;
	const char *reason, *message;
};

void ipam_service(struct ipam *m, const struct service_in *s, struct moment now);
/* Is that version of it, or a later one, what was told last, so that telling it is no news? */
bool ipam_service_known(const struct ipam *m, const char *namespace, const char *name, const char *uid,
			const char *resource_version);
void ipam_service_deleted(struct ipam *m, const char *namespace, const char *name, const char *uid,
			  struct moment now);

struct block_in {
	const char *cidr, *start, *stop; /* NULL = not there */
};
struct match_in {
	const char *key, *op; /* op NULL: matchLabels, values[0] is the value */
	const char *const *values;
	size_t n_values;
};
struct condition_in {
	const char *type, *reason, *message;
	const char *transition; /* lastTransitionTime as it stands */
	enum condition_status status;
	int64_t generation; /* observedGeneration */
	const char *raw;    /* the whole condition as JSON text */
};
struct pool_in {
	enum told_by by;
	const char *name, *uid, *resource_version;
	msec created;
	int64_t generation;
	bool deleting;
	bool disabled;
	bool reserve_first_last; /* allowFirstLastIPs is exactly "No" */
	const struct block_in *blocks;
	size_t n_blocks;
	const struct match_in *matches;
	size_t n_matches;
	const struct label *labels;
	size_t n_labels;
	const char *const *finalizers;
	size_t n_finalizers;
	const struct condition_in *conditions;
	size_t n_conditions;
	const char *condition_manager; /* a manager of conditions that is not ours; NULL = none */
};
void ipam_pool(struct ipam *m, const struct pool_in *p, struct moment now);
/* Nobody loses an address at once: first the core asks (EFFECT_POOL_KIND_READ) whether it was this
 * pool that was deleted or the kind as a whole. */
void ipam_pool_deleted(struct ipam *m, const char *name, const char *uid, struct moment now);

/* What a record says of its address: lifecycle.md 1 and 2. */
enum record_phase {
	RECORD_HELD,      /* given, or about to be */
	RECORD_RELEASED,  /* all who have it are about to leave it */
	RECORD_IS_COOLING /* nobody has it; those whom it names may have it back */
};

/* Who had an address, and when. */
struct holding {
	const char *holder; /* "ns/name" */
	msec from, until;   /* wall; until 0 = has it still */
};
enum { HOLDINGS_MAX = 8 };

/* A record: an IPAddress object. */
struct record_in {
	enum told_by by;
	struct ip ip;
	const char *uid, *resource_version;
	bool ours;           /* its managed-by label is ours */
	const char *manager; /* else whose it is; NULL = unknown */
	const char *holders; /* "ns/name,ns/name"; NULL = none */
	const char *pool;    /* the pool it was given from; NULL = not said */
	enum record_phase phase;
	msec allocated_at, released_at; /* wall; 0 = not said */
	/* The last holders, oldest first: those who left, and those who joined later than the record was
	 * made. */
	const struct holding *history;
	size_t n_history; /* of more than HOLDINGS_MAX the last ones count */
	/* The claim of a block of the cluster pool, on its first address; NULL = it is none. */
	const char *block;     /* "10.0.1.0/24" */
	const char *owner;     /* "node/NAME", "external" */
	const char *owner_uid; /* of the node; NULL = not said */
	bool found;            /* the node had it from somebody else, in a size of its own */
};
void ipam_record(struct ipam *m, const struct record_in *r, struct moment now);
/* As ipam_service_known(). */
bool ipam_record_known(const struct ipam *m, struct ip ip, const char *uid, const char *resource_version);
void ipam_record_deleted(struct ipam *m, struct ip ip, struct moment now);

/* A node, as a Node and as a CiliumNode of the same name. */
enum node_side { SIDE_NODE, SIDE_CILIUM, SIDES };
struct node_in {
	enum told_by by;
	enum node_side side;
	const char *name, *uid, *resource_version;
	msec created;
	bool deleting;
	bool owned;                 /* has owner references */
	const struct ip *addresses; /* status.addresses of a Node */
	size_t n_addresses;
	const char *const *cidrs; /* its PodCIDRs as they stand there */
	size_t n_cidrs;
	bool cidrs_ours;   /* by managedFields */
	const char *error; /* status.ipam.operator-status.error of a CiliumNode; NULL = none */
};
void ipam_node(struct ipam *m, const struct node_in *n, struct moment now);
void ipam_node_deleted(struct ipam *m, enum node_side side, const char *name, const char *uid,
		       struct moment now);

/* Ranges that belong to somebody else; each call replaces the last one of the same name. n = 0 when the
 * object is gone. */
void ipam_service_cidr(struct ipam *m, const char *name, const struct range *ranges, size_t n,
		       struct moment now);

/* A policy: an IPPoolPolicy object, lifecycle.md 3. Texts as they stand there; NULL = not there. */
struct quota_in {
	bool has_selector; /* namespaceSelector; else the names */
	const struct match_in *matches;
	size_t n_matches;
	const char *const *namespaces;
	size_t n_namespaces;
	uint64_t max_addresses;
};
struct policy_in {
	enum told_by by;
	const char *name, *uid, *resource_version;
	int64_t generation;
	const char *pool_name;
	bool has_selector; /* spec.poolSelector */
	const struct match_in *matches;
	size_t n_matches;
	int32_t priority;
	const char *const *exclude; /* addresses, ranges ("a-b") and CIDRs */
	size_t n_exclude;
	const char *reuse_after; /* a Go duration */
	bool reuse_early, auto_assign, protect;
	bool keep;                 /* onShrink: Keep */
	const char *low_watermark; /* "10%", "5" */
	const struct quota_in *quotas;
	size_t n_quotas;
	const struct condition_in *conditions;
	size_t n_conditions;
};
void ipam_policy(struct ipam *m, const struct policy_in *p, struct moment now);
void ipam_policy_deleted(struct ipam *m, const char *name, struct moment now);

/* A reservation: an IPReservation object, lifecycle.md 4. */
enum reservation_phase {
	RESERVATION_NEW, /* nothing is said of it yet */
	RESERVATION_FREE,
	RESERVATION_BOUND,
	RESERVATION_EXPIRED,
	RESERVATION_CONFLICT,
	RESERVATION_UNUSABLE,
	RESERVATION_PHASES
};
const char *reservation_phase_name(enum reservation_phase p); /* "Free"; "" for RESERVATION_NEW */
struct reservation_in {
	enum told_by by;
	const char *name, *uid, *resource_version;
	msec created;
	int64_t generation;
	const char *const *addresses;
	size_t n_addresses;
	const char *service_namespace, *service_name; /* NULL = for nobody */
	const char *expires_at;                       /* RFC 3339; NULL = never */
	/* Its status. */
	enum reservation_phase phase;
	const char *holder, *message;
	int64_t observed_generation;
};
void ipam_reservation(struct ipam *m, const struct reservation_in *r, struct moment now);
void ipam_reservation_deleted(struct ipam *m, const char *name, struct moment now);

/* The labels of a Namespace, for quotas; NULL labels and n = 0 when it has none. */
void ipam_namespace(struct ipam *m, const char *name, const struct label *labels, size_t n,
		    struct moment now);
void ipam_namespace_deleted(struct ipam *m, const char *name, struct moment now);

/* ---- effects --------------------------------------------------------------------------------- */

enum effect_kind {
	EFFECT_RECORD_CREATE,
	EFFECT_RECORD_PATCH,  /* precondition: resource_version */
	EFFECT_RECORD_DELETE, /* precondition: uid and resource_version */
	EFFECT_RECORD_READ,
	EFFECT_SERVICE_STATUS, /* precondition: resource_version */
	EFFECT_SERVICE_READ,
	EFFECT_POOL_STATUS, /* precondition: resource_version */
	EFFECT_POOL_KIND_READ,
	EFFECT_POOL_FINALIZERS,    /* of the main resource; precondition: resource_version */
	EFFECT_POLICY_STATUS,      /* precondition: resource_version */
	EFFECT_RESERVATION_STATUS, /* precondition: resource_version */
	EFFECT_HISTORY,            /* appended to what is kept of a pool; nothing depends on it */
	EFFECT_NODE_PATCH,         /* spec.podCIDRs; precondition: resource_version */
	EFFECT_NODE_READ,
	EFFECT_CILIUM_NODE_PATCH, /* spec.ipam.podCIDRs; precondition: resource_version */
	EFFECT_CILIUM_NODE_ERROR, /* of its status; precondition: resource_version */
	EFFECT_CILIUM_NODE_READ,
	EFFECT_CILIUM_NODE_DELETE, /* precondition: uid and resource_version */
	EFFECT_EVENT,
	EFFECT_KINDS
};

struct ingress_out {
	struct ip ip;
	const char *extra; /* the entry as it stood, to be kept; NULL = just the address */
	bool has_ip;       /* false: an entry of somebody else that is kept as `extra` */
};
struct condition_out {
	const char *type;
	enum condition_status status; /* COND_ABSENT: remove it */
	const char *reason, *message;
	const char *transition; /* text to keep, "" = as it stands in the API; NULL = now */
	int64_t generation;     /* 0 = not written */
};

enum { POOL_CONDITIONS_MAX = 8 };

/* One who had an address whose record is gone. */
struct past {
	struct ip ip;
	struct holding holding;
};

struct effect {
	enum effect_kind kind;
	unsigned id; /* for ipam_result() */
	/* The object. Borrowed, as all below, until the next call into the core. */
	const char *namespace, *name, *uid, *resource_version;
	union {
		struct {
			bool write_ingress;
			const struct ingress_out *ingress;
			size_t n_ingress;
			bool write_condition;
			struct condition_out condition;
		} status;
		struct {
			struct ip ip;
			const char *holders;
			const char *first_namespace, *first_name;
			const char *pool;
			enum record_phase phase;
			msec allocated_at, released_at; /* 0: released-at is taken off */
			const struct holding *history;  /* as record_in */
			size_t n_history;
			const char *block, *owner,
				*owner_uid;  /* the claim of a block; block NULL = it is none */
			const char *node;    /* its owner; NULL = the external side */
			enum node_side side; /* as which the node is known */
			bool found;
		} record;
		struct {
			struct condition_out conditions[POOL_CONDITIONS_MAX];
			size_t n;
			const char *
				foreign; /* conditions of others: JSON texts with commas between; "" = none */
		} pool;                  /* and policy */
		struct {
			const char *const *list; /* all that the object is to have */
			size_t n;
		} finalizers;
		struct {
			const struct range *cidrs; /* all that the node is to have */
			size_t n;
			const char *error; /* "" = none */
		} node;
		struct {
			enum reservation_phase phase;
			const char *holder, *message; /* "" = none */
			int64_t generation;
		} reservation;
		struct {
			const char *pool;
			const struct past *items; /* oldest first */
			size_t n;
		} history;
		struct {
			const char *about; /* its kind: "Service", "CiliumLoadBalancerIPPool", … */
			bool warning;
			const char *reason, *message;
		} event;
	};
};

/* The next effect that is due; false: nothing to do now, or max_in_flight are out. */
bool ipam_next(struct ipam *m, struct moment now, struct effect *ret);

enum outcome {
	OUTCOME_DONE,
	OUTCOME_CONFLICT, /* 409: the object has changed meanwhile */
	OUTCOME_EXISTS,   /* 409 AlreadyExists */
	OUTCOME_GONE,     /* 404 */
	OUTCOME_UNKNOWN,  /* no answer, 429, 5xx: perhaps done, perhaps not */
	OUTCOME_REFUSED,  /* other 4xx: will not get better by itself */
};
/* How an effect ended. An object that came with the answer is told first by the calls above.
 * retry_after: the server asked to be left alone for so long; 0 = it did not say. */
void ipam_result(struct ipam *m, unsigned id, enum outcome o, msec retry_after, struct moment now);
/* As ipam_result() for EFFECT_POOL_KIND_READ: does the kind still stand? */
void ipam_pool_kind(struct ipam *m, unsigned id, bool stands, struct moment now);

/* When ipam_next() is to be called again though nothing has happened; -1 = never. Monotonic. */
msec ipam_wake_at(const struct ipam *m);
/* Anything left to do or on its way (Events apart)? */
bool ipam_busy(const struct ipam *m);

/* ---- questions ------------------------------------------------------------------------------- */

enum ipam_reason {
	REASON_SATISFIED,
	REASON_NO_POOL,
	REASON_OUT_OF_IPS,
	REASON_SELECTOR_MISMATCH,
	REASON_ALREADY_ALLOCATED,
	REASON_INCOMPATIBLE,
	REASON_FAMILY_DISABLED,
	REASON_INVALID_REQUEST,
	REASON_POOL_NOT_FOUND,
	REASON_RESERVED,
	REASON_QUOTA_EXCEEDED,
	REASON_COOLING_DOWN,
	IPAM_REASONS
};
const char *ipam_reason_name(enum ipam_reason r);

enum { LATENCY_BUCKETS = 12 };
extern const double ipam_latency_bounds[LATENCY_BUCKETS]; /* seconds */

struct ipam_stats {
	size_t services, services_ours, services_unsatisfied;
	size_t pools_conflicting;
	size_t queued, in_flight, waiting, events_queued;
	uint64_t events_dropped;
	uint64_t decisions;              /* Services looked at */
	uint64_t failures[IPAM_REASONS]; /* decisions that ended so, once per change of reason */
	uint64_t latency[LATENCY_BUCKETS + 1], latency_n; /* Service seen to status written */
	double latency_sum;
};
void ipam_stats(const struct ipam *m, struct ipam_stats *ret);

/* Counts of one pool and family. total = used + foreign + first_last + reserved + excluded + cooling + free.
 */
struct pool_counts {
	struct count total, used, foreign, first_last, reserved, excluded, cooling, free;
};
struct pool_row {
	const char *name;
	bool disabled, conflicting, valid, deleting;
	const char *policy; /* that it is under; NULL = none */
	int32_t priority;
	msec reuse_after;
	struct pool_counts family[FAMILIES];
	bool low[FAMILIES]; /* as condition berth.dev/Low has it */
};
/* Pools in the order in which they are tried: for (size_t i = 0; ipam_pool_row(m, i, &row); i++). */
bool ipam_pool_row(const struct ipam *m, size_t i, struct pool_row *ret);

/* ---- the cluster pool --------------------------------------------------------------------------- */

/* Why it must not run with this configuration, found when the first lists were complete; NULL = it may. One
 * line or more. */
const char *ipam_refusal(const struct ipam *m);
/* Which object PodCIDRs are written to, once ipam_ready(): SIDES = none. ret_why, if not NULL: why it is none
 * though nobody said so, else NULL. */
enum node_side ipam_node_side(const struct ipam *m, const char **ret_why);
/* Blocks for PodCIDRs of the family, and how many of them are in use, by whomever. False: it has no pool. */
bool ipam_pod_cidrs(const struct ipam *m, enum family f, uint64_t *ret_total, uint64_t *ret_used);

struct node_row {
	const char *name;
	const struct range *cidrs; /* as its object shows them */
	size_t n_cidrs;
	const char *error; /* what was last found wrong with it; NULL = nothing */
	const char *shown; /* the error in its status, of CiliumNodes; NULL = none */
};
/* Calls fn for each node that PodCIDRs are written to, in no order. */
void ipam_each_node(const struct ipam *m, void (*fn)(const struct node_row *row, void *arg), void *arg);
/* Calls fn for each block of external addresses, with how many of them Services hold. */
void ipam_each_block(const struct ipam *m, void (*fn)(struct range block, size_t n_held, void *arg),
		     void *arg);

struct service_row {
	const char *namespace, *name;
	bool ours;
	const char *reason, *message; /* of the last decision; "" before */
	size_t n_addresses;
	struct ip addresses[4]; /* the first four held */
	size_t n_before;        /* addresses in its status as the API shows it */
	struct ip before[4];
};
/* Calls fn for this Service, if it is known. */
void ipam_service_row(const struct ipam *m, const char *namespace, const char *name,
		      void (*fn)(const struct service_row *row, void *arg), void *arg);
/* Calls fn for each Service, in no order. */
void ipam_each_service(const struct ipam *m, void (*fn)(const struct service_row *row, void *arg), void *arg);

/* ---- explain ----------------------------------------------------------------------------------- */

/* What a pool says to a Service. */
enum pool_answer {
	POOL_OTHER_FAMILY,
	POOL_OFF,
	POOL_UNNAMED, /* berth.dev/pool names others */
	POOL_NOT_SELECTING,
	POOL_BEHIND,     /* the cluster pool: another pool selects the Service */
	POOL_SPARES,     /* the address that is asked for is first or last, or excluded */
	POOL_ONLY_ASKED, /* autoAssign is off: only who asks for an address or for the pool gets one */
	POOL_QUOTA,      /* the namespace has all that it may have of it */
	POOL_COOLS,      /* nothing is free but what was released lately and is kept for those who had it */
	POOL_FULL,
	POOL_ELSEWHERE, /* it contains no address that is asked for */
	POOL_HAS,       /* the Service has one of it */
	POOL_NOT_NEEDED,
	POOL_GIVES,
	POOL_ANSWERS
};

/* What became of an address that a Service is to have by name. */
struct asked_trace {
	const char *item;        /* the address; what stands there if it is none */
	const char *reservation; /* that keeps it for the Service; NULL: the Service asks for it itself */
	const char *why;         /* NULL: it gets or has it. Else also: */
	enum ipam_reason reason;
	const char *pool; /* that has it and does not give it; NULL = none stands against it */
	enum pool_answer answer;
};

/* Who is told what a decision looked at. Texts are clauses and borrowed for the call. */
struct ipam_trace {
	/* A pool, in the order in which they were asked; `what` goes behind its name: "is disabled". f is
	 * FAMILIES where it is not about one. */
	void (*pool)(void *arg, const char *pool, enum family f, enum pool_answer a, const char *what);
	/* An address that the Service asks for, or that a reservation keeps for it. */
	void (*request)(void *arg, const struct asked_trace *);
	/* An address that its sharing group has; why NULL: it may be shared. `with`: whose it is, or who
	 * stands against it. */
	void (*share)(void *arg, struct ip ip, const char *with, const char *why);
	void *arg;
};

/* What a Service asks of us. Borrowed until the next call into the core. */
struct ipam_wish {
	bool ours, deleting;
	bool has_requests; /* families do not count then */
	bool want[FAMILIES], off[FAMILIES], one_is_enough;
	const char *sharing_key, *pools; /* NULL = none */
};

/* Decides about the Service once more, on the picture as it is, and tells what was looked at. For a core
 * that nothing is written from: on a settled one nothing changes. False if there is no such Service. */
bool ipam_explain(struct ipam *m, const char *namespace, const char *name, const struct ipam_trace *t,
		  struct ipam_wish *ret);
/* Why a Service is not for us to serve. */
enum not_ours {
	OURS,
	OF_OTHER_TYPE,
	OF_OTHER_PROXY,
	OF_OTHER_CLASS,
	CLASSLESS,      /* --default-lb-service-ipam: those without a class are somebody else's */
	CLASS_NEEDED,   /* --service-opt-in=class */
	NOT_OPTED_IN,   /* no annotation, or an empty one */
	OPTED_OUT,      /* the annotation is false */
	OPT_IN_NO_BOOL, /* nobody can say what the annotation means */
};
/* Appends it as a clause; nothing if it is OURS, or not there. */
enum not_ours ipam_not_ours(const struct ipam *m, const char *namespace, const char *name, struct buf *out);
/* Nobody can say what its opt-in annotation means; appends a clause. */
bool ipam_opt_in_is_bad(const struct ipam *m, const char *namespace, const char *name, struct buf *out);
/* Each address in the status of the Service, as the picture is now; why NULL: it stays. */
void ipam_explain_status(struct ipam *m, const char *namespace, const char *name,
			 void (*fn)(void *arg, struct ip ip, const char *why), void *arg);

enum pool_disorder { POOL_IN_ORDER, POOL_BAD_BLOCK, POOL_BAD_SELECTOR, POOL_BAD_NAME, POOL_OVERLAPS };
struct pool_text {
	enum pool_disorder flaw;
	const char *disorder; /* what is wrong with its spec, or which overlap there is; NULL = nothing */
	const char *remark;   /* what is done otherwise than the spec says; NULL = nothing */
};
/* As ipam_pool_row(); the selector is appended as people write it. Borrowed until the next call. */
bool ipam_pool_text(struct ipam *m, size_t i, struct pool_text *ret, struct buf *ret_selector);
/* What of its spec cannot be read, and so does not count; NULL = nothing, or there is none. Borrowed. */
const char *ipam_policy_flaw(const struct ipam *m, const char *name);
const char *ipam_reservation_flaw(const struct ipam *m, const char *name);
