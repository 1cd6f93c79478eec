/* berth history: who held an address, or what a Service held, and when. */
#include "cmd/args.h"
#include "cmd/standing.h"
#include "cmd/verbs.h"
#include "plan/past.h"

#include <stdio.h>

enum { TEXT_MAX = 64 * 1024 * 1024 };

static int answer(const struct standing_options *o, const char *what)
{
	CLEANUP(standing_done) struct standing s = { 0 };
	const struct snapshot_want own[] = {
		{ RES_CONFIGMAPS, standing_namespace(o), NULL, "app.kubernetes.io/part-of=berth" },
	};
	int code = standing_read("history", o, own, ARRAY_LEN(own), &s);
	if (code)
		return code;
	struct past_question q = { .by_address = !strchr(what, '/'), .service = what };
	if (q.by_address)
		(void)ip_parse(slice_of(what), &q.ip, NULL);
	CLEANUP(js_freep) struct js *document = past_document(&s.in, &q);
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	past_print(document, o->output, &text);
	return print_out(&text);
}

static bool is_service(const char *what)
{
	const char *slash = strchr(what, '/');
	return slash && slash != what && slash[1] && !strchr(slash + 1, '/');
}

int cmd_history(int argc, char **argv)
{
	struct standing_options o = { 0 };
	struct flag_list args = { 0 };
	struct ip unused;
	int code = standing_options_parse(&history_flags, argc, argv, &o, &args);
	if (code < 0 && (args.n != 1 || !(is_service(args.items[0]) ||
					  ip_parse(slice_of(args.items[0]), &unused, NULL) == 0))) {
		(void)fprintf(stderr, "%s history: %.300s: want an address, or a Service as NAMESPACE/NAME\n",
			      program_name(), args.n ? args.items[0] : "nothing is named");
		code = EXIT_WRONG_USE;
	}
	if (code < 0)
		code = answer(&o, args.items[0]);
	flag_list_done(&args);
	standing_options_done(&history_flags, &o);
	return code;
}
