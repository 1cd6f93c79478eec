/* The store of the embedded API: objects as JSON text, one revision number for all of them, and a log of
 * changes from which watches resume and lists of the past are made. SQLite; store.c is the only file that
 * knows it.
 *
 * The log keeps what an object was *before* each change. What it was after is what the next change of the
 * same object found, or the object itself: so every text is stored once. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct store;

/* resource is the kind's name in the store: "services", "ciliumloadbalancerippools.cilium.io". */
struct store_key {
	const char *resource, *ns, *name; /* borrowed; ns "" = cluster-scoped */
};

enum change_type { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED };

struct store_row {
	const char *ns, *name; /* borrowed for the call */
	int64_t rv;
	struct slice body;
};

struct store_change {
	enum change_type type;
	int64_t rv;
	const char *ns, *name; /* borrowed for the call */
	struct slice before;   /* empty: there was nothing */
	struct slice after;    /* empty: there is nothing */
};

/* Return false to stop. */
typedef bool store_row_fn(const struct store_row *row, void *arg);
typedef bool store_change_fn(const struct store_change *c, void *arg);

/* file NULL = in memory. `keep` = how many changes the log holds at least. -EIO, -EINVAL (not our file). */
int store_open(const char *file, int64_t keep, struct store **ret, struct err *e);
void store_close(struct store *s); /* NULL allowed; drops an open transaction */

/* Was the file made by this store_open()? */
bool store_is_new(const struct store *s);
/* The newest revision, that of an open transaction included. */
int64_t store_revision(const struct store *s);
/* Changes after this revision are all in the log. */
int64_t store_floor(const struct store *s);

/* Writes need an open transaction. Any failure of a write means: roll back. */
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);
bool store_in_transaction(const struct store *s);

/* The revision that the next write must carry; counted up by store_write(). */
int64_t store_next(const struct store *s);
/* before: the text that is there now, empty for none. after: empty = delete. */
int store_write(struct store *s, const struct store_key *key, struct slice before, struct slice after,
		struct err *e);

/* The text, owned by the caller; *ret_rv may be NULL. -ENOENT. */
int store_get(struct store *s, const struct store_key *key, char **ret_body, int64_t *ret_rv, struct err *e);

struct store_list {
	const char *resource;
	const char *ns;                    /* NULL = all */
	const char *after_ns, *after_name; /* NULL = from the first */
	int64_t at;                        /* as of this revision; 0 = now */
	int64_t limit;                     /* 0 = all */
};
/* In order of namespace and name. fn must not write. -ESTALE: `at` is compacted. */
int store_list(struct store *s, const struct store_list *l, store_row_fn *fn, void *arg, struct err *e);
int64_t store_count(struct store *s, const char *resource, const char *ns);

/* Changes of a resource with a revision above `after`, in order; ns NULL = all. -ESTALE: compacted. */
int store_changes(struct store *s, const char *resource, const char *ns, int64_t after, int64_t limit,
		  store_change_fn *fn, void *arg, struct err *e);
/* Forgets old changes; needs no transaction. Cheap when there is little to do. */
int store_compact(struct store *s, struct err *e);
/* Forgets all of them. */
int store_compact_all(struct store *s, struct err *e);
