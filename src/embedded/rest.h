/* From an HTTP request to an answer: paths, verbs, formats. */
#pragma once

#include "embedded/api.h"
#include "embedded/object.h"

enum format { FORMAT_JSON, FORMAT_TABLE, FORMAT_METADATA };

struct request {
	struct api *api;
	struct http_exchange *x;
	const char *method;
	const struct kind *kind;
	const struct kind_version *version;
	const char *ns;   /* "" = none in the path */
	const char *name; /* "" = none in the path */
	const char *subresource;
	enum format format;  /* of the answer, as Accept wishes */
	bool include_object; /* Table rows carry the object, not only its metadata */
	bool no_object;      /* or nothing at all */
	struct js *warnings; /* owned */
	/* What a fault does to a watch: 410 at once, or closed after so many ms. */
	bool expire, cut;
	msec cut_after;
};

void rest_handle(struct http_exchange *x, void *api);
bool rest_is_watch(const struct request *r);

/* Answers; the exchange is gone. */
void rest_reply_js(struct request *r, int code, const struct js *doc);
void rest_fail(struct request *r, struct status *st);
/* The object in the version and format asked for. */
void rest_reply_object(struct request *r, int code, struct js *object);

/* The verbs; each answers. */
void rest_get(struct request *r);
void rest_list(struct request *r);
void rest_watch(struct request *r);
void rest_create(struct request *r);
void rest_update(struct request *r);
void rest_patch(struct request *r);
void rest_delete(struct request *r);
void rest_delete_collection(struct request *r);
/* Paths that are no objects: discovery, version, OpenAPI. False: not one of these. */
bool rest_describe(struct request *r, const char *const *parts, size_t n);

/* The object's text in this version, behind `out`. `body` is the text in the store. */
void rest_write_object(const struct kind *k, const struct kind_version *v, struct slice body,
		       struct buf *out);
/* Only apiVersion, kind and metadata. */
struct js *rest_metadata_only(const struct js *object);
