/* What the operator would do with a set of manifests, alone or on top of what a cluster holds. */
#pragma once

#include "core/ipam.h"
#include "view/view.h"

struct plan;

struct plan *plan_new(const struct ipam_config *c, const struct view_config *v, msec wall);
void plan_free(struct plan *p); /* NULL allowed */
void plan_freep(struct plan **p);
/* Where a manifest without a namespace belongs; copied. Else "default". */
void plan_set_namespace(struct plan *p, const char *ns);

/* An object of the cluster as it is now; a List is taken apart. Kinds that do not matter are ignored. */
int plan_base(struct plan *p, const struct js *object, struct err *e);
/* The cluster does not serve the kind of pools: what is held is kept, until manifests bring pools. */
void plan_without_pools(struct plan *p);
/* All of the base is there: the core settles on it. Call it also when there is none. */
void plan_begin(struct plan *p);
/* A manifest, as `kubectl apply` would bring it: it changes the object that is there, or is a new one, and
 * the operator has done with it before the next one comes. -EINVAL: it lacks what every object needs. */
int plan_apply(struct plan *p, const struct js *object, struct err *e);

enum plan_verdict { VERDICT_KEEPS, VERDICT_GETS, VERDICT_MOVES, VERDICT_LOSES, VERDICT_WAITS, VERDICTS };
const char *plan_verdict_name(enum plan_verdict v);

struct plan_row {
	const char *namespace, *name;
	enum plan_verdict verdict;
	const char *before, *after;   /* addresses with commas between; "" = none */
	const char *leaves;           /* why it loses what it had: "192.0.2.1: …; …"; "" = it does not */
	const char *reason, *message; /* why it waits, and notes on what it got */
};
/* Services that are ours, or were; in order of namespace and name. Borrowed for the call. */
void plan_rows(struct plan *p, void (*fn)(const struct plan_row *row, void *arg), void *arg);
/* Of this one, whosever it is. False if there is no such Service. */
bool plan_row(struct plan *p, const char *ns, const char *name,
	      void (*fn)(const struct plan_row *row, void *arg), void *arg);

/* What is wrong with a manifest that was applied, as the core and the schema of its kind see it: one line for
 * each thing, which names the object and ends in what would be right. Pools that overlap count as well. */
void plan_problems(struct plan *p, const struct js *object, void (*fn)(const char *line, void *arg),
		   void *arg);

/* For questions. */
struct ipam *plan_ipam(struct plan *p);
/* The object as the API would show it now; NULL = there is none. Borrowed. */
const struct js *plan_get(const struct plan *p, const char *kind, const char *ns, const char *name);
/* Is there any object of the kind? */
bool plan_has(const struct plan *p, const char *kind);
struct moment plan_now(const struct plan *p);
