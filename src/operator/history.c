/* EFFECT_HISTORY: lines behind those in the ConfigMap of a pool. */
#include "view/history.h"

#include "operator/internal.h"

struct history_write {
	struct berth_operator *o;
	unsigned id;
	char *pool;
	struct buf lines;
	size_t n_lines;
};

static void release(void *arg)
{
	struct history_write *h = arg;
	buf_done(&h->lines);
	free(h->pool);
	free(h);
}

static void body(const struct js *map, const char *version, struct buf *out, void *arg)
{
	struct history_write *h = arg;
	CLEANUP(buf_done) struct buf text = BUF_INIT(2 * HISTORY_BYTES_MAX);
	history_append(js_str(js_path(map, "data", "history")), buf_slice(&h->lines), h->n_lines, &text);
	history_body(h->pool, version, buf_str(&text), out);
}

static void done(enum outcome outcome, msec retry_after, void *arg)
{
	struct history_write *h = arg;
	ipam_result(h->o->ipam, h->id, outcome, retry_after, operator_now(h->o));
	operator_kick(h->o);
}

void history_write(struct berth_operator *o, const struct effect *x)
{
	char name[HISTORY_NAME_MAX];
	struct history_write *h = xcalloc(1, sizeof(*h));
	h->o = o;
	h->id = x->id;
	h->pool = xstrdup(x->history.pool);
	h->lines = BUF_INIT(2 * HISTORY_BYTES_MAX);
	h->n_lines = history_lines(x->history.items, x->history.n, &h->lines);
	config_map_start(o, &(struct config_map_job){ .name = history_name(h->pool, name),
						      .complaint = "a pool's history was not written",
						      .body = body,
						      .done = done,
						      .release = release,
						      .arg = h });
}
