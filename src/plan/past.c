#include "plan/past.h"

#include <stdio.h>

struct found {
	struct ip ip;
	char *holder, *pool;
	msec from, until; /* wall; 0 = not said, and until: has it still */
	msec cools_until; /* 0 = does not cool */
	bool held;
};

struct search {
	const struct past_question *question;
	struct cluster *cluster;
	msec wall;
	struct found *items;
	size_t n, cap;
};

static bool is_asked_for(const struct search *s, struct ip ip, struct slice holder)
{
	return s->question->by_address ? ip_eq(ip, s->question->ip) : slice_is(holder, s->question->service);
}

static struct found *find(struct search *s, struct ip ip, struct slice holder, msec from, msec until)
{
	for (size_t i = 0; i < s->n; i++) {
		struct found *f = &s->items[i];
		if (ip_eq(f->ip, ip) && slice_is(holder, f->holder) && f->from == from && f->until == until)
			return f;
	}
	return NULL;
}

/* NULL: it was not asked for. What a record and a pool both tell is told once. */
static struct found *add(struct search *s, struct ip ip, struct slice holder, const char *pool, msec from,
			 msec until)
{
	if (!is_asked_for(s, ip, holder) || !holder.len)
		return NULL;
	struct found *known = find(s, ip, holder, from, until);
	if (known)
		return known;
	vec_grow(&s->items, &s->cap, s->n + 1);
	struct found *f = &s->items[s->n++];
	*f = (struct found){ .ip = ip,
			     .holder = xstrndup(holder.ptr, holder.len),
			     .pool = xstrdup(pool ? pool : ""),
			     .from = from,
			     .until = until };
	return f;
}

/* ---- records ----------------------------------------------------------------------------------------- */

static msec reuse_after(const struct search *s, const char *pool)
{
	struct pool_row row;
	for (size_t i = 0; pool && ipam_pool_row(cluster_ipam(s->cluster), i, &row); i++)
		if (strcmp(row.name, pool) == 0)
			return row.reuse_after;
	return 0;
}

/* The last word about this holder; NULL = none. */
static const struct holding *last_of(const struct record_in *r, struct slice holder)
{
	const struct holding *last = NULL;
	for (size_t i = 0; i < r->n_history; i++)
		if (slice_is(holder, r->history[i].holder))
			last = &r->history[i];
	return last;
}

static void add_holders(struct search *s, const struct record_in *r)
{
	struct slice rest = slice_of(r->holders), one;
	const bool cooling = r->phase == RECORD_IS_COOLING;
	while (slice_cut(&rest, ',', &one)) {
		const struct holding *last = last_of(r, one);
		struct found *f;
		if (cooling)
			f = add(s, r->ip, one, r->pool, last ? last->from : r->allocated_at,
				last && last->until ? last->until : r->released_at);
		else
			f = add(s, r->ip, one, r->pool, last && !last->until ? last->from : r->allocated_at,
				0);
		if (f && cooling)
			f->cools_until = r->released_at + reuse_after(s, r->pool);
		else if (f)
			f->held = true;
	}
}

static void on_record(struct js *object, void *arg)
{
	struct search *s = arg;
	struct record_view v;
	if (view_record(object, &v, NULL) < 0)
		return;
	for (size_t i = 0; v.in.ours && i < v.in.n_history; i++)
		if (v.in.history[i].until)
			(void)add(s, v.in.ip, slice_of(v.in.history[i].holder), v.in.pool,
				  v.in.history[i].from, v.in.history[i].until);
	if (v.in.ours)
		add_holders(s, &v.in);
	record_view_done(&v);
}

/* ---- histories of pools ------------------------------------------------------------------------------ */

static msec time_of(const struct js *j, const char *key)
{
	msec t = 0;
	(void)time_parse(js_text(js_get(j, key)), &t);
	return t;
}

static void add_map(struct search *s, const struct js *map)
{
	const char *pool = js_str(js_path(map, "metadata", "annotations", "berth.dev/pool"));
	struct slice rest = js_text(js_path(map, "data", "history")), line;
	while (slice_cut(&rest, '\n', &line)) {
		CLEANUP(js_freep) struct js *j = NULL;
		struct ip ip;
		/* A line that somebody broke is none. */
		if (!line.len || js_parse(line, &j, NULL) < 0 ||
		    ip_parse(js_text(js_get(j, "address")), &ip, NULL) < 0)
			continue;
		(void)add(s, ip, js_text(js_get(j, "holder")), pool, time_of(j, "from"), time_of(j, "until"));
	}
}

/* ---- all of it --------------------------------------------------------------------------------------- */

/* By when it ended, then by when it began; what has not ended is the newest. */
static int by_time(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->held != y->held)
		return x->held ? 1 : -1;
	if (x->until != y->until)
		return x->until < y->until ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	int c = ip_cmp(x->ip, y->ip);
	return c ? c : strcmp(x->holder, y->holder);
}

static void set_time(struct js *j, const char *key, msec t)
{
	char text[RFC3339_MAX];
	if (t)
		js_set(j, key, js_new_str(time_format(t, text)));
}

static struct js *document_of(const struct found *f, msec wall)
{
	char ip[IP_TEXT_MAX];
	struct js *j = js_new_object();
	const bool cools = f->cools_until > wall;
	js_set(j, "address", js_new_str(ip_format(f->ip, ip)));
	js_set(j, "holder", js_new_str(f->holder));
	js_set(j, "pool", js_new_str(f->pool));
	set_time(j, "from", f->from);
	set_time(j, "until", f->until);
	js_set(j, "state", js_new_str(f->held ? "held" : cools ? "cooling" : "past"));
	if (cools)
		set_time(j, "coolsUntil", f->cools_until);
	return j;
}

struct js *past_document(const struct standing_in *in, const struct past_question *q)
{
	struct search s = { .question = q, .cluster = standing_cluster(in), .wall = in->wall };
	struct js *j = js_new_object(), *list = js_new_array();
	cluster_each(s.cluster, "IPAddress", on_record, &s);
	for (size_t i = 0; i < js_len(in->own); i++)
		add_map(&s, js_item(in->own, i));
	if (s.n)
		qsort(s.items, s.n, sizeof(*s.items), by_time);
	for (size_t i = 0; i < s.n; i++) {
		js_push(list, document_of(&s.items[i], in->wall));
		free(s.items[i].holder);
		free(s.items[i].pool);
	}
	free(s.items);
	cluster_free(s.cluster);
	js_set(j, "holdings", list);
	return j;
}

static const char *text(const struct js *j, const char *key)
{
	const char *s = js_str(js_get(j, key));
	return s ? s : "";
}

void past_print(const struct js *document, enum plan_form form, struct buf *out)
{
	if (form == PLAN_AS_JSON || form == PLAN_AS_YAML) {
		print_document(document, form, out);
		return;
	}
	const struct js *list = js_get(document, "holdings");
	const bool wide = form == PLAN_AS_WIDE;
	struct columns t = { .n = wide ? 6 : 5 };
	columns_add(&t, wide ? (const char *const[]){ "ADDRESS", "HOLDER", "FROM", "UNTIL", "POOL", "" }
			     : (const char *const[]){ "ADDRESS", "HOLDER", "FROM", "UNTIL", "" });
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *h = js_item(list, i);
		CLEANUP(freep)
		char *note = strcmp(text(h, "state"), "held") == 0 ? xstrdup("holds it still")
			     : strcmp(text(h, "state"), "cooling") == 0
				     ? xasprintf("cools until %s", text(h, "coolsUntil"))
				     : xstrdup("");
		const char *const row[] = { text(h, "address"),
					    text(h, "holder"),
					    text(h, "from"),
					    text(h, "until"),
					    wide ? text(h, "pool") : note,
					    note };
		columns_add(&t, row);
	}
	if (js_len(list))
		columns_print(&t, out);
	else
		buf_add_str(out, "Nothing is known of it.\n");
	columns_done(&t);
}
