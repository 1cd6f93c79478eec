/* The two trees of JSON: what the compact one takes, the other takes too, and both read the same. */
#include "data/json_compact.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct js *a, const struct js *b)
{
	assert(js_type(a) == js_type(b) && js_len(a) == js_len(b));
	assert(slice_eq(js_text(a), js_text(b)));
	assert(js_int(a, 7) == js_int(b, 7) && js_bool(a, true) == js_bool(b, true));
	for (size_t i = 0; js_type(a) == JS_ARRAY && i < js_len(a); i++)
		same(js_item(a, i), js_item(b, i));
	struct js_iter other = js_iter(b);
	for (struct js_iter it = js_iter(a); js_next(&it);) {
		assert(js_next(&other) && strcmp(it.key, other.key) == 0);
		assert(js_get(a, it.key) == it.value && js_has(a, it.key));
		same(it.value, other.value);
	}
	assert(!js_has(a, "no such key") && !js_next(&other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	CLEANUP(js_freep) struct js *compact = NULL;
	CLEANUP(js_freep) struct js *plain = NULL;
	if (!compact_parse(text, NULL, &compact))
		return 0;
	assert(js_parse(text, &plain, NULL) == 0);
	same(compact, plain);
	assert(js_equal(compact, plain));
	return 0;
}
