/* The conditions of a policy: lifecycle.md 3 and 8. */
#pragma once

#include "core/policy.h"

extern const char *const policy_conditions[];
extern const size_t n_policy_conditions;

/* The next status of a policy that differs from what the API shows. */
bool policy_next(struct ipam *m, struct moment now, struct effect *ret);
/* rv: the version that the write was meant for; delay: how long to wait where it failed. */
void policy_result(struct policy *x, const char *rv, enum outcome o, msec delay, struct moment now);
msec policy_wake_at(const struct ipam *m); /* -1 = never by time alone */
/* Somebody has come to hold the address, or has left it. */
void policies_touch(struct ipam *m, const struct addr *a);
