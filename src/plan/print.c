#include "plan/print.h"

enum { GAP = 3, CELL_MAX = 16 * 1024 * 1024 };

void columns_done(struct columns *c)
{
	for (size_t i = 0; i < c->n_cells; i++)
		free(c->cells[i]);
	free(c->cells);
	*c = (struct columns){ .n = c->n };
}

void columns_add(struct columns *c, const char *const *cells)
{
	vec_grow(&c->cells, &c->cap, c->n_cells + c->n);
	for (size_t i = 0; i < c->n; i++) {
		const char *text = cells[i] && cells[i][0] ? cells[i] : "-";
		struct buf cell = BUF_INIT(CELL_MAX);
		if (c->coloured && i == c->n - 1)
			buf_add_str(&cell, text);
		else
			buf_add_shown(&cell, slice_of(text));
		c->cells[c->n_cells++] = buf_take(&cell);
	}
}

void columns_print(struct columns *c, struct buf *out)
{
	CLEANUP(freep) size_t *width = xcalloc(c->n + 1, sizeof(size_t));
	for (size_t i = 0; i < c->n_cells; i++) {
		size_t len = strlen(c->cells[i]);
		if (len > width[i % c->n])
			width[i % c->n] = len;
	}
	for (size_t i = 0; i < c->n_cells; i++) {
		const bool last = i % c->n == c->n - 1;
		/* What a last column does not say needs no dash. */
		if (!last || strcmp(c->cells[i], "-") != 0)
			buf_add_str(out, c->cells[i]);
		for (size_t n = strlen(c->cells[i]); !last && n < width[i % c->n] + GAP; n++)
			buf_add_char(out, ' ');
		if (!last)
			continue;
		while (out->len && out->ptr[out->len - 1] == ' ')
			out->ptr[--out->len] = '\0';
		buf_add_char(out, '\n');
	}
	columns_done(c);
}

/* ---- YAML ------------------------------------------------------------------------------------------------
 */

static bool is_nested(const struct js *j)
{
	return (js_type(j) == JS_ARRAY || js_type(j) == JS_OBJECT) && js_len(j) > 0;
}

static void indent(struct buf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		buf_add_str(out, "  ");
}

/* A scalar as JSON has it is a YAML scalar too, with the same meaning in every version of YAML. */
static void yaml_value(const struct js *j, unsigned depth, bool in_line, struct buf *out);

static void yaml_object(const struct js *j, unsigned depth, bool in_line, struct buf *out)
{
	for (struct js_iter it = js_iter(j); js_next(&it); in_line = false) {
		if (!in_line)
			indent(out, depth);
		buf_addf(out, "%s:", it.key);
		buf_add_char(out, is_nested(it.value) ? '\n' : ' ');
		/* Items of a list stand as far in as the list's own key. */
		yaml_value(it.value, js_type(it.value) == JS_ARRAY ? depth : depth + 1, false, out);
	}
}

static void yaml_value(const struct js *j, unsigned depth, bool in_line, struct buf *out)
{
	if (!is_nested(j)) {
		js_write(j, out);
		buf_add_char(out, '\n');
	} else if (js_type(j) == JS_OBJECT) {
		yaml_object(j, depth, in_line, out);
	} else {
		for (size_t i = 0; i < js_len(j); i++) {
			indent(out, depth);
			buf_add_str(out, "- ");
			yaml_value(js_item(j, i), depth + 1, true, out);
		}
	}
}

void print_document(const struct js *document, enum plan_form form, struct buf *out)
{
	if (form == PLAN_AS_YAML) {
		yaml_value(document, 0, false, out);
		return;
	}
	js_write_pretty(document, out);
	if (out->len == 0 || out->ptr[out->len - 1] != '\n')
		buf_add_char(out, '\n');
}
