#include "view/parts.h"

#include <errno.h>

static enum reservation_phase phase_of(struct slice text)
{
	for (int p = RESERVATION_NEW + 1; p < RESERVATION_PHASES; p++)
		if (slice_is(text, reservation_phase_name((enum reservation_phase)p)))
			return (enum reservation_phase)p;
	return RESERVATION_NEW;
}

int view_reservation(const struct js *object, struct reservation_view *ret, struct err *e)
{
	const struct js *meta = js_get(object, "metadata"), *spec = js_get(object, "spec"),
			*status = js_get(object, "status");
	if (!view_name(object))
		return err_set(e, EINVAL, "a reservation without name");
	*ret = (struct reservation_view){ 0 };
	struct reservation_in *in = &ret->in;
	in->name = view_name(object);
	in->uid = js_str(js_get(meta, "uid"));
	in->resource_version = js_str(js_get(meta, "resourceVersion"));
	(void)time_parse(js_text(js_get(meta, "creationTimestamp")), &in->created);
	in->generation = js_int(js_get(meta, "generation"), 0);
	in->n_addresses = read_texts(js_get(spec, "addresses"), &ret->addresses);
	in->addresses = ret->addresses;
	in->service_namespace = js_str(js_path(spec, "serviceRef", "namespace"));
	in->service_name = js_str(js_path(spec, "serviceRef", "name"));
	in->expires_at = js_str(js_get(spec, "expiresAt"));
	in->phase = phase_of(js_text(js_get(status, "phase")));
	in->holder = js_str(js_get(status, "holder"));
	in->message = js_str(js_get(status, "message"));
	in->observed_generation = js_int(js_get(status, "observedGeneration"), 0);
	return 0;
}

void reservation_view_done(struct reservation_view *v)
{
	free(v->addresses);
	*v = (struct reservation_view){ 0 };
}
