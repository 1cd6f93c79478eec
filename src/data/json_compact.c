#include "data/json_compact.h"

#include "data/json_scan.h"

enum {
	NODES = 256,
	TEXT = 8 * 1024,
	MEMBERS = 64, /* of an object; they are looked for one by one */
	DEPTH = 32,
};

/* Its children follow it, each with all that is below it. */
struct node {
	const char *key; /* of a member of an object */
	union {
		const char *text;
		int64_t number;
	};
	uint32_t key_len;
	uint32_t len;  /* of the text; of an object or array, how many children */
	uint32_t span; /* nodes up to the next sibling */
	enum js_type type;
};

struct document {
	struct node nodes[NODES]; /* the root first */
	char text[TEXT];
};

struct build {
	struct js_scan scan;
	struct document *doc;
	size_t n_nodes, n_text;
};

static const struct node *node_of(const struct js *j)
{
	return (const struct node *)((uintptr_t)j - 1);
}

/* null is told as NULL, as everywhere. */
static struct js *told_as(const struct node *n)
{
	return n->type == JS_NULL ? NULL : (struct js *)((uintptr_t)n + 1);
}

/* What stands behind a backslash; '\0' = something rarer. */
static char unescaped(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return '\0';
	}
}

static bool keep_text(struct build *b, struct slice raw, const char **ret, uint32_t *ret_len)
{
	if (raw.len >= TEXT - b->n_text)
		return false;
	char *to = b->doc->text + b->n_text, *at = to;
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.ptr[i];
		if (c == '\\') {
			c = ++i < raw.len ? unescaped(raw.ptr[i]) : '\0';
			if (!c)
				return false;
		} else if (c < 0x20 || c > 0x7e) {
			return false;
		}
		*at++ = c;
	}
	*at = '\0';
	*ret = to;
	*ret_len = (uint32_t)(at - to);
	b->n_text += (size_t)(at - to) + 1;
	return true;
}

/* Digits as JSON writes them, few enough to fit. */
static bool take_number(struct slice word, int64_t *ret)
{
	bool negative = word.len > 0 && word.ptr[0] == '-';
	size_t i = negative, n = word.len - negative;
	int64_t v = 0;
	if (n == 0 || n > 18 || (word.ptr[i] == '0' && word.len > 1))
		return false;
	for (; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return false;
		v = v * 10 + (word.ptr[i] - '0');
	}
	*ret = negative ? -v : v;
	return true;
}

static bool take_word(struct build *b, struct node *n)
{
	const char *from = b->scan.at;
	if (!js_scan_skip(&b->scan))
		return false;
	struct slice word = { from, (size_t)(b->scan.at - from) };
	bool yes = slice_is(word, "true");
	if (yes || slice_is(word, "false")) {
		n->type = JS_BOOL;
		n->number = yes;
		return true;
	}
	if (slice_is(word, "null"))
		return true;
	n->type = JS_INT;
	return take_number(word, &n->number);
}

static bool take_value(struct build *b, const struct js_keep *keep, int depth, struct node **ret);

static bool take_array(struct build *b, const struct js_keep *keep, int depth, struct node *n)
{
	struct node *item;
	n->type = JS_ARRAY;
	if (!js_scan_take(&b->scan, '['))
		return false;
	for (; js_scan_next(&b->scan) != ']'; n->len++)
		if ((n->len > 0 && !js_scan_take(&b->scan, ',')) || !take_value(b, keep, depth, &item))
			return false;
	return js_scan_take(&b->scan, ']');
}

static const struct node *find(const struct node *object, const char *key, size_t len)
{
	const struct node *at = object + 1;
	for (uint32_t i = 0; i < object->len; i++, at += at->span)
		if (at->key_len == len && memcmp(at->key, key, len) == 0)
			return at;
	return NULL;
}

static bool take_object(struct build *b, const struct js_keep *keep, int depth, struct node *n)
{
	struct slice raw;
	n->type = JS_OBJECT;
	if (!js_scan_take(&b->scan, '{'))
		return false;
	for (bool first = true; js_scan_next(&b->scan) != '}'; first = false) {
		if (first == (js_scan_next(&b->scan) == ',') || !js_scan_key(&b->scan, &raw))
			return false;
		const struct js_keep *k = keep ? js_keep_find(keep, raw) : NULL;
		const char *key;
		uint32_t len;
		struct node *member;
		if (keep && !k) {
			if (!js_scan_skip(&b->scan))
				return false;
			continue;
		}
		if (n->len == MEMBERS || !keep_text(b, raw, &key, &len) || find(n, key, len) ||
		    !take_value(b, k ? k->of : NULL, depth, &member))
			return false;
		member->key = key;
		member->key_len = len;
		n->len++;
	}
	return js_scan_take(&b->scan, '}');
}

static bool take_value(struct build *b, const struct js_keep *keep, int depth, struct node **ret)
{
	struct slice raw;
	bool good;
	if (b->n_nodes == NODES || depth > DEPTH)
		return false;
	struct node *n = *ret = &b->doc->nodes[b->n_nodes++];
	*n = (struct node){ .type = JS_NULL };
	char c = js_scan_next(&b->scan);
	if (keep == js_keep_presence) {
		n->type = JS_INT;
		n->number = 1;
		good = js_scan_skip(&b->scan);
	} else if (c == '{') {
		good = take_object(b, keep, depth + 1, n);
	} else if (c == '[') {
		good = take_array(b, keep, depth + 1, n);
	} else if (c == '"') {
		n->type = JS_STRING;
		good = js_scan_string(&b->scan, &raw) && keep_text(b, raw, &n->text, &n->len);
	} else {
		good = take_word(b, n);
	}
	n->span = (uint32_t)(&b->doc->nodes[b->n_nodes] - n);
	return good;
}

bool compact_parse(struct slice text, const struct js_keep *keep, struct js **ret)
{
	struct node *root;
	struct build b = { .scan = js_scan(text), .doc = xmalloc(sizeof(*b.doc)) };
	bool good =
		take_value(&b, keep, 0, &root) && js_scan_next(&b.scan) == '\0' && b.scan.at == b.scan.end;
	struct js *j = good ? told_as(root) : NULL;
	if (!j)
		free(b.doc);
	if (good)
		*ret = j;
	return good;
}

void compact_free(struct js *root)
{
	free((void *)((uintptr_t)root - 1));
}

enum js_type compact_type(const struct js *j)
{
	return node_of(j)->type;
}

bool compact_find(const struct js *object, const char *key, struct js **ret)
{
	const struct node *n = node_of(object);
	const struct node *found = n->type == JS_OBJECT ? find(n, key, strlen(key)) : NULL;
	if (found)
		*ret = told_as(found);
	return found != NULL;
}

struct slice compact_text(const struct js *j)
{
	const struct node *n = node_of(j);
	return n->type == JS_STRING ? (struct slice){ n->text, n->len } : (struct slice){ NULL, 0 };
}

int64_t compact_number(const struct js *j)
{
	return node_of(j)->number;
}

size_t compact_len(const struct js *j)
{
	const struct node *n = node_of(j);
	return n->type == JS_ARRAY || n->type == JS_OBJECT ? n->len : 0;
}

struct js *compact_item(const struct js *array, size_t i)
{
	const struct node *n = node_of(array), *at = n + 1;
	if (n->type != JS_ARRAY || i >= n->len)
		return NULL;
	while (i-- > 0)
		at += at->span;
	return told_as(at);
}

struct js_iter compact_iter(const struct js *object)
{
	const struct node *n = node_of(object);
	if (n->type != JS_OBJECT || n->len == 0)
		return (struct js_iter){ 0 };
	return (struct js_iter){ .entry = (void *)((uintptr_t)(n + 1) + 1), .left = n->len };
}

bool compact_next(struct js_iter *it)
{
	const struct node *n = node_of(it->entry);
	if (it->left == 0)
		return false;
	it->left--;
	it->key = n->key;
	it->value = told_as(n);
	it->entry = (void *)((uintptr_t)(n + n->span) + 1);
	return true;
}
