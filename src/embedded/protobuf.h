/* Objects in protobuf, the form in which `kubectl create` sends some kinds. Only read, never written: a
 * client that sends protobuf takes JSON as well. */
#pragma once

#include "embedded/kinds.h"

/* `bytes` is a whole request body: "k8s\0" and a runtime.Unknown. Unknown fields are passed over. -EINVAL. */
int protobuf_read(const struct kind *k, const struct kind_version *v, struct slice bytes, struct js **ret,
		  struct err *e);
