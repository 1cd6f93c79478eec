/* Manifests from files, folders and the standard input, one document at a time. */
#pragma once

#include "data/json.h"

/* `path` and `line`: where the document stands. `document` is borrowed. */
typedef int manifest_fn(struct js *document, const char *path, int line, void *arg, struct err *e);

struct manifest_reader {
	const char *verb; /* for messages */
	manifest_fn *fn;
	void *arg;
	const char *path; /* private */
	unsigned mistakes;
};

/* A file, a folder (its *.yaml, *.yml and *.json, by name), or "-". Each mistake, also one that fn returns,
 * is one line on standard error and counted; the rest is read all the same. */
void manifests_read(struct manifest_reader *r, const char *path);

/* "berth plan: pools.yaml: document at line 3: what"; line 0 = none. */
void manifest_complain(const char *verb, const char *path, int line, const char *what);
