#include "data/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct slice bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t bits = 0;
		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < n ? (unsigned char)bytes.ptr[i + k] : 0);
		char four[4];
		for (size_t k = 0; k < 4; k++)
			four[k] = k <= n ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
		buf_add(out, four, sizeof(four));
	}
}

static int value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

int base64_decode(struct slice text, struct buf *out)
{
	uint32_t bits = 0;
	int n = 0, padding = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		int v = c == '=' ? 0 : value_of(c);
		if (v < 0 || (padding > 0 && c != '='))
			return -EINVAL;
		if (c == '=')
			padding++;
		bits = bits << 6 | (uint32_t)v;
		if (++n < 4)
			continue;
		if (padding > 2)
			return -EINVAL;
		/* Padding ends the text: anything behind it is refused above. */
		char three[3] = { (char)(bits >> 16), (char)(bits >> 8 & 0xff), (char)(bits & 0xff) };
		buf_add(out, three, 3 - (size_t)padding);
		n = 0;
		bits = 0;
	}
	if (n != 0 || padding > 2)
		return -EINVAL;
	return out->overflow ? -E2BIG : 0;
}
