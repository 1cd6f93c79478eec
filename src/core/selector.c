#include "core/selector.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>

static const char MAGIC_NAMESPACE[] = "io.kubernetes.service.namespace";
static const char MAGIC_NAME[] = "io.kubernetes.service.name";

enum { NAME_MAX_LEN = 63, SUBDOMAIN_MAX_LEN = 253 };

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

/* Letters, digits, '-', '_' and '.', a letter or digit at both ends, at most 63. */
static bool is_name(struct slice s)
{
	if (s.len == 0 || s.len > NAME_MAX_LEN || !is_alnum(s.ptr[0]) || !is_alnum(s.ptr[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '_' && s.ptr[i] != '.')
			return false;
	return true;
}

/* RFC 1123 names between dots, in lower case. */
static bool is_subdomain(struct slice s)
{
	struct slice part;
	if (s.len > SUBDOMAIN_MAX_LEN)
		return false;
	while (slice_cut(&s, '.', &part)) {
		if (part.len == 0 || part.ptr[0] == '-' || part.ptr[part.len - 1] == '-')
			return false;
		for (size_t i = 0; i < part.len; i++)
			if (!is_lower_or_digit(part.ptr[i]) && part.ptr[i] != '-')
				return false;
	}
	return true;
}

/* "name" or "sub.domain/name". */
static bool is_key(struct slice s)
{
	struct slice rest = s, first;
	if (!slice_cut(&rest, '/', &first))
		return false;
	return rest.ptr ? is_subdomain(first) && is_name(rest) : is_name(first);
}

static void requirement_done(struct requirement *q)
{
	for (size_t i = 0; i < q->n_values; i++)
		free(q->values[i]);
	free(q->values);
	free(q->key);
}

void selector_done(struct selector *s)
{
	for (size_t i = 0; i < s->n; i++)
		requirement_done(&s->items[i]);
	free(s->items);
	*s = (struct selector){ 0 };
}

static void append(struct selector *s, const char *key, enum selector_op op, const char *const *values,
		   size_t n_values)
{
	struct requirement q = { .key = xstrdup(key), .op = op, .n_values = n_values };
	if (n_values)
		q.values = xcalloc(n_values, sizeof(*q.values));
	for (size_t i = 0; i < n_values; i++)
		q.values[i] = xstrdup(values[i]);
	vec_grow(&s->items, &s->cap, s->n + 1);
	s->items[s->n++] = q;
}

static bool op_parse(const char *text, enum selector_op *ret)
{
	static const char *const names[] = {
		[SELECT_IN] = "In",
		[SELECT_NOT_IN] = "NotIn",
		[SELECT_EXISTS] = "Exists",
		[SELECT_NOT_EXISTS] = "DoesNotExist",
	};
	for (size_t i = 0; text && i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum selector_op)i;
			return true;
		}
	}
	return false;
}

int selector_add(struct selector *s, const char *key, const char *op_text, const char *const *values,
		 size_t n_values, struct err *e)
{
	enum selector_op op;
	if (!key || !key[0])
		return err_set(e, EINVAL, "key \"\" is empty");
	if (!is_key(slice_of(key)))
		return err_set(e, EINVAL, "key \"%s\" is no label key", key);
	if (!op_parse(op_text, &op))
		return err_set(e, EINVAL, "key \"%s\": unknown operator \"%s\"", key, op_text ? op_text : "");
	bool wants_values = op == SELECT_IN || op == SELECT_NOT_IN;
	if (wants_values != (n_values > 0))
		return err_set(e, EINVAL, "key \"%s\": operator %s %s values", key, op_text,
			       wants_values ? "needs" : "takes no");
	for (size_t i = 0; i < n_values; i++)
		if (!values[i] || (values[i][0] && !is_name(slice_of(values[i]))))
			return err_set(e, EINVAL, "key \"%s\": \"%s\" is no label value", key,
				       values[i] ? values[i] : "");
	append(s, key, op, values, n_values);
	return 0;
}

void selector_add_equals(struct selector *s, const char *key, const char *value)
{
	append(s, key, SELECT_IN, &value, 1);
}

/* The value of a label, NULL if it is not there. */
static const char *look_up(const struct label_view *labels, const char *key)
{
	if (labels->magic_namespace && strcmp(key, MAGIC_NAMESPACE) == 0)
		return labels->magic_namespace;
	if (labels->magic_name && strcmp(key, MAGIC_NAME) == 0)
		return labels->magic_name;
	for (size_t i = 0; i < labels->n; i++)
		if (strcmp(labels->items[i].key, key) == 0)
			return labels->items[i].value;
	return NULL;
}

static bool has_value(const struct requirement *q, const char *value)
{
	for (size_t i = 0; i < q->n_values; i++)
		if (strcmp(q->values[i], value) == 0)
			return true;
	return false;
}

static bool holds(const struct requirement *q, const char *value)
{
	switch (q->op) {
	case SELECT_IN:
		return value && has_value(q, value);
	case SELECT_NOT_IN:
		/* A label that is not there is not among the values either. */
		return !value || !has_value(q, value);
	case SELECT_EXISTS:
		return value;
	case SELECT_NOT_EXISTS:
		return !value;
	}
	return false;
}

bool selector_matches(const struct selector *s, const struct label_view *labels)
{
	for (size_t i = 0; i < s->n; i++)
		if (!holds(&s->items[i], look_up(labels, s->items[i].key)))
			return false;
	return true;
}

static bool requirement_eq(const struct requirement *a, const struct requirement *b)
{
	if (a->op != b->op || a->n_values != b->n_values || strcmp(a->key, b->key) != 0)
		return false;
	for (size_t i = 0; i < a->n_values; i++)
		if (strcmp(a->values[i], b->values[i]) != 0)
			return false;
	return true;
}

bool selector_eq(const struct selector *a, const struct selector *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!requirement_eq(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static void format_one(const struct requirement *q, struct buf *out)
{
	if (q->op == SELECT_NOT_EXISTS)
		buf_add_char(out, '!');
	buf_add_str(out, q->key);
	if (q->n_values == 0)
		return;
	bool in = q->op == SELECT_IN;
	if (q->n_values == 1) {
		buf_addf(out, "%s%s", in ? "=" : "!=", q->values[0]);
		return;
	}
	for (size_t i = 0; i < q->n_values; i++)
		buf_addf(out, "%s%s", i ? "," : in ? " in (" : " notin (", q->values[i]);
	buf_add_char(out, ')');
}

void selector_format(const struct selector *s, struct buf *out)
{
	if (s->n == 0)
		buf_add_str(out, "everything");
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_add_char(out, ',');
		format_one(&s->items[i], out);
	}
}
