/* Metadata of objects: names, labels, identity. */
#pragma once

#include "embedded/api.h"

enum { UID_MAX = 40 };

/* A random (version 4) UUID. Returns `text`. */
const char *meta_new_uid(char text[UID_MAX]);
/* Now, as creationTimestamp has it. Returns `text`. */
const char *meta_now(char text[RFC3339_MAX]);

/* DNS-1123 label, subdomain; DNS-1035 label. */
bool meta_is_label(const char *s);
bool meta_is_subdomain(const char *s);
bool meta_is_dns1035(const char *s);
/* "example.com/name" or "name" */
bool meta_is_qualified(const char *s);

/* Fills in the name from generateName, if there is one and no name. */
void meta_generate_name(struct api *a, struct js *metadata);
void meta_validate(const struct kind *k, const struct js *object, const char *ns, struct problems *p);
/* What identifies an object cannot change: copied from the old one. Labels, annotations, finalizers and
 * ownerReferences are left. */
void meta_keep_identity(struct js *object, const struct js *old);

/* A deep copy without managedFields, which are half of an object and which a write does not look at. */
[[nodiscard]] struct js *meta_clone_plain(const struct js *object);

const char *meta_name(const struct js *object);      /* "" if there is none */
const char *meta_namespace(const struct js *object); /* "" if there is none */
