/* Request bodies in protobuf: the first byte chooses the kind. What is read is an object that can be written
 * as JSON and reads back as the same. */
#include "base/mem.h"
#include "embedded/protobuf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct registry kinds;
	if (kinds.n == 0 && registry_init(&kinds, NULL) < 0)
		abort();
	if (size == 0)
		return 0;
	const struct kind *k = kinds.items[data[0] % kinds.n];
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(js_freep) struct js *again = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	struct err e = { 0 };
	struct slice bytes = { (const char *)data + 1, size - 1 };
	if (protobuf_read(k, kind_storage(k), bytes, &object, &e) < 0) {
		assert(!object && e.msg[0]);
		return 0;
	}
	assert(js_type(object) == JS_OBJECT);
	js_write(object, &text);
	assert(text.overflow || js_parse(buf_slice(&text), &again, NULL) < 0 || js_equal(object, again));
	return 0;
}
