#include "data/json_patch.h"

#include <errno.h>

enum { TOKEN_MAX = 64 * 1024 };

/* RFC 6901, 4: ~1 is a slash and ~0 a tilde. */
static int decode_token(struct slice raw, struct buf *out, struct err *e)
{
	buf_clear(out);
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.ptr[i];
		if (c == '~') {
			char next = i + 1 < raw.len ? raw.ptr[i + 1] : '\0';
			if (next != '0' && next != '1')
				return err_set(e, EINVAL, "bad escape in path %.*s", SLICE_ARG(raw));
			c = next == '0' ? '~' : '/';
			i++;
		}
		buf_add_char(out, c);
	}
	return 0;
}

/* RFC 6901, 4: digits without a leading zero. */
static bool token_index(const char *token, size_t *ret)
{
	uint64_t v;
	struct slice s = slice_of(token);
	if ((s.len > 1 && token[0] == '0') || slice_to_u64(s, &v) < 0 || v > SIZE_MAX)
		return false;
	*ret = (size_t)v;
	return true;
}

static struct js *step(struct js *at, const char *token, bool *ret_found)
{
	size_t i;
	*ret_found = false;
	if (js_type(at) == JS_OBJECT) {
		*ret_found = js_has(at, token);
		return js_get(at, token);
	}
	if (js_type(at) == JS_ARRAY && token_index(token, &i) && i < js_len(at)) {
		*ret_found = true;
		return js_item(at, i);
	}
	return NULL;
}

/* Where a path ends: the container, borrowed, and the last token. `whole` = the path is "". */
struct place {
	struct js *parent;
	struct buf last;
	bool whole;
};

static int find_place(struct js *doc, struct slice path, struct place *p, struct err *e)
{
	p->last = BUF_INIT(TOKEN_MAX);
	p->parent = NULL;
	p->whole = path.len == 0;
	if (p->whole)
		return 0;
	if (path.ptr[0] != '/')
		return err_set(e, EINVAL, "path %.*s does not begin with a slash", SLICE_ARG(path));
	struct slice rest = { path.ptr + 1, path.len - 1 };
	struct slice token;
	struct js *at = doc;
	bool first = true;
	while (slice_cut(&rest, '/', &token)) {
		if (!first) {
			bool found;
			at = step(at, buf_str(&p->last), &found);
			if (!found)
				return err_set(e, ENOENT, "path %.*s: %s is not there", SLICE_ARG(path),
					       buf_str(&p->last));
		}
		first = false;
		int r = decode_token(token, &p->last, e);
		if (r < 0)
			return r;
	}
	p->parent = at;
	if (js_type(at) != JS_OBJECT && js_type(at) != JS_ARRAY)
		return err_set(e, ENOENT, "path %.*s leads into a plain value", SLICE_ARG(path));
	return 0;
}

static int get_value(struct js *doc, struct slice path, struct js **ret, struct err *e)
{
	struct place p = { 0 };
	int r = find_place(doc, path, &p, e);
	if (r == 0 && p.whole) {
		*ret = doc;
	} else if (r == 0) {
		bool found;
		struct js *v = step(p.parent, buf_str(&p.last), &found);
		if (found)
			*ret = v;
		else
			r = err_set(e, ENOENT, "path %.*s is not there", SLICE_ARG(path));
	}
	buf_done(&p.last);
	return r;
}

/* Takes `value` over, also on failure. */
static int add_value(struct js **doc, struct slice path, struct js *value, struct err *e)
{
	struct place p = { 0 };
	size_t i;
	int r = find_place(*doc, path, &p, e);
	if (r < 0) {
		js_free(value);
	} else if (p.whole) {
		js_free(*doc);
		*doc = value;
	} else if (js_type(p.parent) == JS_OBJECT) {
		js_set(p.parent, buf_str(&p.last), value);
	} else if (strcmp(buf_str(&p.last), "-") == 0) {
		js_push(p.parent, value);
	} else if (token_index(buf_str(&p.last), &i) && i <= js_len(p.parent)) {
		js_insert_item(p.parent, i, value);
	} else {
		js_free(value);
		r = err_set(e, ENOENT, "path %.*s: no such index", SLICE_ARG(path));
	}
	buf_done(&p.last);
	return r;
}

static int remove_value(struct js **doc, struct slice path, struct err *e)
{
	struct place p = { 0 };
	size_t i;
	int r = find_place(*doc, path, &p, e);
	bool found = false;
	if (r == 0 && !p.whole)
		step(p.parent, buf_str(&p.last), &found);
	if (r == 0 && p.whole) {
		js_free(*doc);
		*doc = NULL;
	} else if (r == 0 && !found) {
		r = err_set(e, ENOENT, "path %.*s is not there", SLICE_ARG(path));
	} else if (r == 0 && js_type(p.parent) == JS_OBJECT) {
		js_del(p.parent, buf_str(&p.last));
	} else if (r == 0 && token_index(buf_str(&p.last), &i)) {
		js_del_item(p.parent, i);
	}
	buf_done(&p.last);
	return r;
}

static int replace_value(struct js **doc, struct slice path, struct js *value, struct err *e)
{
	struct js *old = NULL;
	size_t i;
	int r = get_value(*doc, path, &old, e);
	if (r < 0) {
		js_free(value);
		return r;
	}
	struct place p = { 0 };
	r = find_place(*doc, path, &p, e);
	if (r == 0 && !p.whole && js_type(p.parent) == JS_ARRAY && token_index(buf_str(&p.last), &i))
		js_put_item(p.parent, i, value);
	else
		r = add_value(doc, path, value, e);
	buf_done(&p.last);
	return r;
}

static bool is_inside(struct slice path, struct slice outer)
{
	return path.len > outer.len && memcmp(path.ptr, outer.ptr, outer.len) == 0 &&
	       path.ptr[outer.len] == '/';
}

static int move_value(struct js **doc, struct slice from, struct slice path, bool copy, struct err *e)
{
	struct js *value = NULL;
	if (!copy && is_inside(path, from))
		return err_set(e, EINVAL, "cannot move %.*s into itself", SLICE_ARG(from));
	int r = get_value(*doc, from, &value, e);
	if (r < 0)
		return r;
	value = js_clone(value);
	if (!copy)
		r = remove_value(doc, from, e);
	if (r < 0) {
		js_free(value);
		return r;
	}
	return add_value(doc, path, value, e);
}

static int apply(struct js **doc, const struct js *op, struct err *e)
{
	const char *name = js_str(js_get(op, "op"));
	struct js *path_node = js_get(op, "path"), *from_node = js_get(op, "from");
	struct slice path = js_text(path_node), from = js_text(from_node);
	const struct js *value = js_get(op, "value");
	if (!name || js_type(path_node) != JS_STRING)
		return err_set(e, EINVAL, "an operation has \"op\" and \"path\"");
	bool moves = strcmp(name, "move") == 0 || strcmp(name, "copy") == 0;
	bool removes = strcmp(name, "remove") == 0;
	if (moves && js_type(from_node) != JS_STRING)
		return err_set(e, EINVAL, "operation %s needs \"from\"", name);
	if (!moves && !removes && !js_has(op, "value"))
		return err_set(e, EINVAL, "operation %s needs \"value\"", name);
	if (moves)
		return move_value(doc, from, path, *name == 'c', e);
	if (removes)
		return remove_value(doc, path, e);
	if (strcmp(name, "add") == 0)
		return add_value(doc, path, js_clone(value), e);
	if (strcmp(name, "replace") == 0)
		return replace_value(doc, path, js_clone(value), e);
	if (strcmp(name, "test") == 0) {
		struct js *is = NULL;
		int r = get_value(*doc, path, &is, e);
		if (r < 0)
			return r;
		return js_equal(is, value) ? 0
					   : err_set(e, ENOENT, "testing path %.*s: not the value expected",
						     SLICE_ARG(path));
	}
	return err_set(e, EINVAL, "unknown operation %s", name);
}

int json_patch(struct js **doc, const struct js *operations, struct err *e)
{
	if (js_type(operations) != JS_ARRAY)
		return err_set(e, EINVAL, "a JSON patch is a list of operations");
	CLEANUP(js_freep) struct js *work = js_clone(*doc);
	for (size_t i = 0; i < js_len(operations); i++) {
		int r = apply(&work, js_item(operations, i), e);
		if (r < 0)
			return err_wrap(e, "operation %zu", i + 1);
	}
	js_free(*doc);
	*doc = TAKE(work);
	return 0;
}
