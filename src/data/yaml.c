#include "data/yaml.h"

#include "base/map.h"
#include "data/yaml_scalar.h"

#include <errno.h>
#include <yaml.h>

struct anchor {
	char *name;
	struct js *node; /* a reference of our own */
};

struct reader {
	yaml_parser_t parser;
	struct map anchors;
	size_t alias_nodes;
	struct err *e;
};

static int failed_at(const struct reader *r, yaml_mark_t mark, const char *what)
{
	return err_set(r->e, EINVAL, "line %zu, column %zu: %s", mark.line + 1, mark.column + 1, what);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return 0;
	const yaml_parser_t *p = &r->parser;
	if (p->error == YAML_MEMORY_ERROR)
		abort();
	if (p->error == YAML_READER_ERROR)
		return err_set(r->e, EINVAL, "line %zu, column %zu: %s", p->mark.line + 1, p->mark.column + 1,
			       p->problem ? p->problem : "bad bytes");
	return err_set(r->e, EINVAL, "line %zu, column %zu: %s%s%s", p->problem_mark.line + 1,
		       p->problem_mark.column + 1, p->problem ? p->problem : "bad YAML",
		       p->context ? " " : "", p->context ? p->context : "");
}

static void forget_anchors(struct reader *r)
{
	size_t at = 0;
	struct anchor *a;
	while ((a = map_next(&r->anchors, &at))) {
		js_free(a->node);
		free(a->name);
		free(a);
	}
	map_done(&r->anchors);
	r->anchors = (struct map){ 0 };
	r->alias_nodes = 0;
}

static void remember_anchor(struct reader *r, const yaml_char_t *name, struct js *node)
{
	if (!name)
		return;
	struct anchor *a = xcalloc(1, sizeof(*a));
	a->name = xstrdup((const char *)name);
	a->node = js_ref(node);
	/* The old entry's name is the key in the map: out with it before the new one comes in. */
	struct anchor *old = map_del(&r->anchors, a->name);
	if (old) {
		js_free(old->node);
		free(old->name);
		free(old);
	}
	(void)map_put(&r->anchors, a->name, a);
}

/* Counts the nodes of a tree that is about to be copied; false if that is too many or too deep. */
static bool may_copy(struct reader *r, const struct js *node, int depth)
{
	if (depth > YAML_DEPTH_MAX || ++r->alias_nodes > YAML_ALIAS_NODES_MAX)
		return false;
	for (size_t i = 0; js_type(node) == JS_ARRAY && i < js_len(node); i++)
		if (!may_copy(r, js_item(node, i), depth + 1))
			return false;
	for (struct js_iter it = js_iter(node); js_next(&it);)
		if (!may_copy(r, it.value, depth + 1))
			return false;
	return true;
}

static int read_alias(struct reader *r, const yaml_event_t *event, int depth, struct js **ret)
{
	const struct anchor *a = map_get(&r->anchors, (const char *)event->data.alias.anchor);
	if (!a)
		return failed_at(r, event->start_mark, "an alias of an anchor that is not known here");
	if (!may_copy(r, a->node, depth))
		return failed_at(r, event->start_mark, "the aliases add up to too much");
	*ret = js_clone(a->node);
	return 0;
}

/* The name of a tag in YAML's own name space ("int"), else NULL. */
static const char *core_tag(const yaml_char_t *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	const char *s = (const char *)tag;
	return s && strncmp(s, prefix, sizeof(prefix) - 1) == 0 ? s + sizeof(prefix) - 1 : NULL;
}

static bool is_typed(const yaml_event_t *event)
{
	static const char *const typed[] = { "bool", "int", "float", "null", "timestamp" };
	if (event->data.scalar.plain_implicit)
		return true;
	const char *tag = core_tag(event->data.scalar.tag);
	for (size_t i = 0; tag && i < ARRAY_LEN(typed); i++)
		if (strcmp(tag, typed[i]) == 0)
			return true;
	return false;
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct js **ret)
{
	struct slice text = { (const char *)event->data.scalar.value, event->data.scalar.length };
	const char *tag = core_tag(event->data.scalar.tag);
	if (tag && strcmp(tag, "binary") == 0)
		return failed_at(r, event->start_mark, "!!binary is not supported");
	if (!is_typed(event)) {
		*ret = js_new_text(text);
		return 0;
	}
	struct err why = { 0 };
	if (yaml_scalar(text, event->data.scalar.plain_implicit ? NULL : tag, ret, &why) < 0)
		return failed_at(r, event->start_mark, why.msg);
	return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, int depth, struct js **ret);

static int read_sequence(struct reader *r, int depth, struct js **ret)
{
	CLEANUP(js_freep) struct js *array = js_new_array();
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		struct js *item = NULL;
		int bad = next_event(r, &event);
		if (bad < 0)
			return bad;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			break;
		bad = read_node(r, &event, depth + 1, &item);
		if (bad < 0)
			return bad;
		js_push(array, item);
	}
	*ret = TAKE(array);
	return 0;
}

/* A key as text, whatever it is: true, 12 and 1.5 are keys "true", "12" and "1.5". */
static int read_key(struct reader *r, const yaml_event_t *event, char **ret)
{
	CLEANUP(js_freep) struct js *key = NULL;
	int bad = read_node(r, event, YAML_DEPTH_MAX, &key);
	if (bad < 0)
		return bad;
	if (js_type(key) == JS_STRING) {
		if (!js_str(key))
			return failed_at(r, event->start_mark, "a key with a NUL in it");
		*ret = xstrdup(js_str(key));
		return 0;
	}
	if (js_type(key) != JS_BOOL && js_type(key) != JS_INT && js_type(key) != JS_DOUBLE)
		return failed_at(r, event->start_mark, "a key must be text");
	struct buf text = BUF_INIT(64);
	js_write(key, &text);
	*ret = buf_take(&text);
	return 0;
}

/* What a merge key brings: the fields of a mapping, or of several, where there is none yet. */
static int merge(struct reader *r, yaml_mark_t mark, struct js *into, const struct js *from)
{
	if (js_type(from) == JS_ARRAY) {
		for (size_t i = 0; i < js_len(from); i++) {
			const struct js *one = js_item(from, i);
			int bad = js_type(one) == JS_OBJECT ? merge(r, mark, into, one)
							    : failed_at(r, mark, "<< takes mappings");
			if (bad < 0)
				return bad;
		}
		return 0;
	}
	if (js_type(from) != JS_OBJECT)
		return failed_at(r, mark, "<< takes mappings");
	for (struct js_iter it = js_iter(from); js_next(&it);) {
		if (js_has(into, it.key))
			continue;
		if (!may_copy(r, it.value, 0))
			return failed_at(r, mark, "the aliases add up to too much");
		js_set(into, it.key, js_clone(it.value));
	}
	return 0;
}

static bool is_merge_key(const yaml_event_t *event)
{
	if (event->type != YAML_SCALAR_EVENT)
		return false;
	const char *tag = core_tag(event->data.scalar.tag);
	bool plain = event->data.scalar.plain_implicit && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return strcmp((const char *)event->data.scalar.value, "<<") == 0 &&
	       (plain || (tag && strcmp(tag, "merge") == 0));
}

static int read_field(struct reader *r, const yaml_event_t *key_event, int depth, struct js *object,
		      struct js **merged)
{
	CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
	CLEANUP(freep) char *key = NULL;
	CLEANUP(js_freep) struct js *value = NULL;
	bool is_merge = is_merge_key(key_event);
	int bad = is_merge ? 0 : read_key(r, key_event, &key);
	if (bad < 0)
		return bad;
	if (is_merge ? *merged != NULL : js_has(object, key)) {
		CLEANUP(freep)
		char *what = xasprintf("the key \"%.200s\" comes twice", is_merge ? "<<" : key);
		return failed_at(r, key_event->start_mark, what);
	}
	bad = next_event(r, &event);
	if (bad == 0)
		bad = read_node(r, &event, depth + 1, &value);
	if (bad < 0)
		return bad;
	if (!is_merge)
		js_set(object, key, TAKE(value));
	else if (js_type(value) != JS_OBJECT && js_type(value) != JS_ARRAY)
		return failed_at(r, key_event->start_mark, "<< takes mappings");
	else
		*merged = TAKE(value);
	return 0;
}

static int read_mapping(struct reader *r, int depth, struct js **ret)
{
	CLEANUP(js_freep) struct js *object = js_new_object();
	CLEANUP(js_freep) struct js *merged = NULL;
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		int bad = next_event(r, &event);
		if (bad < 0)
			return bad;
		if (event.type == YAML_MAPPING_END_EVENT) {
			bad = merged ? merge(r, event.start_mark, object, merged) : 0;
			if (bad < 0)
				return bad;
			break;
		}
		bad = read_field(r, &event, depth, object, &merged);
		if (bad < 0)
			return bad;
	}
	*ret = TAKE(object);
	return 0;
}

/* The node that begins with `event`. */
static int read_node(struct reader *r, const yaml_event_t *event, int depth, struct js **ret)
{
	CLEANUP(js_freep) struct js *node = NULL;
	const yaml_char_t *anchor = NULL;
	int bad = 0;
	if (depth > YAML_DEPTH_MAX)
		return failed_at(r, event->start_mark, "nested too deeply");
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return read_alias(r, event, depth, ret);
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		bad = read_scalar(r, event, &node);
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		bad = read_sequence(r, depth, &node);
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		bad = read_mapping(r, depth, &node);
		break;
	default:
		return failed_at(r, event->start_mark, "something is missing here");
	}
	if (bad < 0)
		return bad;
	remember_anchor(r, anchor, node);
	*ret = TAKE(node);
	return 0;
}

static int read_document(struct reader *r, int line, yaml_document_fn *fn, void *arg)
{
	CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
	CLEANUP(js_freep) struct js *document = NULL;
	int bad = next_event(r, &event);
	if (bad == 0)
		bad = read_node(r, &event, 1, &document);
	forget_anchors(r);
	if (bad < 0)
		return bad;
	return document ? fn(document, line, arg, r->e) : 0;
}

static int read_stream(struct reader *r, yaml_document_fn *fn, void *arg)
{
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		int bad = next_event(r, &event);
		if (bad < 0)
			return bad;
		if (event.type == YAML_STREAM_END_EVENT)
			return 0;
		if (event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		bad = read_document(r, (int)event.start_mark.line + 1, fn, arg);
		if (bad < 0)
			return bad;
	}
}

int yaml_parse(struct slice text, yaml_document_fn *fn, void *arg, struct err *e)
{
	struct err scratch = { 0 };
	struct reader r = { .e = e ? e : &scratch };
	if (text.len > YAML_SIZE_MAX)
		return err_set(e, E2BIG, "YAML of %zu bytes; at most %d are taken", text.len, YAML_SIZE_MAX);
	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
	int bad = read_stream(&r, fn, arg);
	forget_anchors(&r);
	yaml_parser_delete(&r.parser);
	return bad;
}

struct only {
	struct js *document;
};

static int take_only(struct js *document, int line, void *arg, struct err *e)
{
	struct only *only = arg;
	if (only->document)
		return err_set(e, EINVAL, "line %d, column 1: a second document; only one is taken", line);
	only->document = js_ref(document);
	return 0;
}

int yaml_parse_one(struct slice text, struct js **ret, struct err *e)
{
	struct only only = { 0 };
	int bad = yaml_parse(text, take_only, &only, e);
	if (bad == 0 && !only.document)
		bad = err_set(e, EINVAL, "line 1, column 1: nothing in it");
	if (bad < 0) {
		js_free(only.document);
		return bad;
	}
	*ret = only.document;
	return 0;
}
