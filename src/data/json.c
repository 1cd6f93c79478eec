#include "data/json.h"

#include "data/json_compact.h"

#include <errno.h>
#include <json-c/json.h>

/* struct js is json-c's own node: the name keeps its header out of ours. Or it is a compact one, which all
 * readers know; whoever wants to change such a one has gone wrong. */
static struct json_object *in(const struct js *j)
{
	if (is_compact(j))
		abort();
	return (struct json_object *)(uintptr_t)j;
}

static struct js *out_of(struct json_object *o)
{
	return (struct js *)o;
}

/* json-c takes a little more than JSON even when told to be strict: NaN and Infinity, names in single
 * quotes, "1.", bare control characters. Written out again, the next reader would refuse them. Where
 * the first such thing is in a text that json-c took; its length if there is none. */
static size_t find_loose(struct slice s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (quoted && c == '\\')
			i++;
		else if (quoted ? (unsigned char)c < 0x20 : c == '\'' || c == 'N' || c == 'I')
			return i;
		else if (!quoted && c == '.' && (i + 1 == s.len || s.ptr[i + 1] < '0' || s.ptr[i + 1] > '9'))
			return i;
		else if (c == '"')
			quoted = !quoted;
	}
	return s.len;
}

/* A parser holds some KB, and making one anew costs as much as a small document: one is kept. It may
 * have grown by a large one. */
static struct json_tokener *kept_parser;
enum { KEEP_PARSER_AFTER = 64 * 1024 };

static struct json_tokener *parser(void)
{
	if (kept_parser) {
		json_tokener_reset(kept_parser);
		return kept_parser;
	}
	kept_parser = json_tokener_new_ex(JS_DEPTH_MAX);
	if (kept_parser)
		json_tokener_set_flags(kept_parser, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
							    JSON_TOKENER_ALLOW_TRAILING_CHARS);
	return kept_parser;
}

/* After a bad text json-c remembers half a surrogate pair, and the next text would be read with it. */
static void parser_done(size_t len, bool good)
{
	if (len > KEEP_PARSER_AFTER || !good)
		json_tokener_free(TAKE(kept_parser));
}

int js_parse(struct slice text, struct js **ret, struct err *e)
{
	if (text.len > JS_SIZE_MAX)
		return err_set(e, E2BIG, "JSON of %zu bytes; at most %d are taken", text.len, JS_SIZE_MAX);
	struct json_tokener *t = parser();
	if (!t)
		return err_set(e, ENOMEM, "no memory for a JSON parser");
	struct json_object *o = json_tokener_parse_ex(t, text.ptr ? text.ptr : "", (int)text.len);
	enum json_tokener_error why = json_tokener_get_error(t);
	size_t at = json_tokener_get_parse_end(t);
	/* A number at the very end is only complete when the parser sees what follows. */
	if (why == json_tokener_continue && text.len > 0) {
		o = json_tokener_parse_ex(t, "\0", 1);
		why = json_tokener_get_error(t);
		at = text.len;
	}
	parser_done(text.len, why == json_tokener_success);
	if (why != json_tokener_success) {
		json_object_put(o);
		return err_set(e, EINVAL, "bad JSON at byte %zu: %s", at,
			       why == json_tokener_continue ? "it ends too early"
							    : json_tokener_error_desc(why));
	}
	while (at < text.len && strchr(" \t\r\n", text.ptr[at]) && text.ptr[at])
		at++;
	if (at < text.len) {
		json_object_put(o);
		return err_set(e, EINVAL, "bad JSON at byte %zu: something follows the value", at);
	}
	at = find_loose(text);
	if (at < text.len) {
		json_object_put(o);
		return err_set(e, EINVAL, "bad JSON at byte %zu: unexpected character", at);
	}
	*ret = out_of(o);
	return 0;
}

/* A compact tree as one of json-c. */
static struct js *thaw(const struct js *j)
{
	struct js *copy;
	switch (js_type(j)) {
	case JS_BOOL:
		return js_new_bool(js_bool(j, false));
	case JS_INT:
		return js_new_int(js_int(j, 0));
	case JS_STRING:
		return js_new_text(js_text(j));
	case JS_ARRAY:
		copy = js_new_array();
		for (size_t i = 0; i < js_len(j); i++)
			js_push(copy, thaw(js_item(j, i)));
		return copy;
	case JS_OBJECT:
		copy = js_new_object();
		for (struct js_iter it = js_iter(j); js_next(&it);)
			js_set(copy, it.key, thaw(it.value));
		return copy;
	case JS_NULL:
	case JS_DOUBLE: /* no compact tree has one */
		break;
	}
	return NULL;
}

struct js *js_ref(struct js *j)
{
	if (is_compact(j))
		return thaw(j);
	return out_of(json_object_get(in(j)));
}

void js_free(struct js *j)
{
	if (is_compact(j))
		compact_free(j);
	else
		json_object_put(in(j));
}

void js_freep(struct js **j)
{
	js_free(*j);
	*j = NULL;
}

struct js *js_clone(const struct js *j)
{
	struct json_object *copy = NULL;
	if (is_compact(j))
		return thaw(j);
	if (j && json_object_deep_copy(in(j), &copy, NULL) < 0)
		abort();
	return out_of(copy);
}

bool js_equal(const struct js *a, const struct js *b)
{
	CLEANUP(js_freep) struct js *one = is_compact(a) ? thaw(a) : NULL;
	CLEANUP(js_freep) struct js *other = is_compact(b) ? thaw(b) : NULL;
	return json_object_equal(in(one ? one : a), in(other ? other : b)) == 1;
}

enum js_type js_type(const struct js *j)
{
	if (is_compact(j))
		return compact_type(j);
	switch (json_object_get_type(in(j))) {
	case json_type_boolean:
		return JS_BOOL;
	case json_type_int:
		return JS_INT;
	case json_type_double:
		return JS_DOUBLE;
	case json_type_string:
		return JS_STRING;
	case json_type_array:
		return JS_ARRAY;
	case json_type_object:
		return JS_OBJECT;
	case json_type_null:
		break;
	}
	return JS_NULL;
}

struct js *js_get(const struct js *object, const char *key)
{
	struct json_object *child = NULL;
	struct js *found = NULL;
	if (is_compact(object))
		return compact_find(object, key, &found) ? found : NULL;
	if (js_type(object) != JS_OBJECT || !json_object_object_get_ex(in(object), key, &child))
		return NULL;
	return out_of(child);
}

struct js *js_path_to(const struct js *j, const char *const *keys)
{
	struct js *at = (struct js *)(uintptr_t)j;
	for (; *keys && at; keys++)
		at = js_get(at, *keys);
	return at;
}

bool js_has(const struct js *object, const char *key)
{
	struct js *found;
	if (is_compact(object))
		return compact_find(object, key, &found);
	return js_type(object) == JS_OBJECT && json_object_object_get_ex(in(object), key, NULL);
}

struct slice js_text(const struct js *j)
{
	if (is_compact(j))
		return compact_text(j);
	if (js_type(j) != JS_STRING)
		return (struct slice){ 0 };
	return (struct slice){ json_object_get_string(in(j)), (size_t)json_object_get_string_len(in(j)) };
}

const char *js_str(const struct js *j)
{
	struct slice s = js_text(j);
	return s.ptr && strlen(s.ptr) == s.len ? s.ptr : NULL;
}

bool js_bool(const struct js *j, bool otherwise)
{
	if (js_type(j) != JS_BOOL)
		return otherwise;
	return is_compact(j) ? compact_number(j) != 0 : json_object_get_boolean(in(j));
}

int64_t js_int(const struct js *j, int64_t otherwise)
{
	if (js_type(j) != JS_INT)
		return otherwise;
	return is_compact(j) ? compact_number(j) : json_object_get_int64(in(j));
}

double js_double(const struct js *j, double otherwise)
{
	enum js_type t = js_type(j);
	if (is_compact(j))
		return t == JS_INT ? (double)compact_number(j) : otherwise;
	return t == JS_DOUBLE || t == JS_INT ? json_object_get_double(in(j)) : otherwise;
}

size_t js_len(const struct js *j)
{
	if (is_compact(j))
		return compact_len(j);
	if (js_type(j) == JS_ARRAY)
		return json_object_array_length(in(j));
	if (js_type(j) == JS_OBJECT)
		return (size_t)json_object_object_length(in(j));
	return 0;
}

struct js *js_item(const struct js *array, size_t i)
{
	if (is_compact(array))
		return compact_item(array, i);
	if (js_type(array) != JS_ARRAY || i >= js_len(array))
		return NULL;
	return out_of(json_object_array_get_idx(in(array), i));
}

struct js_iter js_iter(const struct js *object)
{
	struct js_iter it = { 0 };
	if (is_compact(object))
		return compact_iter(object);
	if (js_type(object) == JS_OBJECT)
		it.entry = json_object_get_object(in(object))->head;
	return it;
}

bool js_next(struct js_iter *it)
{
	if (is_compact(it->entry))
		return compact_next(it);
	struct lh_entry *entry = it->entry;
	if (!entry)
		return false;
	it->key = lh_entry_k(entry);
	it->value = out_of(lh_entry_v(entry));
	it->entry = entry->next;
	return true;
}

static struct js *made(struct json_object *o)
{
	if (!o)
		abort();
	return out_of(o);
}

struct js *js_new_object(void)
{
	return made(json_object_new_object());
}

struct js *js_new_array(void)
{
	return made(json_object_new_array());
}

struct js *js_new_text(struct slice s)
{
	size_t ascii = 0;
	while (ascii < s.len && !(s.ptr[ascii] & 0x80))
		ascii++;
	if (ascii == s.len)
		return made(json_object_new_string_len(s.ptr ? s.ptr : "", (int)s.len));
	CLEANUP(buf_done) struct buf text = BUF_INIT(3 * s.len);
	buf_add_utf8(&text, s);
	return made(json_object_new_string_len(buf_str(&text), (int)text.len));
}

struct js *js_new_str(const char *s)
{
	return s ? js_new_text(slice_of(s)) : NULL;
}

struct js *js_new_int(int64_t v)
{
	return made(json_object_new_int64(v));
}

struct js *js_new_double(double v)
{
	return made(json_object_new_double(v));
}

struct js *js_new_bool(bool v)
{
	return made(json_object_new_boolean(v));
}

void js_set(struct js *object, const char *key, struct js *child)
{
	if (json_object_object_add(in(object), key, in(child)) < 0)
		abort();
}

void js_del(struct js *object, const char *key)
{
	if (js_type(object) == JS_OBJECT)
		json_object_object_del(in(object), key);
}

void js_push(struct js *array, struct js *child)
{
	if (json_object_array_add(in(array), in(child)) < 0)
		abort();
}

void js_put_item(struct js *array, size_t i, struct js *child)
{
	if (i >= js_len(array))
		js_push(array, child);
	else if (json_object_array_put_idx(in(array), i, in(child)) < 0)
		abort();
}

void js_insert_item(struct js *array, size_t i, struct js *child)
{
	js_push(array, NULL);
	for (size_t at = js_len(array) - 1; at > i; at--)
		js_put_item(array, at, js_ref(js_item(array, at - 1)));
	js_put_item(array, i, child);
}

void js_del_item(struct js *array, size_t i)
{
	if (i < js_len(array))
		json_object_array_del_idx(in(array), i, 1);
}

struct js *js_need_object(struct js *object, const char *key)
{
	struct js *child = js_get(object, key);
	if (js_type(child) == JS_OBJECT)
		return child;
	child = js_new_object();
	js_set(object, key, child);
	return child;
}

static void write_flags(const struct js *j, struct buf *out, int flags)
{
	size_t len = 0;
	if (is_compact(j)) {
		CLEANUP(js_freep) struct js *copy = thaw(j);
		write_flags(copy, out, flags);
		return;
	}
	const char *text = json_object_to_json_string_length(in(j), flags, &len);
	if (!text)
		abort();
	buf_add(out, text, len);
}

void js_write(const struct js *j, struct buf *out)
{
	write_flags(j, out, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

void js_write_pretty(const struct js *j, struct buf *out)
{
	write_flags(j, out,
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE | JSON_C_TO_STRING_SPACED);
}
