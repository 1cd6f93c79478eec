/* labelSelector and fieldSelector of lists and watches: the first line is the one, the second the other, then
 * follows an object. An object is selected exactly if both alone select it. */
#include "base/mem.h"
#include "embedded/select.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = xstrndup((const char *)data, size);
	CLEANUP(js_freep) struct js *object = NULL;
	CLEANUP(select_done) struct select by_labels = { 0 };
	CLEANUP(select_done) struct select by_fields = { 0 };
	CLEANUP(select_done) struct select both = { 0 };
	char *rest = text;
	const char *labels = strsep(&rest, "\n"), *fields = strsep(&rest, "\n");
	struct err e = { 0 };
	if (!fields || (rest && js_parse(slice_of(rest), &object, NULL) < 0))
		return 0;
	int a = select_add_labels(&by_labels, labels, &e);
	assert(a == 0 || e.msg[0]);
	int b = select_add_fields(&by_fields, fields, "services", &e);
	assert(b == 0 || e.msg[0]);
	if (a < 0 || b < 0)
		return 0;
	assert(select_add_labels(&both, labels, NULL) == 0);
	assert(select_add_fields(&both, fields, "services", NULL) == 0);
	assert(select_matches(&both, object) ==
	       (select_matches(&by_labels, object) && select_matches(&by_fields, object)));
	(void)select_only_name(&both);
	return 0;
}
