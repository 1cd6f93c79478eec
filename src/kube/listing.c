#include "kube/listing.h"

#include <errno.h>

enum { KEY_MAX = 64, KEEP_PIECE_MAX = 64 * 1024 };

void listing_init(struct listing *l, listing_fn *fn, void *arg)
{
	*l = (struct listing){
		.fn = fn, .arg = arg, .key = BUF_INIT(KEY_MAX), .piece = BUF_INIT(LISTING_OBJECT_MAX)
	};
}

void listing_done(struct listing *l)
{
	buf_done(&l->key);
	buf_done(&l->piece);
	free(TAKE(l->resource_version));
	free(TAKE(l->next));
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void take_metadata(struct listing *l, const struct js *metadata)
{
	const char *version = js_str(js_get(metadata, "resourceVersion"));
	const char *next = js_str(js_get(metadata, "continue"));
	if (version && version[0])
		str_replace(&l->resource_version, version);
	if (next && next[0])
		str_replace(&l->next, next);
}

/* One piece is complete: an element of items, or the metadata. */
static int handle_piece(struct listing *l, struct err *e)
{
	CLEANUP(js_freep) struct js *value = NULL;
	bool metadata = l->part == LIST_METADATA;
	if (l->piece.overflow || (metadata && l->piece.len > LISTING_METADATA_MAX))
		return err_set(e, E2BIG, "a list holds an object larger than %d bytes", LISTING_OBJECT_MAX);
	int r = js_parse_kept(buf_slice(&l->piece), metadata ? NULL : l->keep, &value, e);
	if (r < 0)
		return err_wrap(e, "list");
	if (l->piece.cap > KEEP_PIECE_MAX)
		buf_done(&l->piece);
	else
		buf_clear(&l->piece);
	l->collecting = false;
	if (metadata) {
		take_metadata(l, value);
		return 0;
	}
	return l->fn(value, l->arg, e);
}

static bool key_is(const struct listing *l, const char *name)
{
	/* Of a key that is too long only the beginning is there. */
	return !l->key.overflow && slice_is(buf_slice(&l->key), name);
}

static int open_bracket(struct listing *l, char c, struct err *e)
{
	switch (l->depth++) {
	case 0:
		if (c != '{')
			return err_set(e, EINVAL, "the answer is no JSON object");
		l->want_key = true;
		return 0;
	case 1:
		l->part = LIST_OTHER;
		if (key_is(l, "items")) {
			if (c != '[' || l->seen_items)
				return err_set(e, EINVAL, "the items of a list are no array, or come twice");
			l->part = LIST_ITEMS;
			l->seen_items = true;
		} else if (key_is(l, "metadata") && c == '{') {
			l->part = LIST_METADATA;
			l->collecting = true;
		}
		return 0;
	case 2:
		if (l->part != LIST_ITEMS)
			return 0;
		if (c != '{')
			return err_set(e, EINVAL, "an item of a list is no object");
		l->collecting = true;
		return 0;
	default:
		return 0;
	}
}

/* A closing bracket was seen (and collected, where we collect). */
static int close_bracket(struct listing *l, struct err *e)
{
	l->depth--;
	if (l->collecting && l->depth == (l->part == LIST_ITEMS ? 2 : 1)) {
		int r = handle_piece(l, e);
		if (r < 0)
			return r;
	}
	if (l->depth == 1)
		l->part = LIST_OTHER;
	if (l->depth == 0)
		l->finished = true;
	return 0;
}

/* A byte outside strings and outside of pieces that is neither bracket nor quote. */
static int plain_byte(struct listing *l, char c, struct err *e)
{
	if (is_space(c))
		return 0;
	if (l->finished || l->depth == 0)
		return err_set(e, EINVAL, "the answer is no JSON object, or something follows it");
	if (l->depth == 2 && l->part == LIST_ITEMS && c != ',')
		return err_set(e, EINVAL, "an item of a list is no object");
	if (l->depth != 1)
		return 0;
	if (c == ',') {
		l->want_key = true;
	} else if (c == ':') {
		l->want_key = false;
		if (key_is(l, "items") && l->seen_items)
			return err_set(e, EINVAL, "the items of a list come twice");
	} else if (c == 'n' && !l->want_key && key_is(l, "items")) {
		l->seen_items = true; /* null: how Go writes an empty list that was never made */
	}
	return 0;
}

static int open_quote(struct listing *l, struct err *e)
{
	if (l->finished || l->depth == 0 || (l->depth == 2 && l->part == LIST_ITEMS))
		return err_set(e, EINVAL, "an item of a list, or the answer, is no object");
	l->in_string = true;
	l->in_key = l->depth == 1 && l->want_key;
	if (l->in_key)
		buf_clear(&l->key);
	return 0;
}

/* Inside a string: moves on to its end or to the end of the bytes. */
static size_t skip_string(struct listing *l, struct slice bytes, size_t at)
{
	size_t from = at;
	for (; at < bytes.len && l->in_string; at++) {
		if (l->escaped)
			l->escaped = false;
		else if (bytes.ptr[at] == '\\')
			l->escaped = true;
		else if (bytes.ptr[at] == '"')
			l->in_string = false;
	}
	if (l->in_key)
		buf_add(&l->key, bytes.ptr + from, at - from - (l->in_string ? 0 : 1));
	if (!l->in_string)
		l->in_key = false;
	return at;
}

int listing_feed(struct listing *l, struct slice bytes, struct err *e)
{
	size_t from = 0; /* of what belongs to the piece under way and was not added to it yet */
	size_t at = 0;
	while (at < bytes.len) {
		if (l->in_string) {
			at = skip_string(l, bytes, at);
			continue;
		}
		char c = bytes.ptr[at];
		int r = 0;
		bool was_collecting = l->collecting;
		if (c == '"') {
			r = open_quote(l, e);
		} else if (l->finished && !is_space(c)) {
			r = err_set(e, EINVAL, "something follows the list");
		} else if (c == '{' || c == '[') {
			r = open_bracket(l, c, e);
			if (!was_collecting)
				from = at;
		} else if (c == '}' || c == ']') {
			if (l->depth == 0)
				return err_set(e, EINVAL, "the answer is no JSON object");
			if (l->collecting && l->depth == (l->part == LIST_ITEMS ? 3 : 2))
				buf_add(&l->piece, bytes.ptr + from, at + 1 - from);
			r = close_bracket(l, e);
		} else if (!l->collecting) {
			r = plain_byte(l, c, e);
		}
		if (r < 0)
			return r;
		at++;
	}
	if (l->collecting && bytes.len > from)
		buf_add(&l->piece, bytes.ptr + from, bytes.len - from);
	if (l->piece.overflow)
		return err_set(e, E2BIG, "a list holds an object larger than %d bytes", LISTING_OBJECT_MAX);
	return 0;
}

int listing_end(const struct listing *l, struct err *e)
{
	if (!l->finished || !l->seen_items)
		return err_set(e, EINVAL, "the list is incomplete");
	if (!l->resource_version)
		return err_set(e, EINVAL, "the list has no resourceVersion");
	return 0;
}
