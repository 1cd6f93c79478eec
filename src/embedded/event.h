/* Events exist in two API groups with different field names; the store has those of core/v1. */
#pragma once

#include "data/json.h"

/* A stored Event as an events.k8s.io/v1 object, apiVersion and kind included. */
[[nodiscard]] struct js *event_to_new(const struct js *stored);
/* The other way; in place. */
void event_to_stored(struct js *object);
/* A fieldSelector of events.k8s.io/v1 in stored names; the caller frees it. */
[[nodiscard]] char *event_selector(const char *fields);
