#include "embedded/protobuf.h"

#include "data/base64.h"

#include <errno.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct field {
	uint32_t number;
	enum wire wire;
	uint64_t varint;
	struct slice bytes;
};

static bool read_varint(struct slice *in, uint64_t *ret)
{
	uint64_t v = 0;
	for (unsigned int shift = 0; shift < 64 && in->len; shift += 7) {
		unsigned char b = (unsigned char)*in->ptr++;
		in->len--;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool skip(struct slice *in, uint64_t n, struct slice *ret)
{
	if (n > in->len)
		return false;
	*ret = (struct slice){ in->ptr, (size_t)n };
	in->ptr += n;
	in->len -= (size_t)n;
	return true;
}

static bool read_field(struct slice *in, struct field *f)
{
	uint64_t tag, len;
	*f = (struct field){ 0 };
	if (!read_varint(in, &tag) || tag >> 3 == 0 || tag >> 35)
		return false;
	f->number = (uint32_t)(tag >> 3);
	f->wire = (enum wire)(tag & 7);
	switch (f->wire) {
	case WIRE_VARINT:
		return read_varint(in, &f->varint);
	case WIRE_64:
		return skip(in, 8, &f->bytes);
	case WIRE_32:
		return skip(in, 4, &f->bytes);
	case WIRE_BYTES:
		return read_varint(in, &len) && skip(in, len, &f->bytes);
	}
	return false;
}

/* The name that the table has for a field number, and the table of what is below it. */
static const char *name_of(const struct js *table, uint32_t number, const struct js **ret_below)
{
	for (struct js_iter it = js_iter(table); js_next(&it);) {
		bool deep = js_type(it.value) == JS_ARRAY;
		if (js_int(deep ? js_item(it.value, 0) : it.value, 0) == number) {
			*ret_below = deep ? js_item(it.value, 1) : NULL;
			return it.key;
		}
	}
	return NULL;
}

static int malformed(struct err *e)
{
	return err_set(e, EINVAL, "malformed protobuf");
}

static int read_message(struct slice in, const struct js *table, const struct js *schema, int depth,
			struct js **ret, struct err *e);

/* IntOrString { type = 1, intVal = 2, strVal = 3 } */
static int read_int_or_string(struct slice in, struct js **ret, struct err *e)
{
	struct field f;
	int64_t type = 0, number = 0;
	struct slice text = SLICE_LIT("");
	while (in.len) {
		if (!read_field(&in, &f))
			return malformed(e);
		if (f.number == 1)
			type = (int64_t)f.varint;
		else if (f.number == 2)
			number = (int64_t)f.varint;
		else if (f.number == 3)
			text = f.bytes;
	}
	*ret = type ? js_new_text(text) : js_new_int(number);
	return 0;
}

static struct js *bytes_value(struct slice bytes, const struct js *schema)
{
	if (!slice_is(js_text(js_get(schema, "format")), "byte"))
		return js_new_text(bytes);
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	base64_encode(bytes, &text);
	return js_new_text(buf_slice(&text));
}

/* One entry of a map of texts: { key = 1, value = 2 } */
static int read_entry(struct slice in, const struct js *schema, struct js *map, struct err *e)
{
	struct field f;
	struct slice key = SLICE_LIT(""), value = SLICE_LIT("");
	while (in.len) {
		if (!read_field(&in, &f) || f.wire != WIRE_BYTES)
			return malformed(e);
		*(f.number == 1 ? &key : &value) = f.bytes;
	}
	CLEANUP(buf_done) struct buf name = BUF_INIT(JS_SIZE_MAX);
	buf_add_utf8(&name, key);
	js_set(map, buf_str(&name), bytes_value(value, schema));
	return 0;
}

static int read_value(const struct field *f, const struct js *table, const struct js *schema, int depth,
		      struct js **ret, struct err *e)
{
	struct slice type = js_text(js_get(schema, "type"));
	if (js_bool(js_get(schema, "x-kubernetes-int-or-string"), false))
		return read_int_or_string(f->bytes, ret, e);
	if (slice_is(type, "object"))
		return read_message(f->bytes, table, schema, depth + 1, ret, e);
	if (slice_is(type, "boolean"))
		*ret = js_new_bool(f->varint != 0);
	else if (slice_is(type, "integer"))
		*ret = js_new_int((int64_t)f->varint);
	else
		*ret = bytes_value(f->bytes, schema);
	return 0;
}

/* Fields that are not pointers in Go are always sent: empty ones mean nothing. */
static bool is_empty(const struct js *v)
{
	return (js_type(v) == JS_STRING && js_text(v).len == 0) ||
	       (js_type(v) == JS_INT && js_int(v, 0) == 0) || (js_type(v) == JS_OBJECT && js_len(v) == 0);
}

static int add_field(const struct field *f, const char *name, const struct js *table, const struct js *schema,
		     int depth, struct js *object, struct err *e)
{
	struct js *v = NULL;
	bool list = slice_is(js_text(js_get(schema, "type")), "array");
	const struct js *additional = js_get(schema, "additionalProperties");
	if (additional)
		return read_entry(f->bytes, additional, js_need_object(object, name), e);
	int r = read_value(f, table, list ? js_get(schema, "items") : schema, depth, &v, e);
	if (r < 0)
		return r;
	if (list) {
		if (!js_has(object, name))
			js_set(object, name, js_new_array());
		js_push(js_get(object, name), v);
	} else if (is_empty(v)) {
		js_free(v);
	} else {
		js_set(object, name, v);
	}
	return 0;
}

static int read_message(struct slice in, const struct js *table, const struct js *schema, int depth,
			struct js **ret, struct err *e)
{
	CLEANUP(js_freep) struct js *object = js_new_object();
	if (depth > JS_DEPTH_MAX)
		return malformed(e);
	while (in.len) {
		struct field f;
		const struct js *below = NULL;
		if (!read_field(&in, &f))
			return malformed(e);
		const char *name = name_of(table, f.number, &below);
		if (!name)
			continue;
		int r = add_field(&f, name, below, js_path(schema, "properties", name), depth, object, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE(object);
	return 0;
}

int protobuf_read(const struct kind *k, const struct kind_version *v, struct slice bytes, struct js **ret,
		  struct err *e)
{
	static const char magic[4] = { 'k', '8', 's', 0 };
	struct slice in = bytes, raw = { 0 }, meta = { 0 };
	struct field f;
	if (in.len < sizeof(magic) || memcmp(in.ptr, magic, sizeof(magic)) != 0)
		return malformed(e);
	in = (struct slice){ in.ptr + sizeof(magic), in.len - sizeof(magic) };
	/* Unknown { typeMeta = 1 { apiVersion = 1, kind = 2 }, raw = 2 } */
	while (in.len) {
		if (!read_field(&in, &f))
			return malformed(e);
		if (f.number == 1 && f.wire == WIRE_BYTES)
			meta = f.bytes;
		if (f.number == 2 && f.wire == WIRE_BYTES)
			raw = f.bytes;
	}
	CLEANUP(js_freep) struct js *object = NULL;
	int r = read_message(raw, k->protobuf, v->openapi, 0, &object, e);
	if (r < 0)
		return r;
	while (meta.len) {
		if (!read_field(&meta, &f) || f.wire != WIRE_BYTES)
			return malformed(e);
		if (f.number == 1 || f.number == 2)
			js_set(object, f.number == 1 ? "apiVersion" : "kind", js_new_text(f.bytes));
	}
	*ret = TAKE(object);
	return 0;
}
