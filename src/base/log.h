/* One line per decision: a fixed message text and facts as fields, as logfmt or JSON.
 * Only the verbs and the controllers log; everything below returns errors. */
#pragma once

#include "base/times.h"

#include <stdio.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log {
	FILE *out; /* borrowed */
	enum log_level level;
	bool json;
	msec (*wall)(void); /* NULL = lines carry no time */
};

/* A fact of a line. KV() takes text, KVN() a number; a NULL text is left out. */
struct log_field {
	const char *key;
	const char *text;
	int64_t number;
	bool is_number;
};
#define KV(k, v) ((struct log_field){ .key = (k), .text = (v) })
#define KVN(k, v) ((struct log_field){ .key = (k), .number = (int64_t)(v), .is_number = true })

void log_fields(const struct log *l, enum log_level level, const char *msg, const struct log_field *fields,
		size_t n);

#define log_at(l, level, msg, ...)                                                      \
	log_fields((l), (level), (msg), (struct log_field[]){ { 0 }, __VA_ARGS__ } + 1, \
		   ARRAY_LEN(((struct log_field[]){ { 0 }, __VA_ARGS__ })) - 1)
#define log_debug(l, msg, ...) log_at(l, LOG_DEBUG, msg, __VA_ARGS__)
#define log_info(l, msg, ...) log_at(l, LOG_INFO, msg, __VA_ARGS__)
#define log_warn(l, msg, ...) log_at(l, LOG_WARN, msg, __VA_ARGS__)
#define log_error(l, msg, ...) log_at(l, LOG_ERROR, msg, __VA_ARGS__)

/* "debug", "info", "warn", "error"; 0 or -EINVAL. */
int log_level_parse(struct slice text, enum log_level *ret);
