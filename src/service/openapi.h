/* openapi.h - an OpenAPI 3 document as tools: which operations there are, what they take, and
 * the request that a call becomes.
 *
 * OpenAPI 3.0 and 3.1: paths, operations, parameters (path, query, header), request bodies of JSON,
 * $ref within the document. Left out: operations without any of these methods, cookies, links,
 * callbacks. What a model is shown is one JSON Schema per operation: a property for each parameter,
 * and `body`. Pure; sizes are octets.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "engine/ops.h"

enum {
	OPENAPI_OPS_MAX = 128,	      /* of a document; further ones are left out */
	OPENAPI_PARAMS_MAX = 32,      /* of an operation                          */
	OPENAPI_NAME_MAX = 64,	      /* of a tool                                */
	OPENAPI_DESCRIPTION_MAX = 2048,
	OPENAPI_SCHEMA_MAX = 32768,   /* larger ones become {"type":"object"}     */
	OPENAPI_NODES_MAX = 2000,     /* of a schema, $refs followed              */
	OPENAPI_URL_MAX = 8192,
	OPENAPI_WHY = 200,
};

enum openapi_in { OPENAPI_PATH, OPENAPI_QUERY, OPENAPI_HEADER };

struct openapi_param {
	const char *name;
	enum openapi_in in;
};

struct openapi_op {
	const char *name;	 /* operationId, or METHOD_path; [A-Za-z0-9_-]  */
	const char *description;
	const char *schema;	 /* of its arguments: JSON text                 */
	const char *method;	 /* "GET"                                       */
	const char *path;	 /* "/items/{id}"                               */
	struct openapi_param params[OPENAPI_PARAMS_MAX];
	size_t n_params;
	bool has_body;
	/* x-voiced: {effect, when, consent, filler, time_ms}; effect: by the method, unless it says */
	enum tool_effect effect;
	enum tool_when when;
	bool unasked;
	const char *filler; /* or NULL */
	unsigned time_ms;   /* 0: not said */
};

struct openapi {
	struct arena arena;
	const char *server; /* the first one's URL without a slash at its end; "": none, or relative */
	struct openapi_op ops[OPENAPI_OPS_MAX];
	size_t n;
};

/* JSON or YAML. -EINVAL, -ENOMEM and a sentence. *to is large: on the heap. */
MUST_USE int openapi_parse(struct openapi *to, struct bytes text, char why[static OPENAPI_WHY]);
void openapi_done(struct openapi *o);

/* What is to be sent. */
struct openapi_request {
	struct buf url;
	struct buf body; /* .p NULL: none */
	char *fields[OPENAPI_PARAMS_MAX + 1];
	size_t n_fields;
};

/* false: a part of the path is missing, the URL is too long, or memory ran out. */
MUST_USE bool openapi_make(const struct openapi_op *op, const char *server, const json_t *arguments,
			   struct openapi_request *to);
void openapi_request_done(struct openapi_request *r);
static inline void openapi_request_auto_(struct openapi_request *r)
{
	openapi_request_done(r);
}
