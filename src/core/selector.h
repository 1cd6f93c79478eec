/* Label selectors with the semantics of the Kubernetes API (metav1.LabelSelector). */
#pragma once

#include "base/err.h"
#include "base/slice.h"

struct label {
	const char *key, *value; /* borrowed */
};

/* The labels that a selector sees. The two magic labels of pools override labels of the same key:
 * io.kubernetes.service.namespace and io.kubernetes.service.name; NULL = without them. */
struct label_view {
	const struct label *items;
	size_t n;
	const char *magic_namespace, *magic_name;
};

enum selector_op { SELECT_IN, SELECT_NOT_IN, SELECT_EXISTS, SELECT_NOT_EXISTS };

struct requirement {
	char *key;
	enum selector_op op;
	char **values;
	size_t n_values;
};

/* All requirements must hold; none = everything matches. */
struct selector {
	struct requirement *items; /* owned, with all below */
	size_t n, cap;
};

void selector_done(struct selector *s);
/* Copies the texts. op is the API's text: "In", "NotIn", "Exists", "DoesNotExist".
 * -EINVAL with a message that names the key: unknown operator, In/NotIn without values,
 * Exists/DoesNotExist with values, empty key, a key or value that no label can have (as the API
 * server's own selectors refuse them: a mistyped key under NotIn would match everything). */
int selector_add(struct selector *s, const char *key, const char *op, const char *const *values,
		 size_t n_values, struct err *e);
/* What a matchLabels entry means. */
void selector_add_equals(struct selector *s, const char *key, const char *value);
bool selector_matches(const struct selector *s, const struct label_view *labels);
/* Same requirements in the same order. */
bool selector_eq(const struct selector *a, const struct selector *b);
/* As people write it: `app=web,tier in (a,b),!x`; "everything" when empty. Appended to out. */
struct buf;
void selector_format(const struct selector *s, struct buf *out);
