/* Services, between service.c (defaults, allocation) and service_check.c (validation). */
#pragma once

#include "embedded/object.h"

bool service_is(const struct js *service, const char *type);
bool service_is_headless(const struct js *service);
void service_validate(const struct write *w, const struct js *old, const struct js *service,
		      struct problems *p);
