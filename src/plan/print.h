/* What plans and explanations are printed with: columns for people, documents for programs. */
#pragma once

#include "data/json.h"

enum plan_form { PLAN_AS_TABLE, PLAN_AS_WIDE, PLAN_AS_JSON, PLAN_AS_YAML };

/* A table under way: rows of texts, owned. */
struct columns {
	size_t n;      /* columns */
	bool coloured; /* the last one may switch colours: it has words of berth only */
	char **cells;
	size_t n_cells, cap;
};

void columns_add(struct columns *c, const char *const *cells); /* n of them, copied; "" is printed as "-" */
/* As wide as each column needs, three blanks between, none at the end of a line. Empties the table. */
void columns_print(struct columns *c, struct buf *out);
void columns_done(struct columns *c);

/* JSON with indents, or YAML. */
void print_document(const struct js *document, enum plan_form form, struct buf *out);
