/* The start: what is held is taken over, in a defined order, before anything new is given out. */
#pragma once

#include "core/state.h"

void takeover(struct ipam *m, struct moment now);
