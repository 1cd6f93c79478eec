#include "data/sha256.h"

#include <openssl/sha.h>

void sha256(struct slice text, unsigned char ret[SHA256_BYTES])
{
	(void)SHA256((const unsigned char *)text.ptr, text.len, ret);
}
