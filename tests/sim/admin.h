/* What administrators do: policies, reservations, Namespaces. */
#pragma once

#include "check.h"

unsigned pick(struct sim *x, unsigned n);
bool chance(struct sim *x, unsigned percent);
void put_object(struct sim *x, struct js *o); /* takes it */
[[gnu::format(printf, 2, 3)]] void say(const struct sim *x, const char *fmt, ...);
/* Says the kind, name and spec of an object that has changed. */
void say_object(const struct sim *x, const char *kind, const char *ns, const char *name);

void change_policy(struct sim *x);
void change_reservation(struct sim *x);
void change_namespace(struct sim *x);
