/* The world as the test made it, small enough for one bit an address, and what the specification says
 * of it in the plainest words. Nothing of the core is used here. */
#pragma once

#include "base/rand.h"
#include "plan/cluster.h"

enum { V4 = 48, V6 = 16, ADDRESSES = V4 + V6, POOLS = 4, SERVICES = 14, BLOCKS = 3, REQUESTS = 3 };
enum { POLICIES = 3, QUOTAS = 2, RESERVATIONS = 4, NAMESPACES = 2 };
enum { REQUEST_BAD = -1, REQUEST_ELSEWHERE = -2 };

typedef uint64_t addr_set; /* bit i: 10.0.0.i below V4, else 2001:db8::(i - V4) */

struct block {
	int lo, hi;
	bool cidr;
};
enum selects { SELECT_ALL, SELECT_LABEL_0, SELECT_LABEL_1, SELECT_NAMESPACE };
struct mpool {
	bool exists, disabled, spare, bad;
	struct block blocks[BLOCKS];
	int n;
	enum selects selects;
	int tier;      /* its label, for policies: 0, 1; 2 = none */
	bool deleting; /* a finalizer holds it */
	bool going;    /* gone, but perhaps not yet for the core: see was_explained() */
	char created[40];
};
/* Whom a quota is about: by names, or by labels of the Namespace. */
enum quota_of { QUOTA_OF_RED, QUOTA_OF_BOTH, QUOTA_OF_TEAM_0, QUOTA_OF_ALL };
struct mpolicy {
	bool exists;
	int pool; /* by name; -1 = by label */
	int tier; /* the label, if it goes by label; 2 = every pool */
	int priority;
	addr_set exclude;
	msec reuse_after; /* -1 = not said */
	bool late, ask_only, keep, protect;
	int low; /* -1 = not said */
	bool low_is_percent;
	int n_quotas;
	struct {
		enum quota_of of;
		int max;
	} quotas[QUOTAS];
};
struct mreservation {
	bool exists;
	int addresses[FAMILIES]; /* -1 = none */
	int service;             /* -1 = for nobody */
	msec expires;            /* -1 = never */
	char created[40];
};
enum mclass { CLASS_NONE, CLASS_OURS, CLASS_FOREIGN };
enum mopt { OPT_NONE, OPT_TRUE, OPT_FALSE, OPT_BAD };
enum named { NAMED_NONE, NAMED_A, NAMED_BC, NAMED_NOWHERE };
struct mservice {
	bool exists, lb, local, permit, consent, deleting;
	bool overwritten; /* somebody else wrote its status last */
	enum mclass class;
	enum mopt opt;
	int label; /* 0, 1; 2 = none */
	enum family_policy policy;
	int n_families;
	enum family families[2];
	int n_requests, requests[REQUESTS];
	int key; /* 0 = none */
	unsigned ports;
	int pods; /* 0 = no selector */
	enum named named;
	int external; /* -1 = none */
	/* Made again before anybody knew that it was gone: what it had. */
	addr_set before;
};
struct world {
	struct mpool pools[POOLS];
	struct mservice services[SERVICES];
	struct mpolicy policies[POLICIES];
	struct mreservation reservations[RESERVATIONS];
	int teams[NAMESPACES]; /* the label of the Namespace: 0, 1; 2 = none; -1 = there is no such object */
	addr_set carved, nodes;
	enum opt_in opt_in;
	bool records;
	msec reuse_after; /* where no policy says it; 0 = what is released is free at once */
	bool family_on[FAMILIES];
	struct cluster *cluster;
	/* What the API shows, as of the last look(). */
	struct {
		addr_set statuses[SERVICES];
		addr_set recorded, recorded_by_others;
		const struct js *notes[ADDRESSES]; /* annotations of records */
	} seen;
};

/* Takes in what the API shows now; to be called whenever something has changed there. */
void look(struct world *w);

const char *service_ns(int s);
const char *service_title(int s);
const char *address_text(int a, char text[IP_TEXT_MAX]);
int address_index(const char *text); /* -1: none of ours */

addr_set of_family(enum family f);
enum family family_of(int a);
/* The Service is called "ns/name" in a list of holders. */
bool mentions(const char *holders, int s);

struct js *service_document(const struct world *w, int s);
struct js *pool_document(const struct world *w, int p);

/* What stands in the status of the Service. */
addr_set shown(const struct world *w, int s);
bool wanted(const struct world *w, int s);
bool asked_us(const struct world *w, int s);
/* Is it one to be given nothing and told nothing? */
bool selects(const struct world *w, int p, int s);
bool named(const struct world *w, int p, int s);
/* Does each pool exist that berth.dev/pool names? */
bool all_named_exist(const struct world *w, int s);
addr_set contains(const struct world *w, int p);
/* Addresses that the pool may give: none if it is off or in conflict. */
addr_set gives(const struct world *w, int p);
/* The same if it were not off. */
addr_set would_give(const struct world *w, int p);
bool in_conflict(const struct world *w, int p);
/* Would it be in conflict if it were not off? */
bool loses_conflict(const struct world *w, int p);
bool usable(const struct world *w, int p);
/* Families that the Service wants and can have: bit per family. */
unsigned families(const struct world *w, int s, bool *ret_impossible);
bool may_share(const struct world *w, int s, int t);
/* The address is the Service's to keep, by itself and the pools. */
bool explained(const struct world *w, int s, int a);
/* The same while pools that have just gone still stand. Whether a deletion is real, or the whole kind was
 * taken away, has to be asked first; until that is answered such a pool counts as it was last seen. */
bool was_explained(const struct world *w, int s, int a);
/* Used by somebody to whom we gave nothing: Nodes, externalIPs, records of others. */
addr_set foreign(const struct world *w, int except);
/* The same without the records. */
addr_set claimed_by_others(const struct world *w, int except);
/* In some record, of whomever. */
addr_set recorded(const struct world *w);
/* What the record of the address says in this annotation; NULL = nothing, or there is none. */
const char *record_note(const struct world *w, int a, const char *key);
/* Pools that are being deleted may have gone. */
void pools_that_went(struct world *w);
