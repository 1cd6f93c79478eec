/* Where the faults of a plan strike the requests of the embedded API; and the path /faults, by which a test
 * changes the plan while it runs:
 *
 *	GET    the plan, and how often each rule has struck
 *	PUT    a new plan, as text; its clock starts anew
 *	POST   /faults/compact forgets the whole log of changes: watches from before get 410
 *
 * Served only where the embedded API was started with faults. */
#pragma once

#include "embedded/fault.h"
#include "embedded/rest.h"

struct fault_gate;

/* Takes the plan over. */
struct fault_gate *fault_gate_new(struct api *a, const char *spec, struct fault_plan *plan);
/* After the server is gone, whose requests it may hold back; NULL allowed. */
void fault_gate_free(struct fault_gate *g);

/* Is the path /faults…? Then it is answered. NULL: it never is. */
bool fault_gate_describe(struct fault_gate *g, struct request *r, const char *const *parts, size_t n);
/* True: the request was answered, dropped, or comes again later by rest_handle(). Else it goes on, with what
 * awaits it in r->cut_after, r->expire. NULL strikes nothing. */
bool fault_gate_strikes(struct fault_gate *g, struct request *r);
