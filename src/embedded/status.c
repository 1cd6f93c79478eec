#include "embedded/status.h"

#include <stdio.h>

enum { MESSAGE_MAX = 32 * 1024 };

void status_done(struct status *st)
{
	free(st->message);
	free(st->name);
	problems_done(&st->problems);
	*st = (struct status){ 0 };
}

[[gnu::format(printf, 6, 0)]] static int set(struct status *st, int code, const char *reason,
					     const struct kind *k, const char *name, const char *fmt,
					     va_list ap)
{
	if (st->code)
		return -1;
	CLEANUP(buf_done) struct buf text = BUF_INIT(MESSAGE_MAX);
	buf_vaddf(&text, fmt, ap);
	st->code = code;
	st->reason = reason;
	st->message = buf_take(&text);
	st->kind = k;
	st->name = name ? xstrdup(name) : NULL;
	return -1;
}

[[gnu::format(printf, 6, 7)]] static int setf(struct status *st, int code, const char *reason,
					      const struct kind *k, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = set(st, code, reason, k, name, fmt, ap);
	va_end(ap);
	return r;
}

int status_fail(struct status *st, int code, const char *reason, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = set(st, code, reason, NULL, NULL, fmt, ap);
	va_end(ap);
	return r;
}

int status_not_found(struct status *st, const struct kind *k, const char *name)
{
	return setf(st, 404, "NotFound", k, name, "%s \"%s\" not found", k->resource, name);
}

int status_exists(struct status *st, const struct kind *k, const char *name)
{
	return setf(st, 409, "AlreadyExists", k, name, "%s \"%s\" already exists", k->resource, name);
}

int status_conflict(struct status *st, const struct kind *k, const char *name, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT(MESSAGE_MAX);
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&why, fmt, ap);
	va_end(ap);
	return setf(st, 409, "Conflict", k, name, "Operation cannot be fulfilled on %s \"%s\": %s",
		    k->resource, name, buf_str(&why));
}

int status_modified(struct status *st, const struct kind *k, const char *name)
{
	return status_conflict(
		st, k, name,
		"the object has been modified; please apply your changes to the latest version "
		"and try again");
}

int status_invalid(struct status *st, const struct kind *k, const char *name, struct problems *p)
{
	if (st->code)
		return -1;
	CLEANUP(buf_done) struct buf text = BUF_INIT(MESSAGE_MAX);
	buf_addf(&text, "%s%s%s \"%s\" is invalid: %s", k->kind, *k->group ? "." : "", k->group, name,
		 p->n > 1 ? "[" : "");
	for (size_t i = 0; i < p->n; i++)
		buf_addf(&text, "%s%s: %s", i ? ", " : "", p->items[i].field, p->items[i].message);
	buf_add_str(&text, p->n > 1 ? "]" : "");
	setf(st, 422, "Invalid", k, name, "%s", buf_str(&text));
	st->problems = *p;
	*p = (struct problems){ 0 };
	return -1;
}

int status_bad_request(struct status *st, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = set(st, 400, "BadRequest", NULL, NULL, fmt, ap);
	va_end(ap);
	return r;
}

int status_forbidden(struct status *st, const struct kind *k, const char *name, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT(MESSAGE_MAX);
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&why, fmt, ap);
	va_end(ap);
	return setf(st, 403, "Forbidden", k, name, "%s \"%s\" is forbidden: %s", k->resource, name,
		    buf_str(&why));
}

int status_internal(struct status *st, const struct err *e)
{
	return setf(st, 500, "InternalError", NULL, NULL, "Internal error occurred: %s", e->msg);
}

int status_expired(struct status *st)
{
	return setf(st, 410, "Expired", NULL, NULL, "The resourceVersion for the provided watch is too old.");
}

static struct js *new_status(const char *result)
{
	struct js *s = js_new_object();
	js_set(s, "kind", js_new_str("Status"));
	js_set(s, "apiVersion", js_new_str("v1"));
	js_set(s, "metadata", js_new_object());
	js_set(s, "status", js_new_str(result));
	return s;
}

/* In details, `kind` is the plural name, except for Invalid ones: that is how the API server has it. */
static struct js *details_of(const struct kind *k, const char *name, bool invalid)
{
	struct js *d = js_new_object();
	if (name)
		js_set(d, "name", js_new_str(name));
	if (k && *k->group)
		js_set(d, "group", js_new_str(k->group));
	if (k)
		js_set(d, "kind", js_new_str(invalid ? k->kind : k->plural));
	return d;
}

struct js *status_object(const struct status *st)
{
	struct js *s = new_status("Failure");
	js_set(s, "message", js_new_str(st->message));
	if (*st->reason)
		js_set(s, "reason", js_new_str(st->reason));
	struct js *d = details_of(st->kind, st->name, st->problems.n > 0);
	struct js *causes = js_new_array();
	for (size_t i = 0; i < st->problems.n; i++) {
		const struct problem *p = &st->problems.items[i];
		struct js *c = js_new_object();
		js_set(c, "reason",
		       js_new_str(st->problem_reason ? st->problem_reason : problem_reason(p->kind)));
		js_set(c, "message", js_new_str(p->message));
		js_set(c, "field", js_new_str(p->field));
		js_push(causes, c);
	}
	if (st->cause) {
		struct js *c = js_new_object();
		js_set(c, "reason", js_new_str(st->cause));
		js_set(c, "message", js_new_str(st->message));
		js_push(causes, c);
	}
	if (js_len(causes))
		js_set(d, "causes", causes);
	else
		js_free(causes);
	if (st->retry_after)
		js_set(d, "retryAfterSeconds", js_new_int(st->retry_after));
	if (js_len(d))
		js_set(s, "details", d);
	else
		js_free(d);
	js_set(s, "code", js_new_int(st->code));
	return s;
}

struct js *status_success(const struct kind *k, const char *name, const char *uid)
{
	struct js *s = new_status("Success");
	struct js *d = details_of(k, name, false);
	if (uid)
		js_set(d, "uid", js_new_str(uid));
	js_set(s, "details", d);
	return s;
}
