/* CustomResourceDefinitions: a stored one is a kind that is served. */
#pragma once

#include "embedded/object.h"

/* Makes the registry equal to the CRDs in the store. */
int crd_reload(struct api *a, struct err *e);
/* Deletes all objects of the kind, then the CRD; waits, Terminating, while any of them has finalizers. */
int crd_delete(const struct write *w, const char *name, const struct preconditions *pre, struct js **ret,
	       bool *ret_gone, struct status *st);
/* An object of a kind that is terminating is gone: if it was the last, the CRD goes as well. */
void crd_emptied(struct api *a, const struct kind *k);
