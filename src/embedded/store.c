#include "embedded/store.h"

#include "base/mem.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

enum { FORMAT = 1, COMPACT_AT_ONCE = 2000, LOCK_WAIT = 1000 /* ms */ };

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_GET,
	ST_PUT,
	ST_DELETE,
	ST_LOG,
	ST_LIST,
	ST_LIST_AT,
	ST_COUNT,
	ST_CHANGES,
	ST_COMPACT,
	N_STATEMENTS,
};

static const char *const sql[N_STATEMENTS] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_GET] = "SELECT body, rv FROM objects WHERE resource = ?1 AND ns = ?2 AND name = ?3",
	[ST_PUT] = "INSERT INTO objects (resource, ns, name, rv, body) VALUES (?1, ?2, ?3, ?4, ?5)"
		   " ON CONFLICT (resource, ns, name) DO UPDATE SET rv = excluded.rv, body = excluded.body",
	[ST_DELETE] = "DELETE FROM objects WHERE resource = ?1 AND ns = ?2 AND name = ?3",
	[ST_LOG] =
		"INSERT INTO changes (rv, resource, ns, name, type, before) VALUES (?4, ?1, ?2, ?3, ?5, ?6)",
	[ST_LIST] = "SELECT ns, name, rv, body FROM objects WHERE resource = ?1 AND (?2 IS NULL OR ns = ?2)"
		    " AND (ns, name) > (?3, ?4) ORDER BY ns, name LIMIT ?5",
	/* An object as of revision ?6 is the object itself if it is that old, or else what the first change
	 * after ?6 found. */
	[ST_LIST_AT] =
		"SELECT ns, name, rv, body FROM objects WHERE resource = ?1 AND (?2 IS NULL OR ns = ?2)"
		" AND (ns, name) > (?3, ?4) AND rv <= ?6"
		" UNION ALL SELECT c.ns, c.name, 0, c.before FROM changes c WHERE c.resource = ?1"
		" AND (?2 IS NULL OR c.ns = ?2) AND (c.ns, c.name) > (?3, ?4) AND c.rv > ?6"
		" AND c.before IS NOT NULL AND NOT EXISTS (SELECT 1 FROM changes p WHERE p.resource = "
		"c.resource"
		" AND p.ns = c.ns AND p.name = c.name AND p.rv > ?6 AND p.rv < c.rv)"
		" ORDER BY 1, 2 LIMIT ?5",
	[ST_COUNT] = "SELECT count(*) FROM objects WHERE resource = ?1 AND (?2 IS NULL OR ns = ?2)",
	[ST_CHANGES] =
		"SELECT c.rv, c.type, c.ns, c.name, c.before, CASE c.type WHEN 2 THEN NULL ELSE coalesce("
		"(SELECT n.before FROM changes n WHERE n.resource = c.resource AND n.ns = c.ns"
		" AND n.name = c.name AND n.rv > c.rv ORDER BY n.rv LIMIT 1),"
		"(SELECT o.body FROM objects o WHERE o.resource = c.resource AND o.ns = c.ns"
		" AND o.name = c.name)) END"
		" FROM changes c WHERE c.rv > ?3 AND c.resource = ?1 AND (?2 IS NULL OR c.ns = ?2)"
		" ORDER BY c.rv LIMIT ?4",
	[ST_COMPACT] = "DELETE FROM changes WHERE rv <= ?1",
};

static const char schema_sql[] =
	"CREATE TABLE IF NOT EXISTS objects (resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,"
	" rv INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE UNIQUE INDEX IF NOT EXISTS objects_key ON objects (resource, ns, name);"
	"CREATE TABLE IF NOT EXISTS changes (rv INTEGER PRIMARY KEY, resource TEXT NOT NULL, ns TEXT NOT "
	"NULL,"
	" name TEXT NOT NULL, type INTEGER NOT NULL, before BLOB);"
	"CREATE INDEX IF NOT EXISTS changes_key ON changes (resource, ns, name, rv);"
	"CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;";

struct store {
	sqlite3 *db;
	sqlite3_stmt *st[N_STATEMENTS];
	int64_t keep;
	int64_t revision, committed; /* newest, and newest outside of the open transaction */
	int64_t floor;
	bool is_new, open;
};

static int fail(struct store *s, const char *doing, struct err *e)
{
	int code = sqlite3_errcode(s->db);
	return err_set(e, code == SQLITE_FULL ? ENOSPC : EIO, "store: %s: %s", doing, sqlite3_errmsg(s->db));
}

static int run(struct store *s, const char *text, struct err *e)
{
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, text, e);
}

/* A prepared statement with its first three parameters, ready to be bound further. */
static sqlite3_stmt *use(struct store *s, enum statement which, const char *a, const char *b, const char *c)
{
	sqlite3_stmt *st = s->st[which];
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	const char *texts[] = { a, b, c };
	for (int i = 0; i < 3; i++)
		if (texts[i])
			sqlite3_bind_text(st, i + 1, texts[i], -1, SQLITE_STATIC);
	return st;
}

static int done(struct store *s, sqlite3_stmt *st, const char *doing, struct err *e)
{
	int r = sqlite3_step(st);
	if (r == SQLITE_DONE || r == SQLITE_ROW) {
		sqlite3_reset(st);
		return 0;
	}
	int failed = fail(s, doing, e);
	sqlite3_reset(st);
	return failed;
}

static struct slice column_bytes(sqlite3_stmt *st, int i)
{
	const char *p = sqlite3_column_blob(st, i);
	return (struct slice){ p, p ? (size_t)sqlite3_column_bytes(st, i) : 0 };
}

static const char *column_text(sqlite3_stmt *st, int i)
{
	const char *t = (const char *)sqlite3_column_text(st, i);
	return t ? t : "";
}

static int read_fact(struct store *s, const char *name, int64_t *ret, struct err *e)
{
	sqlite3_stmt *st = NULL;
	if (sqlite3_prepare_v2(s->db, "SELECT value FROM facts WHERE name = ?1", -1, &st, NULL) != SQLITE_OK)
		return fail(s, "read", e);
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	int r = sqlite3_step(st);
	if (r == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	int failed = r != SQLITE_ROW && r != SQLITE_DONE ? fail(s, "read", e) : 0;
	sqlite3_finalize(st);
	return failed < 0 ? failed : r == SQLITE_ROW;
}

static int write_fact(struct store *s, const char *name, int64_t value, struct err *e)
{
	char text[160];
	sqlite3_snprintf((int)sizeof(text), text, "INSERT OR REPLACE INTO facts VALUES ('%q', %lld)", name,
			 (long long)value);
	return run(s, text, e);
}

static int load(struct store *s, struct err *e)
{
	int64_t format = 0, oldest = 0;
	int r = read_fact(s, "format", &format, e);
	if (r < 0)
		return r;
	s->is_new = r == 0;
	if (!s->is_new && format != FORMAT)
		return err_set(e, EINVAL, "store: format %lld, want %d", (long long)format, FORMAT);
	if (s->is_new && (r = write_fact(s, "format", FORMAT, e)) < 0)
		return r;
	/* The log always holds the newest change, so its end is the revision. */
	sqlite3_stmt *st = NULL;
	const char *ask = "SELECT coalesce(max(rv), 0), coalesce(min(rv), 1) FROM changes";
	if (sqlite3_prepare_v2(s->db, ask, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW) {
		sqlite3_finalize(st);
		return fail(s, "read the log", e);
	}
	s->revision = s->committed = sqlite3_column_int64(st, 0);
	oldest = sqlite3_column_int64(st, 1);
	s->floor = oldest - 1;
	sqlite3_finalize(st);
	return 0;
}

int store_open(const char *file, int64_t keep, struct store **ret, struct err *e)
{
	struct store *s = xcalloc(1, sizeof(*s));
	s->keep = keep;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int r = 0;
	if (sqlite3_open_v2(file ? file : ":memory:", &s->db, flags, NULL) != SQLITE_OK)
		r = err_set(e, EIO, "store: open %s: %s", file ? file : "in memory", sqlite3_errmsg(s->db));
	/* One process per file: a second one would hand out the same revisions. One that is just ending is
	 * waited for. */
	if (r == 0)
		sqlite3_busy_timeout(s->db, LOCK_WAIT);
	if (r == 0 && file)
		r = run(s,
			"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
			" PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;",
			e);
	if (r == 0)
		r = run(s, schema_sql, e);
	if (r == 0)
		r = load(s, e);
	for (int i = 0; r == 0 && i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->st[i], NULL) !=
		    SQLITE_OK)
			r = fail(s, "prepare", e);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	free(s);
}

bool store_is_new(const struct store *s)
{
	return s->is_new;
}

int64_t store_revision(const struct store *s)
{
	return s->revision;
}

int64_t store_floor(const struct store *s)
{
	return s->floor;
}

int64_t store_next(const struct store *s)
{
	return s->revision + 1;
}

bool store_in_transaction(const struct store *s)
{
	return s->open;
}

int store_begin(struct store *s, struct err *e)
{
	int r = done(s, use(s, ST_BEGIN, NULL, NULL, NULL), "begin", e);
	s->open = r == 0;
	return r;
}

int store_commit(struct store *s, struct err *e)
{
	int r = done(s, use(s, ST_COMMIT, NULL, NULL, NULL), "commit", e);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	s->open = false;
	s->committed = s->revision;
	return 0;
}

void store_rollback(struct store *s)
{
	/* SQLite may have rolled back by itself, on a full disk for one. */
	if (!sqlite3_get_autocommit(s->db))
		(void)done(s, use(s, ST_ROLLBACK, NULL, NULL, NULL), "rollback", NULL);
	s->open = false;
	s->revision = s->committed;
}

static void bind_bytes(sqlite3_stmt *st, int i, struct slice bytes)
{
	if (bytes.len)
		sqlite3_bind_blob(st, i, bytes.ptr, (int)bytes.len, SQLITE_STATIC);
}

int store_write(struct store *s, const struct store_key *k, struct slice before, struct slice after,
		struct err *e)
{
	int64_t rv = s->revision + 1;
	enum change_type type = !after.len ? CHANGE_DELETED : before.len ? CHANGE_MODIFIED : CHANGE_ADDED;
	sqlite3_stmt *st = use(s, ST_LOG, k->resource, k->ns, k->name);
	sqlite3_bind_int64(st, 4, rv);
	sqlite3_bind_int(st, 5, type);
	bind_bytes(st, 6, before);
	int r = done(s, st, "write the log", e);
	if (r < 0)
		return r;
	st = use(s, after.len ? ST_PUT : ST_DELETE, k->resource, k->ns, k->name);
	if (after.len) {
		sqlite3_bind_int64(st, 4, rv);
		bind_bytes(st, 5, after);
	}
	r = done(s, st, "write", e);
	if (r == 0)
		s->revision = rv;
	return r;
}

int store_get(struct store *s, const struct store_key *k, char **ret_body, int64_t *ret_rv, struct err *e)
{
	sqlite3_stmt *st = use(s, ST_GET, k->resource, k->ns, k->name);
	int r = sqlite3_step(st);
	int code = 0;
	if (r == SQLITE_ROW) {
		struct slice body = column_bytes(st, 0);
		*ret_body = xstrndup(body.ptr ? body.ptr : "", body.len);
		if (ret_rv)
			*ret_rv = sqlite3_column_int64(st, 1);
	} else {
		code = r == SQLITE_DONE ? err_set(e, ENOENT, "%s %s not found", k->resource, k->name)
					: fail(s, "read", e);
	}
	sqlite3_reset(st);
	return code;
}

int store_list(struct store *s, const struct store_list *l, store_row_fn *fn, void *arg, struct err *e)
{
	bool past = l->at != 0 && l->at < s->revision;
	if (past && l->at < s->floor)
		return err_set(e, ESTALE, "revision %lld is compacted", (long long)l->at);
	sqlite3_stmt *st = use(s, past ? ST_LIST_AT : ST_LIST, l->resource, l->ns, NULL);
	sqlite3_bind_text(st, 3, l->after_ns ? l->after_ns : "", -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, l->after_name ? l->after_name : "", -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, l->limit ? l->limit : -1);
	if (past)
		sqlite3_bind_int64(st, 6, l->at);
	int r;
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_row row = { column_text(st, 0), column_text(st, 1), sqlite3_column_int64(st, 2),
					 column_bytes(st, 3) };
		if (!fn(&row, arg)) {
			r = SQLITE_DONE;
			break;
		}
	}
	int code = r == SQLITE_DONE ? 0 : fail(s, "list", e);
	sqlite3_reset(st);
	return code;
}

int64_t store_count(struct store *s, const char *resource, const char *ns)
{
	sqlite3_stmt *st = use(s, ST_COUNT, resource, ns, NULL);
	int64_t n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return n;
}

int store_changes(struct store *s, const char *resource, const char *ns, int64_t after, int64_t limit,
		  store_change_fn *fn, void *arg, struct err *e)
{
	if (after < s->floor)
		return err_set(e, ESTALE, "revision %lld is compacted", (long long)after);
	sqlite3_stmt *st = use(s, ST_CHANGES, resource, ns, NULL);
	sqlite3_bind_int64(st, 3, after);
	sqlite3_bind_int64(st, 4, limit ? limit : -1);
	int r;
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_change c = {
			.rv = sqlite3_column_int64(st, 0),
			.type = (enum change_type)sqlite3_column_int(st, 1),
			.ns = column_text(st, 2),
			.name = column_text(st, 3),
			.before = column_bytes(st, 4),
			.after = column_bytes(st, 5),
		};
		if (!fn(&c, arg)) {
			r = SQLITE_DONE;
			break;
		}
	}
	int code = r == SQLITE_DONE ? 0 : fail(s, "read the log", e);
	sqlite3_reset(st);
	return code;
}

static int compact(struct store *s, int64_t upto, struct err *e)
{
	if (upto <= s->floor)
		return 0;
	sqlite3_stmt *st = use(s, ST_COMPACT, NULL, NULL, NULL);
	sqlite3_bind_int64(st, 1, upto);
	int r = done(s, st, "compact", e);
	if (r == 0)
		s->floor = upto;
	return r;
}

int store_compact(struct store *s, struct err *e)
{
	int64_t upto = s->revision - s->keep;
	/* In steps, so that one call never takes long. */
	return compact(s, upto > s->floor + COMPACT_AT_ONCE ? s->floor + COMPACT_AT_ONCE : upto, e);
}

int store_compact_all(struct store *s, struct err *e)
{
	return compact(s, s->revision, e);
}
