/* The cluster pool: PodCIDRs for nodes and blocks for external addresses out of the same networks
 * (cluster-pool.md).
 *
 * Who has which network is kept as tenures: a network that stands in the spec of a Node or CiliumNode, one
 * that was given and is not written yet, one that a record claims. All of them occupy the blocks that they
 * touch, so nothing is given that anybody could have. A node is decided anew from the picture each time, as
 * a Service is: what it has, what it lacks, which claim comes before which write.
 *
 *	node_in.c	 what the API tells of Nodes and CiliumNodes
 *	tenure.c	 who has which network; the records that claim them
 *	pod_cidr.c	 a node: the next write for it
 *	external_block.c a block of the external side: claimed, lent to Services, given back
 *	cluster_pool.c	 the start, what comes next, what is carved out */
#pragma once

#include "core/block_alloc.h"
#include "core/chores.h"
#include "core/cidr_index.h"
#include "core/state.h"

/* One network that somebody has or is about to get. It exists while one of its marks is set. */
struct tenure {
	struct cidr_item item;      /* first: the index hands it out */
	struct node *node;          /* NULL = the external side */
	struct tenure *prev, *next; /* of the same owner */
	bool shown[SIDES];          /* in the object's spec */
	bool given;                 /* we gave it */
	bool in_flight;             /* a request about its record is out */
	bool unclaimable;           /* something else has the record of its first address */
	bool releasing, found;      /* as the record says */
	struct addr *claim;         /* the address whose record claims it; NULL = none */
	char *claim_uid;            /* owned: of the node that the record names; NULL = not said */
	struct chore chore;         /* of the external side */
	msec marked_at;             /* monotonic: when it was seen to be on its way back */
};

struct node_object {
	bool there, deleting, owned, cidrs_ours, seen;
	msec created;
	char *uid, *rv;
	char *bad;   /* what stands there and is no network; NULL = nothing */
	char *error; /* as it stands in the status; NULL = none */
	struct range *cidrs;
	size_t n_cidrs;
};

struct node {
	char *name;
	struct claim_ref *claims; /* its addresses */
	uint32_t n_claims;
	struct node_object as[SIDES];
	struct tenure *tenures;
	struct chore chore;
	struct node *starving_prev, *starving_next;
	bool starving;
	bool known; /* one of its objects has been told: that it is gone is no guess */
	bool gone;  /* the API has said that there is no such object: see pod_cidr.c */
	bool in_flight, dirty;
	bool reread;    /* its newest state must be read before the next write */
	bool abandoned; /* a CiliumNode without Node was there in the last round of nodes-gc */
	bool collect;   /* and in this one: to be deleted once the Node is surely not there */
	char *error;    /* owned: what is wrong with it now; NULL = nothing */
	char *error_told;
};

struct cluster_pool {
	bool on;
	bool external;
	enum node_resource resource;
	msec gc_interval, gc_at;
	struct block_alloc *alloc[FAMILIES]; /* NULL = the family has no pool */
	int mask[FAMILIES];
	enum node_side side; /* whom PodCIDRs are written to; SIDES = nobody */
	char *side_why;      /* owned; see ipam_node_side() */
	char *refusal;       /* owned; see ipam_refusal() */
	struct cidr_index index;
	struct tenure *blocks, *blocks_tail; /* of the external side, in the order of coming */
	struct pool *pool;                   /* they as a pool, in ipam.pools; NULL = there is none */
	struct chores chores;
	struct node *starving, *starving_tail; /* longest first */
	bool freed;                            /* a block may have become free */
	size_t in_flight;
	msec not_before;         /* monotonic: the server asked to be left alone */
	struct buf block, owner; /* of the effect that is handed out */
	struct range *cidrs;
	size_t cap_cidrs;
};

struct cluster_pool *cluster_pool_new(const struct cluster_pool_config *c);
void cluster_pool_free(struct ipam *m);

/* The first lists are complete: blocks that are in use are found, before Services are taken over. */
void cluster_pool_start(struct ipam *m, struct moment now);
bool cluster_pool_next(struct ipam *m, struct moment now, struct effect *ret);
void cluster_pool_result(struct ipam *m, const struct flight *f, enum outcome o, msec retry_after,
			 struct moment now);
msec cluster_pool_wake_at(const struct ipam *m);
bool cluster_pool_busy(const struct ipam *m);

/* An entry of the ledger came or went: whatever it is, no node gets a block with it. */
void cluster_pool_addr(struct ipam *m, struct ip ip, bool taken);
/* Nobody has the address any more, nor a record of it: it can be the claim of a block, and its own block may
 * not be needed any more. */
void cluster_pool_unused(struct ipam *m, struct ip ip);
/* Queues those who ask for an address of the range, or of a block that it touches. */
void cluster_pool_wake_asked(struct ipam *m, struct range r);
/* A holder has left the address, or it is seen to cool: its block may not be needed any more. */
void cluster_pool_left(struct ipam *m, struct ip ip);
/* Works out what is carved out, on both sides; by pools_refresh(). */
void cluster_pool_carve(struct ipam *m);
/* Does the address lie in the cluster pool, as far as Services are served from it? */
bool cluster_pool_covers(const struct ipam *m, struct ip ip);
/* Is it the first or last address of a block, which Services never get of the cluster pool? */
bool cluster_pool_spares(const struct ipam *m, struct ip ip);
/* The PodCIDR of a node that has the address; appends a clause. False if none has. */
bool cluster_pool_pod_of(const struct ipam *m, struct ip ip, struct buf *out);

/* ---- the cluster pool as a pool of Services ---- */
/* Adds what of its blocks is not given. */
void cluster_pool_exclude(const struct ipam *m, struct range_set *ret);
/* Does no other pool select the Service, or does it name the cluster pool? */
bool cluster_pool_serves(const struct ipam *m, const struct service *s, enum family f);
/* Takes one more block. False if there is none. */
bool cluster_pool_grow(struct ipam *m, enum family f);
bool cluster_pool_can_grow(const struct ipam *m, enum family f);
/* The same for the block of this address. */
bool cluster_pool_grow_at(struct ipam *m, struct ip ip);
bool cluster_pool_could_give(const struct ipam *m, struct ip ip);
/* May an address of it be written now? Not before its block is claimed. */
bool cluster_pool_claimed(const struct ipam *m, struct ip ip);

/* Nobody holds an address of its block any more, and a node waits for one: then nothing of it cools. */
bool cluster_pool_wants(const struct ipam *m, struct ip ip);

/* ---- node_in.c ---- */
void nodes_unsee(struct ipam *m, enum node_side side);
void nodes_drop_unseen(struct ipam *m, enum node_side side, struct moment now);
struct node *node_need(struct ipam *m, struct slice name);
void node_prune(struct ipam *m, struct node *n); /* frees it if nothing keeps it */

/* ---- tenure.c ---- */
struct tenure *tenure_find(const struct ipam *m, const struct node *n, struct range r);
struct tenure *tenure_need(struct ipam *m, struct node *n, struct range r); /* r is a network */
void tenure_prune(struct ipam *m, struct tenure *t);
/* Looks at its owner again. */
void tenure_wake(struct ipam *m, struct tenure *t);
/* The record of the address was told: what it claims. */
void tenure_of_record(struct ipam *m, struct addr *a, const struct record_in *in);
/* The record is gone. */
void tenure_unclaimed(struct ipam *m, struct addr *a);
/* Another tenure that overlaps and for which fn says true; NULL = none. */
struct tenure *tenure_rival(const struct ipam *m, const struct tenure *t,
			    bool (*fn)(const struct ipam *m, const struct tenure *rival,
				       const struct tenure *t));
/* Is there anything of Services or others in it, but for its own claim? */
bool tenure_in_use(const struct ipam *m, const struct tenure *t);
/* Is there nothing in it but its claim and addresses that cool? */
bool tenure_only_cools(const struct ipam *m, const struct tenure *t);
/* An effect about its record; false: not now. `releasing` is what the record is to say. */
bool claim_effect(struct ipam *m, enum effect_kind kind, struct tenure *t, bool releasing,
		  struct effect *ret);
/* The next write that makes the record claim it; EFFECT_KINDS: it does, or cannot. */
enum effect_kind claim_due(const struct ipam *m, const struct tenure *t);
/* How a tenure is called in messages: "PodCIDR 10.0.1.0/24 of node x". */
void tenure_describe(const struct tenure *t, struct buf *out);

/* ---- pod_cidr.c ---- */
bool node_next(struct ipam *m, struct node *n, struct moment now, struct effect *ret);
/* Tries to serve those who starve, longest first. */
void nodes_feed(struct ipam *m);
void nodes_collect(struct ipam *m, struct moment now);
/* It starves no more, and what it was given and does not show yet is free again. */
void node_waits_no_more(struct ipam *m, struct node *n);

/* ---- external_block.c ---- */
bool external_next(struct ipam *m, struct tenure *t, struct moment now, struct effect *ret);
/* The blocks of the pool are those of the external side. */
void external_pool_update(struct ipam *m);
/* Blocks that Services already have addresses of. */
void external_adopt(struct ipam *m);
