#include "plan/plan_print.h"

enum { COLUMNS = 5, WHY_MAX = 8 * 1024 };

struct printing {
	enum plan_form form;
	struct plan_summary *summary;
	struct columns table;
	struct js *list;
};

static void add_why(const struct plan_row *row, bool wide, struct buf *why)
{
	const bool lacks = strcmp(row->reason, "satisfied") != 0 && row->reason[0];
	buf_add_str(why, row->leaves);
	if (!lacks && !wide)
		return;
	if (why->len && (lacks || row->message[0]))
		buf_add_str(why, "; ");
	if (lacks)
		buf_addf(why, "%s%s", row->reason, row->message[0] ? ": " : "");
	buf_add_str(why, row->message);
}

static void table_row(struct printing *p, const struct plan_row *row)
{
	CLEANUP(freep) char *service = xasprintf("%s/%s", row->namespace, row->name);
	CLEANUP(buf_done) struct buf why = BUF_INIT(WHY_MAX);
	add_why(row, p->form == PLAN_AS_WIDE, &why);
	columns_add(&p->table, (const char *const[COLUMNS]){ service, plan_verdict_name(row->verdict),
							     row->before, row->after, buf_str(&why) });
}

static struct js *document_of(const struct plan_row *row)
{
	struct js *j = js_new_object();
	js_set(j, "namespace", js_new_str(row->namespace));
	js_set(j, "name", js_new_str(row->name));
	js_set(j, "verdict", js_new_str(plan_verdict_name(row->verdict)));
	js_set(j, "before", js_new_str(row->before));
	js_set(j, "after", js_new_str(row->after));
	js_set(j, "leaves", js_new_str(row->leaves));
	js_set(j, "reason", js_new_str(row->reason));
	js_set(j, "message", js_new_str(row->message));
	return j;
}

static void one(const struct plan_row *row, void *arg)
{
	struct printing *p = arg;
	p->summary->n[row->verdict]++;
	if (p->list)
		js_push(p->list, document_of(row));
	else
		table_row(p, row);
}

static void add_summary(const struct plan_summary *s, struct buf *out)
{
	unsigned total = 0;
	for (int i = 0; i < VERDICTS; i++)
		total += s->n[i];
	buf_addf(out, "%s%u Service%s", total ? "\n" : "", total, total == 1 ? "" : "s");
	for (int i = 0; i < VERDICTS; i++)
		if (s->n[i])
			buf_addf(out, ", %u %s", s->n[i], plan_verdict_name((enum plan_verdict)i));
	buf_add_char(out, '\n');
}

void plan_print(struct plan *plan, enum plan_form form, struct buf *out, struct plan_summary *ret)
{
	const bool table = form == PLAN_AS_TABLE || form == PLAN_AS_WIDE;
	struct printing p = { .form = form, .summary = ret, .table = { .n = COLUMNS } };
	*ret = (struct plan_summary){ 0 };
	if (!table)
		p.list = js_new_array();
	else
		columns_add(&p.table,
			    (const char *const[COLUMNS]){ "SERVICE", "VERDICT", "BEFORE", "AFTER", "WHY" });
	plan_rows(plan, one, &p);
	if (table) {
		columns_print(&p.table, out);
		add_summary(ret, out);
	} else {
		print_document(p.list, form, out);
	}
	js_free(p.list);
	columns_done(&p.table);
}
