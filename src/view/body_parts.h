/* What the files that write bodies share. */
#pragma once

#include "view/body.h"

/* "key":"value" */
void add_member(struct buf *out, const char *key, const char *value);
/* Starts a patch whose resourceVersion is a precondition: the API server answers 409 if the object has
 * another one. */
void begin_patch(struct buf *out, const char *resource_version);

/* body_node.c: the cluster pool's. */
void body_claim_create(const struct effect *e, const struct body_context *x, struct buf *out);
void body_claim_patch(const struct effect *e, struct buf *out);
void body_pod_cidrs(const struct effect *e, struct buf *out);
void body_node_error(const struct effect *e, struct buf *out);
