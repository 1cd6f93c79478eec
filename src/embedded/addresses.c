#include "embedded/addresses.h"

#include "base/map.h"

enum {
	FIRST_GIVEN = 10, /* the lowest ones are left for those who ask for them, as DNS does */
	N_PORTS = NODE_PORT_LAST - NODE_PORT_FIRST + 1,
};

struct holder {
	char text[NET_TEXT_MAX];
	int count;
};

struct range {
	struct net_ip first;
	int bits;
	uint64_t hosts; /* without the first and the last address */
	uint64_t held;
	uint64_t next; /* where to look first: behind what was given last */
};

struct addresses {
	struct map ips; /* text -> struct holder, owned */
	uint16_t ports[N_PORTS];
	struct range four, six;
	int next_port;
};

static struct range range_of(const char *cidr)
{
	struct range r = { .next = FIRST_GIVEN };
	net_cidr_parse(cidr, &r.first, &r.bits);
	r.hosts = (1ull << ((r.first.family == 4 ? 32 : 128) - r.bits)) - 2;
	return r;
}

struct addresses *addresses_new(void)
{
	struct addresses *a = xcalloc(1, sizeof(*a));
	a->four = range_of(SERVICE_CIDR_4);
	a->six = range_of(SERVICE_CIDR_6);
	return a;
}

static void forget(struct addresses *a)
{
	size_t at = 0;
	void *holder;
	while ((holder = map_next(&a->ips, &at)))
		free(holder);
	map_done(&a->ips);
	a->ips = (struct map){ 0 };
	memset(a->ports, 0, sizeof(a->ports));
	a->four.held = a->six.held = 0;
}

void addresses_free(struct addresses *a)
{
	if (!a)
		return;
	forget(a);
	free(a);
}

/* The range that the address may be given from; NULL = none. */
static struct range *range_with(struct addresses *a, const struct net_ip *ip)
{
	struct range *r = ip->family == 4 ? &a->four : &a->six;
	struct net_ip last = net_ip_add(r->first, r->hosts + 1);
	bool inside = net_cidr_contains(&r->first, r->bits, ip) &&
		      memcmp(ip->bytes, r->first.bytes, sizeof(ip->bytes)) != 0 &&
		      memcmp(ip->bytes, last.bytes, sizeof(ip->bytes)) != 0;
	return inside ? r : NULL;
}

static void count_ip(struct addresses *a, const char *text, int by)
{
	struct net_ip ip;
	char canonical[NET_TEXT_MAX];
	if (!net_ip_parse(text, &ip))
		return;
	net_ip_format(&ip, canonical);
	struct holder *h = map_get(&a->ips, canonical);
	struct range *r = range_with(a, &ip);
	if (!h) {
		if (r)
			r->held++;
		h = xcalloc(1, sizeof(*h));
		memcpy(h->text, canonical, sizeof(h->text));
		map_put(&a->ips, h->text, h);
	}
	h->count += by;
	if (h->count <= 0) {
		if (r)
			r->held--;
		map_del(&a->ips, h->text);
		free(h);
	}
}

static void count_port(struct addresses *a, int64_t port, int by)
{
	if (port >= NODE_PORT_FIRST && port <= NODE_PORT_LAST)
		a->ports[port - NODE_PORT_FIRST] = (uint16_t)(a->ports[port - NODE_PORT_FIRST] + by);
}

static void count_service(struct addresses *a, const struct js *service, int by)
{
	const struct js *spec = js_get(service, "spec");
	const struct js *ips = js_get(spec, "clusterIPs"), *ports = js_get(spec, "ports");
	for (size_t i = 0; i < js_len(ips); i++)
		if (js_str(js_item(ips, i)))
			count_ip(a, js_str(js_item(ips, i)), by);
	for (size_t i = 0; i < js_len(ports); i++)
		count_port(a, js_int(js_get(js_item(ports, i), "nodePort"), 0), by);
	count_port(a, js_int(js_get(spec, "healthCheckNodePort"), 0), by);
}

void addresses_update(struct addresses *a, const struct js *before, const struct js *now)
{
	if (now)
		count_service(a, now, 1);
	if (before)
		count_service(a, before, -1);
}

static bool reload_row(const struct store_row *row, void *arg)
{
	CLEANUP(js_freep) struct js *service = NULL;
	if (js_parse(row->body, &service, NULL) == 0)
		addresses_update(arg, NULL, service);
	return true;
}

int addresses_reload(struct addresses *a, struct store *s, struct err *e)
{
	forget(a);
	return store_list(s, &(struct store_list){ .resource = "services" }, reload_row, a, e);
}

bool addresses_ip_used(const struct addresses *a, const char *ip)
{
	struct net_ip parsed;
	char text[NET_TEXT_MAX];
	return net_ip_parse(ip, &parsed) && map_get(&a->ips, net_ip_format(&parsed, text));
}

bool addresses_ip_valid(const struct addresses *a, const char *ip)
{
	struct net_ip parsed;
	if (!net_ip_parse(ip, &parsed))
		return false;
	const struct range *r = parsed.family == 4 ? &a->four : &a->six;
	return net_cidr_contains(&r->first, r->bits, &parsed) &&
	       memcmp(parsed.bytes, r->first.bytes, sizeof(parsed.bytes)) != 0;
}

bool addresses_free_ip(struct addresses *a, int family, char text[NET_TEXT_MAX])
{
	struct range *r = family == 4 ? &a->four : &a->six;
	/* In the order of a clock hand: the next one is nearly always free, however many are held. */
	while (r->held < r->hosts) {
		uint64_t n = r->next;
		r->next = n % r->hosts + 1;
		struct net_ip ip = net_ip_add(r->first, n);
		if (!map_get(&a->ips, net_ip_format(&ip, text)))
			return true;
	}
	return false;
}

bool addresses_port_used(const struct addresses *a, int64_t port)
{
	return port >= NODE_PORT_FIRST && port <= NODE_PORT_LAST && a->ports[port - NODE_PORT_FIRST];
}

int addresses_free_port(struct addresses *a)
{
	for (int tried = 0; tried < N_PORTS; tried++) {
		int port = NODE_PORT_FIRST + a->next_port;
		a->next_port = (a->next_port + 1) % N_PORTS;
		if (!a->ports[port - NODE_PORT_FIRST])
			return port;
	}
	return 0;
}
