#include "view/body.h"

#include "data/sha256.h"

#include <stdio.h>

const char *pool_label(const char *name, char text[LABEL_VALUE_MAX])
{
	size_t len = strlen(name);
	if (len < LABEL_VALUE_MAX) {
		memcpy(text, name, len + 1);
		return text;
	}
	unsigned char sum[SHA256_BYTES];
	sha256(slice_of(name), sum);
	(void)snprintf(text, LABEL_VALUE_MAX, "%.54s-%02x%02x%02x%02x", name, sum[0], sum[1], sum[2], sum[3]);
	return text;
}

static void add_member(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\":", key);
	buf_add_json(out, slice_of(value));
}

/* Starts a patch whose resourceVersion is a precondition: the API server answers 409 if the object
 * has another one. */
static void begin_patch(struct buf *out, const char *resource_version)
{
	buf_add_str(out, "{\"metadata\":{");
	add_member(out, "resourceVersion", resource_version ? resource_version : "");
}

static const char *status_name(enum condition_status s)
{
	return s == COND_TRUE ? "True" : s == COND_FALSE ? "False" : "Unknown";
}

static void add_condition(const struct condition_out *c, const struct body_context *x, struct buf *out)
{
	char now[RFC3339_MAX];
	buf_add_char(out, '{');
	add_member(out, "type", c->type);
	buf_add_char(out, ',');
	add_member(out, "status", status_name(c->status));
	buf_add_char(out, ',');
	add_member(out, "reason", c->reason);
	buf_add_char(out, ',');
	add_member(out, "message", c->message);
	/* "" keeps the time that stands there: a merge by type leaves what is not said. */
	if (!c->transition || c->transition[0]) {
		buf_add_char(out, ',');
		add_member(out, "lastTransitionTime",
			   c->transition ? c->transition : time_format(x->wall, now));
	}
	if (c->generation)
		buf_addf(out, ",\"observedGeneration\":%lld", (long long)c->generation);
	buf_add_char(out, '}');
}

static void service_status(const struct effect *e, const struct body_context *x, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_add_str(out, "},\"status\":{");
	if (e->status.write_ingress) {
		buf_add_str(out, "\"loadBalancer\":{\"ingress\":");
		buf_add_str(out, e->status.n_ingress ? "[" : "null");
		for (size_t i = 0; i < e->status.n_ingress; i++) {
			const struct ingress_out *in = &e->status.ingress[i];
			char ip[IP_TEXT_MAX];
			if (i)
				buf_add_char(out, ',');
			if (in->extra)
				buf_add_str(out, in->extra);
			else
				buf_addf(out, "{\"ip\":\"%s\"}", ip_format(in->ip, ip));
		}
		buf_add_str(out, e->status.n_ingress ? "]}" : "}");
	}
	if (e->status.write_condition) {
		buf_addf(out, "%s\"conditions\":[", e->status.write_ingress ? "," : "");
		if (e->status.condition.status == COND_ABSENT) {
			buf_add_str(out, "{\"$patch\":\"delete\",");
			add_member(out, "type", e->status.condition.type);
			buf_add_char(out, '}');
		} else {
			add_condition(&e->status.condition, x, out);
		}
		buf_add_char(out, ']');
	}
	buf_add_str(out, "}}");
}

static void pool_status(const struct effect *e, const struct body_context *x, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_addf(out, "},\"status\":{\"conditions\":[%s", e->pool.foreign);
	for (size_t i = 0; i < e->pool.n; i++) {
		if (i || e->pool.foreign[0])
			buf_add_char(out, ',');
		add_condition(&e->pool.conditions[i], x, out);
	}
	buf_add_str(out, "]}}");
}

static void record_create(const struct effect *e, const struct body_context *x, struct buf *out)
{
	char label[LABEL_VALUE_MAX], now[RFC3339_MAX];
	buf_add_str(out, "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IPAddress\",\"metadata\":{");
	add_member(out, "name", e->name);
	buf_add_str(out, ",\"labels\":{\"ipaddress.kubernetes.io/managed-by\":\"berth\",");
	add_member(out, "berth.dev/pool", pool_label(e->record.pool, label));
	buf_add_str(out, "},\"annotations\":{");
	add_member(out, "berth.dev/holder", e->record.holders);
	buf_add_char(out, ',');
	add_member(out, "berth.dev/pool", e->record.pool);
	buf_add_char(out, ',');
	add_member(out, "berth.dev/allocated-at", time_format(x->wall, now));
	buf_add_str(out, "}},\"spec\":{\"parentRef\":{\"group\":\"\",\"resource\":\"services\",");
	add_member(out, "namespace", e->record.first_namespace);
	buf_add_char(out, ',');
	add_member(out, "name", e->record.first_name);
	buf_add_str(out, "}}}");
}

static void record_patch(const struct effect *e, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_add_str(out, ",\"annotations\":{");
	add_member(out, "berth.dev/holder", e->record.holders);
	buf_addf(out, ",\"berth.dev/state\":%s}}}",
		 e->record.phase == RECORD_RELEASED ? "\"releasing\"" : "null");
}

static void record_delete(const struct effect *e, struct buf *out)
{
	buf_add_str(out, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{");
	add_member(out, "uid", e->uid ? e->uid : "");
	buf_add_char(out, ',');
	add_member(out, "resourceVersion", e->resource_version ? e->resource_version : "");
	buf_add_str(out, "}}");
}

static void event(const struct effect *e, const struct body_context *x, struct buf *out)
{
	char now[RFC3339_MAX];
	bool service = strcmp(e->event.about, "Service") == 0;
	/* Events of cluster-scoped objects live in the namespace "default". */
	const char *ns = e->namespace ? e->namespace : "default";
	(void)time_format(x->wall, now);
	buf_add_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{");
	add_member(out, "namespace", ns);
	/* A name may have 253 characters; that of the object may use them all. */
	buf_addf(out, ",\"name\":\"%.220s.%llx%04llx\"},\"involvedObject\":{", e->name,
		 (unsigned long long)x->wall, (unsigned long long)(x->serial & 0xffff));
	add_member(out, "kind", e->event.about);
	buf_add_char(out, ',');
	add_member(out, "apiVersion", service ? "v1" : "cilium.io/v2");
	buf_add_char(out, ',');
	if (e->namespace) {
		add_member(out, "namespace", e->namespace);
		buf_add_char(out, ',');
	}
	add_member(out, "name", e->name);
	buf_add_char(out, ',');
	add_member(out, "uid", e->uid ? e->uid : "");
	buf_add_str(out, "},");
	add_member(out, "type", e->event.warning ? "Warning" : "Normal");
	buf_add_char(out, ',');
	add_member(out, "reason", e->event.reason);
	buf_add_char(out, ',');
	add_member(out, "message", e->event.message);
	buf_addf(out, ",\"firstTimestamp\":\"%s\",\"lastTimestamp\":\"%s\",\"count\":1,\"source\":{", now,
		 now);
	add_member(out, "component", x->component);
	buf_add_str(out, "},");
	add_member(out, "reportingComponent", x->component);
	buf_add_str(out, ",\"reportingInstance\":\"\"}");
}

enum body_type body_of_effect(const struct effect *x, const struct body_context *c, struct buf *out)
{
	switch (x->kind) {
	case EFFECT_SERVICE_STATUS:
		service_status(x, c, out);
		return BODY_STRATEGIC_PATCH;
	case EFFECT_POOL_STATUS:
		pool_status(x, c, out);
		return BODY_MERGE_PATCH;
	case EFFECT_RECORD_CREATE:
		record_create(x, c, out);
		return BODY_JSON;
	case EFFECT_RECORD_PATCH:
		record_patch(x, out);
		return BODY_MERGE_PATCH;
	case EFFECT_RECORD_DELETE:
		record_delete(x, out);
		return BODY_JSON;
	case EFFECT_EVENT:
		event(x, c, out);
		return BODY_JSON;
	case EFFECT_RECORD_READ:
	case EFFECT_SERVICE_READ:
	case EFFECT_POOL_KIND_READ:
	case EFFECT_POOL_FINALIZERS:
	case EFFECT_POLICY_STATUS:
	case EFFECT_RESERVATION_STATUS:
	case EFFECT_HISTORY:
	case EFFECT_KINDS:
		break;
	}
	return BODY_NONE;
}
