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
};

struct berth_operator {
	struct loop *loop;
	struct kube *kube;
	struct operator_config config;
	struct view_config view;
	struct ipam *ipam;
	struct feed feeds[IPAM_KINDS];
	struct loop_timer *pump;
	struct call *calls; /* requests on their way */
	unsigned n_calls;
	uint64_t serial;
	bool stopping;
	loop_fn *on_stopped;
	void *on_stopped_arg;
	struct loop_timer *patience;
	struct install *install;
	bool installed;
	char not_ready[256];
};

struct moment operator_now(const struct berth_operator *o);
/* Lets the core work in the next turn of the loop. */
void operator_kick(struct berth_operator *o);
void operator_stopped_if_idle(struct berth_operator *o);

/* feed.c */
void feeds_start(struct berth_operator *o);
void feeds_free(struct berth_operator *o);
void feed_object(struct berth_operator *o, enum ipam_kind kind, const struct js *object, enum told_by by);

/* act.c */
void act(struct berth_operator *o, const struct effect *x);
void act_cancel_all(struct berth_operator *o);

/* install.c: applies our CRDs; calls operator_installed() when it is through, with or without success. */
struct install *install_start(struct berth_operator *o);
void install_free(struct install *i); /* NULL allowed */
void operator_installed(struct berth_operator *o);
