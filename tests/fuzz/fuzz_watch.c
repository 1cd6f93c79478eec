/* A watch: the first byte says how the rest is cut. However it is cut, the same events come out. */
#include "base/rand.h"
#include "kube/watch.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int tell(const char *type, struct js *object, void *arg, struct err *e)
{
	(void)e;
	buf_add_str(arg, type);
	js_write(object, arg);
	return 0;
}

static int run(struct slice bytes, uint64_t most, struct buf *told)
{
	struct rng rng = { most };
	CLEANUP(watch_done) struct watch w;
	watch_init(&w, tell, told);
	while (bytes.len > 0) {
		size_t n = most ? 1 + rng_below(&rng, most) : bytes.len;
		n = n < bytes.len ? n : bytes.len;
		struct err e = { 0 };
		if (watch_feed(&w, (struct slice){ bytes.ptr, n }, &e) < 0) {
			assert(e.msg[0]);
			return -1;
		}
		bytes.ptr += n;
		bytes.len -= n;
	}
	return watch_is_between_lines(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice bytes = { (const char *)data + 1, size - 1 };
	CLEANUP(buf_done) struct buf whole = BUF_INIT(1u << 24);
	CLEANUP(buf_done) struct buf cut = BUF_INIT(1u << 24);
	assert(run(bytes, 0, &whole) == run(bytes, 1 + data[0], &cut));
	assert(slice_eq(buf_slice(&whole), buf_slice(&cut)));
	return 0;
}
