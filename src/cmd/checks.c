#include "cmd/checks.h"

#include "base/mem.h"
#include "base/slice.h"
#include "core/ip.h"

#include <ctype.h>

/* Starts and ends with a letter or digit; inside also the characters in `more`. */
static bool is_name(struct slice s, size_t most, bool upper, const char *more)
{
	if (s.len == 0 || s.len > most)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool plain =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z');
		bool inside = i > 0 && i + 1 < s.len && c && strchr(more, c);
		if (!plain && !inside)
			return false;
	}
	return true;
}

/* A DNS subdomain: labels with dots between. */
static bool is_domain(struct slice s)
{
	struct slice label;
	if (s.len > 253)
		return false;
	while (slice_cut(&s, '.', &label))
		if (!is_name(label, 253, false, "-"))
			return false;
	return true;
}

/* Cilium's other modes stand in its ConfigMap: in each of them somebody else gives nodes their PodCIDRs. */
bool check_ipam(const char *value)
{
	static const char *const modes[] = { "cluster-pool", "none",         "kubernetes",
					     "multi-pool",   "crd",          "eni",
					     "azure",        "alibabacloud", "delegated-plugin" };
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (strcmp(value, modes[i]) == 0)
			return true;
	return false;
}

bool check_class(const char *value)
{
	struct slice name = slice_of(value), first;
	const char *slash = strchr(value, '/');
	if (slash) {
		slice_cut(&name, '/', &first);
		if (!is_domain(first))
			return false;
	}
	return is_name(name, 63, true, "-_.");
}

bool check_label_value(const char *value)
{
	return is_name(slice_of(value), 63, true, "-_.");
}

bool check_namespace(const char *value)
{
	return is_name(slice_of(value), 63, false, "-");
}

bool check_object_name(const char *value)
{
	return is_domain(slice_of(value));
}

bool check_field_manager(const char *value)
{
	size_t n = strlen(value);
	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)value[i]))
			return false;
	return n > 0 && n <= 128;
}

/* Cuts "host:port"; the host without brackets. */
static bool cut_address(const char *value, struct slice *ret_host)
{
	const char *colon = strrchr(value, ':');
	uint64_t port = 0;
	if (!colon || slice_to_u64(slice_of(colon + 1), &port) < 0 || port > 65535)
		return false;
	struct slice host = { value, (size_t)(colon - value) };
	bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (bracketed)
		host = (struct slice){ host.ptr + 1, host.len - 2 };
	struct ip ip;
	bool is_v6 = ip_parse(host, &ip, NULL) == 0 && ip.family == IPV6;
	if (bracketed != is_v6)
		return false;
	if (!bracketed && host.len > 0 && !is_name(host, 253, true, "-."))
		return false;
	*ret_host = host;
	return true;
}

bool check_address(const char *value)
{
	struct slice host;
	return cut_address(value, &host);
}

bool check_loopback(const char *value)
{
	struct slice host;
	struct ip ip;
	if (!cut_address(value, &host) || ip_parse(host, &ip, NULL) < 0)
		return false;
	/* RFC 1122, 3.2.1.3 and RFC 4291, 2.5.3. A name such as localhost is whatever a file says it is. */
	return ip.family == IPV4 ? ip.lo >> 24 == 127 : ip_bits(ip) == 1;
}
