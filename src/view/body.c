#include "view/body.h"

#include "view/body_parts.h"

#include "data/sha256.h"

#include <stdio.h>

/* HOLDINGS_MAX holders of at most 63 + 253 characters each, and their times. */
enum { HISTORY_MAX = 16 * 1024 };

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

void add_member(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\":", key);
	buf_add_json(out, slice_of(value));
}

void begin_patch(struct buf *out, const char *resource_version)
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

/* Of a pool or a policy. */
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

/* The annotation of the same key has the whole name. */
static void add_pool_label(struct buf *out, const char *pool)
{
	char label[LABEL_VALUE_MAX];
	add_member(out, "berth.dev/pool", pool_label(pool, label));
}

static void add_time(struct buf *out, const char *key, msec wall)
{
	char text[RFC3339_MAX];
	add_member(out, key, time_format(wall, text));
}

/* A document inside a text: what kubectl prints in one line. */
static void add_history(struct buf *out, const struct holding *list, size_t n)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(HISTORY_MAX);
	buf_add_char(&text, '[');
	for (size_t i = 0; i < n; i++) {
		buf_add_str(&text, i ? ",{" : "{");
		add_member(&text, "holder", list[i].holder);
		buf_add_char(&text, ',');
		add_time(&text, "from", list[i].from);
		if (list[i].until) {
			buf_add_char(&text, ',');
			add_time(&text, "until", list[i].until);
		}
		buf_add_char(&text, '}');
	}
	buf_add_char(&text, ']');
	add_member(out, "berth.dev/history", buf_str(&text));
}

static void record_create(const struct effect *e, const struct body_context *x, struct buf *out)
{
	buf_add_str(out, "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IPAddress\",\"metadata\":{");
	add_member(out, "name", e->name);
	buf_add_str(out, ",\"labels\":{\"ipaddress.kubernetes.io/managed-by\":\"berth\",");
	add_pool_label(out, e->record.pool);
	buf_add_str(out, "},\"annotations\":{");
	add_member(out, "berth.dev/holder", e->record.holders);
	buf_add_char(out, ',');
	add_member(out, "berth.dev/pool", e->record.pool);
	buf_add_char(out, ',');
	add_time(out, "berth.dev/allocated-at", e->record.allocated_at ? e->record.allocated_at : x->wall);
	if (e->record.n_history) {
		buf_add_char(out, ',');
		add_history(out, e->record.history, e->record.n_history);
	}
	buf_add_str(out, "}},\"spec\":{\"parentRef\":{\"group\":\"\",\"resource\":\"services\",");
	add_member(out, "namespace", e->record.first_namespace);
	buf_add_char(out, ',');
	add_member(out, "name", e->record.first_name);
	buf_add_str(out, "}}}");
}

static void record_patch(const struct effect *e, struct buf *out)
{
	static const char *const states[] = {
		[RECORD_HELD] = "null",
		[RECORD_RELEASED] = "\"releasing\"",
		[RECORD_IS_COOLING] = "\"cooling\"",
	};
	const char *pool = e->record.pool && e->record.pool[0] ? e->record.pool : NULL;
	begin_patch(out, e->resource_version);
	if (pool) {
		buf_add_str(out, ",\"labels\":{");
		add_pool_label(out, pool);
		buf_add_char(out, '}');
	}
	buf_add_str(out, ",\"annotations\":{");
	add_member(out, "berth.dev/holder", e->record.holders);
	buf_addf(out, ",\"berth.dev/state\":%s,", states[e->record.phase]);
	if (pool) {
		add_member(out, "berth.dev/pool", pool);
		buf_add_char(out, ',');
	}
	if (e->record.allocated_at) {
		add_time(out, "berth.dev/allocated-at", e->record.allocated_at);
		buf_add_char(out, ',');
	}
	if (e->record.released_at)
		add_time(out, "berth.dev/released-at", e->record.released_at);
	else
		buf_add_str(out, "\"berth.dev/released-at\":null");
	buf_add_char(out, ',');
	if (e->record.n_history)
		add_history(out, e->record.history, e->record.n_history);
	else
		buf_add_str(out, "\"berth.dev/history\":null");
	buf_add_str(out, "}}}");
}

static void pool_finalizers(const struct effect *e, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_add_str(out, ",\"finalizers\":[");
	for (size_t i = 0; i < e->finalizers.n; i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add_json(out, slice_of(e->finalizers.list[i]));
	}
	buf_add_str(out, "]}}");
}

static void add_member_or_null(struct buf *out, const char *key, const char *value)
{
	if (value && value[0])
		add_member(out, key, value);
	else
		buf_addf(out, "\"%s\":null", key);
}

static void reservation_status(const struct effect *e, struct buf *out)
{
	begin_patch(out, e->resource_version);
	buf_add_str(out, "},\"status\":{");
	add_member_or_null(out, "phase", reservation_phase_name(e->reservation.phase));
	buf_add_char(out, ',');
	add_member_or_null(out, "holder", e->reservation.holder);
	buf_add_char(out, ',');
	add_member_or_null(out, "message", e->reservation.message);
	buf_addf(out, ",\"observedGeneration\":%lld}}", (long long)e->reservation.generation);
}

static void record_delete(const struct effect *e, struct buf *out)
{
	buf_add_str(out, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{");
	add_member(out, "uid", e->uid ? e->uid : "");
	buf_add_char(out, ',');
	add_member(out, "resourceVersion", e->resource_version ? e->resource_version : "");
	buf_add_str(out, "}}");
}

static const char *api_version_of(const char *kind)
{
	return strncmp(kind, "Cilium", 6) == 0                             ? "cilium.io/v2"
	       : strcmp(kind, "Service") == 0 || strcmp(kind, "Node") == 0 ? "v1"
									   : "berth.dev/v1alpha1";
}

static void event(const struct effect *e, const struct body_context *x, struct buf *out)
{
	char now[RFC3339_MAX];
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
	add_member(out, "apiVersion", api_version_of(e->event.about));
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
	case EFFECT_POLICY_STATUS:
		pool_status(x, c, out);
		return BODY_MERGE_PATCH;
	case EFFECT_POOL_FINALIZERS:
		pool_finalizers(x, out);
		return BODY_MERGE_PATCH;
	case EFFECT_RESERVATION_STATUS:
		reservation_status(x, out);
		return BODY_MERGE_PATCH;
	case EFFECT_RECORD_CREATE:
		if (x->record.block)
			body_claim_create(x, c, out);
		else
			record_create(x, c, out);
		return BODY_JSON;
	case EFFECT_RECORD_PATCH:
		if (x->record.block)
			body_claim_patch(x, out);
		else
			record_patch(x, out);
		return BODY_MERGE_PATCH;
	case EFFECT_NODE_PATCH:
	case EFFECT_CILIUM_NODE_PATCH:
		body_pod_cidrs(x, out);
		return BODY_MERGE_PATCH;
	case EFFECT_CILIUM_NODE_ERROR:
		body_node_error(x, out);
		return BODY_MERGE_PATCH;
	case EFFECT_RECORD_DELETE:
	case EFFECT_CILIUM_NODE_DELETE:
		record_delete(x, out);
		return BODY_JSON;
	case EFFECT_EVENT:
		event(x, c, out);
		return BODY_JSON;
	case EFFECT_RECORD_READ:
	case EFFECT_SERVICE_READ:
	case EFFECT_NODE_READ:
	case EFFECT_CILIUM_NODE_READ:
	case EFFECT_POOL_KIND_READ:
	case EFFECT_HISTORY:
	case EFFECT_KINDS:
		break;
	}
	return BODY_NONE;
}
