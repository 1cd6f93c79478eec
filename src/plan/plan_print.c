#include "plan/plan_print.h"

enum { SERVICE_COLUMN, VERDICT_COLUMN, BEFORE_COLUMN, AFTER_COLUMN, WHY_COLUMN, COLUMNS };

struct printing {
	enum plan_form form;
	struct buf *out;
	struct plan_summary *summary;
	size_t width[COLUMNS];
	bool measuring;
	bool first;
};

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static void add_cell(struct printing *p, int column, const char *text)
{
	size_t len = strlen(text);
	if (p->measuring) {
		if (len > p->width[column])
			p->width[column] = len;
		return;
	}
	buf_add_str(p->out, text);
	for (size_t i = len; column < WHY_COLUMN && i < p->width[column] + 3; i++)
		buf_add_char(p->out, ' ');
}

static void add_line(struct printing *p, const char *const cells[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++)
		add_cell(p, i, cells[i]);
	if (p->measuring)
		return;
	while (p->out->len && p->out->ptr[p->out->len - 1] == ' ')
		p->out->ptr[--p->out->len] = '\0';
	buf_add_char(p->out, '\n');
}

static void table_row(struct printing *p, const struct plan_row *row)
{
	CLEANUP(freep) char *service = xasprintf("%s/%s", row->namespace, row->name);
	CLEANUP(buf_done) struct buf why = BUF_INIT(4096);
	if (row->verdict == VERDICT_WAITS || row->verdict == VERDICT_LOSES)
		buf_addf(&why, "%s%s", row->reason, row->message[0] ? ": " : "");
	if (p->form == PLAN_AS_WIDE || why.len)
		buf_add_str(&why, row->message);
	add_line(p, (const char *const[COLUMNS]){ service, plan_verdict_name(row->verdict),
						  or_dash(row->before), or_dash(row->after), buf_str(&why) });
}

static void add_member(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, ",\"%s\":", key);
	buf_add_json(out, slice_of(value));
}

static void json_row(struct printing *p, const struct plan_row *row)
{
	buf_add_str(p->out, p->first ? "\n  {\"namespace\":" : ",\n  {\"namespace\":");
	p->first = false;
	buf_add_json(p->out, slice_of(row->namespace));
	add_member(p->out, "name", row->name);
	add_member(p->out, "verdict", plan_verdict_name(row->verdict));
	add_member(p->out, "before", row->before);
	add_member(p->out, "after", row->after);
	add_member(p->out, "reason", row->reason);
	add_member(p->out, "message", row->message);
	buf_add_char(p->out, '}');
}

/* A JSON string is a YAML scalar too. */
static void yaml_member(struct buf *out, const char *before, const char *key, const char *value)
{
	buf_addf(out, "%s%s: ", before, key);
	buf_add_json(out, slice_of(value));
	buf_add_char(out, '\n');
}

static void yaml_row(struct printing *p, const struct plan_row *row)
{
	yaml_member(p->out, "- ", "namespace", row->namespace);
	yaml_member(p->out, "  ", "name", row->name);
	yaml_member(p->out, "  ", "verdict", plan_verdict_name(row->verdict));
	yaml_member(p->out, "  ", "before", row->before);
	yaml_member(p->out, "  ", "after", row->after);
	yaml_member(p->out, "  ", "reason", row->reason);
	yaml_member(p->out, "  ", "message", row->message);
}

static void one(const struct plan_row *row, void *arg)
{
	struct printing *p = arg;
	if (!p->measuring)
		p->summary->n[row->verdict]++;
	switch (p->form) {
	case PLAN_AS_TABLE:
	case PLAN_AS_WIDE:
		table_row(p, row);
		break;
	case PLAN_AS_JSON:
		if (!p->measuring)
			json_row(p, row);
		break;
	case PLAN_AS_YAML:
		if (!p->measuring)
			yaml_row(p, row);
		break;
	}
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
	static const char *const head[COLUMNS] = { "SERVICE", "VERDICT", "BEFORE", "AFTER", "WHY" };
	struct printing p = { .form = form, .out = out, .summary = ret, .measuring = true, .first = true };
	bool table = form == PLAN_AS_TABLE || form == PLAN_AS_WIDE;
	*ret = (struct plan_summary){ 0 };
	if (table) {
		add_line(&p, head);
		plan_rows(plan, one, &p);
	}
	p.measuring = false;
	if (table)
		add_line(&p, head);
	if (form == PLAN_AS_JSON)
		buf_add_char(out, '[');
	plan_rows(plan, one, &p);
	if (form == PLAN_AS_JSON)
		buf_add_str(out, p.first ? "]\n" : "\n]\n");
	else if (form == PLAN_AS_YAML && out->len == 0)
		buf_add_str(out, "[]\n");
	else if (table)
		add_summary(ret, out);
}
