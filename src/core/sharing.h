/* Sharing groups: Services with the same key may hold one address. */
#pragma once

#include "core/state.h"

void sharing_remember(struct ipam *m, struct service *s);
void sharing_forget(struct ipam *m, struct service *s);
/* for (struct service *t = sharing_first(m, s); t; t = t->extra->key_next): all with the key of s. */
struct service *sharing_first(const struct ipam *m, const struct service *s);

/* Queues those with the key of s who lack something: they may be able to join now. */
void sharing_wake(struct ipam *m, const struct service *s);

/* May both hold one address? NULL if so, else why not, as a clause. */
const char *sharing_refused(const struct service *a, const struct service *b);
/* May s join all holders of the address (itself apart)? NULL if so; ret_rival is who stands against it. */
const char *sharing_join_refused(const struct addr *a, const struct service *s,
				 const struct service **ret_rival);
