#include "view/parts.h"

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

size_t view_namespace_labels(const struct js *object, struct label **ret)
{
	return read_labels(js_path(object, "metadata", "labels"), ret);
}
