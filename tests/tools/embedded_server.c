/* The embedded API alone: embedded_server [ADDRESS [FILE [KEEP_CHANGES [FAULTS]]]] */
#include "base/mem.h"
#include "deploy/crds.h"
#include "embedded/embedded.h"

#include <signal.h>
#include <stdio.h>

static void on_signal(void *arg)
{
	loop_stop(arg);
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct loop *l = NULL;
	struct embedded *s = NULL;
	struct log log = { .out = stderr, .level = LOG_INFO, .wall = loop_wall };
	struct embedded_options o = {
		.address = argc > 1 ? argv[1] : "127.0.0.1:0",
		.file = argc > 2 && *argv[2] ? argv[2] : NULL,
		.keep_changes = argc > 3 ? atoll(argv[3]) : 0,
		.faults = argc > 4 ? argv[4] : NULL,
		.crds = berth_crds,
		.n_crds = berth_crds_n,
		.log = &log,
	};
	int r = loop_new(&l, &e);
	if (r == 0)
		r = embedded_new(l, &o, &s, &e);
	if (r == 0)
		r = loop_signal(l, SIGTERM, on_signal, l, &e);
	if (r == 0)
		r = loop_signal(l, SIGINT, on_signal, l, &e);
	if (r == 0) {
		printf("%s\n", embedded_address(s));
		fflush(stdout);
		r = loop_run(l, &e);
	}
	if (r < 0)
		fprintf(stderr, "%s\n", e.msg);
	embedded_free(s);
	loop_free(l);
	return r < 0;
}
