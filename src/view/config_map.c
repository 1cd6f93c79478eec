#include "view/config_map.h"

#include "view/body.h"

static void add_member(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\":", key);
	buf_add_json(out, slice_of(value));
}

void config_map_body(const struct config_map_out *m, struct buf *out)
{
	char label[LABEL_VALUE_MAX];
	if (m->resource_version) {
		buf_add_str(out, "{\"metadata\":{");
		add_member(out, "resourceVersion", m->resource_version);
	} else {
		buf_add_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{");
		add_member(out, "name", m->name);
		buf_add_str(out, ",\"labels\":{\"app.kubernetes.io/part-of\":\"berth\"");
		if (m->pool) {
			buf_add_char(out, ',');
			add_member(out, "berth.dev/pool", pool_label(m->pool, label));
			buf_add_str(out, "},\"annotations\":{");
			add_member(out, "berth.dev/pool", m->pool);
		}
		buf_add_char(out, '}');
	}
	buf_add_str(out, "},\"data\":{");
	add_member(out, m->key, m->text);
	buf_add_str(out, "}}");
}
