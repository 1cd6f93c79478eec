#include "data/merge_patch.h"

/* The value that a patch stands for where there was nothing: RFC 7386 drops nulls on every level. */
static void merge_into(struct js *object, const struct js *patch)
{
	for (struct js_iter it = js_iter(patch); js_next(&it);) {
		if (!it.value) {
			js_del(object, it.key);
		} else if (js_type(it.value) == JS_OBJECT) {
			merge_into(js_need_object(object, it.key), it.value);
		} else {
			js_set(object, it.key, js_clone(it.value));
		}
	}
}

void merge_patch(struct js **doc, const struct js *patch)
{
	if (js_type(patch) != JS_OBJECT) {
		js_free(*doc);
		*doc = js_clone(patch);
		return;
	}
	if (js_type(*doc) != JS_OBJECT) {
		js_free(*doc);
		*doc = js_new_object();
	}
	merge_into(*doc, patch);
}
