/* The uid of an object in 16 bytes, where it is the UUID that Kubernetes gives to each; as text elsewhere. */
#pragma once

#include <stdbool.h>

enum { UID_TEXT_MAX = 37 };

struct uid {
	union {
		unsigned char bytes[16]; /* a UUID: the two highest bits of byte 8 are 10 (RFC 9562, 4.1) */
		struct {
			char *text; /* owned; NULL = none */
			unsigned char zero[8];
		};
	};
};

void uid_done(struct uid *u);
void uid_set(struct uid *u, const char *text); /* NULL = none */
bool uid_is(const struct uid *u, const char *text);
/* The text, in `room` or owned by the uid; NULL = none. */
const char *uid_text(const struct uid *u, char room[UID_TEXT_MAX]);
