/* Reservations (lifecycle 4), in the plainest words. */
#pragma once

#include "model.h"

struct js *reservation_document(const struct world *w, int i);
const char *reservation_title(int i);

bool in_force(const struct world *w, int i);
/* The one that counts of those in force for the address; -1 = none. */
int reservation_at(const struct world *w, int a);
/* Addresses that some reservation in force keeps. */
addr_set reserved(const struct world *w);
/* What the Service is to get of this family, and nothing else; -1 = nothing is kept for it. */
int kept_for(const struct world *w, int s, enum family f);
/* Is the address kept for another, or for nobody? `held`: addresses that each Service has. */
bool kept_from(const struct world *w, int a, int s, const addr_set held[SERVICES]);
