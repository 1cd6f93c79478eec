/* Who waits for what. A Service that did not get all it wants sits in a list for each thing that
 * could change that, and is looked at again only when one of them does. */
#pragma once

#include "core/state.h"

/* Sits down in the list, behind those who have waited longer. */
void wait_for(struct ipam *m, struct service *s, struct wait_list *list);
/* Waits for the address that it asked for by name. */
void wait_for_ip(struct ipam *m, struct service *s, struct ip ip);
/* Waits in the list of a quota, see quota.h. */
void wait_for_quota(struct ipam *m, struct service *s, struct quota_use *u, struct wait_list *list);
/* Leaves all lists. */
void wait_clear(struct ipam *m, struct service *s);

/* Queues the one who waits longest, or all. */
void wake_first(struct ipam *m, struct wait_list *list);
void wake_all(struct ipam *m, struct wait_list *list);
/* Queues those who asked for the address by name, before anybody else. */
void wake_asked(struct ipam *m, struct ip ip);
void wake_asked_in(struct ipam *m, struct range r); /* for any address of it */
/* Is there somebody else who asked for it by name? */
bool ip_asked_by_other(const struct ipam *m, struct ip ip, const struct service *s);
