/* The CRDs in deploy/crds, each a JSON document. */
#pragma once

#include "base/embedded_file.h"

extern const struct embedded_file berth_crds[];
extern const size_t berth_crds_n;
