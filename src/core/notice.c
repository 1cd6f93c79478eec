#include "core/notice.h"

#include <stdio.h>

/* The API takes at most 1,024 bytes of message. */
enum { NOTICE_TEXT_MAX = 1024 };

[[gnu::format(printf, 3, 0)]] static void push(struct ipam *m, struct notice n, const char *fmt, va_list ap)
{
	if (m->n_notices == NOTICES_MAX) {
		m->stats.events_dropped++;
		notice_done(&n);
		return;
	}
	char text[NOTICE_TEXT_MAX];
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	n.message = xstrdup(text);
	m->notices[(m->notice_at + m->n_notices++) % NOTICES_MAX] = n;
}

[[gnu::format(printf, 3, 4)]] static void push_text(struct ipam *m, struct notice n, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	push(m, n, fmt, ap);
	va_end(ap);
}

void notice_service(struct ipam *m, const struct service *s, bool warning, const char *reason,
		    const char *fmt, ...)
{
	char room[UID_TEXT_MAX];
	const char *uid = uid_text(&s->uid, room);
	va_list ap;
	if (m->config.nodes_only)
		return;
	va_start(ap, fmt);
	push(m,
	     (struct notice){
		     .warning = warning,
		     .about = "Service",
		     .namespace = xstrdup(s->ns),
		     .name = xstrdup(service_name(s)),
		     .uid = xstrdup(uid ? uid : ""),
		     .reason = reason,
	     },
	     fmt, ap);
	va_end(ap);
}

void notice_pool(struct ipam *m, const struct pool *p, bool warning, const char *reason, const char *fmt, ...)
{
	va_list ap;
	if (m->config.nodes_only)
		return;
	va_start(ap, fmt);
	push(m,
	     (struct notice){
		     .warning = warning,
		     .about = "CiliumLoadBalancerIPPool",
		     .name = xstrdup(p->name),
		     .uid = xstrdup(p->uid ? p->uid : ""),
		     .reason = reason,
	     },
	     fmt, ap);
	va_end(ap);
}

void notice_node(struct ipam *m, const char *name, const char *uid, bool cilium, const char *reason,
		 const char *text)
{
	push_text(m,
		  (struct notice){
			  .warning = true,
			  .about = cilium ? "CiliumNode" : "Node",
			  .name = xstrdup(name),
			  .uid = xstrdup(uid ? uid : ""),
			  .reason = reason,
		  },
		  "%s", text);
}

bool notice_pop(struct ipam *m, struct notice *ret)
{
	if (m->n_notices == 0)
		return false;
	*ret = m->notices[m->notice_at];
	m->notices[m->notice_at] = (struct notice){ 0 };
	m->notice_at = (m->notice_at + 1) % NOTICES_MAX;
	m->n_notices--;
	return true;
}

void notice_done(struct notice *n)
{
	free(n->namespace);
	free(n->name);
	free(n->uid);
	free(n->message);
	*n = (struct notice){ 0 };
}
