/* A B+ tree with counts. What holds at all times, and what the questions rest on:
 *
 * - An inner node knows for each child its smallest key, exactly, and how many keys lie in the
 *   children to its left. Numbering the keys of the whole tree 0, 1, 2, ... from below, the number
 *   of a key is the sum of those counts along the way down to it.
 * - key - number never falls from one key to the next, and stays the same exactly while keys are
 *   neighbours. So the end of a dense run is a binary search, in every node on the way down.
 * - Leaves are chained in order. None is empty. Leaves split unevenly where keys come in order, so
 *   they may be small; they are only joined when something was taken out.
 * - Inner nodes other than the root have at least INNER_MIN children, the root at least two.
 *
 * IPv4 keys are stored in 32 bits, IPv6 keys in 128: the key array at the end of a node is bytes,
 * and only find_*() and key_at()/key_set() look inside. */
#include "core/addr_map.h"

#include "base/mem.h"

#include <assert.h>
#include <stdalign.h>

/* 64 keys of IPv4 are four cache lines. Tests build with small nodes, for deep trees of few keys. */
#ifndef ADDR_MAP_FANOUT
#define ADDR_MAP_FANOUT 64
#endif

enum {
	LEAF_MAX = ADDR_MAP_FANOUT,
	LEAF_MIN = LEAF_MAX * 3 / 8,  /* below it a leaf that lost a key leans on its neighbour */
	LEAF_JOIN = LEAF_MAX * 7 / 8, /* two that have no more than this together become one */
	/* A neighbour with no more than this takes some from a full leaf: then both have room. */
	LEAF_SPARE = LEAF_MAX * 7 / 8 - 1,
	INNER_MAX = ADDR_MAP_FANOUT,
	INNER_MIN = INNER_MAX / 4,
	INNER_JOIN = INNER_MAX * 7 / 8,
	/* Of inner nodes above each other. With INNER_MIN = 16 these would hold 2^92 leaves. */
	HEIGHT_MAX = 24,
};
static_assert((LEAF_MAX + LEAF_SPARE + 1) / 2 < LEAF_MAX, "a neighbour may become full");

struct leaf {
	unsigned n;
	struct leaf *next;
	void *values[LEAF_MAX];
	alignas(16) unsigned char keys[];
};

struct inner {
	unsigned n;
	void *children[INNER_MAX]; /* struct inner, or struct leaf on the lowest level */
	/* before[i]: number of keys in the children 0..i-1; before[n]: in all of them. */
	uint64_t before[INNER_MAX + 1];
	alignas(16) unsigned char keys[]; /* the smallest key of each child */
};

struct addr_tree {
	void *root;      /* a leaf if height is 0 */
	unsigned height; /* levels of inner nodes */
	unsigned key_size;
	uint64_t n; /* keys; at least one */
	size_t bytes;
};

/* The way from the root down to a leaf: at each inner node the child that was taken. */
struct step {
	struct inner *in;
	unsigned at;
};

struct path {
	struct step steps[HEIGHT_MAX];
	struct leaf *leaf;
};

/* --- Keys --- */

static inline u128 key_at(size_t key_size, const unsigned char *keys, unsigned i)
{
	const void *p = keys + i * key_size;
	return key_size == sizeof(uint32_t) ? *(const uint32_t *)p : *(const u128 *)p;
}

static inline void key_set(size_t key_size, unsigned char *keys, unsigned i, u128 key)
{
	void *p = keys + i * key_size;
	if (key_size == sizeof(uint32_t))
		*(uint32_t *)p = (uint32_t)key;
	else
		*(u128 *)p = key;
}

/* How many of n sorted keys are below `key`, or not above it. Without jumps that depend on the
 * keys: those could not be predicted. */
#define FIND(keys, n, key, relation)                                          \
	({                                                                    \
		const typeof(*(keys)) *base_ = (keys);                        \
		unsigned left_ = (n);                                         \
		while (left_ > 1) {                                           \
			unsigned half_ = left_ / 2;                           \
			base_ += base_[half_ - 1] relation(key) ? half_ : 0;  \
			left_ -= half_;                                       \
		}                                                             \
		(unsigned)(base_ - (keys)) + (left_ && *base_ relation(key)); \
	})

static inline unsigned find_below(size_t key_size, const void *keys, unsigned n, u128 key)
{
	if (key_size == sizeof(uint32_t)) {
		const uint32_t *k = keys, small = (uint32_t)key;
		return FIND(k, n, small, <);
	}
	const u128 *k = keys;
	return FIND(k, n, key, <);
}

static inline unsigned find_upto(size_t key_size, const void *keys, unsigned n, u128 key)
{
	if (key_size == sizeof(uint32_t)) {
		const uint32_t *k = keys, small = (uint32_t)key;
		return FIND(k, n, small, <=);
	}
	const u128 *k = keys;
	return FIND(k, n, key, <=);
}

/* The child in which `key` is, or would be. */
static inline unsigned find_child(const struct addr_tree *t, const struct inner *in, u128 key)
{
	unsigned n = find_upto(t->key_size, in->keys, in->n, key);
	return n ? n - 1 : 0;
}

/* --- Nodes --- */

static struct leaf *leaf_new(struct addr_tree *t)
{
	size_t bytes = sizeof(struct leaf) + LEAF_MAX * t->key_size;
	struct leaf *l = xmalloc(bytes);
	l->n = 0;
	l->next = NULL;
	t->bytes += bytes;
	return l;
}

static void leaf_free(struct addr_tree *t, struct leaf *l)
{
	t->bytes -= sizeof(struct leaf) + LEAF_MAX * t->key_size;
	free(l);
}

static struct inner *inner_new(struct addr_tree *t)
{
	size_t bytes = sizeof(struct inner) + INNER_MAX * t->key_size;
	struct inner *in = xmalloc(bytes);
	in->n = 0;
	in->before[0] = 0;
	t->bytes += bytes;
	return in;
}

static void inner_free(struct addr_tree *t, struct inner *in)
{
	t->bytes -= sizeof(struct inner) + INNER_MAX * t->key_size;
	free(in);
}

static void subtree_free(struct addr_tree *t, void *node, unsigned height)
{
	if (height == 0) {
		leaf_free(t, node);
		return;
	}
	struct inner *in = node;
	for (unsigned i = 0; i < in->n; i++)
		subtree_free(t, in->children[i], height - 1);
	inner_free(t, in);
}

static void leaf_move(const struct addr_tree *t, struct leaf *to, unsigned at, const struct leaf *from,
		      unsigned from_at, unsigned n)
{
	memmove(to->values + at, from->values + from_at, n * sizeof(*to->values));
	memmove(to->keys + at * t->key_size, from->keys + from_at * t->key_size, n * t->key_size);
}

static void leaf_insert(const struct addr_tree *t, struct leaf *l, unsigned at, u128 key, void *value)
{
	leaf_move(t, l, at + 1, l, at, l->n - at);
	key_set(t->key_size, l->keys, at, key);
	l->values[at] = value;
	l->n++;
}

static void leaf_remove(const struct addr_tree *t, struct leaf *l, unsigned at)
{
	l->n--;
	leaf_move(t, l, at, l, at + 1, l->n - at);
}

/* Moves keys between neighbours so that the left one has n_left. Splitting and joining are the
 * cases where one of them is empty before or after. */
static void leaf_deal(const struct addr_tree *t, struct leaf *left, struct leaf *right, unsigned n_left)
{
	if (left->n > n_left) {
		unsigned k = left->n - n_left;
		leaf_move(t, right, k, right, 0, right->n);
		leaf_move(t, right, 0, left, n_left, k);
		right->n += k;
	} else {
		unsigned k = n_left - left->n;
		leaf_move(t, left, left->n, right, 0, k);
		right->n -= k;
		leaf_move(t, right, 0, right, k, right->n);
	}
	left->n = n_left;
}

static void inner_move(const struct addr_tree *t, struct inner *to, unsigned at, const struct inner *from,
		       unsigned from_at, unsigned n)
{
	memmove(to->children + at, from->children + from_at, n * sizeof(*to->children));
	memmove(to->keys + at * t->key_size, from->keys + from_at * t->key_size, n * t->key_size);
}

/* The same for inner nodes. before[] is counted anew from the left end of each node. */
static void inner_deal(const struct addr_tree *t, struct inner *left, struct inner *right, unsigned n_left)
{
	if (left->n > n_left) {
		unsigned k = left->n - n_left;
		uint64_t base = left->before[n_left], moved = left->before[left->n] - base;
		inner_move(t, right, k, right, 0, right->n);
		inner_move(t, right, 0, left, n_left, k);
		for (unsigned i = right->n + 1; i-- > 0;)
			right->before[i + k] = right->before[i] + moved;
		for (unsigned i = 0; i < k; i++)
			right->before[i] = left->before[n_left + i] - base;
		right->n += k;
	} else {
		unsigned k = n_left - left->n;
		uint64_t base = left->before[left->n], moved = right->before[k];
		inner_move(t, left, left->n, right, 0, k);
		for (unsigned i = 0; i <= k; i++)
			left->before[left->n + i] = base + right->before[i];
		right->n -= k;
		inner_move(t, right, 0, right, k, right->n);
		for (unsigned i = 0; i <= right->n; i++)
			right->before[i] = right->before[i + k] - moved;
	}
	left->n = n_left;
}

/* Puts a child in; the one to its left had the keys of both and keeps n_left of them. */
static void inner_insert(const struct addr_tree *t, struct inner *in, unsigned at, void *child, u128 key,
			 uint64_t n_left)
{
	inner_move(t, in, at + 1, in, at, in->n - at);
	memmove(in->before + at + 1, in->before + at, (in->n + 1 - at) * sizeof(*in->before));
	in->children[at] = child;
	key_set(t->key_size, in->keys, at, key);
	in->before[at] = in->before[at - 1] + n_left;
	in->n++;
}

/* Takes a child out whose keys went to the one on its left. */
static void inner_remove(const struct addr_tree *t, struct inner *in, unsigned at)
{
	in->n--;
	inner_move(t, in, at, in, at + 1, in->n - at);
	memmove(in->before + at, in->before + at + 1, (in->n + 1 - at) * sizeof(*in->before));
}

/* --- The way down --- */

/* Asks for all keys of a leaf at once. The search would wait for one cache line after the other. */
static inline void fetch(const struct addr_tree *t, const struct leaf *l)
{
	__builtin_prefetch(l);
	for (size_t i = 0; i < LEAF_MAX * t->key_size; i += 64)
		__builtin_prefetch(l->keys + i);
}

static unsigned descend(const struct addr_tree *t, u128 key, struct path *p)
{
	void *node = t->root;
	for (unsigned level = 0; level < t->height; level++) {
		struct inner *in = node;
		unsigned at = find_child(t, in, key);
		p->steps[level] = (struct step){ in, at };
		node = in->children[at];
	}
	p->leaf = node;
	fetch(t, p->leaf);
	return find_below(t->key_size, p->leaf->keys, p->leaf->n, key);
}

/* The same without remembering the way; *ret_before: how many keys are in leaves to the left. */
static struct leaf *find_leaf(const struct addr_tree *t, u128 key, uint64_t *ret_before)
{
	void *node = t->root;
	uint64_t n = 0;
	for (unsigned level = t->height; level > 0; level--) {
		const struct inner *in = node;
		unsigned at = find_child(t, in, key);
		n += in->before[at];
		node = in->children[at];
	}
	*ret_before = n;
	fetch(t, node);
	return node;
}

static bool leaf_has(const struct addr_tree *t, const struct leaf *l, unsigned at, u128 key)
{
	return at < l->n && key_at(t->key_size, l->keys, at) == key;
}

static struct addr_tree *tree_of(const struct addr_map *m, struct ip a)
{
	return m->tree[a.family];
}

/* --- Changes --- */

/* Hangs `right` in beside the node that the path goes through, whose keys it has in part; n_left of
 * them stayed. Splits full nodes up to the root. */
static void add_child(struct addr_tree *t, const struct path *p, void *right, u128 right_key, uint64_t n_left)
{
	for (unsigned level = t->height; level-- > 0;) {
		struct inner *in = p->steps[level].in;
		unsigned at = p->steps[level].at + 1;
		if (in->n < INNER_MAX) {
			inner_insert(t, in, at, right, right_key, n_left);
			return;
		}
		/* What grows at its end is left nearly full. */
		struct inner *half = inner_new(t);
		inner_deal(t, in, half, at == in->n ? INNER_MAX - INNER_MIN : INNER_MAX / 2);
		if (at <= in->n)
			inner_insert(t, in, at, right, right_key, n_left);
		else
			inner_insert(t, half, at - in->n, right, right_key, n_left);
		right = half;
		right_key = key_at(t->key_size, half->keys, 0);
		n_left = in->before[in->n];
	}
	assert(t->height < HEIGHT_MAX);
	struct inner *root = inner_new(t);
	const unsigned char *left_keys =
		t->height ? ((struct inner *)t->root)->keys : ((struct leaf *)t->root)->keys;
	root->n = 1;
	root->children[0] = t->root;
	key_set(t->key_size, root->keys, 0, key_at(t->key_size, left_keys, 0));
	root->before[1] = t->n;
	inner_insert(t, root, 1, right, right_key, n_left);
	t->root = root;
	t->height++;
}

/* Lets a neighbour under the same parent take some of the keys of a full leaf, then puts the new
 * key in. This keeps leaves of keys that come at random at about five sixths, not two thirds. */
static bool spill(const struct addr_tree *t, const struct path *p, u128 key, void *value)
{
	if (t->height == 0)
		return false;
	const struct step *s = &p->steps[t->height - 1];
	unsigned pair;
	if (s->at > 0 && ((struct leaf *)s->in->children[s->at - 1])->n <= LEAF_SPARE)
		pair = s->at - 1;
	else if (s->at + 1 < s->in->n && ((struct leaf *)s->in->children[s->at + 1])->n <= LEAF_SPARE)
		pair = s->at;
	else
		return false;
	struct leaf *left = s->in->children[pair], *right = s->in->children[pair + 1];
	leaf_deal(t, left, right, (left->n + right->n) / 2);
	struct leaf *l = key < key_at(t->key_size, right->keys, 0) ? left : right;
	leaf_insert(t, l, find_below(t->key_size, l->keys, l->n, key), key, value);
	s->in->before[pair + 1] = s->in->before[pair] + left->n;
	key_set(t->key_size, s->in->keys, pair + 1, key_at(t->key_size, right->keys, 0));
	return true;
}

static void split(struct addr_tree *t, const struct path *p, unsigned n_left, unsigned at, u128 key,
		  void *value)
{
	struct leaf *left = p->leaf, *right = leaf_new(t);
	leaf_deal(t, left, right, n_left);
	right->next = left->next;
	left->next = right;
	if (at > n_left || n_left == LEAF_MAX)
		leaf_insert(t, right, at - n_left, key, value);
	else
		leaf_insert(t, left, at, key, value);
	add_child(t, p, right, key_at(t->key_size, right->keys, 0), left->n);
}

static void insert(struct addr_tree *t, const struct path *p, unsigned at, u128 key, void *value)
{
	struct leaf *l = p->leaf;
	t->n++;
	for (unsigned level = 0; level < t->height; level++) {
		struct inner *in = p->steps[level].in;
		for (unsigned i = p->steps[level].at + 1; i <= in->n; i++)
			in->before[i]++;
		/* Only a new smallest key of the whole tree comes in below the key of its child. */
		if (key < key_at(t->key_size, in->keys, 0))
			key_set(t->key_size, in->keys, 0, key);
	}
	if (l->n < LEAF_MAX) {
		leaf_insert(t, l, at, key, value);
		return;
	}
	/* Keys that come in order, upwards or downwards, leave full leaves behind: also where the keys of
	 * another pool follow in the same leaf. */
	bool next = at > 0 && key_at(t->key_size, l->keys, at - 1) + 1 == key;
	if (at == LEAF_MAX && (next || !l->next))
		split(t, p, LEAF_MAX, at, key, value);
	else if (at == 0)
		split(t, p, 0, at, key, value);
	else if (!spill(t, p, key, value))
		split(t, p, next ? at : LEAF_MAX / 2, at, key, value);
}

void *addr_map_put(struct addr_map *m, struct ip a, void *value)
{
	struct addr_tree *t = tree_of(m, a);
	u128 key = ip_bits(a);
	if (!t) {
		t = m->tree[a.family] = xcalloc(1, sizeof(*t));
		t->bytes = sizeof(*t);
		t->key_size = a.family == IPV4 ? sizeof(uint32_t) : sizeof(u128);
		t->root = leaf_new(t);
	}
	struct path p;
	unsigned at = descend(t, key, &p);
	if (leaf_has(t, p.leaf, at, key)) {
		void *old = p.leaf->values[at];
		p.leaf->values[at] = value;
		return old;
	}
	insert(t, &p, at, key, value);
	return NULL;
}

static bool is_small(const struct leaf *l)
{
	/* The last leaf fills up when addresses are given out from below: let it be. */
	return l->n == 0 || (l->n < LEAF_MIN && l->next);
}

/* A leaf has few keys left: joins it with a neighbour, or takes some from it. */
static void mend_leaf(struct addr_tree *t, struct inner *in, unsigned pair)
{
	struct leaf *left = in->children[pair], *right = in->children[pair + 1];
	unsigned n = left->n + right->n;
	if (n <= LEAF_JOIN || left->n == 0 || right->n == 0) {
		leaf_deal(t, left, right, n);
		left->next = right->next;
		leaf_free(t, right);
		inner_remove(t, in, pair + 1);
		return;
	}
	leaf_deal(t, left, right, n / 2);
	in->before[pair + 1] = in->before[pair] + left->n;
	key_set(t->key_size, in->keys, pair + 1, key_at(t->key_size, right->keys, 0));
}

static void mend_inner(struct addr_tree *t, struct inner *in, unsigned pair)
{
	struct inner *left = in->children[pair], *right = in->children[pair + 1];
	unsigned n = left->n + right->n;
	if (n <= INNER_JOIN) {
		inner_deal(t, left, right, n);
		inner_free(t, right);
		inner_remove(t, in, pair + 1);
		return;
	}
	inner_deal(t, left, right, n / 2);
	in->before[pair + 1] = in->before[pair] + left->before[left->n];
	key_set(t->key_size, in->keys, pair + 1, key_at(t->key_size, right->keys, 0));
}

/* After a key was taken out: smallest keys and minimum sizes, from the leaf up. */
static void mend(struct addr_tree *t, const struct path *p)
{
	for (unsigned level = t->height; level-- > 0;) {
		struct inner *in = p->steps[level].in;
		unsigned at = p->steps[level].at, pair = at ? at - 1 : 0;
		const unsigned char *keys;
		if (level + 1 == t->height) {
			if (is_small(in->children[at])) {
				mend_leaf(t, in, pair);
				at = pair;
			}
			keys = ((struct leaf *)in->children[at])->keys;
		} else {
			if (((struct inner *)in->children[at])->n < INNER_MIN) {
				mend_inner(t, in, pair);
				at = pair;
			}
			keys = ((struct inner *)in->children[at])->keys;
		}
		key_set(t->key_size, in->keys, at, key_at(t->key_size, keys, 0));
	}
	while (t->height > 0 && ((struct inner *)t->root)->n == 1) {
		struct inner *root = t->root;
		t->root = root->children[0];
		t->height--;
		inner_free(t, root);
	}
}

static void tree_free(struct addr_tree *t)
{
	if (!t)
		return;
	subtree_free(t, t->root, t->height);
	free(t);
}

void *addr_map_del(struct addr_map *m, struct ip a)
{
	struct addr_tree *t = tree_of(m, a);
	struct path p;
	if (!t)
		return NULL;
	u128 key = ip_bits(a);
	unsigned at = descend(t, key, &p);
	if (!leaf_has(t, p.leaf, at, key))
		return NULL;
	void *value = p.leaf->values[at];
	if (--t->n == 0) {
		tree_free(t);
		m->tree[a.family] = NULL;
		return value;
	}
	leaf_remove(t, p.leaf, at);
	for (unsigned level = 0; level < t->height; level++) {
		struct inner *in = p.steps[level].in;
		for (unsigned i = p.steps[level].at + 1; i <= in->n; i++)
			in->before[i]--;
	}
	/* A leaf above its minimum that kept its smallest key changes nothing above it. */
	if (at == 0 || is_small(p.leaf))
		mend(t, &p);
	return value;
}

void addr_map_done(struct addr_map *m)
{
	for (int f = 0; f < FAMILIES; f++)
		tree_free(m->tree[f]);
	*m = (struct addr_map){ 0 };
}

/* --- Questions --- */

void *addr_map_get(const struct addr_map *m, struct ip a)
{
	const struct addr_tree *t = tree_of(m, a);
	uint64_t before;
	if (!t)
		return NULL;
	u128 key = ip_bits(a);
	const struct leaf *l = find_leaf(t, key, &before);
	unsigned at = find_below(t->key_size, l->keys, l->n, key);
	return leaf_has(t, l, at, key) ? l->values[at] : NULL;
}

uint64_t addr_map_size(const struct addr_map *m, enum family f)
{
	return m->tree[f] ? m->tree[f]->n : 0;
}

uint64_t addr_map_count(const struct addr_map *m, struct range r)
{
	const struct addr_tree *t = tree_of(m, r.lo);
	if (!t)
		return 0;
	/* Both ways down at once: where memory is far away, one waits while the other does. */
	u128 lo = ip_bits(r.lo), hi = ip_bits(r.hi);
	const void *node_lo = t->root, *node_hi = t->root;
	uint64_t n = 0; /* keys up to hi, less those below lo */
	for (unsigned level = t->height; level > 0; level--) {
		const struct inner *in_lo = node_lo, *in_hi = node_hi;
		unsigned at_lo = find_child(t, in_lo, lo), at_hi = find_child(t, in_hi, hi);
		n += in_hi->before[at_hi] - in_lo->before[at_lo];
		node_lo = in_lo->children[at_lo];
		node_hi = in_hi->children[at_hi];
	}
	const struct leaf *leaf_lo = node_lo, *leaf_hi = node_hi;
	fetch(t, leaf_lo);
	fetch(t, leaf_hi);
	n += find_upto(t->key_size, leaf_hi->keys, leaf_hi->n, hi);
	return n - find_below(t->key_size, leaf_lo->keys, leaf_lo->n, lo);
}

/* Of n sorted keys whose numbers are first + before[i] (first + i without `before`), the last whose
 * key - number is at most `gap`. There is one. */
static unsigned find_run_end(const struct addr_tree *t, const unsigned char *keys, const uint64_t *before,
			     unsigned n, uint64_t first, u128 gap)
{
	unsigned lo = 0, hi = n;
	while (hi - lo > 1) {
		unsigned mid = lo + (hi - lo) / 2;
		if (key_at(t->key_size, keys, mid) - (first + (before ? before[mid] : mid)) <= gap)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* The last of the keys that follow `key` (number n) without a gap. */
static u128 run_end(const struct addr_tree *t, u128 key, uint64_t n)
{
	u128 gap = key - n;
	uint64_t first = 0;
	void *node = t->root;
	for (unsigned level = t->height; level > 0; level--) {
		const struct inner *in = node;
		unsigned at = find_run_end(t, in->keys, in->before, in->n, first, gap);
		first += in->before[at];
		node = in->children[at];
	}
	const struct leaf *l = node;
	return key_at(t->key_size, l->keys, find_run_end(t, l->keys, NULL, l->n, first, gap));
}

bool addr_map_first_free(const struct addr_map *m, struct range r, struct ip *ret)
{
	const struct addr_tree *t = tree_of(m, r.lo);
	if (!t) {
		*ret = r.lo;
		return true;
	}
	u128 lo = ip_bits(r.lo);
	uint64_t n;
	const struct leaf *l = find_leaf(t, lo, &n);
	unsigned at = find_below(t->key_size, l->keys, l->n, lo);
	if (!leaf_has(t, l, at, lo)) {
		*ret = r.lo;
		return true;
	}
	/* Mostly the run ends in the leaf where it begins. */
	u128 last = key_at(t->key_size, l->keys, l->n - 1), end;
	if (last - lo > l->n - 1 - at)
		end = key_at(t->key_size, l->keys, find_run_end(t, l->keys, NULL, l->n, n, lo - (n + at)));
	else
		end = run_end(t, lo, n + at);
	if (end >= ip_bits(r.hi))
		return false;
	*ret = ip_make(range_family(r), end + 1);
	return true;
}

struct addr_walk addr_walk(const struct addr_map *m, struct range r)
{
	const struct addr_tree *t = tree_of(m, r.lo);
	struct addr_walk w = { .range = r };
	uint64_t before;
	if (t) {
		const struct leaf *l = find_leaf(t, ip_bits(r.lo), &before);
		w.leaf = l;
		w.at = find_below(t->key_size, l->keys, l->n, ip_bits(r.lo));
	}
	return w;
}

bool addr_walk_next(struct addr_walk *w)
{
	enum family f = range_family(w->range);
	const struct leaf *l = w->leaf;
	if (l && w->at == l->n) {
		w->leaf = l = l->next;
		w->at = 0;
	}
	if (!l)
		return false;
	u128 key = key_at(f == IPV4 ? sizeof(uint32_t) : sizeof(u128), l->keys, w->at);
	if (key > ip_bits(w->range.hi)) {
		w->leaf = NULL;
		return false;
	}
	w->key = ip_make(f, key);
	w->value = l->values[w->at++];
	return true;
}

bool addr_map_seek(const struct addr_map *m, struct ip a, struct ip *ret_key, void **ret_value)
{
	struct addr_walk w = addr_walk(m, (struct range){ a, ip_last((enum family)a.family) });
	if (!addr_walk_next(&w))
		return false;
	*ret_key = w.key;
	*ret_value = w.value;
	return true;
}

size_t addr_map_bytes(const struct addr_map *m)
{
	size_t n = 0;
	for (int f = 0; f < FAMILIES; f++)
		n += m->tree[f] ? m->tree[f]->bytes : 0;
	return n;
}
