/* What a pool says to a Service, and what a decision has to say in the end. */
#pragma once

#include "core/state.h"

enum { MESSAGE_MAX = 1000 };

/* A decision under way. */
struct verdict {
	enum ipam_reason reason;
	struct buf text;
};
/* One more thing that could not be had; the last reason stands. */
[[gnu::format(printf, 3, 4)]] void fail(struct verdict *v, enum ipam_reason r, const char *fmt, ...);

enum pool_answer ask_pool(const struct ipam *m, const struct service *s, const struct pool *p, enum family f);
/* Of a pool that contains the address. */
enum pool_answer ask_pool_for(const struct ipam *m, const struct service *s, const struct pool *p,
			      struct ip ip);
/* The pool that has the address and why it does not give it; NULL: one gives it, or none has it. */
const struct pool *pool_against(const struct ipam *m, const struct service *s, struct ip ip,
				enum pool_answer *ret);
/* NULL-safe: tells the trace, if there is one. */
void saw(const struct ipam *m, const struct service *s, const struct ipam_trace *t, const struct pool *p,
	 enum family f, enum pool_answer r);
/* Appends a clause that goes behind the name of the pool. */
void answer_text(const struct ipam *m, const struct service *s, const struct pool *p, enum pool_answer r,
		 struct buf *out);
/* Some pool gives this address to this Service. Else the reason stands in v. */
bool some_pool_gives(struct ipam *m, const struct service *s, struct verdict *v, const char *text,
		     struct ip ip);
