#include "core/condition.h"

/* All that an object may have: they are written back as they were, and none may be lost. */
enum { FOREIGN_MAX = 16 * 1024 * 1024 };

static void forget_ours(struct condition_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->item[i].reason);
		free(l->item[i].message);
		free(l->item[i].transition);
	}
	l->n = 0;
}

void conditions_done(struct condition_list *l)
{
	forget_ours(l);
	free(l->foreign);
	l->foreign = NULL;
}

void conditions_take(struct condition_list *l, const char *const *types, size_t n_types,
		     const struct condition_in *in, size_t n)
{
	forget_ours(l);
	CLEANUP(buf_done) struct buf foreign = BUF_INIT(FOREIGN_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct condition_in *c = &in[i];
		const char *type = NULL;
		for (size_t j = 0; j < n_types; j++)
			if (same_text(c->type, types[j]))
				type = types[j];
		if (!type) {
			if (c->raw)
				buf_addf(&foreign, "%s%s", foreign.len ? "," : "", c->raw);
		} else if (l->n < POOL_CONDITIONS_MAX) {
			l->item[l->n++] = (struct pool_condition){
				.type = type,
				.reason = xstrdup(c->reason ? c->reason : ""),
				.message = xstrdup(c->message ? c->message : ""),
				.transition = c->transition ? xstrdup(c->transition) : NULL,
				.status = c->status,
				.generation = c->generation,
			};
		}
	}
	free(l->foreign);
	l->foreign = foreign.overflow ? NULL : buf_take(&foreign);
}

const struct pool_condition *condition_seen(const struct condition_list *l, const char *type)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->item[i].type, type) == 0)
			return &l->item[i];
	return NULL;
}

void condition_want(struct effect *e, const struct condition_list *l, int64_t generation, bool *differs,
		    struct condition_out c)
{
	const struct pool_condition *old = condition_seen(l, c.type);
	c.generation = generation;
	if (!old || old->status != c.status || !same_text(old->reason, c.reason) ||
	    !same_text(old->message, c.message) || old->generation != c.generation)
		*differs = true;
	/* The time of the last transition is that of the status, as the API conventions ask. */
	c.transition = old && old->status == c.status ? old->transition : NULL;
	e->pool.conditions[e->pool.n++] = c;
}
