#include "view/view.h"

#include <errno.h>

static enum record_phase phase_of(struct slice state)
{
	return slice_is(state, "releasing") ? RECORD_RELEASED
	       : slice_is(state, "cooling") ? RECORD_IS_COOLING
					    : RECORD_HELD;
}

static msec time_of(const struct js *value)
{
	msec t = 0;
	(void)time_parse(js_text(value), &t);
	return t;
}

/* Of more than HOLDINGS_MAX the last ones; what names nobody is left out. */
static void read_history(const char *text, struct record_view *v)
{
	if (!text || js_parse(slice_of(text), &v->document, NULL) < 0 || js_type(v->document) != JS_ARRAY)
		return;
	size_t n = js_len(v->document), first = n > HOLDINGS_MAX ? n - HOLDINGS_MAX : 0;
	for (size_t i = first; i < n; i++) {
		const struct js *h = js_item(v->document, i);
		const char *holder = js_str(js_get(h, "holder"));
		if (holder)
			v->history[v->in.n_history++] = (struct holding){
				holder,
				time_of(js_get(h, "from")),
				time_of(js_get(h, "until")),
			};
	}
	v->in.history = v->history;
}

int view_record(const struct js *object, struct record_view *ret, struct err *e)
{
	const struct js *meta = js_get(object, "metadata"), *notes = js_get(meta, "annotations");
	const char *name = view_name(object);
	struct ip ip;
	if (!name)
		return err_set(e, EINVAL, "a record without name");
	int r = ip_parse(slice_of(name), &ip, e);
	if (r < 0)
		return r;
	*ret = (struct record_view){ 0 };
	struct record_in *in = &ret->in;
	in->ip = ip;
	in->uid = js_str(js_get(meta, "uid"));
	in->resource_version = js_str(js_get(meta, "resourceVersion"));
	in->manager = js_str(js_path(meta, "labels", "ipaddress.kubernetes.io/managed-by"));
	in->ours = in->manager && strcmp(in->manager, "berth") == 0;
	in->holders = js_str(js_get(notes, "berth.dev/holder"));
	in->pool = js_str(js_get(notes, "berth.dev/pool"));
	in->phase = phase_of(js_text(js_get(notes, "berth.dev/state")));
	in->block = js_str(js_get(notes, "berth.dev/block"));
	in->owner = js_str(js_get(notes, "berth.dev/owner"));
	in->owner_uid = js_str(js_get(notes, "berth.dev/owner-uid"));
	in->found = slice_is(js_text(js_get(notes, "berth.dev/found")), "true");
	in->allocated_at = time_of(js_get(notes, "berth.dev/allocated-at"));
	in->released_at = time_of(js_get(notes, "berth.dev/released-at"));
	read_history(js_str(js_get(notes, "berth.dev/history")), ret);
	return 0;
}

void record_view_done(struct record_view *v)
{
	js_free(v->document);
	*v = (struct record_view){ 0 };
}
