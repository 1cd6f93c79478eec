/* The flags of `berth operator`. */
#pragma once

#include "base/log.h"
#include "cmd/cluster_pool_options.h"

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct operator_options {
	struct cluster_options cluster;
	struct allocation_options allocation;
	struct cluster_pool_options pool;
	char *namespace; /* NULL = not given: the Pod's, else that of the context, else "default" */
	char *http_address;
	bool leader_elect;
	msec lease_duration, renew_deadline, retry_period;
	char *lease_name;
	int max_in_flight;
	msec mass_release_delay;
	bool install_crds;
	struct flag_optional embedded; /* value: the file; NULL = in memory */
	char *embedded_address;
	char *embedded_fault; /* NULL = none */
	enum log_level log_level;
	enum log_format log_format;
	/* Not a flag: files of --config-dir that are none, for one line each in the log. */
	struct flag_list unknown_files;
};

extern const struct flag_set operator_flags;

/* argv[0] is the verb. Returns -1 to go on, else the exit code: help was printed, or mistakes were.
 * operator_options_done() is due in each case. */
int operator_options_parse(int argc, char **argv, struct operator_options *ret);
void operator_options_done(struct operator_options *o);
