/* A folder in which each file is a flag: its name, and its content the value. */
#pragma once

#include "cmd/flags.h"

/* All files, by name. A mounted ConfigMap keeps its versions under names with a dot in front (..data):
 * those are skipped, and so is what is no file. 0 or negative errno; the message names the path. */
int config_dir_read(const char *path, struct flag_file **ret, size_t *ret_n, void *arg, struct err *e);
