/* A schema, a line feed, a value: whatever is taken as a schema can judge, fill in and prune any value, and
 * doing so twice is doing so once. */
#include "data/schema.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(js_freep) struct js *openapi = NULL;
	CLEANUP(js_freep) struct js *value = NULL;
	CLEANUP(schema_freep) struct schema *schema = NULL;
	struct slice rest = { (const char *)data, size }, text = { 0 };
	struct err e = { 0 };
	if (size == 0 || !slice_cut(&rest, '\n', &text) || !rest.ptr || js_parse(text, &openapi, NULL) < 0 ||
	    js_parse(rest, &value, NULL) < 0)
		return 0;
	if (schema_new(openapi, &schema, &e) < 0) {
		assert(e.msg[0]);
		return 0;
	}
	struct problems found = { 0 };
	schema_validate(schema, value, "", &found);
	assert(found.n <= PROBLEMS_MAX);
	for (size_t i = 0; i < found.n; i++)
		assert(found.items[i].field && found.items[i].message && found.items[i].message[0]);
	problems_done(&found);
	if (js_type(value) != JS_OBJECT)
		return 0;
	CLEANUP(js_freep) struct js *unknown = js_new_array();
	CLEANUP(js_freep) struct js *none = js_new_array();
	schema_prune(schema, value, unknown);
	CLEANUP(js_freep) struct js *once = js_clone(value);
	schema_prune(schema, value, none);
	assert(js_len(none) == 0 && js_equal(once, value));
	schema_default(schema, value);
	CLEANUP(js_freep) struct js *filled = js_clone(value);
	schema_default(schema, value);
	assert(js_equal(filled, value));
	return 0;
}
