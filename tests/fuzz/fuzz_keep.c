/* Reading only what is kept of a document, for each kind that view knows: it gives exactly what a full
 * reading and cutting afterwards gives. */
#include "data/json_keep.h"
#include "view/view.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct js *cut(const struct js *whole, const struct js_keep *keep)
{
	if (keep == js_keep_presence)
		return js_new_int(1);
	if (keep && js_type(whole) == JS_ARRAY) {
		struct js *array = js_new_array();
		for (size_t i = 0; i < js_len(whole); i++)
			js_push(array, cut(js_item(whole, i), keep));
		return array;
	}
	if (!keep || js_type(whole) != JS_OBJECT)
		return js_clone(whole);
	struct js *object = js_new_object();
	for (; keep->key; keep++) {
		CLEANUP(buf_done) struct buf quoted = BUF_INIT(4096);
		CLEANUP(js_freep) struct js *key = NULL;
		buf_addf(&quoted, "\"%s\"", keep->key);
		assert(js_parse(buf_slice(&quoted), &key, NULL) == 0);
		if (js_has(whole, js_str(key)))
			js_set(object, js_str(key), cut(js_get(whole, js_str(key)), keep->of));
	}
	return object;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	CLEANUP(js_freep) struct js *whole = NULL;
	bool good = js_parse(text, &whole, NULL) == 0;
	/* A key may be written with other escapes than the table has it; then it is not found. */
	bool plain = !memchr(data ? data : (const uint8_t *)"", '\\', size);
	for (int k = 0; k < IPAM_KINDS; k++) {
		CLEANUP(js_freep) struct js *kept = NULL;
		struct err e = { 0 };
		int r = js_parse_kept(text, view_fields((enum ipam_kind)k), &kept, &e);
		assert(r == 0 ? !e.msg[0] : (!good && e.msg[0]));
		if (!good || !plain)
			continue;
		CLEANUP(js_freep) struct js *wanted = cut(whole, view_fields((enum ipam_kind)k));
		assert(js_equal(kept, wanted));
	}
	return 0;
}
