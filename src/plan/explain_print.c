#include "plan/explain.h"

/* What the Service's owner wrote goes to the terminal of an administrator. */
static void add_line(struct buf *out, const char *head, const char *text)
{
	buf_addf(out, "%-9s ", head);
	buf_add_shown(out, slice_of(text[0] ? text : "-"));
	buf_add_char(out, '\n');
}

static void add_wants(const struct explanation *x, struct buf *out)
{
	const struct ipam_wish *w = &x->wish;
	if (w->has_requests) {
		for (size_t i = 0; i < x->n_requests; i++)
			buf_addf(out, "%s%s", i ? ", " : "", x->requests[i].item);
		return;
	}
	const bool both = w->want[IPV4] && w->want[IPV6];
	for (int f = 0; f < FAMILIES; f++)
		if (w->want[f])
			buf_addf(out, "%s%s%s", out->len && f ? " and " : "", family_name((enum family)f),
				 w->off[f] ? " (switched off)" : "");
	if (both && w->one_is_enough)
		buf_add_str(out, ", one is enough");
}

static void print_head(const struct explanation *x, struct buf *out)
{
	CLEANUP(freep) char *key = xasprintf("%s/%s", x->namespace, x->name);
	add_line(out, "Service", key);
	if (x->not_ours != OURS) {
		CLEANUP(freep) char *no = xasprintf("no: %s", x->not_ours_why);
		add_line(out, "Ours", no);
		add_line(out, "Has", x->before);
		if (strcmp(x->before, x->after) != 0)
			add_line(out, "Keeps", x->after);
		return;
	}
	CLEANUP(buf_done) struct buf wants = BUF_INIT(4096);
	add_wants(x, &wants);
	add_line(out, "Ours", x->wish.deleting ? "yes, and being deleted" : "yes");
	add_line(out, "Wants", buf_str(&wants));
	if (x->pools_named)
		add_line(out, "Pools", x->pools_named);
	if (x->sharing_key)
		add_line(out, "Shares", x->sharing_key);
	add_line(out, "Has", x->before);
	if (x->leaves[0])
		add_line(out, "Leaves", x->leaves);
	if (strcmp(x->before, x->after) != 0)
		add_line(out, "Gets", x->after);
	CLEANUP(freep)
	char *state =
		xasprintf("%s%s%s", x->reason[0] ? x->reason : "-", x->message[0] ? ": " : "", x->message);
	add_line(out, "State", state);
}

static void print_requests(const struct explanation *x, struct buf *out)
{
	const bool reserved = x->requests[0].reservation;
	struct columns t = { .n = reserved ? 3 : 2 };
	columns_add(&t, reserved ? (const char *const[]){ "ADDRESS RESERVED FOR IT", "IPRESERVATION",
							  "WHAT HAPPENED" }
				 : (const char *const[]){ "ADDRESS ASKED FOR", "WHAT HAPPENED" });
	for (size_t i = 0; i < x->n_requests; i++) {
		const struct explained_request *r = &x->requests[i];
		const char *what = r->why ? r->why : reserved ? "it gets it" : "it has it";
		columns_add(&t, reserved ? (const char *const[]){ r->item, r->reservation, what }
					 : (const char *const[]){ r->item, what });
	}
	columns_print(&t, out);
}

static void print_shares(const struct explanation *x, struct buf *out)
{
	struct columns t = { .n = 3 };
	columns_add(&t, (const char *const[]){ "ADDRESS OF THE GROUP", "SERVICE", "WHAT HAPPENED" });
	for (size_t i = 0; i < x->n_shares; i++)
		columns_add(&t,
			    (const char *const[]){ x->shares[i].ip, x->shares[i].with,
						   x->shares[i].why ? x->shares[i].why : "may be shared" });
	columns_print(&t, out);
}

static void print_pools(const struct explanation *x, struct buf *out)
{
	struct columns t = { .n = 5 };
	columns_add(&t, (const char *const[]){ "POOL", "SELECTS", "FAMILY", "FREE", "WHAT HAPPENED" });
	for (size_t i = 0; i < x->n_pools; i++) {
		const struct explained_pool *p = &x->pools[i];
		bool told = false;
		for (int f = 0; f < FAMILIES; f++) {
			if (!p->by[f].asked)
				continue;
			const bool disorder = p->disorder && p->by[f].answer == POOL_OFF;
			CLEANUP(freep)
			char *what = xasprintf("%s%s%s", p->by[f].what, disorder ? ": " : "",
					       disorder ? p->disorder : "");
			columns_add(&t,
				    (const char *const[]){ p->name, p->selector, family_name((enum family)f),
							   p->by[f].free ? p->by[f].free : "-", what });
			told = true;
		}
		if (!told)
			columns_add(&t, (const char *const[]){ p->name, p->selector, "-", "-",
							       p->what ? p->what : "was not asked" });
	}
	columns_print(&t, out);
}

static void print_table(const struct explanation *x, struct buf *out)
{
	print_head(x, out);
	buf_add_char(out, '\n');
	if (x->n_requests) {
		print_requests(x, out);
		buf_add_char(out, '\n');
	}
	if (x->n_shares) {
		print_shares(x, out);
		buf_add_char(out, '\n');
	}
	if (x->n_pools) {
		print_pools(x, out);
		buf_add_char(out, '\n');
	}
	buf_add_shown(out, slice_of(x->advice));
	buf_add_char(out, '\n');
}

/* ---- for programs ----------------------------------------------------------------------------------------
 */

static const char *answer_name(enum pool_answer a)
{
	static const char *const names[POOL_ANSWERS] = {
		[POOL_OTHER_FAMILY] = "other_family",
		[POOL_OFF] = "off",
		[POOL_UNNAMED] = "not_named",
		[POOL_NOT_SELECTING] = "not_selecting",
		[POOL_BEHIND] = "behind",
		[POOL_SPARES] = "spares",
		[POOL_ONLY_ASKED] = "only_asked",
		[POOL_QUOTA] = "quota",
		[POOL_COOLS] = "cools",
		[POOL_FULL] = "full",
		[POOL_ELSEWHERE] = "elsewhere",
		[POOL_HAS] = "has",
		[POOL_NOT_NEEDED] = "not_needed",
		[POOL_GIVES] = "gives",
	};
	return names[a];
}

static void set(struct js *j, const char *key, const char *text)
{
	if (text)
		js_set(j, key, js_new_str(text));
}

static struct js *document_of_pool(const struct explained_pool *p)
{
	struct js *j = js_new_object(), *families = js_new_array();
	set(j, "name", p->name);
	set(j, "selector", p->selector);
	set(j, "disorder", p->disorder);
	for (int f = 0; f < FAMILIES; f++) {
		if (!p->by[f].asked)
			continue;
		struct js *k = js_new_object();
		set(k, "family", family_name((enum family)f));
		/* Of any size, so a text. */
		set(k, "free", p->by[f].free);
		set(k, "answer", answer_name(p->by[f].answer));
		set(k, "what", p->by[f].what);
		js_push(families, k);
	}
	js_set(j, "families", families);
	set(j, "what", p->what);
	return j;
}

static struct js *document_of(const struct explanation *x)
{
	struct js *j = js_new_object(), *requests = js_new_array(), *shares = js_new_array(),
		  *pools = js_new_array(), *wants = js_new_array();
	set(j, "namespace", x->namespace);
	set(j, "name", x->name);
	js_set(j, "ours", js_new_bool(x->not_ours == OURS));
	set(j, "notOurs", x->not_ours_why[0] ? x->not_ours_why : NULL);
	js_set(j, "deleting", js_new_bool(x->wish.deleting));
	js_set(j, "satisfied", js_new_bool(x->satisfied));
	set(j, "reason", x->reason);
	set(j, "message", x->message);
	for (int f = 0; f < FAMILIES; f++)
		if (x->wish.want[f] && !x->wish.has_requests)
			js_push(wants, js_new_str(family_name((enum family)f)));
	js_set(j, "families", wants);
	js_set(j, "oneIsEnough", js_new_bool(x->wish.one_is_enough));
	set(j, "sharingKey", x->sharing_key);
	set(j, "poolsNamed", x->pools_named);
	set(j, "before", x->before);
	set(j, "after", x->after);
	set(j, "leaves", x->leaves);
	for (size_t i = 0; i < x->n_requests; i++) {
		struct js *k = js_new_object();
		set(k, "address", x->requests[i].item);
		set(k, "reservation", x->requests[i].reservation);
		js_set(k, "granted", js_new_bool(!x->requests[i].why));
		set(k, "why", x->requests[i].why);
		js_push(requests, k);
	}
	js_set(j, "requests", requests);
	for (size_t i = 0; i < x->n_shares; i++) {
		struct js *k = js_new_object();
		set(k, "address", x->shares[i].ip);
		set(k, "service", x->shares[i].with);
		js_set(k, "fits", js_new_bool(!x->shares[i].why));
		set(k, "why", x->shares[i].why);
		js_push(shares, k);
	}
	js_set(j, "shares", shares);
	for (size_t i = 0; i < x->n_pools; i++)
		js_push(pools, document_of_pool(&x->pools[i]));
	js_set(j, "pools", pools);
	set(j, "advice", x->advice);
	return j;
}

void explain_print(const struct explanation *x, enum plan_form form, struct buf *out)
{
	if (form == PLAN_AS_TABLE || form == PLAN_AS_WIDE) {
		print_table(x, out);
		return;
	}
	CLEANUP(js_freep) struct js *document = document_of(x);
	print_document(document, form, out);
}
