/* What the files of this room share. */
#pragma once

#include "kube/reflector.h"
#include "operator/operator.h"
#include "view/view.h"

/* One kind that is listed and watched. */
struct feed {
	struct berth_operator *o;
	enum ipam_kind kind;
	struct reflector *reflector; /* owned; NULL = not watched */
	enum reflector_state state;
	char why[200];
	bool told; /* its list is complete, or there is none to be had */
};

struct election;

struct berth_operator {
	struct loop *loop;
	struct kube *kube;
	struct operator_config config;
	struct view_config view;
	struct ipam *ipam;
	struct feed feeds[IPAM_KINDS];
	struct loop_timer *pump;
	struct call *calls; /* requests on their way */
	struct config_map_call *config_maps;
	struct forecasting *forecasting; /* NULL until it leads */
	unsigned n_calls;
	uint64_t serial;
	bool stopping;
	bool began; /* the first lists are complete, and what follows from them was said */
	loop_fn *on_stopped;
	void *on_stopped_arg;
	struct loop_timer *patience;
	struct install *install;
	bool installed;
	struct election *election; /* NULL = none */
	bool following;            /* its lists began before it led */
	bool leads;                /* decides and writes; without an election always */
	char not_ready[256];
};

struct moment operator_now(const struct berth_operator *o);
/* Lets the core work in the next turn of the loop. */
void operator_kick(struct berth_operator *o);
void operator_stopped_if_idle(struct berth_operator *o);

/* What an election may bring, each at most once: lists and watches begin, without deciding; leads, from
 * most-recent lists; is over. */
void operator_follow(struct berth_operator *o);
void operator_lead(struct berth_operator *o);
void operator_lost(struct berth_operator *o);

/* feed.c */
void feeds_start(struct berth_operator *o);
/* All kinds are listed anew. */
void feeds_relist(struct berth_operator *o);
void feeds_free(struct berth_operator *o);
void feed_object(struct berth_operator *o, enum ipam_kind kind, const struct js *object, enum told_by by);

/* act.c */
void act(struct berth_operator *o, const struct effect *x);
void act_cancel_all(struct berth_operator *o);

/* config_map.c */
struct config_map_job {
	const char *name;
	const char *complaint; /* a log line: what has failed; a literal */
	/* What to send for the one that there is (map and version NULL = there is none); nothing: it was only
	 * to be read. May be called again, when somebody else wrote meanwhile. */
	void (*body)(const struct js *map, const char *version, struct buf *out, void *arg);
	void (*done)(enum outcome o, msec retry_after, void *arg); /* once, unless it is cancelled */
	void (*release)(void *arg);                                /* once in any case, last; may be NULL */
	void *arg;
};
void config_map_start(struct berth_operator *o, const struct config_map_job *job);
void config_maps_cancel(struct berth_operator *o);

/* history.c */
void history_write(struct berth_operator *o, const struct effect *x);

/* forecast.c */
struct forecasting *forecasting_start(struct berth_operator *o);
void forecasting_free(struct forecasting *x); /* NULL allowed; its ConfigMap calls are cancelled before */

/* election.c */
struct election *election_start(struct berth_operator *o);
void election_free(struct election *x); /* NULL allowed */
/* Gives the Lease up if it is held, then calls fn, in any case soon. */
void election_leave(struct election *x, loop_fn *fn, void *arg);
/* Why nothing is known of the Lease; NULL = it is. */
const char *election_problem(struct election *x);

/* install.c: applies our CRDs; calls operator_installed() when it is through, with or without success. */
struct install *install_start(struct berth_operator *o);
void install_free(struct install *i); /* NULL allowed */
void operator_installed(struct berth_operator *o);
