/* A cluster as it stands: its objects told to a core that decides nothing, so that what it counts is what
 * there is, and not what an operator would make of it. */
#pragma once

#include "plan/cluster.h"

struct standing_in {
	const struct ipam_config *config;
	const struct view_config *view;
	/* Arrays, each object with its kind: what decisions read; Leases and ConfigMaps of berth. */
	const struct js *objects, *own;
	bool pools_served;
	bool embedded;     /* the API is the embedded one: where no Lease is, its one operator leads */
	bool no_election;  /* --leader-elect=false: Leases do not count */
	const char *lease; /* name of the Lease */
	msec wall;         /* of the API server */
};

/* Owned by the caller; what cannot be read is left out, as the operator does. */
struct cluster *standing_cluster(const struct standing_in *in);
/* The texts of the object's condition; NULL where it has none. Borrowed. */
const struct js *standing_condition(const struct js *object, const char *type);
