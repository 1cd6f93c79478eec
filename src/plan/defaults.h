/* What the API server fills in before anybody sees an object, as far as decisions depend on it. */
#pragma once

#include "data/json.h"

/* spec.ipFamilies of a Service, by its policy and the families that the cluster has: those of its first
 * ServiceCIDR
 * ("kubernetes"), the primary one first. NULL: nobody knows, and nothing is filled in. */
void default_families(struct js *service, const struct js *service_cidr);
