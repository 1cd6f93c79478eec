/* The reflector against a server that follows a script: for each request in turn, what it must ask for
 * and what it gets. What the consumer is told is kept as one line of text. */
#include "kube/reflector.h"

#include "lib/raw_server.h"

enum then { HOLD, END, CUT }; /* how an answer with status 200 goes on */

struct step {
	const char *asks[6]; /* all must be in the request line; "!x" must not */
	int status;
	const char *headers;
	const char *body; /* of a watch: lines */
	enum then then;
};

#define STREAM_ASKS "watch=true", "sendInitialEvents=true", "resourceVersionMatch=NotOlderThan"
#define OBJECT(name, rv) "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" rv "\"}}"
#define EVENT(type, name, rv) "{\"type\":\"" type "\",\"object\":" OBJECT(name, rv) "}\n"
#define BOOKMARK(rv) "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" rv "\"}}}\n"
#define INITIAL_END(rv)                                                              \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" rv \
	"\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define ERROR(code, reason)                                                                          \
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason \
	"\",\"message\":\"m\"}}\n"
#define STATUS(code, reason) \
	"{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason "\",\"message\":\"m\"}"
#define PAGE(rv, next, items) \
	"{\"metadata\":{\"resourceVersion\":\"" rv "\",\"continue\":\"" next "\"},\"items\":[" items "]}"

static struct loop *loop;
static struct raw_server *server;
static struct kube *kube;
static struct reflector *reflector;
static struct loop_timer *give_up;
static const struct step *steps;
static size_t n_steps, at_step;
static struct buf told;
static const char *wait_for;

static void too_slow(void *arg)
{
	(void)arg;
	fail_msg("waited for \"%s\" in vain; step %zu of %zu; told: %s", wait_for, at_step, n_steps,
		 buf_str(&told));
}

static void serve(struct raw_conn *c, struct slice head, struct slice body, void *arg)
{
	(void)body;
	(void)arg;
	CLEANUP(freep) char *line = xstrndup(head.ptr, strcspn(head.ptr, "\r"));
	if (at_step == n_steps)
		fail_msg("one request too many: %s", line);
	const struct step *s = &steps[at_step++];
	for (size_t i = 0; i < ARRAY_LEN(s->asks) && s->asks[i]; i++) {
		bool no = s->asks[i][0] == '!';
		if (!strstr(line, s->asks[i] + no) != no)
			fail_msg("step %zu: %s: \"%s\"", at_step, line, s->asks[i]);
	}
	if (s->status != 200) {
		raw_reply(c, s->status, s->headers, s->body);
		return;
	}
	raw_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n%s\r\n", s->headers ? s->headers : "");
	if (s->body && s->body[0])
		raw_chunk(c, slice_of(s->body));
	if (s->then == END)
		raw_send(c, "0\r\n\r\n");
	else if (s->then == CUT)
		raw_cut(c);
}

static void tell(const char *text)
{
	buf_addf(&told, "%s%s", told.len ? " " : "", text);
	if (wait_for && strstr(buf_str(&told), wait_for))
		loop_stop(loop);
}

static void on_begin(void *arg)
{
	(void)arg;
	tell("begin");
}

static void on_upsert(struct js *object, void *arg)
{
	(void)arg;
	CLEANUP(freep) char *text = xasprintf("+%s", js_str(js_path(object, "metadata", "name")));
	tell(text);
}

static void on_deleted(struct js *object, void *arg)
{
	(void)arg;
	CLEANUP(freep) char *text = xasprintf("-%s", js_str(js_path(object, "metadata", "name")));
	tell(text);
}

static void on_list_end(void *arg)
{
	(void)arg;
	tell("end");
}

static void on_state(enum reflector_state s, const char *why, void *arg)
{
	(void)arg;
	CLEANUP(freep) char *text = xasprintf("<%s%s%s>", reflector_state_name(s), why[0] ? ": " : "", why);
	tell(text);
}

static void on_bad(const char *why, void *arg)
{
	(void)arg;
	CLEANUP(freep) char *text = xasprintf("{%s}", why);
	tell(text);
}

/* Knows version 6 of everything. */
static bool on_known(const struct object_id *id, void *arg)
{
	(void)arg;
	bool known = strcmp(id->resource_version, "6") == 0;
	if (known)
		tell("known");
	return known;
}

static const struct reflector_ops ops = {
	.list_begin = on_begin,
	.upsert = on_upsert,
	.known = on_known,
	.deleted = on_deleted,
	.list_end = on_list_end,
	.state = on_state,
	.bad = on_bad,
};

static bool doubts;

static int setup(void **state)
{
	(void)state;
	doubts = false;
	assert_int_equal(loop_new(&loop, NULL), 0);
	told = BUF_INIT(64 * 1024);
	server = raw_server_new(loop, 0, serve, NULL);
	struct kube_config *config = xcalloc(1, sizeof(*config));
	config->server = xasprintf("http://127.0.0.1:%d", server->port);
	assert_int_equal(kube_new(loop, config, 8, &kube, NULL), 0);
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, 10000);
	at_step = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	reflector_free(TAKE(reflector));
	kube_free(kube);
	raw_server_free(server);
	loop_timer_free(give_up);
	buf_done(&told);
	loop_free(loop);
	return 0;
}

static void start(enum resource_id id, const struct step *script, size_t n)
{
	steps = script;
	n_steps = n;
	struct reflector_options o = { .kube = kube,
				       .resource = resource(id),
				       .seed = 1,
				       .ops = &ops,
				       .stall = 3000,
				       .backoff_min = 2,
				       .backoff_max = 10,
				       .look_again = 20,
				       .list_patience = 60,
				       .doubts_404 = doubts };
	reflector = reflector_new(&o);
}
#define START(id, script) start((id), (script), ARRAY_LEN(script))

static void run_until(const char *text)
{
	wait_for = text;
	if (!strstr(buf_str(&told), text))
		assert_int_equal(loop_run(loop, NULL), 0);
}

static void a_list_streams_in_and_the_watch_goes_on(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS, "/api/v1/services?", "allowWatchBookmarks=true", "!&resourceVersion=" },
		  200,
		  NULL,
		  EVENT("ADDED", "a", "5") EVENT("ADDED", "b", "3") EVENT("DELETED", "b", "4")
			  INITIAL_END("7") EVENT("MODIFIED", "a", "8")
				  EVENT("DELETED", "a", "9") "\n" EVENT("ADDED", "z", "10"),
		  HOLD },
	};
	START(RES_SERVICES, script);
	assert_false(reflector_synced(reflector));
	run_until("+z");
	assert_string_equal(buf_str(&told), "<listing> begin +a +b -b end <watching> +a -a +z");
	assert_true(reflector_synced(reflector));
	assert_int_equal(reflector_state(reflector), REFLECTOR_WATCHING);
	assert_int_equal(reflector_restarts(reflector), 0);
}

static void a_cut_watch_resumes_where_it_was(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "a", "5") INITIAL_END("7"), CUT },
		{ { "watch=true", "resourceVersion=7", "!sendInitialEvents" },
		  200,
		  NULL,
		  EVENT("ADDED", "b", "8"),
		  END },
		{ { "resourceVersion=8" }, 200, NULL, BOOKMARK("20"), END },
		{ { "resourceVersion=20" }, 200, NULL, "{\"type\":\"ADD", CUT },
		{ { "resourceVersion=20" }, 200, NULL, EVENT("ADDED", "z", "21"), HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z");
	assert_null(strstr(buf_str(&told), "begin +a end <watching> begin"));
	assert_non_null(strstr(buf_str(&told), "begin +a end <watching> <retrying: "));
	assert_non_null(strstr(buf_str(&told), "<watching> +z"));
	assert_int_equal(reflector_restarts(reflector), 4);
}

static void what_is_known_is_not_told_but_in_a_list(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS },
		  200,
		  NULL,
		  EVENT("ADDED", "a", "6") INITIAL_END("5") EVENT("MODIFIED", "a", "6"),
		  CUT },
		{ { "watch=true", "resourceVersion=6" }, 200, NULL, EVENT("ADDED", "z", "8"), HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z");
	assert_non_null(strstr(buf_str(&told), "begin +a end <watching> known <retrying: "));
}

static void gone_means_a_new_list(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "a", "5") INITIAL_END("7"), END },
		{ { "resourceVersion=7" }, 410, NULL, STATUS("410", "Expired") },
		{ { STREAM_ASKS },
		  200,
		  NULL,
		  EVENT("ADDED", "b", "9") INITIAL_END("9") ERROR("410", "Gone"),
		  HOLD },
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "c", "9") INITIAL_END("9"), END },
		{ { "resourceVersion=9" }, 200, NULL, ERROR("500", "Expired"), HOLD },
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "z", "9") INITIAL_END("9"), HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z end");
	assert_non_null(strstr(buf_str(&told), "<listing> begin +b end <watching> <listing> begin +c end"));
}

static void errors_in_the_stream_are_tried_again_and_then_listed(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 200, NULL, INITIAL_END("7"), END },
		{ { "resourceVersion=7" }, 200, NULL, ERROR("500", "InternalError"), HOLD },
		{ { "resourceVersion=7" }, 200, NULL, "garbage\n", HOLD },
		{ { "resourceVersion=7" }, 200, NULL, ERROR("504", "Timeout"), HOLD },
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "z", "9") INITIAL_END("9"), HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z end");
	assert_non_null(strstr(buf_str(&told), "<retrying: the watch ended with 500 InternalError: m>"));
}

static void without_streaming_lists_there_are_pages(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 422, NULL, STATUS("422", "Invalid") },
		{ { "limit=500", "!continue", "!watch" },
		  200,
		  NULL,
		  PAGE("7", "next/1", OBJECT("a", "1") "," OBJECT("b", "2")),
		  END },
		{ { "limit=500", "continue=next%2F1" }, 200, NULL, PAGE("7", "n2", OBJECT("c", "3")), END },
		{ { "limit=500", "continue=n2" }, 200, NULL, PAGE("7", "", ""), END },
		{ { "watch=true", "resourceVersion=7" }, 200, NULL, EVENT("ADDED", "d", "8"), END },
		{ { "watch=true", "resourceVersion=8" }, 410, NULL, STATUS("410", "Expired") },
		/* It does not ask for a stream again. */
		{ { "limit=500" }, 200, NULL, PAGE("9", "", OBJECT("z", "9")), END },
		{ { "watch=true", "resourceVersion=9" }, 200, NULL, "", HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z end <watching>");
	assert_non_null(strstr(buf_str(&told), "<listing> begin +a +b +c end <watching> +d"));
}

static void a_continue_that_has_expired_lists_anew(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 400, NULL, STATUS("400", "BadRequest") },
		{ { "limit=500" }, 200, NULL, PAGE("7", "n", OBJECT("a", "1")), END },
		{ { "continue=n" }, 410, NULL, STATUS("410", "Expired") },
		{ { "limit=500", "!continue" }, 200, NULL, PAGE("8", "n", OBJECT("b", "1")), END },
		{ { "continue=n" }, 200, NULL, PAGE("8", "", OBJECT("c", "1")), CUT },
		{ { "limit=500", "!continue" }, 200, NULL, PAGE("9", "", OBJECT("z", "1")), END },
		{ { "resourceVersion=9" }, 200, NULL, "", HOLD },
	};
	START(RES_SERVICES, script);
	run_until("<watching>");
	assert_string_equal(buf_str(&told) + (told.len - strlen("begin +z end <watching>")),
			    "begin +z end <watching>");
}

static void a_list_that_never_ends_is_begun_again(void **state)
{
	(void)state;
	CLEANUP(freep) char *large = xasprintf(PAGE("7", "%0*d", ""), 16 * 1024 + 1, 0);
	struct step script[] = {
		{ { STREAM_ASKS }, 400, NULL, "" },
		{ { "limit=500" }, 200, NULL, PAGE("7", "n", ""), END },
		{ { "continue=n" }, 200, NULL, PAGE("7", "n", ""), END },
		{ { "limit=500", "!continue" }, 200, NULL, large, END },
		{ { "limit=500", "!continue" }, 200, NULL, PAGE("9", "", OBJECT("z", "1")), END },
		{ { "resourceVersion=9" }, 200, NULL, "", HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z end <watching>");
	assert_non_null(strstr(buf_str(&told), "<retrying: the list continues where it was>"));
	assert_non_null(strstr(buf_str(&told), "<retrying: the list's continue token is larger than"));
}

static void a_server_that_ignores_the_wish_is_listed_in_pages(void **state)
{
	(void)state;
	static const struct step script[] = {
		/* First by its silence, the second time by an ordinary bookmark. */
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "a", "5"), HOLD },
		{ { "limit=500" }, 200, NULL, PAGE("7", "", OBJECT("a", "5")), END },
		{ { "resourceVersion=7" }, 200, NULL, ERROR("410", "Expired"), END },
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "a", "5") BOOKMARK("9"), HOLD },
		{ { "limit=500" }, 200, NULL, PAGE("9", "", OBJECT("z", "5")), END },
		{ { "resourceVersion=9" }, 200, NULL, "", HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z end <watching>");
	assert_non_null(strstr(buf_str(&told), "begin +a begin +a end <watching>"));
}

static void a_bad_object_is_skipped_and_the_rest_goes_on(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS },
		  200,
		  NULL,
		  "{\"type\":\"ADDED\",\"object\":{}}\n{\"type\":\"ADDED\",\"object\":{\"metadata\":[]}}\n"
		  "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\"}}}\n" INITIAL_END(
			  "7") "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":7}}}\n"
			       "{\"type\":\"NEW\",\"object\":{}}\n" EVENT("ADDED", "z", "8"),
		  HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z");
	const char *bad = "{an object without metadata.name}";
	CLEANUP(freep)
	char *want =
		xasprintf("<listing> begin %s %s %s end <watching> %s {a watch event of an unknown type} +z",
			  bad, bad, bad, bad);
	assert_string_equal(buf_str(&told), want);
}

static void versions_are_tried_in_order(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { "/apis/cilium.io/v2/ciliumloadbalancerippools" }, 404, NULL, "404 page not found\n" },
		{ { "/apis/cilium.io/v2alpha1/ciliumloadbalancerippools" },
		  404,
		  NULL,
		  "404 page not found\n" },
		/* Looked for again after a while, from the best on. */
		{ { "/apis/cilium.io/v2/" }, 404, NULL, "" },
		{ { "/apis/cilium.io/v2alpha1/", STREAM_ASKS },
		  200,
		  NULL,
		  EVENT("ADDED", "p", "5") INITIAL_END("7"),
		  HOLD },
		/* Kicked: v2 is there now. */
		{ { "/apis/cilium.io/v2/", STREAM_ASKS },
		  200,
		  NULL,
		  EVENT("ADDED", "q", "5") INITIAL_END("7"),
		  END },
		/* And then the kind goes. */
		{ { "/apis/cilium.io/v2/", "resourceVersion=7" }, 404, NULL, "" },
		{ { "/apis/cilium.io/v2alpha1/", STREAM_ASKS }, 404, NULL, "gone" },
		{ { "/apis/cilium.io/v2/", STREAM_ASKS }, 200, NULL, INITIAL_END("9"), HOLD },
	};
	START(RES_CILIUM_POOLS, script);
	run_until("+p end <watching>");
	assert_string_equal(buf_str(&told),
			    "<not served: 404: 404 page not found> <listing> begin +p end <watching>");
	assert_string_equal(reflector_version(reflector), "v2alpha1");
	reflector_kick(reflector);
	run_until("+q end <watching>");
	assert_string_equal(reflector_version(reflector), "v2");
	run_until("<not served: 404: gone>");
	reflector_kick(reflector);
	run_until("<not served: 404: gone> <listing> begin end <watching>");
}

static void a_404_alone_is_no_proof_that_a_kind_is_gone(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { "/api/v1/services", STREAM_ASKS }, 404, NULL, "no" },
		/* It is listed: the next answer will be another one. */
		{ { "GET /api/v1 " },
		  200,
		  NULL,
		  "{\"resources\":[{\"name\":\"pods\"},{\"name\":\"services\"}]}",
		  END },
		{ { "/api/v1/services", STREAM_ASKS }, 404, NULL, "no" },
		/* Nothing was said: nothing is known. */
		{ { "GET /api/v1 " }, 503, NULL, "busy" },
		{ { "/api/v1/services", STREAM_ASKS },
		  200,
		  NULL,
		  EVENT("ADDED", "a", "5") INITIAL_END("7"),
		  END },
		{ { "resourceVersion=7" }, 404, NULL, "no" },
		{ { "GET /api/v1 " }, 200, NULL, "{\"resources\":[{\"name\":\"services/status\"}]}", END },
		{ { "/api/v1/services", STREAM_ASKS }, 404, NULL, "never heard of it" },
		{ { "GET /api/v1 " }, 404, NULL, "" },
		{ { "/api/v1/services", STREAM_ASKS }, 404, NULL, "nor now" },
		{ { "GET /api/v1 " }, 403, NULL, "" },
		{ { "/api/v1/services", STREAM_ASKS }, 200, NULL, INITIAL_END("9"), HOLD },
	};
	doubts = true;
	START(RES_SERVICES, script);
	run_until("nor now> <listing> begin end <watching>");
	assert_string_equal(buf_str(&told),
			    "<retrying: 404: no> <retrying: 503: busy> <listing> begin +a end <watching> "
			    "<retrying: the watch was cut> <not served: 404: no> "
			    "<not served: 404: never heard of it> <not served: 404: nor now> <listing> begin "
			    "end <watching>");
}

static void a_new_list_can_be_asked_for(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "a", "5") INITIAL_END("7"), HOLD },
		/* Most recent: without a resourceVersion. */
		{ { STREAM_ASKS, "!&resourceVersion=" },
		  200,
		  NULL,
		  EVENT("ADDED", "b", "8") INITIAL_END("9"),
		  HOLD },
		{ { STREAM_ASKS }, 404, NULL, "gone" },
		/* What it was told before is told again. */
		{ { STREAM_ASKS }, 404, NULL, "gone" },
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "c", "9") INITIAL_END("9"), HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+a end <watching>");
	reflector_relist(reflector);
	assert_false(reflector_synced(reflector));
	run_until("+b end <watching>");
	assert_true(reflector_synced(reflector));
	reflector_relist(reflector);
	run_until("<not served: 404: gone>");
	reflector_relist(reflector);
	run_until("<not served: 404: gone> <not served: 404: gone>");
	run_until("+c end <watching>");
	assert_string_equal(buf_str(&told), "<listing> begin +a end <watching> <listing> begin +b end "
					    "<watching> <not served: 404: gone> <not served: 404: gone> "
					    "<listing> begin +c end <watching>");
}

static void forbidden_is_told_once_and_tried_again(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 403, NULL, STATUS("403", "Forbidden") },
		{ { STREAM_ASKS }, 403, NULL, STATUS("403", "Forbidden") },
		{ { STREAM_ASKS }, 403, NULL, STATUS("403", "Forbidden") },
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "z", "5") INITIAL_END("7"), HOLD },
	};
	START(RES_SERVICES, script);
	run_until("+z end <watching>");
	assert_string_equal(buf_str(&told),
			    "<forbidden: 403 Forbidden: m> <listing> begin +z end <watching>");
}

static void retry_after_is_honoured(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 429, "Retry-After: 1\r\n", STATUS("429", "TooManyRequests") },
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "z", "5") INITIAL_END("7"), HOLD },
	};
	msec before = loop_now(loop);
	START(RES_SERVICES, script);
	run_until("+z end");
	assert_true(loop_now(loop) - before >= 1000);
}

static void a_stalled_watch_is_begun_again(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 200, NULL, INITIAL_END("7"), HOLD },
		{ { "resourceVersion=7" }, 200, NULL, EVENT("ADDED", "z", "8"), HOLD },
	};
	steps = script;
	n_steps = ARRAY_LEN(script);
	struct reflector_options o = {
		.kube = kube, .resource = resource(RES_NODES), .ops = &ops, .backoff_min = 2, .stall = 80
	};
	reflector = reflector_new(&o);
	run_until("+z");
	assert_non_null(strstr(buf_str(&told), "<retrying: nothing came for too long>"));
}

static void selectors_and_namespaces_are_asked_for(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { "/namespaces/x%2Fy/services?", "fieldSelector=metadata.name%3Da", "labelSelector=a%3Db" },
		  422,
		  NULL,
		  "" },
		{ { "/namespaces/x%2Fy/services?limit", "fieldSelector=metadata.name%3Da",
		    "labelSelector=a%3Db" },
		  200,
		  NULL,
		  PAGE("1", "", ""),
		  END },
		{ { "/namespaces/x%2Fy/services?watch", "fieldSelector=metadata.name%3Da",
		    "labelSelector=a%3Db" },
		  200,
		  NULL,
		  EVENT("ADDED", "z", "2"),
		  HOLD },
	};
	steps = script;
	n_steps = ARRAY_LEN(script);
	struct reflector_options o = { .kube = kube,
				       .resource = resource(RES_SERVICES),
				       .ns = "x/y",
				       .field_selector = "metadata.name=a",
				       .label_selector = "a=b",
				       .ops = &ops };
	reflector = reflector_new(&o);
	run_until("+z");
}

static void no_server_is_tried_again(void **state)
{
	(void)state;
	static const struct step script[] = {
		{ { STREAM_ASKS }, 200, NULL, EVENT("ADDED", "z", "5") INITIAL_END("7"), HOLD },
	};
	int port = server->port;
	raw_server_free(server);
	START(RES_SERVICES, script);
	server = NULL;
	wait_for = "<retrying: no answer: ";
	assert_int_equal(loop_run(loop, NULL), 0);
	server = raw_server_new(loop, port, serve, NULL);
	run_until("+z end");
}

/* ---- its end, at any moment ---- */

static size_t free_at;

static void free_at_some_point(struct reflector *r)
{
	if (free_at-- == 0) {
		reflector_free(r);
		reflector = NULL;
		loop_stop(loop);
	}
}

static void free_begin(void *arg)
{
	(void)arg;
	free_at_some_point(reflector);
}

static void free_object(struct js *object, void *arg)
{
	(void)object;
	free_begin(arg);
}

static void free_state(enum reflector_state s, const char *why, void *arg)
{
	(void)s;
	(void)why;
	free_begin(arg);
}

static void it_can_be_freed_in_any_callback(void **state)
{
	(void)state;
	static const struct reflector_ops free_ops = { .list_begin = free_begin,
						       .upsert = free_object,
						       .deleted = free_object,
						       .list_end = free_begin,
						       .state = free_state };
	static const struct step script[] = {
		{ { STREAM_ASKS }, 422, NULL, "" },
		{ { "limit=500" }, 200, NULL, PAGE("7", "n", OBJECT("a", "1")), END },
		{ { "limit=500" }, 200, NULL, PAGE("7", "", OBJECT("b", "1")), END },
		{ { "resourceVersion=7" },
		  200,
		  NULL,
		  EVENT("ADDED", "z", "8") EVENT("DELETED", "z", "9"),
		  CUT },
		{ { "resourceVersion=9" }, 403, NULL, "" },
		{ { "resourceVersion=9" }, 404, NULL, "" },
	};
	size_t n;
	steps = script;
	n_steps = ARRAY_LEN(script);
	for (n = 0; n < 11; n++) {
		at_step = 0;
		free_at = n;
		struct reflector_options o = { .kube = kube,
					       .resource = resource(RES_SERVICES),
					       .ops = &free_ops,
					       .backoff_min = 1,
					       .backoff_max = 2,
					       .look_again = 1000 };
		reflector = reflector_new(&o);
		wait_for = "";
		assert_int_equal(loop_run(loop, NULL), 0);
		assert_null(reflector);
	}
	assert_int_equal(at_step, n_steps);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_list_streams_in_and_the_watch_goes_on),
		T(a_cut_watch_resumes_where_it_was),
		T(what_is_known_is_not_told_but_in_a_list),
		T(gone_means_a_new_list),
		T(errors_in_the_stream_are_tried_again_and_then_listed),
		T(without_streaming_lists_there_are_pages),
		T(a_continue_that_has_expired_lists_anew),
		T(a_list_that_never_ends_is_begun_again),
		T(a_server_that_ignores_the_wish_is_listed_in_pages),
		T(a_bad_object_is_skipped_and_the_rest_goes_on),
		T(versions_are_tried_in_order),
		T(a_404_alone_is_no_proof_that_a_kind_is_gone),
		T(a_new_list_can_be_asked_for),
		T(forbidden_is_told_once_and_tried_again),
		T(retry_after_is_honoured),
		T(a_stalled_watch_is_begun_again),
		T(selectors_and_namespaces_are_asked_for),
		T(no_server_is_tried_again),
		T(it_can_be_freed_in_any_callback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
