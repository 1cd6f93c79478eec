#include "data/schema_node.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/times.h"

enum { PATH_MAX_BYTES = 4096, MESSAGE_MAX = 8192, VALUE_MAX = 1024 };

static const char *const reasons[] = {
	[PROBLEM_REQUIRED] = "FieldValueRequired",          [PROBLEM_INVALID] = "FieldValueInvalid",
	[PROBLEM_NOT_SUPPORTED] = "FieldValueNotSupported", [PROBLEM_DUPLICATE] = "FieldValueDuplicate",
	[PROBLEM_TOO_LONG] = "FieldValueTooLong",           [PROBLEM_TOO_MANY] = "FieldValueTooMany",
	[PROBLEM_FORBIDDEN] = "FieldValueForbidden",        [PROBLEM_TYPE_INVALID] = "FieldValueTypeInvalid",
};

static const char *const openings[] = {
	[PROBLEM_REQUIRED] = "Required value",
	[PROBLEM_INVALID] = "Invalid value",
	[PROBLEM_NOT_SUPPORTED] = "Unsupported value",
	[PROBLEM_DUPLICATE] = "Duplicate value",
	[PROBLEM_TOO_LONG] = "Too long",
	[PROBLEM_TOO_MANY] = "Too many",
	[PROBLEM_FORBIDDEN] = "Forbidden",
	[PROBLEM_TYPE_INVALID] = "Invalid value",
};

const char *problem_reason(enum problem_kind k)
{
	return reasons[k];
}

void problems_done(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].field);
		free(p->items[i].message);
	}
	free(p->items);
	*p = (struct problems){ 0 };
}

static void add_value_text(struct buf *out, const struct js *value)
{
	if (js_type(value) == JS_OBJECT) {
		buf_add_str(out, "\"object\"");
		return;
	}
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	js_write(value, &text);
	struct slice s = buf_slice(&text);
	buf_add_slice(out, (struct slice){ s.ptr, s.len > VALUE_MAX ? VALUE_MAX : s.len });
}

void problem_add(struct problems *p, enum problem_kind kind, const char *field, const struct js *value,
		 const char *detail, ...)
{
	if (p->n >= PROBLEMS_MAX)
		return;
	CLEANUP(buf_done) struct buf text = BUF_INIT(MESSAGE_MAX);
	buf_add_str(&text, openings[kind]);
	if (value) {
		buf_add_str(&text, ": ");
		add_value_text(&text, value);
	}
	CLEANUP(buf_done) struct buf more = BUF_INIT(MESSAGE_MAX);
	va_list ap;
	va_start(ap, detail);
	buf_vaddf(&more, detail, ap);
	va_end(ap);
	if (more.len) {
		buf_add_str(&text, ": ");
		buf_add_slice(&text, buf_slice(&more));
	}
	vec_grow(&p->items, &p->cap, p->n + 1);
	p->items[p->n++] = (struct problem){ kind, xstrdup(field), buf_take(&text) };
}

/* One walk: where it is and what it found. */
struct check {
	struct buf path;
	struct problems *out;
};

static const char *where(struct check *c)
{
	return buf_str(&c->path);
}

static void back_to(struct check *c, size_t len)
{
	c->path.len = len;
	c->path.overflow = false;
	if (c->path.ptr)
		c->path.ptr[len] = '\0';
}

static const char *type_name(enum schema_type t)
{
	static const char *const names[] = {
		[TYPE_ANY] = "any",         [TYPE_OBJECT] = "object",   [TYPE_ARRAY] = "array",
		[TYPE_STRING] = "string",   [TYPE_INTEGER] = "integer", [TYPE_NUMBER] = "number",
		[TYPE_BOOLEAN] = "boolean",
	};
	return names[t];
}

static const char *value_type_name(const struct js *v)
{
	static const char *const names[] = {
		[JS_NULL] = "null",     [JS_BOOL] = "boolean", [JS_INT] = "integer",   [JS_DOUBLE] = "number",
		[JS_STRING] = "string", [JS_ARRAY] = "array",  [JS_OBJECT] = "object",
	};
	return names[js_type(v)];
}

static bool is_whole(double d)
{
	return d > -9e15 && d < 9e15 && (double)(int64_t)d == d;
}

static bool type_fits(const struct schema *s, const struct js *v)
{
	enum js_type t = js_type(v);
	if (s->int_or_string)
		return t == JS_INT || t == JS_STRING;
	switch (s->type) {
	case TYPE_ANY:
		return true;
	case TYPE_OBJECT:
		return t == JS_OBJECT;
	case TYPE_ARRAY:
		return t == JS_ARRAY;
	case TYPE_STRING:
		return t == JS_STRING;
	case TYPE_INTEGER:
		return t == JS_INT || (t == JS_DOUBLE && is_whole(js_double(v, 0)));
	case TYPE_NUMBER:
		return t == JS_INT || t == JS_DOUBLE;
	case TYPE_BOOLEAN:
		return t == JS_BOOL;
	}
	return false;
}

static size_t characters(struct slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static bool is_ip(const char *text, int family)
{
	unsigned char bytes[16];
	return inet_pton(family, text, bytes) == 1;
}

static bool is_cidr(const char *text)
{
	const char *slash = strchr(text, '/');
	char host[64];
	uint64_t bits;
	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	/* Go's ParseCIDR takes no leading zeros, also not in the length. */
	if (slice_to_u64(slice_of(slash + 1), &bits) < 0 || (slash[1] == '0' && slash[2]))
		return false;
	return (is_ip(host, AF_INET) && bits <= 32) || (is_ip(host, AF_INET6) && bits <= 128);
}

static bool format_fits(const char *format, const struct js *v)
{
	if (js_type(v) == JS_INT)
		return strcmp(format, "int32") != 0 ||
		       (js_int(v, 0) >= INT32_MIN && js_int(v, 0) <= INT32_MAX);
	const char *text = js_str(v);
	msec t;
	if (!text)
		return js_type(v) != JS_STRING;
	if (strcmp(format, "cidr") == 0)
		return is_cidr(text);
	if (strcmp(format, "ipv4") == 0)
		return is_ip(text, AF_INET);
	if (strcmp(format, "ipv6") == 0)
		return is_ip(text, AF_INET6);
	if (strcmp(format, "ip") == 0)
		return is_ip(text, AF_INET) || is_ip(text, AF_INET6);
	if (strcmp(format, "date-time") == 0)
		return time_parse(slice_of(text), &t) == 0;
	if (strcmp(format, "duration") == 0)
		return duration_parse(slice_of(text), &t) == 0;
	return true;
}

static void check_enum(struct check *c, const struct schema *s, const struct js *v)
{
	CLEANUP(buf_done) struct buf names = BUF_INIT(VALUE_MAX);
	for (size_t i = 0; i < js_len(s->enumeration); i++) {
		if (js_equal(js_item(s->enumeration, i), v))
			return;
		buf_add_str(&names, i ? ", " : "");
		js_write(js_item(s->enumeration, i), &names);
	}
	problem_add(c->out, PROBLEM_NOT_SUPPORTED, where(c), v, "supported values: %s", buf_str(&names));
}

static void check_text(struct check *c, const struct schema *s, const struct js *v)
{
	struct slice text = js_text(v);
	size_t len = characters(text);
	if (s->max_length >= 0 && len > (uint64_t)s->max_length)
		problem_add(c->out, PROBLEM_TOO_LONG, where(c), NULL, "may not be more than %lld bytes",
			    (long long)s->max_length);
	if (s->min_length >= 0 && len < (uint64_t)s->min_length)
		problem_add(c->out, PROBLEM_INVALID, where(c), v,
			    "%s in body should be at least %lld chars long", where(c),
			    (long long)s->min_length);
	if (s->pattern && !pattern_matches(s->pattern, text.ptr))
		problem_add(c->out, PROBLEM_INVALID, where(c), v, "%s in body should match '%s'", where(c),
			    s->pattern_text);
}

static void check_number(struct check *c, const struct schema *s, const struct js *v)
{
	double n = js_double(v, 0);
	if (s->has_min && (n < s->min || (s->exclusive_min && n <= s->min)))
		problem_add(c->out, PROBLEM_INVALID, where(c), v, "%s in body should be greater than %s%.15g",
			    where(c), s->exclusive_min ? "" : "or equal to ", s->min);
	if (s->has_max && (n > s->max || (s->exclusive_max && n >= s->max)))
		problem_add(c->out, PROBLEM_INVALID, where(c), v, "%s in body should be less than %s%.15g",
			    where(c), s->exclusive_max ? "" : "or equal to ", s->max);
}

static void check_value(struct check *c, const struct schema *s, const struct js *v);

static void check_object(struct check *c, const struct schema *s, const struct js *v)
{
	size_t here = c->path.len;
	for (size_t i = 0; i < js_len(s->required); i++) {
		const char *name = js_str(js_item(s->required, i));
		if (!name || js_has(v, name))
			continue;
		buf_addf(&c->path, "%s%s", here ? "." : "", name);
		problem_add(c->out, PROBLEM_REQUIRED, where(c), NULL, "%s", "");
		back_to(c, here);
	}
	int64_t n = (int64_t)js_len(v);
	if (s->max_fields >= 0 && n > s->max_fields)
		problem_add(c->out, PROBLEM_TOO_MANY, where(c), NULL, "%lld: must have at most %lld items",
			    (long long)n, (long long)s->max_fields);
	if (s->min_fields >= 0 && n < s->min_fields)
		problem_add(c->out, PROBLEM_INVALID, where(c), v,
			    "%s in body should have at least %lld properties", where(c),
			    (long long)s->min_fields);
	for (struct js_iter it = js_iter(v); js_next(&it);) {
		const struct schema *child = schema_field(s, it.key);
		if (!child)
			continue;
		buf_addf(&c->path, "%s%s", here ? "." : "", it.key);
		check_value(c, child, it.value);
		back_to(c, here);
	}
}

/* The part of an item that makes it unique: the item itself in a set, its keys in a map. */
static struct js *identity(const struct schema *s, const struct js *item)
{
	if (!s->map_keys)
		return js_clone(item);
	struct js *id = js_new_object();
	for (size_t i = 0; i < js_len(s->map_keys); i++) {
		const char *key = js_str(js_item(s->map_keys, i));
		if (key)
			js_set(id, key, js_clone(js_get(item, key)));
	}
	return id;
}

static void check_unique(struct check *c, const struct schema *s, const struct js *v)
{
	struct map seen = { 0 };
	size_t here = c->path.len, n = js_len(v);
	char **texts = xcalloc(n + 1, sizeof(*texts));
	for (size_t i = 0; i < n; i++) {
		CLEANUP(js_freep) struct js *id = identity(s, js_item(v, i));
		CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
		js_write(id, &text);
		texts[i] = buf_take(&text);
		if (map_get(&seen, texts[i])) {
			buf_addf(&c->path, "[%zu]", i);
			problem_add(c->out, PROBLEM_DUPLICATE, where(c), NULL, "%s", texts[i]);
			back_to(c, here);
		} else {
			map_put(&seen, texts[i], texts[i]);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
	map_done(&seen);
}

static void check_array(struct check *c, const struct schema *s, const struct js *v)
{
	size_t here = c->path.len;
	int64_t n = (int64_t)js_len(v);
	if (s->max_items >= 0 && n > s->max_items) {
		problem_add(c->out, PROBLEM_TOO_MANY, where(c), NULL, "%lld: must have at most %lld items",
			    (long long)n, (long long)s->max_items);
		return;
	}
	if (s->min_items >= 0 && n < s->min_items)
		problem_add(c->out, PROBLEM_INVALID, where(c), v,
			    "%s in body should have at least %lld items", where(c), (long long)s->min_items);
	for (size_t i = 0; s->items && i < (size_t)n; i++) {
		buf_addf(&c->path, "[%zu]", i);
		check_value(c, s->items, js_item(v, i));
		back_to(c, here);
	}
	if (s->set || s->unique || s->map_keys)
		check_unique(c, s, v);
}

static void check_value(struct check *c, const struct schema *s, const struct js *v)
{
	if (!v && s->nullable)
		return;
	if (!type_fits(s, v)) {
		const char *is = value_type_name(v);
		problem_add(c->out, PROBLEM_TYPE_INVALID, where(c), NULL,
			    "\"%s\": %s in body must be of type %s: \"%s\"", is, where(c),
			    s->int_or_string ? "integer,string" : type_name(s->type), is);
		return;
	}
	if (s->enumeration)
		check_enum(c, s, v);
	if (s->format && !format_fits(s->format, v)) {
		CLEANUP(buf_done) struct buf is = BUF_INIT(VALUE_MAX);
		if (js_type(v) == JS_STRING)
			buf_add_slice(&is, js_text(v));
		else
			js_write(v, &is);
		problem_add(c->out, PROBLEM_INVALID, where(c), v, "%s in body must be of type %s: \"%s\"",
			    where(c), s->format, buf_str(&is));
	}
	switch (js_type(v)) {
	case JS_STRING:
		check_text(c, s, v);
		break;
	case JS_INT:
	case JS_DOUBLE:
		check_number(c, s, v);
		break;
	case JS_OBJECT:
		check_object(c, s, v);
		break;
	case JS_ARRAY:
		check_array(c, s, v);
		break;
	case JS_BOOL:
	case JS_NULL:
		break;
	}
}

void schema_validate(const struct schema *s, const struct js *value, const char *path, struct problems *out)
{
	struct check c = { .path = BUF_INIT(PATH_MAX_BYTES), .out = out };
	buf_add_str(&c.path, path);
	check_value(&c, s, value);
	buf_done(&c.path);
}
