/* What single kinds do beyond their schema. */
#pragma once

#include "embedded/object.h"

struct hooks {
	const char *resource;
	/* Fills in what depends on more than a schema default. old NULL = create. */
	void (*defaults)(const struct write *w, const struct js *old, struct js *object);
	/* After the schema has found nothing wrong. */
	void (*validate)(const struct write *w, const struct js *old, const struct js *object,
			 struct problems *p);
	/* Allocates, once everything is valid. */
	void (*allocate)(const struct write *w, const struct js *old, struct js *object, struct problems *p);
	/* The store has it. old NULL = created, object NULL = gone. */
	void (*stored)(struct api *a, const struct js *old, const struct js *object);
};

/* NULL if the kind has none. */
const struct hooks *hooks_of(const struct kind *k);

/* The rules of our CRDs that a real server evaluates as CEL. */
void crd_rules_check(const struct kind *k, const struct js *object, struct problems *p);

/* Of single files */
extern const struct hooks service_hooks, namespace_hooks, address_hooks, cidr_hooks, crd_hooks, event_hooks;
