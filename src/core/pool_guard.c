#include "core/pool_guard.h"

#include "core/policy.h"

static const char our_finalizer[] = "berth.dev/protect";

/* What cools has no holder, and does not hold the pool. */
static bool is_held(const struct ipam *m, const struct pool *p)
{
	for (size_t i = 0; i < p->n_blocks; i++) {
		struct addr_walk w = addr_walk(&m->addrs, p->blocks[i]);
		while (addr_walk_next(&w)) {
			const struct addr *a = w.value;
			if (a->n_holders)
				return true;
		}
	}
	return false;
}

static bool is_guarded(const struct pool *p)
{
	for (size_t i = 0; i < p->n_finalizers; i++)
		if (strcmp(p->finalizers[i], our_finalizer) == 0)
			return true;
	return false;
}

bool pool_guard_effect(struct ipam *m, const struct pool *p, struct effect *ret)
{
	const bool wanted = p->policy && p->policy->protect && is_held(m, p), is = is_guarded(p);
	/* The API takes no new finalizer on an object that is being deleted. */
	if (wanted == is || (wanted && p->deleting))
		return false;
	size_t n = 0;
	vec_grow(&m->names, &m->cap_names, p->n_finalizers + 1);
	for (size_t i = 0; i < p->n_finalizers; i++)
		if (strcmp(p->finalizers[i], our_finalizer) != 0)
			m->names[n++] = p->finalizers[i];
	if (wanted)
		m->names[n++] = our_finalizer;
	*ret = (struct effect){
		.kind = EFFECT_POOL_FINALIZERS, .name = p->name, .uid = p->uid, .resource_version = p->rv
	};
	ret->finalizers.list = m->names;
	ret->finalizers.n = n;
	return true;
}
