#include "cmd/verbs.h"

#include "cmd/nearest.h"

const struct verb *verb_find(const struct verb_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->verbs[i].name, name) == 0)
			return &t->verbs[i];
	return NULL;
}

const char *verb_nearest(const struct verb_table *t, const char *typed)
{
	const char *best = NULL;
	int nearest = -1;
	for (size_t i = 0; i < t->n; i++) {
		int near = t->verbs[i].hidden ? -1 : nearness(slice_of(typed), t->verbs[i].name);
		if (near >= 0 && (nearest < 0 || near < nearest)) {
			nearest = near;
			best = t->verbs[i].name;
		}
	}
	return best;
}

void verbs_help(const struct verb_table *t, const char *program, struct buf *out)
{
	buf_addf(out,
		 "Gives Kubernetes Services of type LoadBalancer their addresses.\n\n"
		 "Usage: %s VERB [FLAG...]\n\nVerbs\n",
		 program);
	for (size_t i = 0; i < t->n; i++)
		if (!t->verbs[i].hidden)
			buf_addf(out, "  %-10s %s\n", t->verbs[i].name, t->verbs[i].help);
	buf_addf(out, "\n%s VERB --help tells the flags of a verb, with examples.\n", program);
}
