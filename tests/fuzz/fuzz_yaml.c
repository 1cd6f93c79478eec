/* YAML: whatever is taken can be written as JSON and reads back as the same. */
#include "data/yaml.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(struct js *document, int line, void *arg, struct err *e)
{
	(void)e;
	CLEANUP(buf_done) struct buf text = BUF_INIT(JS_SIZE_MAX);
	CLEANUP(js_freep) struct js *again = NULL;
	assert(document && line >= *(int *)arg);
	*(int *)arg = line;
	js_write(document, &text);
	assert(text.overflow || (js_parse(buf_slice(&text), &again, NULL) == 0 && js_equal(document, again)));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	int line = 1;
	int r = yaml_parse((struct slice){ (const char *)data, size }, check, &line, &e);
	assert(r == 0 || strncmp(e.msg, "line ", 5) == 0);
	return 0;
}
