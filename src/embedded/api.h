/* What the parts of the embedded API share: one server, its store, its kinds, and the open transaction.
 *
 * Writes of one turn of the loop go into one transaction. Their answers and watch events wait until it is
 * committed, so nobody ever hears of a write that is lost. */
#pragma once

#include "base/log.h"
#include "base/rand.h"
#include "embedded/kinds.h"
#include "embedded/net.h"
#include "embedded/status.h"
#include "embedded/store.h"
#include "io/http_server.h"
#include "io/loop.h"

struct hub;
struct addresses;
struct fault_gate;

/* One change of the open transaction. Owned with all below. */
struct change {
	enum change_type type;
	char *stored_as, *ns, *name;
	int64_t rv;
	struct js *object,
		*before; /* before NULL: there was nothing; object is the last state when deleted */
	char *body;      /* the text of `object` */
};

struct reply {
	struct http_exchange *x;
	int code;
	char *content_type; /* owned */
	char *body;         /* owned */
	size_t len;
};

struct api {
	struct loop *loop;
	struct http_server *http;
	struct store *store;
	struct registry kinds;
	struct hub *hub;
	struct addresses *addresses;
	struct fault_gate *faults; /* NULL = none */
	const struct log *log;
	struct rng rng;
	struct loop_timer *commit, *minute;
	struct change *changes; /* owned */
	size_t n_changes, cap_changes;
	struct reply *replies; /* owned */
	size_t n_replies, cap_replies;
	/* Kinds that no longer exist: freed once the last events about them are out. */
	struct kind **retired;
	size_t n_retired, cap_retired;
};

/* Opens the transaction of this turn if there is none. */
int api_begin(struct api *a, struct status *st);
/* Commits what is open, sends the answers and publishes the changes. Reads do this first. */
void api_flush(struct api *a);
/* After a failed write: nothing of this turn has happened. Its answers become 500. */
void api_abort(struct api *a, const struct err *e);
/* Takes all pointers over. */
void api_add_change(struct api *a, struct change c);
/* Takes a kind that is in no registry any more over. */
void api_retire(struct api *a, struct kind *k);
/* Answers when the open transaction is committed, at once when there is none. Takes `body` over. */
void api_reply(struct api *a, struct http_exchange *x, int code, const char *content_type, char *body,
	       size_t len);
/* Reads everything that is kept in memory again from the store. */
int api_reload(struct api *a, struct err *e);
