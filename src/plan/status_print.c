#include "plan/status.h"

#include <stdio.h>

static const char RED[] = "\033[31m", YELLOW[] = "\033[33m", GREEN[] = "\033[32m", PLAIN[] = "\033[0m";

static const char *text(const struct js *j, const char *key)
{
	const char *s = js_str(js_get(j, key));
	return s ? s : "";
}

static char *joined(const struct js *list)
{
	struct buf all = BUF_INIT(4096);
	for (size_t i = 0; i < js_len(list); i++)
		buf_addf(&all, "%s%s", i ? "," : "",
			 js_str(js_item(list, i)) ? js_str(js_item(list, i)) : "?");
	return buf_take(&all);
}

/* "5d", "3h", "12m": one number is enough for a guess. */
static char *in_short(const struct js *seconds)
{
	int64_t s = js_int(seconds, -1);
	return s < 0              ? xstrdup("")
	       : s >= 730 * 86400 ? xstrdup(">2y")
	       : s >= 2 * 86400   ? xasprintf("%lldd", (long long)(s / 86400))
	       : s >= 2 * 3600    ? xasprintf("%lldh", (long long)(s / 3600))
				  : xasprintf("%lldm", (long long)(s / 60));
}

static const char *colour_of(const char *state)
{
	return strcmp(state, "ok") == 0                                           ? GREEN
	       : strcmp(state, "low") == 0                                        ? YELLOW
	       : strcmp(state, "disabled") == 0 || strcmp(state, "deleting") == 0 ? ""
										  : RED;
}

/* The last column, so that what a terminal does not show shifts none behind it. */
static char *coloured(const char *word, bool colour)
{
	const char *how = colour ? colour_of(word) : "";
	return xasprintf("%s%s%s", how, word, how[0] ? PLAIN : "");
}

static void print_pools(const struct js *pools, bool wide, bool colour, struct buf *out)
{
	struct columns t = { .n = wide ? 15 : 10, .coloured = colour };
	static const char *const head[] = { "POOL",     "FAMILY", "SIZE",     "USED",   "COOLING",
					    "RESERVED", "FREE",   "EMPTY IN", "POLICY", "STATE" };
	static const char *const wide_head[] = { "POOL",     "FAMILY",      "SIZE",      "USED",
						 "COOLING",  "RESERVED",    "FREE",      "EMPTY IN",
						 "POLICY",   "FOREIGN",     "FIRSTLAST", "EXCLUDED",
						 "PRIORITY", "REUSE AFTER", "STATE" };
	columns_add(&t, wide ? wide_head : head);
	for (size_t i = 0; i < js_len(pools); i++) {
		const struct js *p = js_item(pools, i);
		CLEANUP(freep) char *empty = in_short(js_get(p, "exhaustionSeconds"));
		CLEANUP(freep) char *state = coloured(text(p, "state"), colour);
		CLEANUP(freep)
		char *priority = xasprintf("%lld", (long long)js_int(js_get(p, "priority"), 0));
		CLEANUP(freep)
		char *reuse = xasprintf("%llds", (long long)js_int(js_get(p, "reuseAfterSeconds"), 0));
		const char *const row[] = { text(p, "name"),
					    text(p, "family"),
					    text(p, "size"),
					    text(p, "used"),
					    text(p, "cooling"),
					    text(p, "reserved"),
					    text(p, "free"),
					    empty,
					    text(p, "policy"),
					    wide ? text(p, "foreign") : state,
					    text(p, "firstLast"),
					    text(p, "excluded"),
					    priority,
					    reuse,
					    state };
		columns_add(&t, row);
	}
	columns_print(&t, out);
}

static void print_services(const struct js *services, struct buf *out)
{
	struct columns t = { .n = 4 };
	columns_add(&t, (const char *const[]){ "SERVICE", "HAS", "REASON", "MESSAGE" });
	for (size_t i = 0; i < js_len(services); i++) {
		const struct js *s = js_item(services, i);
		CLEANUP(freep) char *name = xasprintf("%s/%s", text(s, "namespace"), text(s, "name"));
		CLEANUP(freep) char *has = joined(js_get(s, "addresses"));
		columns_add(&t, (const char *const[]){ name, has, text(s, "reason"), text(s, "message") });
	}
	columns_print(&t, out);
}

static void print_reservations(const struct js *reservations, struct buf *out)
{
	struct columns t = { .n = 5 };
	columns_add(&t, (const char *const[]){ "RESERVATION", "ADDRESSES", "PHASE", "HOLDER", "MESSAGE" });
	for (size_t i = 0; i < js_len(reservations); i++) {
		const struct js *r = js_item(reservations, i);
		CLEANUP(freep) char *addresses = joined(js_get(r, "addresses"));
		columns_add(&t, (const char *const[]){ text(r, "name"), addresses, text(r, "phase"),
						       text(r, "holder"), text(r, "message") });
	}
	columns_print(&t, out);
}

/* Blocks of the cluster pool that Services have addresses of, and what nodes have of it. */
static void print_blocks(const struct js *blocks, const struct js *pod_cidrs, struct buf *out)
{
	struct columns t = { .n = 2 };
	columns_add(&t, (const char *const[]){ "BLOCK OF SERVICES", "USED" });
	for (size_t i = 0; i < js_len(blocks); i++) {
		const struct js *b = js_item(blocks, i);
		CLEANUP(freep) char *used = xasprintf("%lld", (long long)js_int(js_get(b, "used"), 0));
		columns_add(&t, (const char *const[]){ text(b, "block"), used });
	}
	if (js_len(blocks))
		columns_print(&t, out);
	for (size_t i = 0; i < js_len(pod_cidrs); i++) {
		const struct js *p = js_item(pod_cidrs, i);
		buf_addf(out, "PodCIDRs of %s: %lld of %lld in use\n", text(p, "family"),
			 (long long)js_int(js_get(p, "used"), 0), (long long)js_int(js_get(p, "total"), 0));
	}
}

static void print_nodes(const struct js *nodes, struct buf *out)
{
	struct columns t = { .n = 3 };
	columns_add(&t, (const char *const[]){ "NODE", "PODCIDRS", "MESSAGE" });
	for (size_t i = 0; i < js_len(nodes); i++) {
		const struct js *n = js_item(nodes, i);
		CLEANUP(freep) char *cidrs = joined(js_get(n, "podCIDRs"));
		columns_add(&t, (const char *const[]){ text(n, "name"), cidrs, text(n, "message") });
	}
	columns_print(&t, out);
}

static void print_leader(const struct js *leader, struct buf *out)
{
	if (text(leader, "since")[0])
		buf_addf(out, "Leads: %s since %s (Lease %s/%s)\n", text(leader, "holder"),
			 text(leader, "since"), text(leader, "namespace"), text(leader, "lease"));
	else
		buf_addf(out, "Leads: %s (Lease %s%s%s): %s\n",
			 js_bool(js_get(leader, "leads"), false) ? "the only one"
			 : text(leader, "namespace")[0]          ? "nobody"
								 : "nobody knows",
			 text(leader, "namespace"), text(leader, "namespace")[0] ? "/" : "",
			 text(leader, "lease"), text(leader, "message"));
}

static void print_verdict(const struct js *problems, bool colour, struct buf *out)
{
	if (js_len(problems) == 0)
		buf_addf(out, "%sAll is well.%s\n", colour ? GREEN : "", colour ? PLAIN : "");
	for (size_t i = 0; i < js_len(problems); i++)
		buf_addf(out, "%sProblem: %s%s\n", colour ? RED : "", js_str(js_item(problems, i)),
			 colour ? PLAIN : "");
}

void status_print(const struct js *document, enum plan_form form, bool colour, struct buf *out)
{
	if (form == PLAN_AS_JSON || form == PLAN_AS_YAML) {
		print_document(document, form, out);
		return;
	}
	const struct js *services = js_get(document, "services"),
			*reservations = js_get(document, "reservations");
	print_pools(js_get(document, "pools"), form == PLAN_AS_WIDE, colour, out);
	buf_add_char(out, '\n');
	if (js_len(services)) {
		print_services(services, out);
		buf_add_char(out, '\n');
	}
	if (js_len(reservations)) {
		print_reservations(reservations, out);
		buf_add_char(out, '\n');
	}
	const struct js *blocks = js_get(document, "blocks"), *cidrs = js_get(document, "podCIDRs"),
			*nodes = js_get(document, "nodes");
	if (js_len(blocks) || js_len(cidrs)) {
		print_blocks(blocks, cidrs, out);
		buf_add_char(out, '\n');
	}
	if (js_len(nodes)) {
		print_nodes(nodes, out);
		buf_add_char(out, '\n');
	}
	print_leader(js_get(document, "leader"), out);
	print_verdict(js_get(document, "problems"), colour, out);
}
