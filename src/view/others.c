#include "view/view.h"

#include <errno.h>

int view_record(const struct js *object, struct record_in *ret, struct err *e)
{
	const struct js *meta = js_get(object, "metadata"), *notes = js_get(meta, "annotations");
	const char *name = view_name(object);
	if (!name)
		return err_set(e, EINVAL, "a record without name");
	struct record_in r = { 0 };
	int err = ip_parse(slice_of(name), &r.ip, e);
	if (err < 0)
		return err;
	r.uid = js_str(js_get(meta, "uid"));
	r.resource_version = js_str(js_get(meta, "resourceVersion"));
	r.manager = js_str(js_path(meta, "labels", "ipaddress.kubernetes.io/managed-by"));
	r.ours = r.manager && strcmp(r.manager, "berth") == 0;
	r.holders = js_str(js_get(notes, "berth.dev/holder"));
	r.phase = slice_is(js_text(js_get(notes, "berth.dev/state")), "releasing") ? RECORD_RELEASED
										   : RECORD_HELD;
	*ret = r;
	return 0;
}

size_t view_node(const struct js *object, struct ip **ret)
{
	const struct js *list = js_path(object, "status", "addresses");
	struct ip *ips = xcalloc(js_len(list), sizeof(*ips));
	size_t n = 0;
	/* Host names and DNS names do not parse, and are not meant. */
	for (size_t i = 0; i < js_len(list); i++)
		if (ip_parse(js_text(js_get(js_item(list, i), "address")), &ips[n], NULL) == 0)
			n++;
	*ret = ips;
	return n;
}

size_t view_service_cidr(const struct js *object, struct range **ret)
{
	const struct js *list = js_path(object, "spec", "cidrs");
	struct range *ranges = xcalloc(js_len(list), sizeof(*ranges));
	size_t n = 0;
	bool host_bits;
	for (size_t i = 0; i < js_len(list); i++)
		if (range_parse_cidr(js_text(js_item(list, i)), &ranges[n], &host_bits, NULL) == 0)
			n++;
	*ret = ranges;
	return n;
}
