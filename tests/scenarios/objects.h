/* From the short forms of a scenario to objects of the API; see README.md. */
#pragma once

#include "plan/cluster.h"

/* A new document; NULL with an error for a form that is not known. `old`: the object as it stands, whose
 * status stays unless the form has one; NULL = none. `wall`: now, which `created` is relative to. */
struct js *object_of(const struct js *form, const struct js *old, msec wall, struct err *e);
/* Kind, namespace and name that a form is about; the texts live as long as the form. */
struct object_name {
	const char *kind, *name;
	char ns[64];
};
int name_of(const struct js *form, struct object_name *ret, struct err *e);
/* "team/web" or "web" (namespace default). */
struct object_name service_name_of(const char *text);
/* Puts an ingress list into the status as `manager` would have written it. */
void write_ingress(struct js *service, const struct js *ingress, const char *manager);
