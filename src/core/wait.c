#include "core/wait.h"

#include "core/queue.h"
#include "core/service.h"

/* In the order of their turns. Whoever comes is the last; whoever was woken in vain sits down again where it
 * sat, close to where one was taken out. */
static struct wait *place_in_list(const struct wait_list *list, uint64_t turn)
{
	struct wait *after = list->tail;
	if (!after || after->service->turn <= turn)
		return after;
	after = list->near ? list->near : after;
	while (after && after->service->turn > turn)
		after = after->prev;
	struct wait *next = after ? after->next : list->head;
	for (; next && next->service->turn <= turn; next = next->next)
		after = next;
	return after;
}

static void list_insert(struct wait_list *list, struct wait *w)
{
	struct wait *after = place_in_list(list, w->service->turn);
	w->list = list;
	w->prev = after;
	w->next = after ? after->next : list->head;
	*(w->prev ? &w->prev->next : &list->head) = w;
	*(w->next ? &w->next->prev : &list->tail) = w;
}

static void list_remove(struct wait *w)
{
	*(w->prev ? &w->prev->next : &w->list->head) = w->next;
	*(w->next ? &w->next->prev : &w->list->tail) = w->prev;
	w->list->near = w->prev ? w->prev : w->next;
}

static struct wait *sit_down(struct ipam *m, struct service *s, struct wait_list *list)
{
	for (struct wait *w = s->waits; w; w = w->sibling)
		if (w->list == list)
			return w;
	struct wait *w = xcalloc(1, sizeof(*w));
	w->service = s;
	if (!s->waits)
		m->n_waiting++;
	w->sibling = s->waits;
	s->waits = w;
	list_insert(list, w);
	return w;
}

void wait_for(struct ipam *m, struct service *s, struct wait_list *list)
{
	(void)sit_down(m, s, list);
}

void wait_for_ip(struct ipam *m, struct service *s, struct ip ip)
{
	struct wait_list *list = addr_map_get(&m->asked, ip);
	if (!list) {
		list = xcalloc(1, sizeof(*list));
		addr_map_put(&m->asked, ip, list);
	}
	struct wait *w = sit_down(m, s, list);
	w->ip = ip;
	w->has_ip = true;
}

void wait_for_quota(struct ipam *m, struct service *s, struct quota_use *u, struct wait_list *list)
{
	sit_down(m, s, list)->quota = u;
}

void wait_clear(struct ipam *m, struct service *s)
{
	if (s->waits)
		m->n_waiting--;
	while (s->waits) {
		struct wait *w = s->waits;
		s->waits = w->sibling;
		list_remove(w);
		if (w->has_ip && !w->list->head) {
			addr_map_del(&m->asked, w->ip);
			free(w->list);
		}
		free(w);
	}
}

void wake_first(struct ipam *m, struct wait_list *list)
{
	/* One who is queued already is on the way, and goes first all the same; the next in line may have
	 * something too. */
	struct wait *w = list->head;
	for (; w && w->service->lane != LANE_NONE; w = w->next)
		enqueue(m, w->service, LANE_WAITING);
	if (w)
		enqueue(m, w->service, LANE_WAITING);
}

void wake_all(struct ipam *m, struct wait_list *list)
{
	/* Whoever asked for an address by name goes before whoever takes any. */
	for (struct wait *w = list->head; w; w = w->next)
		enqueue(m, w->service, service_has_requests(w->service) ? LANE_ASKED : LANE_WAITING);
}

void wake_asked(struct ipam *m, struct ip ip)
{
	struct wait_list *list = addr_map_get(&m->asked, ip);
	for (struct wait *w = list ? list->head : NULL; w; w = w->next)
		enqueue(m, w->service, LANE_ASKED);
}

void wake_asked_in(struct ipam *m, struct range r)
{
	struct addr_walk w = addr_walk(&m->asked, r);
	while (addr_walk_next(&w))
		wake_all(m, w.value);
}

bool ip_asked_by_other(const struct ipam *m, struct ip ip, const struct service *s)
{
	const struct wait_list *list = addr_map_get(&m->asked, ip);
	for (const struct wait *w = list ? list->head : NULL; w; w = w->next)
		if (w->service != s)
			return true;
	return false;
}
