/* The kinds that the embedded API serves: the built-in ones of kinds.yaml and those of stored CRDs. */
#pragma once

#include "data/schema.h"

struct kind_version {
	char *name; /* owned: "v1" */
	bool served, status;
	struct schema *schema; /* owned; NULL = everything is allowed */
	struct js *openapi;    /* owned; the schema as it was given */
	struct js *columns;    /* owned; printer columns, NULL = none */
	/* What stands in front of a stored text to make it an object of this version:
	 * {"apiVersion":"g/v","kind":"K", */
	char *prefix; /* owned */
};

struct kind {
	char *group, *plural, *singular, *kind, *list_kind; /* owned; group "" = core */
	char *resource;      /* owned: "services", "ippools.example.com", as messages have it */
	char *stored_as;     /* owned: name in the store, the same except for events.k8s.io */
	struct js *protobuf; /* owned; field numbers as in kinds.yaml, NULL = JSON only */
	struct js *short_names, *categories; /* owned lists, NULL = none */
	struct kind_version *versions;       /* owned */
	size_t n_versions, storage;          /* storage: index */
	bool namespaced, generation, builtin;
	bool terminating; /* its CRD is being deleted: nothing new */
	bool converted;   /* events.k8s.io: fields have other names than in the store */
};

struct registry {
	struct kind **items; /* owned */
	size_t n, cap;
	struct schema *metadata; /* owned; of every kind's metadata */
};

/* The built-in kinds. -EINVAL: kinds.yaml is wrong. */
int registry_init(struct registry *r, struct err *e);
void registry_done(struct registry *r);

/* The kind and version of a path; ret_version may be NULL when version is NULL (any). NULL if not served. */
struct kind *registry_find(const struct registry *r, const char *group, const char *version,
			   const char *plural, const struct kind_version **ret_version);
struct kind *registry_by_resource(const struct registry *r, const char *resource);

/* A CRD object as a kind. -EINVAL with the field at the front of the message. */
int kind_from_crd(const struct js *crd, struct kind **ret, struct err *e);
void kind_free(struct kind *k); /* NULL allowed */
/* Puts a kind in, which must not be there yet. Takes `k` over. */
void registry_put(struct registry *r, struct kind *k);
/* Takes a kind out, for the caller to free; NULL if it is not there. */
struct kind *registry_take(struct registry *r, const char *resource);

const struct kind_version *kind_storage(const struct kind *k);
/* "v1", "cilium.io/v2" */
const char *kind_api_version(const struct kind *k, const struct kind_version *v, char *text, size_t size);
