#include "embedded/net.h"

#include <arpa/inet.h>
#include <stdio.h>

static int width(const struct net_ip *ip)
{
	return ip->family == 4 ? 4 : 16;
}

bool net_ip_parse(const char *text, struct net_ip *ret)
{
	struct net_ip ip = { 0 };
	if (inet_pton(AF_INET, text, ip.bytes) == 1)
		ip.family = 4;
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		ip.family = 6;
	else
		return false;
	*ret = ip;
	return true;
}

const char *net_ip_format(const struct net_ip *ip, char text[NET_TEXT_MAX])
{
	if (!inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, text, NET_TEXT_MAX))
		text[0] = '\0';
	return text;
}

struct net_ip net_ip_add(struct net_ip ip, uint64_t n)
{
	uint64_t carry = n;
	for (int i = width(&ip) - 1; i >= 0 && carry; i--) {
		carry += ip.bytes[i];
		ip.bytes[i] = (unsigned char)carry;
		carry >>= 8;
	}
	return ip;
}

bool net_cidr_contains(const struct net_ip *first, int bits, const struct net_ip *ip)
{
	if (first->family != ip->family)
		return false;
	int whole = bits / 8, rest = bits % 8;
	if (memcmp(first->bytes, ip->bytes, (size_t)whole) != 0)
		return false;
	unsigned int mask = 0xffu << (8 - rest);
	return rest == 0 || ((first->bytes[whole] ^ ip->bytes[whole]) & mask & 0xff) == 0;
}

bool net_cidr_parse(const char *text, struct net_ip *ret_first, int *ret_bits)
{
	char host[NET_TEXT_MAX];
	const char *slash = strchr(text, '/');
	uint64_t bits;
	struct net_ip ip;
	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	if (!net_ip_parse(host, &ip) || slice_to_u64(slice_of(slash + 1), &bits) < 0 ||
	    bits > (uint64_t)width(&ip) * 8 || (slash[1] == '0' && slash[2]))
		return false;
	for (int i = 0; i < width(&ip); i++) {
		int kept = (int)bits - i * 8;
		if (kept <= 0)
			ip.bytes[i] = 0;
		else if (kept < 8)
			ip.bytes[i] = (unsigned char)(ip.bytes[i] & (0xff << (8 - kept)));
	}
	*ret_first = ip;
	*ret_bits = (int)bits;
	return true;
}
