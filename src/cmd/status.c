/* berth status: how pools, Services and operators stand. */
#include "plan/status.h"
#include "cmd/args.h"
#include "cmd/status_watch.h"
#include "cmd/verbs.h"
#include "core/forecast.h"

#include <unistd.h>

enum { TEXT_MAX = 64 * 1024 * 1024 };

bool status_terminal(void)
{
	const char *no = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && !(no && no[0]);
}

int status_tell(const struct standing_in *in, enum plan_form form, bool colour, const char *before)
{
	CLEANUP(js_freep) struct js *document = status_document(in);
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	buf_add_str(&text, before);
	status_print(document, form, colour, &text);
	int code = print_out(&text);
	return code ? code : status_is_well(document) ? 0 : EXIT_FOUND;
}

static int tell_once(const struct standing_options *o, const struct snapshot_want *own, size_t n_own)
{
	CLEANUP(standing_done) struct standing s = { 0 };
	int code = standing_read("status", o, own, n_own, &s);
	return code ? code : status_tell(&s.in, o->output, status_terminal(), "");
}

int cmd_status(int argc, char **argv)
{
	struct standing_options o = { 0 };
	int code = standing_options_parse(&status_flags, argc, argv, &o, NULL);
	if (code < 0) {
		const struct snapshot_want own[] = {
			{ RES_LEASES, standing_namespace(&o), o.lease, NULL, NULL },
			{ RES_CONFIGMAPS, standing_namespace(&o), FORECAST_CONFIG_MAP, NULL, "forecast" },
		};
		code = o.watch ? status_watch(&o, own, ARRAY_LEN(own)) : tell_once(&o, own, ARRAY_LEN(own));
	}
	standing_options_done(&status_flags, &o);
	return code;
}
