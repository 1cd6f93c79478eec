/* Addresses as the embedded API needs them: validity, canonical form, counting. */
#pragma once

#include "base/slice.h"

enum { NET_TEXT_MAX = 48 };

struct net_ip {
	int family; /* 4 or 6 */
	unsigned char bytes[16];
};

/* No zones, no leading zeros. False for anything that is no address. */
bool net_ip_parse(const char *text, struct net_ip *ret);
/* Canonical (RFC 5952) text. Returns `text`. */
const char *net_ip_format(const struct net_ip *ip, char text[NET_TEXT_MAX]);
/* The address n above. */
struct net_ip net_ip_add(struct net_ip ip, uint64_t n);
/* "10.96.0.0/12": the first address and the prefix length. */
bool net_cidr_parse(const char *text, struct net_ip *ret_first, int *ret_bits);
bool net_cidr_contains(const struct net_ip *first, int bits, const struct net_ip *ip);
