/* Addresses, ranges and exact counts of both families, by value. */
#pragma once

#include "base/err.h"
#include "base/slice.h"

typedef unsigned __int128 u128;

enum family { IPV4, IPV6, FAMILIES };
const char *family_name(enum family f); /* "IPv4", "IPv6": as in the API */
static inline enum family family_other(enum family f)
{
	return f == IPV4 ? IPV6 : IPV4;
}

/* IPv4 sits in the low 32 bits. Two words and not one of 128 bits: no padding to 32 bytes. */
struct ip {
	uint64_t hi, lo;
	uint8_t family; /* enum family */
};

enum { IP_TEXT_MAX = 40, RANGE_TEXT_MAX = 84 };

static inline u128 ip_bits(struct ip a)
{
	return (u128)a.hi << 64 | a.lo;
}
static inline struct ip ip_make(enum family f, u128 bits)
{
	return (struct ip){ (uint64_t)(bits >> 64), (uint64_t)bits, (uint8_t)f };
}
static inline bool ip_eq(struct ip a, struct ip b)
{
	return a.lo == b.lo && a.hi == b.hi && a.family == b.family;
}
/* All of IPv4 before all of IPv6, then by number. <0, 0, >0. */
int ip_cmp(struct ip a, struct ip b);
/* The largest address of the family. */
struct ip ip_last(enum family f);

/* Textual forms of RFC 4291, 2.2; IPv4 as four decimal numbers without leading zeros. Zones and
 * IPv4-mapped IPv6 (::ffff:0:0/96) are refused. 0 or -EINVAL; the message is a clause that starts
 * with the quoted text: `"10.0.0.300" is not an address`. */
int ip_parse(struct slice text, struct ip *ret, struct err *e);
/* Canonical text (RFC 5952), as the API server wants it for names of IPAddress objects. Returns `text`. */
const char *ip_format(struct ip a, char text[IP_TEXT_MAX]);

/* Inclusive on both ends; both of one family; lo <= hi. */
struct range {
	struct ip lo, hi;
};
static inline enum family range_family(struct range r)
{
	return (enum family)r.lo.family;
}
bool range_has(struct range r, struct ip a);
bool range_overlaps(struct range a, struct range b);
bool range_contains(struct range outer, struct range inner);
/* "10.0.0.0/24": ret_host_bits tells whether bits outside the mask were set (they are masked off). */
int range_parse_cidr(struct slice text, struct range *ret, bool *ret_host_bits, struct err *e);
/* A CIDR where it is one, else "lo - hi". */
const char *range_format(struct range r, char text[RANGE_TEXT_MAX]);
/* A network address and prefix length, if the range is exactly one network. */
bool range_is_cidr(struct range r, int *ret_prefix);

/* An exact number of addresses: up to 2^32 whole ::/0 ranges fit. */
struct count {
	u128 lo;
	uint64_t hi; /* times 2^128 */
};
enum { COUNT_TEXT_MAX = 64 };
struct count count_of(uint64_t n);
struct count range_size(struct range r);
struct count count_add(struct count a, struct count b);
struct count count_sub(struct count a, struct count b); /* a >= b */
int count_cmp(struct count a, struct count b);
static inline bool count_is_zero(struct count a)
{
	return a.lo == 0 && a.hi == 0;
}
const char *count_format(struct count c, char text[COUNT_TEXT_MAX]); /* decimal */
double count_double(struct count c);                                 /* nearest; for metrics */
/* floor(c * percent / 100), percent 0..100. */
struct count count_percent(struct count c, unsigned percent);
