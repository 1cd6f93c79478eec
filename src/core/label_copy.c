#include "core/label_copy.h"

void labels_drop(struct ipam *m, struct label **list, uint16_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		intern_put(&m->texts, (*list)[i].key);
		intern_put(&m->texts, (*list)[i].value);
	}
	free(*list);
	*list = NULL;
	*n = 0;
}

void labels_take(struct ipam *m, struct label **list, uint16_t *n, const struct label *in, size_t n_in)
{
	if (n_in > UINT16_MAX)
		n_in = UINT16_MAX;
	struct label *fresh = n_in ? xmalloc(n_in * sizeof(*fresh)) : NULL;
	for (size_t i = 0; i < n_in; i++) {
		fresh[i].key = intern(&m->texts, slice_of(in[i].key));
		fresh[i].value = intern(&m->texts, slice_of(in[i].value));
	}
	labels_drop(m, list, n);
	*list = fresh;
	*n = (uint16_t)n_in;
}
