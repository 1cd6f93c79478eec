#include "embedded/fault_gate.h"

#include <errno.h>

enum { SPEC_MAX = 16 * 1024 };

/* A request that is kept waiting. */
struct held {
	struct fault_gate *gate;
	struct http_exchange *x;
	struct fault_verdict verdict;
	struct loop_timer *timer;
	struct held *next, **link;
};

struct fault_gate {
	struct api *api;
	struct fault_plan plan;
	char *spec; /* owned */
	msec since;
	struct held *held;
	const struct held *back; /* whose request comes again just now */
};

struct fault_gate *fault_gate_new(struct api *a, const char *spec, struct fault_plan *plan)
{
	struct fault_gate *g = xcalloc(1, sizeof(*g));
	g->api = a;
	g->spec = xstrdup(spec);
	g->plan = *plan;
	*plan = (struct fault_plan){ 0 };
	g->since = loop_now(a->loop);
	return g;
}

static void held_free(struct held *h)
{
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	loop_timer_free(h->timer);
	free(h);
}

void fault_gate_free(struct fault_gate *g)
{
	if (!g)
		return;
	while (g->held)
		held_free(g->held);
	fault_plan_done(&g->plan);
	free(g->spec);
	free(g);
}

static void on_held(void *arg)
{
	struct held *h = arg;
	h->gate->back = h;
	rest_handle(h->x, h->gate->api);
	h->gate->back = NULL;
	held_free(h);
}

static void hold(struct fault_gate *g, struct http_exchange *x, const struct fault_verdict *v)
{
	struct held *h = xcalloc(1, sizeof(*h));
	h->gate = g;
	h->x = x;
	h->verdict = *v;
	h->timer = loop_timer_new(g->api->loop, on_held, h);
	h->link = &g->held;
	h->next = g->held;
	if (h->next)
		h->next->link = &h->next;
	g->held = h;
	loop_timer_set(h->timer, v->latency);
}

static void reply_plan(struct fault_gate *g, struct request *r)
{
	CLEANUP(js_freep) struct js *doc = js_new_object();
	struct js *rules = js_new_array();
	for (size_t i = 0; i < g->plan.n; i++) {
		struct js *rule = js_new_object();
		js_set(rule, "fault", js_new_str(fault_kind_name(g->plan.rules[i].kind)));
		js_set(rule, "struck", js_new_int((int64_t)g->plan.rules[i].struck));
		js_push(rules, rule);
	}
	js_set(doc, "spec", js_new_str(g->spec));
	js_set(doc, "rules", rules);
	rest_reply_js(r, 200, doc);
}

static void change_plan(struct fault_gate *g, struct request *r)
{
	struct status st = { 0 };
	struct err e = { 0 };
	struct slice body = http_body(r->x);
	CLEANUP(freep) char *spec = xstrndup(body.ptr, body.len > SPEC_MAX ? SPEC_MAX : body.len);
	struct fault_plan plan;
	if (fault_parse(spec, &plan, &e) < 0) {
		status_bad_request(&st, "%s", e.msg);
		rest_fail(r, &st);
		return;
	}
	fault_plan_done(&g->plan);
	g->plan = plan;
	str_replace(&g->spec, spec);
	g->since = loop_now(g->api->loop);
	reply_plan(g, r);
}

static void compact(struct fault_gate *g, struct request *r)
{
	struct err e = { 0 };
	api_flush(g->api);
	if (store_compact_all(g->api->store, &e) < 0) {
		struct status st = { 0 };
		status_internal(&st, &e);
		rest_fail(r, &st);
		return;
	}
	reply_plan(g, r);
}

bool fault_gate_describe(struct fault_gate *g, struct request *r, const char *const *parts, size_t n)
{
	if (!g || n == 0 || strcmp(parts[0], "faults") != 0)
		return false;
	bool compacts = n == 2 && strcmp(parts[1], "compact") == 0;
	if (n == 1 && strcmp(r->method, "GET") == 0) {
		reply_plan(g, r);
	} else if (n == 1 && strcmp(r->method, "PUT") == 0) {
		change_plan(g, r);
	} else if (compacts && strcmp(r->method, "POST") == 0) {
		compact(g, r);
	} else {
		struct status st = { 0 };
		status_fail(&st, 405, "MethodNotAllowed",
			    "want GET /faults, PUT /faults or POST /faults/compact");
		rest_fail(r, &st);
	}
	return true;
}

static enum fault_verb verb_of(const struct request *r)
{
	bool named = *r->name;
	if (strcmp(r->method, "POST") == 0)
		return FAULT_CREATE;
	if (strcmp(r->method, "PUT") == 0)
		return FAULT_UPDATE;
	if (strcmp(r->method, "PATCH") == 0)
		return FAULT_PATCH;
	if (strcmp(r->method, "DELETE") == 0)
		return named ? FAULT_DELETE : FAULT_DELETE_COLLECTION;
	return named ? FAULT_GET : rest_is_watch(r) ? FAULT_WATCH : FAULT_LIST;
}

static void answer(struct request *r, const struct fault_verdict *v)
{
	static const struct {
		int code;
		const char *reason;
	} reasons[] = {
		{ 403, "Forbidden" },          { 404, "NotFound" },
		{ 409, "Conflict" },           { 410, "Expired" },
		{ 429, "TooManyRequests" },    { 500, "InternalError" },
		{ 503, "ServiceUnavailable" },
	};
	struct status st = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].code == v->code)
			status_fail(&st, v->code, reasons[i].reason,
				    "a fault that --embedded-fault asks for");
	st.retry_after = v->retry_after;
	rest_fail(r, &st);
}

bool fault_gate_strikes(struct fault_gate *g, struct request *r)
{
	if (!g)
		return false;
	struct fault_verdict v;
	if (g->back && g->back->x == r->x) {
		v = g->back->verdict;
	} else {
		struct fault_request q = { .verb = verb_of(r),
					   .resource = r->kind->plural,
					   .subresource = r->subresource,
					   .agent = http_header(r->x, "User-Agent"),
					   .at = loop_now(g->api->loop) - g->since };
		v = fault_decide(&g->plan, &q);
		if (v.latency > 0) {
			hold(g, r->x, &v);
			return true;
		}
	}
	if (v.drop) {
		http_drop(r->x);
		return true;
	}
	/* A watch is told so in its stream, as by a server whose log does not reach back. */
	if (v.code == 410 && rest_is_watch(r)) {
		r->expire = true;
	} else if (v.code) {
		answer(r, &v);
		return true;
	}
	if (v.lost)
		http_lose_answer(r->x);
	r->cut = v.cut;
	r->cut_after = v.cut_after;
	return false;
}
