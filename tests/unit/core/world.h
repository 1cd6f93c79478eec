/* A cluster of a few objects in memory around a core, for tests of the core alone: what it writes is taken
 * over and told back, as the API server and a watch would. */
#pragma once

#include "core/ipam.h"

enum { WORLD_SERVICES = 400, WORLD_POOLS = 8, WORLD_POLICIES = 8, WORLD_EVENTS = 400, WORLD_TEXTS = 8 };

struct wcondition {
	char type[64], reason[64], message[1200];
	enum condition_status status;
	int64_t generation;
};

struct wservice {
	const char *ns, *name; /* constants */
	const char *requests, *key, *pools;
	struct label labels[2];
	size_t n_labels;
	enum family_policy policy;
	enum family families[2];
	size_t n_families;
	uint16_t port;
	bool exists;
	struct ip has[8];
	size_t n_has;
	bool ours;
	enum condition_status condition;
	char reason[64], message[1200];
	unsigned rv;
};

struct wpool {
	const char *name, *cidr, *start, *stop; /* one block */
	struct label labels[2];
	size_t n_labels;
	const char *select_label; /* of Services, with value "yes"; NULL = all */
	bool exists, disabled, deleting, spare;
	char finalizers[WORLD_TEXTS][64];
	size_t n_finalizers;
	struct wcondition conditions[8];
	size_t n_conditions;
	int64_t generation;
	unsigned rv;
};

struct wpolicy {
	struct policy_in in; /* all that people write */
	bool exists;
	struct wcondition conditions[8];
	size_t n_conditions;
	unsigned rv;
};

struct wrecord {
	struct ip ip;
	char holders[200], pool[64];
	enum record_phase phase;
	unsigned rv;
	bool exists;
};

/* How the core hears that the record is gone that it deletes. */
enum deletion {
	WATCH_IS_FIRST,
	ANSWER_IS_FIRST,
	ANSWER_IS_LOST, /* 404 to the second try */
};

struct world {
	struct ipam *m;
	struct moment now;
	bool records;
	struct wservice services[WORLD_SERVICES];
	size_t n_services;
	struct wpool pools[WORLD_POOLS];
	size_t n_pools;
	struct wpolicy policies[WORLD_POLICIES];
	size_t n_policies;
	struct wrecord record[WORLD_SERVICES * 2];
	size_t n_records;
	struct {
		const char *name;
		struct label labels[2];
		size_t n;
	} namespaces[8];
	size_t n_namespaces;
	char history[WORLD_EVENTS][100]; /* "10.0.0.1 ns/name" */
	size_t n_history;
	enum deletion deletion;
	char events[WORLD_EVENTS][100]; /* "Reason name", those of Services apart */
	size_t n_events;
	unsigned writes, rv;
};

/* All that is in the world is told to a new core. */
void world_start(struct world *w);
void world_end(struct world *w);
void world_restart(struct world *w);
/* Carries out what the core asks for, until it rests. Time passes where it waits. */
void world_run(struct world *w);

struct wservice *world_service(struct world *w, const char *ns, const char *name); /* adds it, if new */
struct wpool *world_pool(struct world *w, const char *name, const char *cidr);
struct wpolicy *world_policy(struct world *w, const char *name, const char *pool); /* as the defaults are */
void world_namespace(struct world *w, const char *name, const char *key, const char *value);
void tell_service(struct world *w, struct wservice *s);
void tell_pool(struct world *w, struct wpool *p);
void tell_policy(struct world *w, struct wpolicy *x);
void delete_service(struct world *w, struct wservice *s);
void delete_policy(struct world *w, struct wpolicy *x);

/* "10.0.0.1,10.0.0.2"; "" = none. Good until the next call. */
const char *addresses_of(const struct wservice *s);
const struct wcondition *pool_condition(const struct wpool *p, const char *type);
const struct wcondition *policy_condition(const struct wpolicy *x, const char *type);
/* Events since the last call with spaces between: "PoolLow blue,PoolExhausted blue". */
const char *events_since(struct world *w);
