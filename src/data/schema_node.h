/* A compiled schema node; shared by schema.c, which makes and walks it, and schema_check.c, which judges
 * values by it. */
#pragma once

#include "base/map.h"
#include "data/pattern.h"
#include "data/schema.h"

enum schema_type { TYPE_ANY, TYPE_OBJECT, TYPE_ARRAY, TYPE_STRING, TYPE_INTEGER, TYPE_NUMBER, TYPE_BOOLEAN };

struct schema_property {
	char *name; /* owned */
	struct schema *schema;
};

struct schema {
	enum schema_type type;
	bool nullable, open, embedded, int_or_string, set, unique, exclusive_min, exclusive_max, merges,
		atomic;
	bool defaults_below; /* this node or one below has a default */
	struct map fields;   /* name -> struct schema_property, owned */
	struct schema *additional, *items;
	struct js *enumeration, *otherwise, *required, *map_keys;                     /* owned */
	int64_t min_items, max_items, min_length, max_length, min_fields, max_fields; /* -1 = none */
	bool has_min, has_max;
	double min, max;
	char *format, *pattern_text, *merge_key; /* owned; NULL = none */
	struct pattern *pattern;
};
