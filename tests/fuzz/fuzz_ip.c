/* Text of addresses and networks: what is read can be written and reads back as the same. */
#include "core/ip.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	struct err e;
	struct ip a, again;
	struct range r, r_again;
	bool host_bits;
	char written[RANGE_TEXT_MAX];

	if (ip_parse(text, &a, &e) == 0) {
		assert(ip_parse(slice_of(ip_format(a, written)), &again, NULL) == 0 && ip_eq(a, again));
		assert(size > 0 && range_parse_cidr(text, &r, &host_bits, &e) < 0);
	} else {
		assert(e.msg[0] == '"');
	}
	if (range_parse_cidr(text, &r, &host_bits, &e) == 0) {
		int prefix;
		assert(range_is_cidr(r, &prefix));
		assert(range_parse_cidr(slice_of(range_format(r, written)), &r_again, &host_bits, NULL) == 0);
		assert(!host_bits && ip_eq(r.lo, r_again.lo) && ip_eq(r.hi, r_again.hi));
	} else {
		assert(e.msg[0] == '"');
	}
	return 0;
}
