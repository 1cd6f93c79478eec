/* Patches of a document: the first byte says which kind, then follow the document, a line feed, the patch.
 * A patch that fails leaves the document as it was. */
#include "data/json_patch.h"
#include "data/merge_patch.h"
#include "data/strategic_patch.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lists of all sorts, one inside the other. */
static const char schema_text[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"l\":{\"type\":\"array\",\"x-kubernetes-patch-merge-key\":\"k\",\"x-kubernetes-patch-strategy\":"
	"\"merge\",\"items\":{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\"},"
	"\"l\":{\"type\":\"array\",\"x-kubernetes-patch-merge-key\":\"k\",\"x-kubernetes-patch-strategy\":"
	"\"merge\",\"items\":{\"type\":\"object\"}}}}},"
	"\"s\":{\"type\":\"array\",\"x-kubernetes-patch-strategy\":\"merge\",\"items\":{\"type\":\"string\"}}"
	","
	"\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"m\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}}}";

static const struct schema *lists(void)
{
	static struct schema *schema;
	if (!schema) {
		CLEANUP(js_freep) struct js *document = NULL;
		if (js_parse(slice_of(schema_text), &document, NULL) < 0 ||
		    schema_new(document, &schema, NULL) < 0)
			abort();
	}
	return schema;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(js_freep) struct js *document = NULL;
	CLEANUP(js_freep) struct js *patch = NULL;
	if (size < 2)
		return 0;
	struct slice patch_text = { (const char *)data + 1, size - 1 }, text = { 0 };
	if (!slice_cut(&patch_text, '\n', &text) || !patch_text.ptr || js_parse(text, &document, NULL) < 0 ||
	    js_parse(patch_text, &patch, NULL) < 0)
		return 0;
	CLEANUP(js_freep) struct js *before = js_clone(document);
	CLEANUP(js_freep) struct js *patch_before = js_clone(patch);
	struct err e = { 0 };
	int r = 0;
	if (data[0] == 'm') {
		merge_patch(&document, patch);
		CLEANUP(js_freep) struct js *again = js_clone(document);
		merge_patch(&again, patch);
		assert(js_equal(again, document));
	} else if (data[0] == 'j') {
		r = json_patch(&document, patch, &e);
	} else if (data[0] == 's') {
		r = strategic_patch(&document, patch, lists(), &e);
	} else {
		r = strategic_patch(&document, patch, NULL, &e);
	}
	assert(r == 0 || (e.msg[0] && js_equal(document, before)));
	assert(js_equal(patch, patch_before));
	return 0;
}
