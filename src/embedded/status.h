/* What went wrong with a request, as the API says it: a Status object with reason and code. */
#pragma once

#include "embedded/kinds.h"

struct status {
	int code;                   /* HTTP; 0 = nothing went wrong */
	const char *reason;         /* "NotFound"; static; "" = none */
	char *message;              /* owned */
	char *name;                 /* owned; of the object, NULL = none */
	const struct kind *kind;    /* borrowed; NULL = none */
	const char *cause;          /* static; reason of a single cause without a field, NULL = none */
	struct problems problems;   /* of an Invalid object */
	const char *problem_reason; /* static; of all problems, NULL = each its own */
	int retry_after;            /* seconds, 0 = none */
};

void status_done(struct status *st);

/* All return -1, so that they can be returned. The first failure stays. */
[[gnu::format(printf, 4, 5)]] int status_fail(struct status *st, int code, const char *reason,
					      const char *fmt, ...);
int status_not_found(struct status *st, const struct kind *k, const char *name);
int status_exists(struct status *st, const struct kind *k, const char *name);
[[gnu::format(printf, 4, 5)]] int status_conflict(struct status *st, const struct kind *k, const char *name,
						  const char *fmt, ...);
int status_modified(struct status *st, const struct kind *k, const char *name);
/* Takes the problems over, which must not be none. */
int status_invalid(struct status *st, const struct kind *k, const char *name, struct problems *p);
[[gnu::format(printf, 2, 3)]] int status_bad_request(struct status *st, const char *fmt, ...);
[[gnu::format(printf, 4, 5)]] int status_forbidden(struct status *st, const struct kind *k, const char *name,
						   const char *fmt, ...);
int status_internal(struct status *st, const struct err *e);
int status_expired(struct status *st);

/* The Status object. */
[[nodiscard]] struct js *status_object(const struct status *st);
/* A Status of success about an object that is gone. */
[[nodiscard]] struct js *status_success(const struct kind *k, const char *name, const char *uid);
