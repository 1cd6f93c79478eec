/* What went wrong, as a value that the caller owns. Nothing is allocated, so reporting a failure
 * cannot fail itself and nothing needs freeing on the error path.
 *
 * A fallible function returns 0 or a positive number when it worked and a negative errno value when
 * it did not, and takes `struct err *e` last. `e` may be NULL where the caller needs no text. */
#pragma once

enum { ERR_TEXT_MAX = 504 };

struct err {
	int code; /* positive errno value; 0 = no error */
	char msg[ERR_TEXT_MAX];
};

/* Sets the error and returns -code. Text that does not fit is cut. */
[[gnu::format(printf, 3, 4)]] int err_set(struct err *e, int code, const char *fmt, ...);

/* Puts "what: " in front of the text that is there; returns -code of the error wrapped. */
[[gnu::format(printf, 2, 3)]] int err_wrap(struct err *e, const char *fmt, ...);
