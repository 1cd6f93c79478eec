/* What is there from the start, and what goes by itself. */
#pragma once

#include "base/embedded_file.h"
#include "embedded/api.h"

/* Namespaces default and kube-system, the ServiceCIDR, the CRDs; only in a new store. */
int seed_store(struct api *a, const struct embedded_file *crds, size_t n, struct err *e);
/* Events live an hour. */
void seed_expire_events(struct api *a);
