#include "embedded/select.h"

#include <ctype.h>
#include <errno.h>

enum op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_NOT_EXISTS, OP_GREATER, OP_LESS };

enum { FIELD_DEPTH_MAX = 4 };

struct select_term {
	char *key; /* owned */
	enum op op;
	char **values; /* owned */
	size_t n, cap;
	bool field;
};

/* Fields that a selector may name beyond metadata.name and metadata.namespace. */
static const struct {
	const char *resource;
	const char *const *fields;
} selectable[] = {
	{ "services", (const char *const[]){ "spec.type", "spec.clusterIP", NULL } },
	{ "nodes", (const char *const[]){ "spec.unschedulable", NULL } },
	{ "namespaces", (const char *const[]){ "status.phase", NULL } },
	{ "ipaddresses.networking.k8s.io",
	  (const char *const[]){ "spec.parentRef.group", "spec.parentRef.resource",
				 "spec.parentRef.namespace", "spec.parentRef.name", NULL } },
	{ "events",
	  (const char *const[]){ "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
				 "involvedObject.uid", "involvedObject.apiVersion",
				 "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
				 "reportingComponent", "source", "type", NULL } },
};

static void term_done(struct select_term *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->values[i]);
	free(t->values);
	free(t->key);
}

void select_done(struct select *s)
{
	for (size_t i = 0; i < s->n; i++)
		term_done(&s->terms[i]);
	free(s->terms);
	*s = (struct select){ 0 };
}

static void add_value(struct select_term *t, struct slice v)
{
	vec_grow(&t->values, &t->cap, t->n + 1);
	t->values[t->n++] = xstrndup(v.ptr, v.len);
}

static struct select_term *add_term(struct select *s, struct slice key, enum op op, bool field)
{
	vec_grow(&s->terms, &s->cap, s->n + 1);
	struct select_term *t = &s->terms[s->n++];
	*t = (struct select_term){ .key = xstrndup(key.ptr, key.len), .op = op, .field = field };
	return t;
}

static bool key_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-_./", c));
}

static const char *blanks(const char *at)
{
	return at + strspn(at, " \t");
}

static struct slice word(const char **at)
{
	const char *start = blanks(*at), *end = start;
	while (key_char(*end))
		end++;
	*at = blanks(end);
	return (struct slice){ start, (size_t)(end - start) };
}

/* "(a, b)" behind in or notin. */
static const char *value_list(const char *at, struct select_term *t)
{
	at = blanks(at);
	if (*at++ != '(')
		return NULL;
	for (;;) {
		add_value(t, word(&at));
		if (*at == ')')
			return blanks(at + 1);
		if (*at++ != ',')
			return NULL;
	}
}

static const char *label_term(struct select *s, const char *at)
{
	bool negated = *(at = blanks(at)) == '!';
	if (negated)
		at++;
	struct slice key = word(&at);
	if (key.len == 0)
		return NULL;
	if (negated || *at == ',' || *at == '\0') {
		add_term(s, key, negated ? OP_NOT_EXISTS : OP_EXISTS, false);
		return at;
	}
	if (*at == '=' || (at[0] == '!' && at[1] == '=')) {
		enum op op = *at == '=' ? OP_IN : OP_NOT_IN;
		at += op == OP_NOT_IN || at[1] == '=' ? 2 : 1;
		add_value(add_term(s, key, op, false), word(&at));
		return at;
	}
	if (*at == '>' || *at == '<') {
		enum op op = *at == '>' ? OP_GREATER : OP_LESS;
		at++;
		add_value(add_term(s, key, op, false), word(&at));
		return at;
	}
	struct slice how = word(&at);
	if (slice_is(how, "in"))
		return value_list(at, add_term(s, key, OP_IN, false));
	if (slice_is(how, "notin"))
		return value_list(at, add_term(s, key, OP_NOT_IN, false));
	return NULL;
}

int select_add_labels(struct select *s, const char *text, struct err *e)
{
	const char *at = blanks(text);
	while (*at) {
		at = label_term(s, at);
		if (!at || (*at != ',' && *at != '\0'))
			return err_set(e, EINVAL, "unable to parse requirement: %s", text);
		if (*at == ',')
			at++;
	}
	return 0;
}

static bool is_selectable(const char *resource, const char *field)
{
	if (strcmp(field, "metadata.name") == 0 || strcmp(field, "metadata.namespace") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(selectable); i++)
		for (const char *const *f = selectable[i].fields; *f; f++)
			if (strcmp(selectable[i].resource, resource) == 0 && strcmp(*f, field) == 0)
				return true;
	return false;
}

int select_add_fields(struct select *s, const char *text, const char *resource, struct err *e)
{
	struct slice rest = slice_of(text), piece;
	while (slice_cut(&rest, ',', &piece)) {
		piece = slice_trim(piece);
		if (piece.len == 0)
			continue;
		const char *eq = memchr(piece.ptr, '=', piece.len);
		if (!eq)
			return err_set(e, EINVAL, "invalid selector: '%s'; can't understand '%.*s'", text,
				       SLICE_ARG(piece));
		struct slice key = { piece.ptr, (size_t)(eq - piece.ptr) };
		bool negated = key.len && key.ptr[key.len - 1] == '!';
		if (negated)
			key.len--;
		struct slice value = { eq + 1, piece.len - (size_t)(eq + 1 - piece.ptr) };
		if (value.len && value.ptr[0] == '=')
			value = (struct slice){ value.ptr + 1, value.len - 1 };
		struct select_term *t = add_term(s, key, negated ? OP_NOT_IN : OP_IN, true);
		add_value(t, value);
		if (!is_selectable(resource, t->key))
			return err_set(e, EINVAL, "field label not supported: %s", t->key);
	}
	return 0;
}

/* What the field is, as text; absent fields are empty. */
static struct slice field_text(const struct js *object, const char *field)
{
	const struct js *at = object;
	struct slice rest = slice_of(field), piece;
	for (int depth = 0; depth < FIELD_DEPTH_MAX && slice_cut(&rest, '.', &piece); depth++) {
		CLEANUP(freep) char *key = xstrndup(piece.ptr, piece.len);
		at = js_get(at, key);
	}
	if (js_type(at) == JS_BOOL)
		return slice_of(js_bool(at, false) ? "true" : "false");
	/* "source" of an Event means the component. */
	if (js_type(at) == JS_OBJECT)
		return js_text(js_get(at, "component"));
	return js_text(at);
}

static bool one_of(const struct select_term *t, struct slice value)
{
	for (size_t i = 0; i < t->n; i++)
		if (slice_is(value, t->values[i]))
			return true;
	return false;
}

static bool compares(const struct select_term *t, struct slice value)
{
	uint64_t is, want;
	if (slice_to_u64(value, &is) < 0 || slice_to_u64(slice_of(t->values[0]), &want) < 0)
		return false;
	return t->op == OP_GREATER ? is > want : is < want;
}

static bool term_matches(const struct select_term *t, const struct js *object, const struct js *labels)
{
	bool there = t->field || js_has(labels, t->key);
	struct slice value = t->field ? field_text(object, t->key) : js_text(js_get(labels, t->key));
	if (!value.ptr)
		value = SLICE_LIT("");
	switch (t->op) {
	case OP_IN:
		return there && one_of(t, value);
	case OP_NOT_IN:
		return !there || !one_of(t, value);
	case OP_EXISTS:
		return there;
	case OP_NOT_EXISTS:
		return !there;
	case OP_GREATER:
	case OP_LESS:
		return there && compares(t, value);
	}
	return false;
}

bool select_matches(const struct select *s, const struct js *object)
{
	const struct js *labels = js_path(object, "metadata", "labels");
	for (size_t i = 0; i < s->n; i++)
		if (!term_matches(&s->terms[i], object, labels))
			return false;
	return true;
}

const char *select_only_name(const struct select *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->terms[i].field && s->terms[i].op == OP_IN &&
		    strcmp(s->terms[i].key, "metadata.name") == 0)
			return s->terms[i].values[0];
	return NULL;
}
