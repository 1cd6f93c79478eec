/* What a cluster holds, read once: every kind that a decision reads, in pages. */
#pragma once

#include "cmd/common_options.h"
#include "data/json.h"
#include "kube/resource.h"

/* Objects of berth's own. Where not even their kind may be listed, all is a mistake. */
struct snapshot_want {
	enum resource_id resource;
	const char *ns;     /* NULL = all */
	const char *name;   /* NULL = all */
	const char *labels; /* a selector; NULL = all */
	/* What there is not without it ("forecast"), said where it may not be read; NULL = it is needed. */
	const char *spared;
};

struct snapshot_options {
	const char *verb;
	const struct cluster_options *cluster;
	bool decisions;    /* the kinds of enum ipam_kind, and with them */
	bool records;      /* IPAddress objects */
	bool cilium_nodes; /* CiliumNodes, which only the cluster pool reads */
	const struct snapshot_want *own;
	size_t n_own;
};

struct snapshot {
	struct js *objects; /* an array, owned; each object with its kind and apiVersion */
	struct js *own;     /* the same for what else was wanted */
	bool served[IPAM_KINDS];
	char *ns;      /* namespace of the Pod or the kubeconfig's context, owned; NULL = none is said */
	char *version; /* of the server ("v1.34.2"), owned; asked for with `own` alone, NULL = it did not say
			*/
	msec wall;     /* the server's clock at the end */
};

/* A kind that is not served is empty. 0, or negative errno after one line on standard error for each thing
 * that is wrong: what is not allowed names verb and resource. */
int snapshot_read(const struct snapshot_options *o, struct snapshot *ret);
void snapshot_done(struct snapshot *s);
/* Which resource a kind of the core is. */
enum resource_id snapshot_resource(enum ipam_kind k);
/* What to leave out of a list of records; see snapshot.c. */
extern const char snapshot_record_selector[];
