/* What a cluster holds, read once: every kind that a decision reads, in pages. */
#pragma once

#include "cmd/common_options.h"
#include "data/json.h"

struct snapshot {
	struct js *objects; /* an array, owned; each object with its kind and apiVersion */
	bool served[IPAM_KINDS];
	char *ns; /* namespace of the Pod or the kubeconfig's context, owned; NULL = none is said */
};

/* records: IPAddress objects as well; cilium_nodes: CiliumNodes too. A kind that is not served is empty. 0,
 * or negative errno after one line on standard error for each thing that is wrong: what is not allowed names
 * verb and resource. */
int snapshot_read(const char *verb, const struct cluster_options *o, bool records, bool cilium_nodes,
		  struct snapshot *ret);
void snapshot_done(struct snapshot *s);
