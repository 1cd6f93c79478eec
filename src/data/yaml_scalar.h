/* What an unquoted YAML scalar means. Apart from yaml.c, because this is all rules and no reading. */
#pragma once

#include "data/json.h"

/* Typed by its look: null (NULL), a boolean, a number or text. `tag` is the core tag it carries ("bool",
 * "int", "float", "null", "timestamp"), NULL without one. 0, or -EINVAL if it does not fit the tag or is no
 * JSON value (not a number, infinity). */
int yaml_scalar(struct slice text, const char *tag, struct js **ret, struct err *e);
