/* `berth status`: pools, what is wrong, and who leads, as one document and as text for people. */
#pragma once

#include "plan/print.h"
#include "plan/standing.h"

/* {"well":…, "problems":["…"], "leader":{…}, "pools":[…], "services":[…], "reservations":[…], "blocks":[…],
 * "podCIDRs":[…], "nodes":[…]}; docs/status.md names the fields. Owned by the caller. */
struct js *status_document(const struct standing_in *in);
/* Nothing is wrong. */
bool status_is_well(const struct js *document);
/* Who leads, in one text that changes when that does. Owned by the caller. */
char *status_leader_text(const struct standing_in *in);
void status_print(const struct js *document, enum plan_form form, bool colour, struct buf *out);
