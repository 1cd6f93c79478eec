/* Which ClusterIPs and node ports Services hold. An index over the store, kept in memory. */
#pragma once

#include "data/json.h"
#include "embedded/net.h"
#include "embedded/store.h"

#define SERVICE_CIDR_4 "10.96.0.0/12"
#define SERVICE_CIDR_6 "fd00:10:96::/112"

enum { NODE_PORT_FIRST = 30000, NODE_PORT_LAST = 32767 };

struct addresses;

struct addresses *addresses_new(void);
void addresses_free(struct addresses *a); /* NULL allowed */
/* Forgets all and reads the Services in the store. */
int addresses_reload(struct addresses *a, struct store *s, struct err *e);
/* A Service was written: what it held before and holds now. Each may be NULL. */
void addresses_update(struct addresses *a, const struct js *before, const struct js *now);

bool addresses_ip_used(const struct addresses *a, const char *ip);
/* Is it an address of the Service CIDR of its family that may be held? */
bool addresses_ip_valid(const struct addresses *a, const char *ip);
/* A free address of the family (4 or 6); does not take it. False: none is left. */
bool addresses_free_ip(struct addresses *a, int family, char text[NET_TEXT_MAX]);
bool addresses_port_used(const struct addresses *a, int64_t port);
/* A free node port, each call another one until all were tried; 0 = none is left. Does not take it. */
int addresses_free_port(struct addresses *a);
