/* The world as the test made it, small enough for one bit an address, and what the specification says
 * of it in the plainest words. Nothing of the core is used here. */
#pragma once

#include "base/rand.h"
#include "plan/cluster.h"

enum { V4 = 32, V6 = 16, ADDRESSES = V4 + V6, POOLS = 4, SERVICES = 14, BLOCKS = 3, REQUESTS = 3 };
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
};
struct world {
	struct mpool pools[POOLS];
	struct mservice services[SERVICES];
	addr_set carved, nodes;
	enum opt_in opt_in;
	bool records;
	msec reuse_after; /* 0 = what is released is free at once */
	bool family_on[FAMILIES];
	struct cluster *cluster;
};

const char *service_ns(int s);
const char *service_title(int s);
const char *address_text(int a, char text[IP_TEXT_MAX]);
int address_index(const char *text); /* -1: none of ours */

struct js *service_document(const struct world *w, int s);
struct js *pool_document(const struct world *w, int p);

/* What stands in the status of the Service. */
addr_set shown(const struct world *w, int s);
bool wanted(const struct world *w, int s);
bool asked_us(const struct world *w, int s);
/* Is it one to be given nothing and told nothing? */
bool selects(const struct world *w, int p, int s);
bool named(const struct world *w, int p, int s);
addr_set contains(const struct world *w, int p);
/* Addresses that the pool may give: none if it is off or in conflict. */
addr_set gives(const struct world *w, int p);
bool in_conflict(const struct world *w, int p);
/* Families that the Service wants and can have: bit per family. */
unsigned families(const struct world *w, int s, bool *ret_impossible);
bool may_share(const struct world *w, int s, int t);
/* The address is the Service's to keep, by itself and the pools. */
bool explained(const struct world *w, int s, int a);
/* Used by somebody to whom we gave nothing: Nodes, externalIPs, records of others. */
addr_set foreign(const struct world *w, int except);
/* In some record, of whomever. */
addr_set recorded(const struct world *w);
