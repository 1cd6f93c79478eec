/* What stands in kubeconfig files; for config.c. Several files are one: for each name, and for
 * current-context, the file added first wins. */
#pragma once

#include "kube/config.h"

struct kubeconfig;

struct kubeconfig *kubeconfig_new(void);
void kubeconfig_freep(struct kubeconfig **k);
/* Relative paths in the text start from the folder of `path`. */
int kubeconfig_add(struct kubeconfig *k, struct slice text, const char *path, struct err *e);
bool kubeconfig_is_empty(const struct kubeconfig *k);
/* The cluster and user of a context (NULL = current-context). */
int kubeconfig_choose(const struct kubeconfig *k, const char *context, struct kube_config **ret,
		      struct err *e);
