#include "embedded/fault.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>

enum {
	READS = FAULT_GET | FAULT_LIST | FAULT_WATCH,
	WRITES = FAULT_CREATE | FAULT_UPDATE | FAULT_PATCH | FAULT_DELETE | FAULT_DELETE_COLLECTION,
	DECIMALS = 6, /* of a probability */
	RETRY_AFTER_MAX = 3600,
	DELAY_MAX = 600'000, /* ms */
};

static const struct {
	const char *name;
	unsigned verbs; /* that it can strike */
	msec delay;     /* unless ms= says otherwise; 0 = it has none */
	int code;
} kinds[N_FAULTS] = {
	[FAULT_LATENCY] = { "latency", READS | WRITES, 100, 0 },
	[FAULT_403] = { "403", READS | WRITES, 0, 403 },
	[FAULT_404] = { "404", READS | WRITES, 0, 404 },
	[FAULT_409] = { "409", WRITES, 0, 409 },
	[FAULT_410] = { "410", FAULT_LIST | FAULT_WATCH, 0, 410 },
	[FAULT_429] = { "429", READS | WRITES, 0, 429 },
	[FAULT_500] = { "500", READS | WRITES, 0, 500 },
	[FAULT_503] = { "503", READS | WRITES, 0, 503 },
	[FAULT_DROP] = { "drop", READS | WRITES, 0, 0 },
	[FAULT_LOST] = { "lost", WRITES, 0, 0 },
	[FAULT_CUT] = { "cut", FAULT_WATCH, 1000, 0 },
};

static const struct {
	const char *name;
	unsigned bits;
} verbs[] = {
	{ "get", FAULT_GET },       { "list", FAULT_LIST },
	{ "watch", FAULT_WATCH },   { "create", FAULT_CREATE },
	{ "update", FAULT_UPDATE }, { "patch", FAULT_PATCH },
	{ "delete", FAULT_DELETE }, { "deletecollection", FAULT_DELETE_COLLECTION },
	{ "read", READS },          { "write", WRITES },
};

const char *fault_kind_name(enum fault_kind k)
{
	return kinds[k].name;
}

/* "1", "0.05", "1.0", ".5" in millionths. */
static int parse_chance(struct slice text, uint64_t *ret)
{
	struct slice whole = { 0 }, rest = text;
	uint64_t above = 0, value = 0;
	slice_cut(&rest, '.', &whole);
	if (text.len == 0 || (whole.len && slice_to_u64(whole, &above) < 0) || above > 1)
		return -EINVAL;
	if ((rest.ptr && rest.len > DECIMALS) || (whole.len == 0 && rest.len == 0))
		return -EINVAL;
	for (size_t i = 0; i < DECIMALS; i++) {
		char c = rest.ptr && i < rest.len ? rest.ptr[i] : '0';
		if (c < '0' || c > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(c - '0');
	}
	value += above * FAULT_CERTAIN;
	if (value > FAULT_CERTAIN)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int parse_kind(struct slice name, enum fault_kind *ret, struct err *e)
{
	for (int k = 0; k < N_FAULTS; k++) {
		if (slice_is(name, kinds[k].name)) {
			*ret = (enum fault_kind)k;
			return 0;
		}
	}
	return err_set(e, EINVAL,
		       "unknown fault \"%.*s\": want latency, 403, 404, 409, 410, 429, 500, 503, drop, lost "
		       "or cut",
		       SLICE_ARG(name));
}

static int parse_verbs(struct slice list, const char *kind, unsigned can, unsigned *ret, struct err *e)
{
	struct slice rest = list, name;
	unsigned found = 0;
	while (slice_cut(&rest, '+', &name)) {
		unsigned bits = 0;
		for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
			if (slice_is(name, verbs[i].name))
				bits = verbs[i].bits;
		if (!bits)
			return err_set(e, EINVAL,
				       "%s: unknown verb \"%.*s\": want get, list, watch, create, update, "
				       "patch, delete, deletecollection, read or write",
				       kind, SLICE_ARG(name));
		if (!(bits & can))
			return err_set(e, EINVAL, "%s: cannot strike the verb %.*s", kind, SLICE_ARG(name));
		found |= bits & can;
	}
	*ret = found;
	return 0;
}

static bool is_resource_list(struct slice list)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-/";
	struct slice rest = list, name;
	while (slice_cut(&rest, '+', &name)) {
		if (name.len == 0)
			return false;
		for (size_t i = 0; i < name.len; i++)
			if (!memchr(letters, name.ptr[i], sizeof(letters) - 1))
				return false;
	}
	return true;
}

static int parse_option(struct fault_rule *r, struct slice key, struct slice value, struct err *e)
{
	const char *kind = kinds[r->kind].name;
	uint64_t n = 0;
	msec *time = slice_is(key, "from")    ? &r->from
		     : slice_is(key, "until") ? &r->until
		     : slice_is(key, "every") ? &r->every
					      : NULL;
	if (slice_is(key, "verb"))
		return parse_verbs(value, kind, kinds[r->kind].verbs, &r->verbs, e);
	if (slice_is(key, "resource") || slice_is(key, "not")) {
		if (r->resources)
			return err_set(e, EINVAL, "%s: resource= and not= are given more than once", kind);
		if (!is_resource_list(value))
			return err_set(e, EINVAL,
				       "%s: %.*s=\"%.*s\": want plurals such as services+ipaddresses", kind,
				       SLICE_ARG(key), SLICE_ARG(value));
		r->all_but = slice_is(key, "not");
		r->resources = xstrndup(value.ptr, value.len);
	} else if (slice_is(key, "agent")) {
		free(r->agent);
		r->agent = xstrndup(value.ptr, value.len);
	} else if (slice_is(key, "ms") && kinds[r->kind].delay) {
		if (slice_to_u64(value, &n) < 0 || n == 0 || n > DELAY_MAX)
			return err_set(e, EINVAL, "%s: ms=\"%.*s\": want a number from 1 to %d", kind,
				       SLICE_ARG(value), DELAY_MAX);
		r->delay = (msec)n;
	} else if (slice_is(key, "retry-after") && (r->kind == FAULT_429 || r->kind == FAULT_503)) {
		if (slice_to_u64(value, &n) < 0 || n > RETRY_AFTER_MAX)
			return err_set(e, EINVAL, "%s: retry-after=\"%.*s\": want seconds from 0 to %d", kind,
				       SLICE_ARG(value), RETRY_AFTER_MAX);
		r->retry_after = (int)n;
	} else if (time) {
		if (duration_parse(value, time) < 0)
			return err_set(e, EINVAL, "%s: %.*s=\"%.*s\": want a duration such as 10s", kind,
				       SLICE_ARG(key), SLICE_ARG(value));
	} else {
		return err_set(e, EINVAL,
			       "%s: unknown option \"%.*s\": want verb, resource, not, agent, from, until, "
			       "every%s%s",
			       kind, SLICE_ARG(key), kinds[r->kind].delay ? ", ms" : "",
			       r->kind == FAULT_429 || r->kind == FAULT_503 ? ", retry-after" : "");
	}
	return 0;
}

static int parse_rule(struct slice text, struct fault_rule *r, struct err *e)
{
	struct slice rest = text, head = { 0 }, name = { 0 }, option;
	slice_cut(&rest, ',', &head);
	slice_cut(&head, ':', &name);
	int code = parse_kind(name, &r->kind, e);
	if (code < 0)
		return code;
	*r = (struct fault_rule){ .kind = r->kind,
				  .chance = FAULT_CERTAIN,
				  .verbs = kinds[r->kind].verbs,
				  .delay = kinds[r->kind].delay,
				  .retry_after = r->kind == FAULT_429 };
	if (head.ptr && parse_chance(head, &r->chance) < 0)
		return err_set(e, EINVAL, "%s: probability \"%.*s\": want a number from 0 to 1 such as 0.05",
			       kinds[r->kind].name, SLICE_ARG(head));
	while (slice_cut(&rest, ',', &option)) {
		struct slice key = { 0 };
		slice_cut(&option, '=', &key);
		code = option.ptr ? parse_option(r, key, option, e)
				  : err_set(e, EINVAL, "%s: \"%.*s\": want OPTION=VALUE", kinds[r->kind].name,
					    SLICE_ARG(key));
		if (code < 0)
			return code;
	}
	if (r->until && r->until <= r->from)
		return err_set(e, EINVAL, "%s: until= must be later than from=", kinds[r->kind].name);
	if (r->every && (!r->until || r->until > r->every))
		return err_set(e, EINVAL, "%s: every= wants an until= that is not later than it",
			       kinds[r->kind].name);
	return 0;
}

static int parse_all(struct slice rest, struct fault_plan *p, struct err *e)
{
	struct slice piece;
	while (slice_cut(&rest, ';', &piece)) {
		struct slice text = slice_trim(piece);
		if (text.len == 0)
			continue;
		if (slice_starts(text, "seed=")) {
			struct slice number = { text.ptr + 5, text.len - 5 };
			if (slice_to_u64(number, &p->rng.state) < 0)
				return err_set(e, EINVAL, "seed=\"%.*s\": want a number", SLICE_ARG(number));
			continue;
		}
		vec_grow(&p->rules, &p->cap, p->n + 1);
		struct fault_rule *r = &p->rules[p->n++];
		*r = (struct fault_rule){ 0 };
		int code = parse_rule(text, r, e);
		if (code < 0)
			return code;
	}
	return 0;
}

int fault_parse(const char *spec, struct fault_plan *ret, struct err *e)
{
	struct fault_plan p = { 0 };
	int r = parse_all(slice_of(spec), &p, e);
	if (r < 0) {
		fault_plan_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void fault_plan_done(struct fault_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rules[i].resources);
		free(p->rules[i].agent);
	}
	free(p->rules);
	*p = (struct fault_plan){ 0 };
}

/* "services" names the subresources too, "services/status" only that one. */
static bool names(const char *list, const struct fault_request *r)
{
	struct slice rest = slice_of(list), name, plural;
	while (slice_cut(&rest, '+', &name)) {
		struct slice sub = name;
		slice_cut(&sub, '/', &plural);
		if (slice_is(plural, r->resource) && (!sub.ptr || slice_is(sub, r->subresource)))
			return true;
	}
	return false;
}

static bool is_time(const struct fault_rule *rule, msec at)
{
	msec t = rule->every ? at % rule->every : at;
	return t >= rule->from && (!rule->until || t < rule->until);
}

static bool concerns(const struct fault_rule *rule, const struct fault_request *r)
{
	if (!(rule->verbs & (unsigned)r->verb) || !is_time(rule, r->at))
		return false;
	if (rule->agent && (!r->agent || strncmp(r->agent, rule->agent, strlen(rule->agent)) != 0))
		return false;
	return !rule->resources || names(rule->resources, r) != rule->all_but;
}

struct fault_verdict fault_decide(struct fault_plan *p, const struct fault_request *r)
{
	struct fault_verdict v = { 0 };
	for (size_t i = 0; i < p->n; i++) {
		struct fault_rule *rule = &p->rules[i];
		bool ended = v.code || v.drop || v.lost || v.cut;
		if ((ended && rule->kind != FAULT_LATENCY) || !concerns(rule, r) ||
		    rng_below(&p->rng, FAULT_CERTAIN) >= rule->chance)
			continue;
		rule->struck++;
		switch (rule->kind) {
		case FAULT_LATENCY:
			v.latency += rule->delay;
			break;
		case FAULT_DROP:
			v.drop = true;
			break;
		case FAULT_LOST:
			v.lost = true;
			break;
		case FAULT_CUT:
			v.cut = true;
			v.cut_after = (msec)rng_below(&p->rng, (uint64_t)rule->delay + 1);
			break;
		case FAULT_403:
		case FAULT_404:
		case FAULT_409:
		case FAULT_410:
		case FAULT_429:
		case FAULT_500:
		case FAULT_503:
			v.code = kinds[rule->kind].code;
			v.retry_after = rule->retry_after;
			break;
		case N_FAULTS:
			break;
		}
	}
	return v;
}
