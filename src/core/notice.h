/* Events, for people. A bounded queue of low priority: when it is full the newest are dropped and
 * counted, since an Event costs the API server as much as the patch that it tells of. */
#pragma once

#include "core/state.h"

[[gnu::format(printf, 5, 6)]] void notice_service(struct ipam *m, const struct service *s, bool warning,
						  const char *reason, const char *fmt, ...);
[[gnu::format(printf, 5, 6)]] void notice_pool(struct ipam *m, const struct pool *p, bool warning,
					       const char *reason, const char *fmt, ...);
/* A Warning about a Node or CiliumNode. */
void notice_node(struct ipam *m, const char *name, const char *uid, bool cilium, const char *reason,
		 const char *text);
/* Takes the oldest; false if there is none. The texts are the caller's to free with notice_done(). */
bool notice_pop(struct ipam *m, struct notice *ret);
void notice_done(struct notice *n);
