/* OpenAPI documents, as far as kubectl needs them to validate, apply and explain. */
#pragma once

#include "embedded/rest.h"

/* /openapi/v2 and /openapi/v3/…; false: no such document. */
bool openapi_serve(struct request *r, const char *const *parts, size_t n);
