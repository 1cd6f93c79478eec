#include "core/ip.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>

enum { GROUPS = 8 };

const char *family_name(enum family f)
{
	return f == IPV4 ? "IPv4" : "IPv6";
}

int ip_cmp(struct ip a, struct ip b)
{
	if (a.family != b.family)
		return a.family < b.family ? -1 : 1;
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

struct ip ip_last(enum family f)
{
	return ip_make(f, f == IPV4 ? UINT32_MAX : ~(u128)0);
}

static bool is_mapped(struct ip a)
{
	return a.family == IPV6 && a.hi == 0 && a.lo >> 32 == 0xffff;
}

/* Four decimal numbers. A leading zero is refused: some programs read it as octal. */
static bool parse_v4(struct slice text, uint32_t *ret)
{
	struct slice part;
	uint32_t bits = 0;
	unsigned n = 0;
	while (slice_cut(&text, '.', &part)) {
		uint64_t v;
		if (n == 4 || part.len > 3 || slice_to_u64(part, &v) < 0 || v > 255 ||
		    (part.len > 1 && part.ptr[0] == '0'))
			return false;
		bits = bits << 8 | (uint32_t)v;
		n++;
	}
	*ret = bits;
	return n == 4;
}

/* One to four hexadecimal digits at *p, which moves on; -1 if there are none, or more. */
static int parse_group(const char **p, const char *end)
{
	int v = 0, n = 0;
	for (; *p < end; (*p)++, n++) {
		char c = **p;
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;
		if (digit < 0)
			break;
		if (n == 4)
			return -1;
		v = v << 4 | digit;
	}
	return n ? v : -1;
}

/* The three forms of RFC 4291, 2.2. "::" stands for one group or more (RFC 5952, 4.2.2 only asks
 * not to write it for a single one). */
static bool parse_v6(struct slice text, u128 *ret)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	uint16_t groups[GROUPS];
	int n = 0, gap = -1;

	if (text.len >= 2 && p[0] == ':' && p[1] == ':') {
		gap = 0;
		p += 2;
	}
	while (p < end) {
		uint32_t v4;
		if (n == GROUPS)
			return false;
		/* The last 32 bits may be written as IPv4. */
		if (n <= GROUPS - 2 && parse_v4((struct slice){ p, (size_t)(end - p) }, &v4)) {
			groups[n++] = (uint16_t)(v4 >> 16);
			groups[n++] = (uint16_t)v4;
			break;
		}
		int v = parse_group(&p, end);
		if (v < 0)
			return false;
		groups[n++] = (uint16_t)v;
		if (p == end)
			break;
		if (*p++ != ':' || p == end)
			return false;
		if (*p == ':') {
			if (gap >= 0)
				return false;
			gap = n;
			p++;
		}
	}
	if (gap < 0 ? n != GROUPS : n == GROUPS)
		return false;

	u128 bits = 0;
	for (int i = 0; i < n; i++) {
		if (i == gap)
			bits <<= 16 * (GROUPS - n);
		bits = bits << 16 | groups[i];
	}
	/* The gap at the very end; a shift by all 128 bits ("::") is not defined, and 0 anyway. */
	if (gap == n && n > 0)
		bits <<= 16 * (GROUPS - n);
	*ret = bits;
	return true;
}

/* `"text" clause`. */
static int refuse(struct slice text, struct err *e, const char *clause)
{
	CLEANUP(buf_done) struct buf quote = BUF_INIT(ERR_TEXT_MAX);
	if (e)
		buf_add_quote(&quote, text);
	return err_set(e, EINVAL, "%s %s", buf_str(&quote), clause);
}

/* The address, or what is wrong with it as a clause. */
static const char *parse_either(struct slice text, struct ip *ret)
{
	uint32_t v4;
	u128 v6;
	if (text.len == 0)
		return "is not an address";
	if (parse_v4(text, &v4)) {
		*ret = ip_make(IPV4, v4);
		return NULL;
	}
	const char *zone = memchr(text.ptr, '%', text.len);
	if (zone && parse_v6((struct slice){ text.ptr, (size_t)(zone - text.ptr) }, &v6))
		return "has a zone";
	if (!parse_v6(text, &v6))
		return "is not an address";
	struct ip a = ip_make(IPV6, v6);
	if (is_mapped(a))
		return "is an IPv4-mapped IPv6 address";
	*ret = a;
	return NULL;
}

int ip_parse(struct slice text, struct ip *ret, struct err *e)
{
	struct ip a;
	const char *wrong = parse_either(text, &a);
	if (wrong)
		return refuse(text, e, wrong);
	*ret = a;
	return 0;
}

/* The first of the longest runs of two or more zero groups (RFC 5952, 4.2). */
static void longest_zeros(const uint16_t groups[GROUPS], int *ret_at, int *ret_n)
{
	int best = -1, best_n = 1;
	for (int i = 0; i < GROUPS;) {
		int n = 0;
		while (i + n < GROUPS && groups[i + n] == 0)
			n++;
		if (n > best_n) {
			best = i;
			best_n = n;
		}
		i += n + 1;
	}
	*ret_at = best;
	*ret_n = best < 0 ? 0 : best_n;
}

const char *ip_format(struct ip a, char text[IP_TEXT_MAX])
{
	unsigned v4[4];
	for (int i = 0; i < 4; i++)
		v4[i] = (unsigned)(a.lo >> (24 - 8 * i)) & 0xff;
	/* Mapped addresses are never read, but a large range may run into them. RFC 5952, 5. */
	if (a.family == IPV4 || is_mapped(a)) {
		(void)snprintf(text, IP_TEXT_MAX, "%s%u.%u.%u.%u", a.family == IPV4 ? "" : "::ffff:", v4[0],
			       v4[1], v4[2], v4[3]);
		return text;
	}

	uint16_t groups[GROUPS];
	int zeros, n_zeros;
	for (int i = 0; i < GROUPS; i++)
		groups[i] = (uint16_t)((i < 4 ? a.hi : a.lo) >> (48 - 16 * (i % 4)));
	longest_zeros(groups, &zeros, &n_zeros);
	char *p = text;
	for (int i = 0; i < GROUPS; i++) {
		if (i == zeros) {
			*p++ = ':';
			i += n_zeros - 1;
			if (i == GROUPS - 1)
				*p++ = ':';
			continue;
		}
		if (i > 0)
			*p++ = ':';
		p += snprintf(p, (size_t)(text + IP_TEXT_MAX - p), "%x", (unsigned)groups[i]);
	}
	*p = '\0';
	return text;
}

bool range_has(struct range r, struct ip a)
{
	return ip_cmp(r.lo, a) <= 0 && ip_cmp(a, r.hi) <= 0;
}

bool range_overlaps(struct range a, struct range b)
{
	return ip_cmp(a.lo, b.hi) <= 0 && ip_cmp(b.lo, a.hi) <= 0;
}

bool range_contains(struct range outer, struct range inner)
{
	return ip_cmp(outer.lo, inner.lo) <= 0 && ip_cmp(inner.hi, outer.hi) <= 0;
}

static int family_bits(enum family f)
{
	return f == IPV4 ? 32 : 128;
}

/* The bits behind a prefix of that length, all set. */
static u128 host_mask(enum family f, int prefix)
{
	int n = family_bits(f) - prefix;
	return n == 128 ? ~(u128)0 : ((u128)1 << n) - 1;
}

int range_parse_cidr(struct slice text, struct range *ret, bool *ret_host_bits, struct err *e)
{
	struct slice rest = text, address, digits;
	struct ip a;
	uint64_t prefix;
	if (!slice_cut(&rest, '/', &address) || !rest.ptr)
		return refuse(text, e, "is not a CIDR");
	digits = rest;
	const char *wrong = parse_either(address, &a);
	if (wrong)
		return refuse(text, e, strncmp(wrong, "is not", 6) == 0 ? "is not a CIDR" : wrong);
	if (digits.len > 3 || slice_to_u64(digits, &prefix) < 0 || (digits.len > 1 && digits.ptr[0] == '0'))
		return refuse(text, e, "is not a CIDR");
	enum family f = (enum family)a.family;
	if (prefix > (uint64_t)family_bits(f))
		return refuse(text, e,
			      f == IPV4 ? "has a prefix length above 32" : "has a prefix length above 128");

	u128 mask = host_mask(f, (int)prefix);
	*ret = (struct range){ ip_make(f, ip_bits(a) & ~mask), ip_make(f, ip_bits(a) | mask) };
	*ret_host_bits = (ip_bits(a) & mask) != 0;
	return 0;
}

bool range_is_cidr(struct range r, int *ret_prefix)
{
	/* Exactly a network: all host bits are 0 below and 1 above, and the rest is the same. */
	u128 differ = ip_bits(r.lo) ^ ip_bits(r.hi);
	if ((differ & (differ + 1)) != 0 || (ip_bits(r.lo) & differ) != 0)
		return false;
	int n = 0;
	while (n < 128 && differ >> n)
		n++;
	*ret_prefix = family_bits(range_family(r)) - n;
	return true;
}

const char *range_format(struct range r, char text[RANGE_TEXT_MAX])
{
	char lo[IP_TEXT_MAX], hi[IP_TEXT_MAX];
	int prefix;
	if (range_is_cidr(r, &prefix))
		(void)snprintf(text, RANGE_TEXT_MAX, "%s/%d", ip_format(r.lo, lo), prefix);
	else
		(void)snprintf(text, RANGE_TEXT_MAX, "%s - %s", ip_format(r.lo, lo), ip_format(r.hi, hi));
	return text;
}

struct count count_of(uint64_t n)
{
	return (struct count){ .lo = n };
}

struct count range_size(struct range r)
{
	u128 n = ip_bits(r.hi) - ip_bits(r.lo) + 1;
	/* Only ::/0 wraps round to 0. */
	return (struct count){ .lo = n, .hi = n == 0 };
}

struct count count_add(struct count a, struct count b)
{
	struct count sum = { .lo = a.lo + b.lo, .hi = a.hi + b.hi };
	sum.hi += sum.lo < a.lo;
	return sum;
}

struct count count_sub(struct count a, struct count b)
{
	return (struct count){ .lo = a.lo - b.lo, .hi = a.hi - b.hi - (a.lo < b.lo) };
}

int count_cmp(struct count a, struct count b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

/* c / d; the remainder goes to *ret_rest. Long division by words of 64 bits, the top one first. */
static struct count divide(struct count c, uint64_t carry, uint64_t d, uint64_t *ret_rest)
{
	uint64_t words[3] = { c.hi, (uint64_t)(c.lo >> 64), (uint64_t)c.lo };
	for (int i = 0; i < 3; i++) {
		u128 part = (u128)carry << 64 | words[i];
		words[i] = (uint64_t)(part / d);
		carry = (uint64_t)(part % d);
	}
	*ret_rest = carry;
	return (struct count){ .lo = (u128)words[1] << 64 | words[2], .hi = words[0] };
}

const char *count_format(struct count c, char text[COUNT_TEXT_MAX])
{
	char reversed[COUNT_TEXT_MAX];
	int n = 0;
	do {
		uint64_t digit;
		c = divide(c, 0, 10, &digit);
		reversed[n++] = (char)('0' + digit);
	} while (!count_is_zero(c));
	for (int i = 0; i < n; i++)
		text[i] = reversed[n - 1 - i];
	text[n] = '\0';
	return text;
}

double count_double(struct count c)
{
	if (c.hi == 0)
		return (double)c.lo;
	/* The top 128 bits, and the lowest of them stands for all that were cut off: far below what a
	 * double keeps, it decides only which way a tie is rounded. */
	int shift = 64 - __builtin_clzll(c.hi);
	u128 top = (u128)c.hi << (128 - shift) | c.lo >> shift;
	if (c.lo & (((u128)1 << shift) - 1))
		top |= 1;
	return (double)top * (double)((u128)1 << shift);
}

struct count count_percent(struct count c, unsigned percent)
{
	/* The product has a fourth word. */
	uint64_t words[3] = { (uint64_t)c.lo, (uint64_t)(c.lo >> 64), c.hi };
	uint64_t carry = 0, rest;
	for (int i = 0; i < 3; i++) {
		u128 part = (u128)words[i] * percent + carry;
		words[i] = (uint64_t)part;
		carry = (uint64_t)(part >> 64);
	}
	struct count product = { .lo = (u128)words[1] << 64 | words[0], .hi = words[2] };
	return divide(product, carry, 100, &rest);
}
