/* Services: the picture of each, which of them are ours, what they want. */
#pragma once

#include "core/state.h"

/* Is version `b` certainly older than `a`? Versions of one object are numbers that grow wherever the
 * API server keeps to what Kubernetes has documented since 1.35; others are never called older. */
bool version_older(const char *b, const char *a);
struct service *service_find(const struct ipam *m, const char *namespace, const char *name);
/* Works out `wanted` and `asked_us` from type, class, annotation and labels. */
void service_classify(struct ipam *m, struct service *s, const char *opt_in);
/* Claims what stands in its status without being held by it, and its externalIPs. */
void service_claim(struct ipam *m, struct service *s);
/* Nothing of it is left: out of the picture. */
void service_free(struct ipam *m, struct service *s);

/* Which families it wants; bit per family. */
struct family_wish {
	bool want[FAMILIES];
	/* PreferDualStack: one of them is enough. */
	bool one_is_enough;
	/* What it must have and cannot because the family is switched off. */
	bool off[FAMILIES];
};
struct family_wish service_families(const struct ipam *m, const struct service *s);

/* Of what one who may create a Service writes, so much is taken. */
enum {
	REQUESTS_MAX = 64,          /* addresses asked for by name */
	POOLS_NAMED_MAX = 64,       /* in berth.dev/pool */
	ANNOTATION_MAX = 16 * 1024, /* bytes of each annotation */
	OPT_IN_SHOWN_MAX = 80,      /* bytes of an opt-in that is no boolean, for the Warning */
};

/* Addresses that it asked for by name. */
struct request {
	struct ip ip;
	struct slice bad; /* the item as it stands if it is no address */
	char why[160];    /* then why not */
};
/* Returns their number: those beyond REQUESTS_MAX are counted, not stored. */
size_t service_requests(const struct service *s, struct request ret[REQUESTS_MAX]);
bool service_has_requests(const struct service *s);
bool service_requests_ip(const struct service *s, struct ip ip);
