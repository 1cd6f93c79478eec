/* kinds.yaml as JSON in the binary. */
#pragma once

#include "base/embedded_file.h"

extern const struct embedded_file berth_kinds[];
extern const size_t berth_kinds_n;
