/* SHA-256 (FIPS 180-4), by OpenSSL. */
#pragma once

#include "base/slice.h"

enum { SHA256_BYTES = 32 };
void sha256(struct slice text, unsigned char ret[SHA256_BYTES]);
