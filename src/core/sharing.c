#include "core/sharing.h"

#include "core/queue.h"

struct key_group {
	struct service *head;
	char key[];
};

void sharing_remember(struct ipam *m, struct service *s)
{
	struct service_extra *x = s->extra;
	if (!x || !x->sharing_key)
		return;
	struct key_group *g = map_get(&m->keys, x->sharing_key);
	if (!g) {
		size_t len = strlen(x->sharing_key) + 1;
		g = xmalloc(sizeof(*g) + len);
		g->head = NULL;
		memcpy(g->key, x->sharing_key, len);
		map_put(&m->keys, g->key, g);
	}
	x->key_prev = NULL;
	x->key_next = g->head;
	if (g->head)
		g->head->extra->key_prev = s;
	g->head = s;
}

void sharing_forget(struct ipam *m, struct service *s)
{
	struct service_extra *x = s->extra;
	if (!x || !x->sharing_key)
		return;
	struct key_group *g = map_get(&m->keys, x->sharing_key);
	if (!g)
		return;
	if (x->key_prev)
		x->key_prev->extra->key_next = x->key_next;
	else
		g->head = x->key_next;
	if (x->key_next)
		x->key_next->extra->key_prev = x->key_prev;
	if (!g->head) {
		map_del(&m->keys, g->key);
		free(g);
	}
}

struct service *sharing_first(const struct ipam *m, const struct service *s)
{
	if (!s->extra || !s->extra->sharing_key)
		return NULL;
	const struct key_group *g = map_get(&m->keys, s->extra->sharing_key);
	return g ? g->head : NULL;
}

void sharing_wake(struct ipam *m, const struct service *s)
{
	for (struct service *t = sharing_first(m, s); t; t = t->extra->key_next)
		if (t != s && t->wanted && t->decided && t->waits)
			enqueue(m, t, LANE_WAITING);
}

static bool consents(const struct service_extra *x, const char *namespace)
{
	struct slice rest = slice_of(x->sharing_namespaces), one;
	while (slice_cut(&rest, ',', &one)) {
		one = slice_trim(one);
		if (slice_is(one, "*") || slice_is(one, namespace))
			return true;
	}
	return false;
}

const char *sharing_refused(const struct service *a, const struct service *b)
{
	const struct service_extra *x = a->extra, *y = b->extra;
	if (!x || !y || !same_text(x->sharing_key, y->sharing_key) || !x->sharing_key)
		return "it has another sharing key";
	if (strcmp(a->ns, b->ns) != 0 && !(consents(x, b->ns) && consents(y, a->ns)))
		return "the namespaces do not both consent";
	for (size_t i = 0; i < x->n_ports; i++)
		for (size_t j = 0; j < y->n_ports; j++)
			if (x->ports[i].port == y->ports[j].port &&
			    x->ports[i].protocol == y->ports[j].protocol)
				return "both use the same port and protocol";
	if (x->local != y->local)
		return "their externalTrafficPolicy differs";
	if (!x->local)
		return NULL;
	if (!x->pods || !y->pods)
		return "both are of externalTrafficPolicy Local and one has no selector";
	if (strcmp(x->pods, y->pods) != 0 && !(x->permit_different_pods && y->permit_different_pods))
		return "both are of externalTrafficPolicy Local and select different Pods";
	return NULL;
}

const char *sharing_join_refused(const struct addr *a, const struct service *s,
				 const struct service **ret_rival)
{
	/* Of several the first by name, so that the answer does not depend on who came when. */
	const struct service *rival = NULL;
	const char *why = NULL;
	for (size_t i = 0; i < a->n_holders; i++) {
		const struct service *t = a->holders[i];
		const char *refused =
			t == s || (rival && strcmp(rival->key, t->key) < 0) ? NULL : sharing_refused(s, t);
		if (refused) {
			rival = t;
			why = refused;
		}
	}
	if (why)
		*ret_rival = rival;
	return why;
}
