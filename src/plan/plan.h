/* What the operator would do with a set of manifests, alone or on top of what a cluster holds. */
#pragma once

#include "core/ipam.h"
#include "view/view.h"

struct plan;

struct plan *plan_new(const struct ipam_config *c, const struct view_config *v, msec wall);
void plan_free(struct plan *p); /* NULL allowed */
void plan_freep(struct plan **p);

/* An object of the cluster as it is now; a List is taken apart. Kinds that do not matter are ignored. */
int plan_base(struct plan *p, const struct js *object, struct err *e);
/* All of the base is there: the core settles on it. Call it also when there is none. */
void plan_begin(struct plan *p);
/* A manifest, as `kubectl apply` would bring it: it changes the object that is there, or is a new one. */
int plan_apply(struct plan *p, const struct js *object, struct err *e);
/* Lets everything happen. */
void plan_finish(struct plan *p);

enum plan_verdict { VERDICT_KEEPS, VERDICT_GETS, VERDICT_MOVES, VERDICT_LOSES, VERDICT_WAITS, VERDICTS };
const char *plan_verdict_name(enum plan_verdict v);

struct plan_row {
	const char *namespace, *name;
	enum plan_verdict verdict;
	const char *before, *after;   /* addresses with commas between; "" = none */
	const char *reason, *message; /* why it waits, and notes on what it got */
};
/* Services that are ours, or were; in order of namespace and name. Borrowed for the call. */
void plan_rows(struct plan *p, void (*fn)(const struct plan_row *row, void *arg), void *arg);
/* For the counts of pools. */
const struct ipam *plan_ipam(const struct plan *p);
