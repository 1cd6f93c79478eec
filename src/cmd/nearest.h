/* "Did you mean": the name that somebody may have wanted to type. */
#pragma once

#include "base/slice.h"

/* How many letters must be typed, dropped, changed or swapped with a neighbour to get from a to b.
 * More than `most`, or longer texts than 64 letters, give most + 1. */
unsigned typing_distance(struct slice a, struct slice b, unsigned most);

/* Is `typed` near enough to `name` to be worth a question? Smaller is nearer; -1 = no. */
int nearness(struct slice typed, const char *name);
