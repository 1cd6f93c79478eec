/* A list: the first byte says how the rest is cut. However it is cut, the same objects come out; and a
 * text that is JSON as a whole gives the items that a parser sees. */
#include "base/rand.h"
#include "kube/listing.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	struct js *items;
	char *version;
};

static int tell(struct js *object, void *arg, struct err *e)
{
	(void)e;
	js_push(arg, js_ref(object));
	return 0;
}

static int run(struct slice bytes, uint64_t most, struct told *told)
{
	struct rng rng = { most };
	CLEANUP(listing_done) struct listing l;
	told->items = js_new_array();
	listing_init(&l, tell, told->items);
	struct err e = { 0 };
	int r = 0;
	while (bytes.len > 0 && r == 0) {
		size_t n = most ? 1 + rng_below(&rng, most) : bytes.len;
		n = n < bytes.len ? n : bytes.len;
		r = listing_feed(&l, (struct slice){ bytes.ptr, n }, &e);
		bytes.ptr += n;
		bytes.len -= n;
	}
	if (r == 0)
		r = listing_end(&l, &e);
	assert(r == 0 || e.msg[0]);
	told->version = l.resource_version ? xstrdup(l.resource_version) : NULL;
	return r == 0;
}

static void done(struct told *t)
{
	js_free(t->items);
	free(t->version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice bytes = { (const char *)data + 1, size - 1 };
	CLEANUP(done) struct told whole = { 0 };
	CLEANUP(done) struct told cut = { 0 };
	CLEANUP(js_freep) struct js *parsed = NULL;
	int good = run(bytes, 0, &whole);
	assert(good == run(bytes, 1 + data[0], &cut));
	assert(js_equal(whole.items, cut.items));
	assert(!whole.version == !cut.version && (!cut.version || strcmp(whole.version, cut.version) == 0));
	/* A key written with escapes or twice is a matter of taste. */
	if (good && js_parse(bytes, &parsed, NULL) == 0 && js_type(js_get(parsed, "items")) == JS_ARRAY &&
	    !memchr(bytes.ptr, '\\', bytes.len))
		assert(js_equal(whole.items, js_get(parsed, "items")));
	return 0;
}
