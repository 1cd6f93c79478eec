/* YAML as Kubernetes' own tools read it: documents become the same trees as JSON.
 *
 * Unquoted scalars are typed as sigs.k8s.io/yaml does (YAML 1.1: yes, no, on and off are booleans, 010
 * is eight, 0x1f and 1_000 are numbers; dates stay text), keys become text. Merge keys (<<), anchors and
 * aliases work; the nodes that aliases add up to have a ceiling. A key that comes twice is an error.
 * libyaml does the reading; yaml.c is the only file that knows it. */
#pragma once

#include "data/json.h"

enum {
	YAML_SIZE_MAX = JS_SIZE_MAX,
	YAML_DEPTH_MAX = JS_DEPTH_MAX,
	YAML_ALIAS_NODES_MAX = 100 * 1000, /* made by aliases and merges, in one document */
};

/* `document` is borrowed: js_ref() keeps it. `line` is where it begins, from 1. A negative return ends the
 * reading and is returned by yaml_parse(). */
typedef int yaml_document_fn(struct js *document, int line, void *arg, struct err *e);

/* Each document of the text in turn; empty ones are skipped. 0, -EINVAL (the message begins with "line N,
 * column M: "), -E2BIG, or the error of `fn`. Documents before an error were told already. */
int yaml_parse(struct slice text, yaml_document_fn *fn, void *arg, struct err *e);

/* The text must be one document. */
int yaml_parse_one(struct slice text, struct js **ret, struct err *e);
